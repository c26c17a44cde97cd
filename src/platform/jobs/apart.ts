/**
 * The thread of jobs that run apart (`Job.isApart`), seen from the thread that answers requests: what it is told, what
 * it says, and what is done when it breaks off. When a job runs is decided here, by the scheduler, as of any other job;
 * so is what is recorded of one that fails. It guarantees that whoever waits for a run hears how it ended, that a thread
 * that broke off is told of and started anew, and that nothing of it outlives `stop`. It does no run again: the next
 * one does, and a job is safe to run twice.
 */
import { newId } from '../../kernel/id.ts';
import { type ClockShift, shiftOf } from '../../kernel/time.ts';
import { raiseAlarm } from '../alarms/raise-alarm.ts';
import { type Ctx, type Deps, type Mode, machineCtx, type Settings } from '../context.ts';
import type { RootKey } from '../crypto/keyring.ts';
import type { Connection, Login } from '../db/client.ts';
import { transact } from '../db/transact.ts';
import { registerProbe } from '../health.ts';
import { countAlarm, countThreadEnd, showThread } from '../http/metrics.ts';
import { passOn } from '../log/logger.ts';
import type { Mail } from '../mail/mailer.ts';
import { JOB_EVENTS } from './audit.ts';

/** What the thread makes its own dependencies of. */
export type ApartParts = {
  readonly mode: Mode;
  readonly dataDir: string;
  readonly connections: Readonly<Record<Login, Connection>>;
  readonly rootKeys: readonly RootKey[];
  readonly settings: Settings;
  readonly logLevel: string;
};

/** What the thread is told. */
export type Told =
  | { readonly kind: 'start'; readonly parts: ApartParts; readonly shift: ClockShift }
  | { readonly kind: 'clock'; readonly shift: ClockShift }
  | { readonly kind: 'run'; readonly id: string; readonly job: string; readonly requestId: string }
  | { readonly kind: 'delivered'; readonly id: string; readonly taken: boolean | null }
  | { readonly kind: 'stop' };

/** What the thread says. */
export type Said =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unready'; readonly failure: string }
  | { readonly kind: 'beat' }
  | { readonly kind: 'done'; readonly id: string }
  | { readonly kind: 'failed'; readonly id: string; readonly failure: string }
  | { readonly kind: 'wake' }
  | { readonly kind: 'alarm'; readonly alarm: string }
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'mail'; readonly mail: Mail }
  | { readonly kind: 'deliver'; readonly id: string; readonly mail: Mail }
  | { readonly kind: 'stopped' };

export type ApartChoice = {
  /** A thread whose module calls `serveApart`. */
  readonly newThread: () => Worker;
  readonly rootKeys: readonly RootKey[];
  readonly settings: Settings;
};

export type Apart = {
  /**
   * Has the thread do a job.
   * @errors one that bears the name of the job's own failure; ThreadEnded where the thread broke off or stopped
   */
  readonly run: (job: string, ctx: Ctx) => Promise<void>;
  /** Has what runs come to an end, and ends the thread all the same where it does not in time. */
  readonly stop: () => Promise<void>;
};

/** The thread that did a job is no more: what it had not committed is taken back. */
export class ThreadEnded extends Error {
  override readonly name = 'ThreadEnded';
}

export type ApartTimes = {
  /** How often it is looked at: a clock that was moved holds in the thread as soon. */
  readonly lookMs: number;
  /** A thread that says nothing for so many looks is dead: it beats each second whatever it does. */
  readonly quietLooksMost: number;
  /** So many looks one has until it is ready, whatever it says: loading takes as long as the machine is busy. */
  readonly startLooksMost: number;
  /** So many looks a run has: one that never ends would keep every later one from beginning. */
  readonly runLooksMost: number;
  /** Loading every domain takes a second of a processor: the start of the server has it first. */
  readonly firstMs: number;
  /** Doubled with each failed start in a row, up to the longest. */
  readonly restartMs: number;
  readonly longestRestartMs: number;
  /** Shorter than the scheduler waits for what runs. */
  readonly stopMs: number;
  /** Between two alarms; each end is in the log and counted. */
  readonly quietMs: number;
};

const TIMES: ApartTimes = {
  lookMs: 250,
  quietLooksMost: 240,
  startLooksMost: 480,
  runLooksMost: 7_200,
  firstMs: 3_000,
  restartMs: 1_000,
  longestRestartMs: 30_000,
  stopMs: 8_000,
  quietMs: 3_600_000,
};

