/**
 * The thread of jobs that run apart, seen from within. As to keys, erasures and recovery it is a node of its own: it
 * looks for itself, on connections of its own, with the same logins. What only this process knows it is told, and what
 * only the other thread can do is done there: the clock may be moved, mail and log have one way out, figures one page.
 * It decides nothing of when a job runs.
 */
import type { DestinationStream, Logger } from 'pino';
import { assert, present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { type Clock, type ClockShift, shiftedClock } from '../../kernel/time.ts';
import { type Deps, machineCtx } from '../context.ts';
import { openInstallationKeys, watchKeys } from '../crypto/installation-keys.ts';
import type { Job } from '../domain.ts';
import { countAlarmsWith } from '../http/metrics.ts';
import { buildLogger } from '../log/logger.ts';
import type { MailQueue } from '../mail/mail-queue.ts';
import { startRecoveryWatch } from '../recovery/mode.ts';
import type { ApartParts, Said, Told } from './apart.ts';
import { platformJobs } from './platform-jobs.ts';

/** What dependencies of this thread are made of besides what it was told. */
export type ApartTies = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly mailQueue: MailQueue;
  readonly wakeRelay: () => void;
};

export type ApartMaker = {
  /** Those of all domains: it is asked for those that run apart. */
  readonly jobs: readonly Job[];
  readonly build: (parts: ApartParts, ties: ApartTies) => Deps;
  /** Has these dependencies hear what other processes withdraw. */
  readonly follow: (deps: Deps) => void;
};

type Serving = { readonly deps: Deps; readonly close: () => Promise<void> };

type State = {
  readonly self: Worker;
  readonly jobs: ReadonlyMap<string, Job>;
  readonly ending: AbortController;
  readonly running: Set<Promise<void>>;
  readonly deliveries: Map<string, (taken: boolean | null) => void>;
  shift: ClockShift;
  serving: Promise<Serving> | null;
};

const BEAT_MS = 1_000;

/** Serves the thread `self` is the inside of, until it is told to stop. */
export function serveApart(self: Worker, maker: ApartMaker): void {
  const state: State = {
    self,
    jobs: new Map([...platformJobs, ...maker.jobs].map((job) => [job.name, job])),
    ending: new AbortController(),
    running: new Set(),
    deliveries: new Map(),
    shift: { businessMs: 0, realMs: 0 },
    serving: null,
  };
  setInterval(() => say(state, { kind: 'beat' }), BEAT_MS);
  self.onmessage = ({ data }: MessageEvent<Told>) => hear(state, maker, data);
}

function hear(state: State, maker: ApartMaker, told: Told): void {
  switch (told.kind) {
    case 'start':
      state.shift = told.shift;
      state.serving = begin(state, maker, told.parts);
      state.serving.then(
        () => say(state, { kind: 'ready' }),
        (failure: unknown) => say(state, { kind: 'unready', failure: nameOf(failure) }),
      );
      break;
    case 'clock':
      state.shift = told.shift;
      break;
    case 'run': {
      const running = run(state, told).finally(() => state.running.delete(running));
      state.running.add(running);
      break;
    }
    case 'delivered':
      state.deliveries.get(told.id)?.(told.taken);
      state.deliveries.delete(told.id);
      break;
    case 'stop':
      void stop(state);
      break;
  }
}

async function begin(state: State, maker: ApartMaker, parts: ApartParts): Promise<Serving> {
  const { ending } = state;
  const deps = maker.build(parts, {
    clock: shiftedClock(() => state.shift),
    log: buildLogger(parts.logLevel, logOf(state)),
    mailQueue: mailOf(state),
    wakeRelay: () => say(state, { kind: 'wake' }),
  });
  countAlarmsWith(deps, (alarm) => say(state, { kind: 'alarm', alarm }));
  await openInstallationKeys(deps);
  const keys = watchKeys(deps);
  maker.follow(deps);
  // In recovery the process ends its jobs; what runs meanwhile already knows why.
  const recovery = await startRecoveryWatch(deps, async (now) => {
    if (now !== null) {
      ending.abort();
    }
  });
  const close = async (): Promise<void> => {
    await recovery.stop();
    await keys.stop();
    await deps.db.close();
  };
  return { deps, close };
}

async function run(state: State, told: Extract<Told, { readonly kind: 'run' }>): Promise<void> {
  const { id, requestId } = told;
  try {
    const { deps } = await present(state.serving, 'it is started before it is asked');
    const job = present(state.jobs.get(told.job), 'the thread knows the job');
    await job.run(machineCtx(deps, { kind: 'job', name: job.name }, requestId), state.ending.signal);
    say(state, { kind: 'done', id });
  } catch (failure) {
    say(state, { kind: 'failed', id, failure: nameOf(failure) });
  }
}

/** What runs is told to end, and has the time until the other thread ends this one. */
async function stop(state: State): Promise<void> {
  state.ending.abort();
  await Promise.all(state.running);
  const serving = await state.serving?.catch(() => null);
  await serving?.close().catch(() => {});
  say(state, { kind: 'stopped' });
}

function logOf(state: State): DestinationStream {
  return { write: (line) => say(state, { kind: 'log', line }) };
}

/** It keeps nothing: the queue of the process does. */
function mailOf(state: State): MailQueue {
  return {
    send: (mail) => say(state, { kind: 'mail', mail }),
    deliver: async (mail) => {
      const id = newId();
      const taken = await new Promise<boolean | null>((resolve) => {
        state.deliveries.set(id, resolve);
        say(state, { kind: 'deliver', id, mail });
      });
      assert(taken !== null, 'the mail was taken or refused');
      return taken;
    },
    counts: () => ({ sent: 0, lost: 0, waiting: 0 }),
    drained: async () => {},
    stop: async () => {},
  };
}

function nameOf(failure: unknown): string {
  return failure instanceof Error ? failure.name : 'unknown';
}

function say(state: State, said: Said): void {
  state.self.postMessage(said);
}
