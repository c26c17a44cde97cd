/**
 * Mail leaves in the background. Taking a mail costs a request nothing but memory, so neither a slow
 * nor a dead mail server delays or fails one, and how long an answer takes does not tell whether a
 * mail was sent. What it does not do: survive the process. A mail lost with it is asked for again; what nobody would ask
 * for is delivered by whoever keeps it until it has gone.
 */
import type { Logger } from 'pino';
import { type Mail, MailRefusedError, type MailTransport } from './mailer.ts';

export type MailCounts = { readonly sent: number; readonly lost: number; readonly waiting: number };

export type MailQueue = {
  /** Takes a mail; never throws, never waits. */
  readonly send: (mail: Mail) => void;
  /**
   * Tries once and waits for it: whoever calls tries again. What is refused for good is lost, as any mail is.
   * @shape whether it was taken
   * @errors those of the transport but `MailRefusedError`
   */
  readonly deliver: (mail: Mail) => Promise<boolean>;
  readonly counts: () => MailCounts;
  /** Waits until nothing is waiting any more: every mail was sent or lost. */
  readonly drained: () => Promise<void>;
  /** Tries what waits once more, at once, and gives up on what is left after the time allowed. */
  readonly stop: () => Promise<void>;
};

export type MailQueueLimits = {
  /** Waits before the second, third … attempt; there is one attempt more than waits. @units ms */
  readonly retryAfterMs: readonly number[];
  readonly capacity: number;
  readonly atOnce: number;
  /** @units ms */
  readonly stopWithinMs: number;
};

export const MAIL_QUEUE_LIMITS: MailQueueLimits = {
  retryAfterMs: [1_000, 5_000, 30_000, 120_000, 600_000],
  capacity: 5_000,
  atOnce: 4,
  stopWithinMs: 10_000,
};

type Waiting = { readonly mail: Mail; readonly attempt: number };
type LossReason = 'refused' | 'gave_up' | 'queue_full' | 'stopped';

type State = {
  readonly transport: MailTransport;
  readonly log: Logger;
  readonly limits: MailQueueLimits;
  readonly ready: Waiting[];
  readonly later: Map<ReturnType<typeof setTimeout>, Waiting>;
  readonly whenIdle: (() => void)[];
  phase: 'running' | 'stopping' | 'stopped';
  /** Of those that wait here. */
  sending: number;
  /** Of those whose sender waits: they take no place of the others. */
  trying: number;
  sent: number;
  lost: number;
};

/** A queue before this transport, sending as soon as it is given something. */
export function startMailQueue(
  transport: MailTransport,
  log: Logger,
  limits: MailQueueLimits = MAIL_QUEUE_LIMITS,
): MailQueue {
  const state: State = {
    transport,
    log,
    limits,
    ready: [],
    later: new Map(),
    whenIdle: [],
    phase: 'running',
    sending: 0,
    trying: 0,
    sent: 0,
    lost: 0,
  };
  return {
    send: (mail) => take(state, mail),
    deliver: (mail) => tryOnce(state, mail),
    counts: () => ({ sent: state.sent, lost: state.lost, waiting: waitingIn(state) }),
    drained: () => drained(state),
    stop: () => stop(state),
  };
}

function take(state: State, mail: Mail): void {
  if (state.phase !== 'running') {
    lose(state, 'stopped');
  } else if (waitingIn(state) >= state.limits.capacity) {
    lose(state, 'queue_full');
  } else {
    state.ready.push({ mail, attempt: 1 });
    // Not in the caller's own turn: what a request answers does not wait even for the first byte.
    queueMicrotask(() => sendReady(state));
  }
}

function sendReady(state: State): void {
  while (state.phase !== 'stopped' && state.sending < state.limits.atOnce) {
    const next = state.ready.shift();
    if (next === undefined) {
      break;
    }
    state.sending += 1;
    void deliver(state, next);
  }
  if (waitingIn(state) === 0 || state.phase === 'stopped') {
    for (const resolve of state.whenIdle.splice(0)) {
      resolve();
    }
  }
}

async function deliver(state: State, item: Waiting): Promise<void> {
  let failure: unknown;
  try {
    await state.transport.deliver(item.mail);
  } catch (error) {
    failure = error ?? new Error('failed');
  }
  state.sending -= 1;
  // After the queue gave up, what was under way is counted as lost already.
  if (state.phase !== 'stopped') {
    if (failure === undefined) {
      state.sent += 1;
    } else {
      afterFailure(state, item, failure);
    }
  }
  sendReady(state);
}

async function tryOnce(state: State, mail: Mail): Promise<boolean> {
  if (state.phase !== 'running') {
    throw new Error('no mail leaves any more');
  }
  state.trying += 1;
  try {
    await state.transport.deliver(mail);
    state.sent += 1;
    return true;
  } catch (error) {
    if (!(error instanceof MailRefusedError)) {
      throw error;
    }
    lose(state, 'refused', error);
    return false;
  } finally {
    state.trying -= 1;
    sendReady(state);
  }
}

function afterFailure(state: State, { mail, attempt }: Waiting, failure: unknown): void {
  const waitMs = state.limits.retryAfterMs[attempt - 1];
  if (failure instanceof MailRefusedError) {
    lose(state, 'refused', failure);
  } else if (state.phase === 'stopping') {
    lose(state, 'stopped', failure);
  } else if (waitMs === undefined) {
    lose(state, 'gave_up', failure);
  } else {
    const timer = setTimeout(() => {
      state.later.delete(timer);
      state.ready.push({ mail, attempt: attempt + 1 });
      sendReady(state);
    }, waitMs);
    state.later.set(timer, { mail, attempt: attempt + 1 });
  }
}

/** Only the kind of failure is logged: a message from the other side may hold the address. */
function lose(state: State, reason: LossReason, failure?: unknown): void {
  state.lost += 1;
  state.log.error(
    { code: reason, failure: failure instanceof Error ? failure.name : undefined },
    'a mail was lost',
  );
}

function drained(state: State): Promise<void> {
  return new Promise((resolve) => {
    state.whenIdle.push(resolve);
    sendReady(state);
  });
}

async function stop(state: State): Promise<void> {
  if (state.phase === 'running') {
    state.phase = 'stopping';
  }
  for (const [timer, item] of state.later) {
    clearTimeout(timer);
    state.ready.push(item);
  }
  state.later.clear();
  const deadline = setTimeout(() => giveUp(state), state.limits.stopWithinMs);
  await drained(state);
  clearTimeout(deadline);
  state.phase = 'stopped';
  state.transport.close();
}

function giveUp(state: State): void {
  const left = waitingIn(state);
  state.phase = 'stopped';
  state.ready.length = 0;
  for (let index = 0; index < left; index += 1) {
    lose(state, 'stopped');
  }
  sendReady(state);
}

function waitingIn(state: State): number {
  return state.ready.length + state.later.size + state.sending + state.trying;
}