/** How it is called in figures and in readiness. */
const THREAD = 'jobs';
const BROKEN_OFF = 'the thread of jobs broke off and starts anew';

type Run = {
  readonly told: Extract<Told, { readonly kind: 'run' }>;
  readonly end: (failure: Error | null) => void;
  /** Those a thread was ready for. */
  looks: number;
};

type State = {
  readonly deps: Deps;
  readonly choice: ApartChoice;
  readonly times: ApartTimes;
  readonly runs: Map<string, Run>;
  /** Null while none is there: after one broke off, until the next begins. */
  thread: Worker | null;
  shift: ClockShift;
  isReady: boolean;
  quietLooks: number;
  failedStarts: number;
  fault: string | null;
  alarmedMs: number | null;
  isStopping: boolean;
  ended: () => void;
};

/**
 * Starts the thread.
 * @effects the probe `jobs apart`; where it breaks off a log line, a figure, and the alarm `job.thread_ended`
 */
export function startApart(deps: Deps, choice: ApartChoice, times: Partial<ApartTimes> = {}): Apart {
  const state: State = {
    deps,
    choice,
    times: { ...TIMES, ...times },
    runs: new Map(),
    thread: null,
    shift: shiftOf(deps.clock),
    isReady: false,
    quietLooks: 0,
    failedStarts: 0,
    fault: null,
    alarmedMs: null,
    isStopping: false,
    ended: () => {},
  };
  registerProbe(deps, { name: 'jobs apart', run: async () => state.fault });
  showThread(deps, THREAD, false);
  beginIn(state, state.times.firstMs);
  const watch = setInterval(() => look(state), state.times.lookMs);
  return {
    run: (job, { requestId }) => run(state, { kind: 'run', id: newId(), job, requestId }),
    stop: async () => {
      clearInterval(watch);
      await stop(state);
    },
  };
}

async function run(state: State, told: Run['told']): Promise<void> {
  if (state.isStopping) {
    throw new ThreadEnded('the thread of jobs stops');
  }
  tellClock(state);
  const failure = await new Promise<Error | null>((end) => {
    state.runs.set(told.id, { told, end, looks: 0 });
    // Without a thread it waits for the next one, which is told of all that wait.
    tell(state, told);
  });
  if (failure !== null) {
    throw failure;
  }
}

function begin(state: State): void {
  const { deps, choice } = state;
  const thread = choice.newThread();
  state.thread = thread;
  state.isReady = false;
  state.quietLooks = 0;
  state.shift = shiftOf(deps.clock);
  showThread(deps, THREAD, false);
  thread.onmessage = ({ data }: MessageEvent<Said>) => hear(state, thread, data);
  thread.onerror = (event) => {
    // Else what it says would be printed, and it may name anybody.
    event.preventDefault();
    breakOff(state, thread, 'error');
  };
  thread.addEventListener('close', () => breakOff(state, thread, 'closed'));
  const { mode, dataDir, db, log } = deps;
  const { rootKeys, settings } = choice;
  const parts = { mode, dataDir, connections: db.connections, rootKeys, settings, logLevel: log.level };
  tell(state, { kind: 'start', parts, shift: state.shift });
  for (const { told } of state.runs.values()) {
    tell(state, told);
  }
}

function hear(state: State, thread: Worker, said: Said): void {
  const { deps, runs } = state;
  // One that still starts has its time, though it beats: what it waits for may never come.
  if (thread === state.thread && state.isReady) {
    state.quietLooks = 0;
  }
  switch (said.kind) {
    case 'ready':
      if (thread === state.thread) {
        state.isReady = true;
        state.quietLooks = 0;
        state.failedStarts = 0;
        state.fault = null;
        showThread(deps, THREAD, true);
      }
      break;
    case 'unready':
      breakOff(state, thread, said.failure);
      break;
    case 'beat':
      break;
    case 'done':
      endRun(runs, said.id, null);
      break;
    case 'failed':
      endRun(runs, said.id, failureOf(said.failure));
      break;
    case 'wake':
      deps.wakeRelay();
      break;
    case 'alarm':
      countAlarm(deps, said.alarm);
      break;
    case 'log':
      passOn(deps.log, said.line);
      break;
    case 'mail':
      deps.mail.send(said.mail);
      break;
    case 'deliver':
      void deliver(state, thread, said.id, said.mail);
      break;
    case 'stopped':
      state.ended();
      break;
  }
}

/** Mail leaves by one queue of the process: what a thread handed over leaves also where the thread does not last. */
async function deliver({ deps }: State, thread: Worker, id: string, mail: Mail): Promise<void> {
  const taken = await deps.mail.deliver(mail).catch(() => null);
  thread.postMessage({ kind: 'delivered', id, taken } satisfies Told);
}

/** A run begins with the clock as it is; a clock that is moved while it lasts holds in it a moment later. */
function tellClock(state: State): void {
  const shift = shiftOf(state.deps.clock);
  if (shift.businessMs !== state.shift.businessMs || shift.realMs !== state.shift.realMs) {
    state.shift = shift;
    tell(state, { kind: 'clock', shift });
  }
}

function look(state: State): void {
  const { thread } = state;
  tellClock(state);
  // Looks are counted, not time: a process that was halted as a whole finds no fault with its thread.
  state.quietLooks += 1;
  const cause = thread === null ? null : whyDead(state);
  if (thread !== null && cause !== null) {
    breakOff(state, thread, cause);
  }
}

/** @shape null where it lives, as far as can be seen from here */
function whyDead({ isReady, quietLooks, runs, times }: State): string | null {
  if (!isReady) {
    return quietLooks > times.startLooksMost ? 'not_ready' : null;
  }
  let longest = 0;
  for (const run of runs.values()) {
    run.looks += 1;
    longest = Math.max(longest, run.looks);
  }
  if (quietLooks > times.quietLooksMost) {
    return 'silent';
  }
  return longest > times.runLooksMost ? 'overdue' : null;
}

/** What runs in it fails, and is done again by its next run. */
function breakOff(state: State, thread: Worker, cause: string): void {
  if (thread !== state.thread) {
    return;
  }
  const { deps, times } = state;
  state.thread = null;
  thread.terminate();
  endRuns(state);
  showThread(deps, THREAD, false);
  if (state.isStopping) {
    state.ended();
    return;
  }
  state.fault = BROKEN_OFF;
  countThreadEnd(deps, THREAD);
  deps.log.error({ failure: cause }, BROKEN_OFF);
  alarm(state, cause);
  const delayMs = Math.min(times.restartMs * 2 ** state.failedStarts, times.longestRestartMs);
  state.failedStarts += 1;
  beginIn(state, delayMs);
}

function beginIn(state: State, ms: number): void {
  setTimeout(() => {
    if (!state.isStopping) {
      begin(state);
    }
  }, ms);
}

/** @effects alarm `job.thread_ended`, in a transaction of its own, once an hour */
function alarm(state: State, cause: string): void {
  const { deps, times, alarmedMs } = state;
  // Not the clock's: one that was set back would keep the alarm from being raised.
  const nowMs = performance.now();
  if (alarmedMs !== null && nowMs - alarmedMs < times.quietMs) {
    return;
  }
  state.alarmedMs = nowMs;
  const ctx = machineCtx(deps, { kind: 'system', name: 'jobs' }, newId());
  const raised = transact(ctx, 'engine', (tx) =>
    raiseAlarm(tx, ctx, {
      event: JOB_EVENTS['job.thread_ended'],
      resource: { type: 'thread', id: THREAD },
      subjectUserId: null,
      after: { cause },
    }),
  ).catch(() => {
    state.alarmedMs = null;
    deps.log.error({}, 'the alarm of a thread that broke off could not be raised');
  });
  deps.db.beforeClose(() => raised);
}

async function stop(state: State): Promise<void> {
  state.isStopping = true;
  if (state.thread !== null) {
    const ended = new Promise<void>((resolve) => {
      state.ended = resolve;
    });
    tell(state, { kind: 'stop' });
    await Promise.race([ended, Bun.sleep(state.times.stopMs)]);
    state.thread?.terminate();
    state.thread = null;
    showThread(state.deps, THREAD, false);
  }
  endRuns(state);
}

function endRuns({ runs }: State): void {
  for (const id of runs.keys()) {
    endRun(runs, id, new ThreadEnded(BROKEN_OFF));
  }
}

function endRun(runs: Map<string, Run>, id: string, failure: Error | null): void {
  const ended = runs.get(id);
  runs.delete(id);
  ended?.end(failure);
}

/** Its words stay in the thread: they may name anybody. */
function failureOf(name: string): Error {
  const failure = new Error('the job failed in its thread');
  failure.name = name;
  return failure;
}

function tell({ thread }: State, told: Told): void {
  thread?.postMessage(told);
}
