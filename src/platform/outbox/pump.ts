/**
 * Delivers events to one consumer: in order within an ordering key, different keys side by side. A
 * failed event holds back its own key only. At least once: progress is stored after the handlers ran.
 */
import { isId, newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { record } from '../audit/record.ts';
import { type Ctx, type Deps, machineCtx } from '../context.ts';
import type { LeaderSession } from '../db/leader.ts';
import { transact } from '../db/transact.ts';
import { OUTBOX_EVENTS } from './audit.ts';
import type { Consumer } from './consumer.ts';
import {
  type QueuedEvent,
  type Retry,
  readBlockedKeys,
  readDueRetries,
  readEvents,
  readPosition,
  type Setback,
  settleRetry,
  writePositions,
  writeSetbacks,
} from './consumer-state.ts';
import type { Placement } from './place-events.ts';

const BATCH = 200;
const KEYS_AT_ONCE = 8;
const MAX_BACKOFF_MS = 5 * 60_000;

export type RetryRules = { readonly firstDelayMs: number; readonly maxAttempts: number };

export type Pump = {
  readonly name: string;
  /** Whether it has read all that was there before, waits for nothing, and none of what came is for it. */
  readonly passes: (placement: Placement, term: number) => boolean;
  /** What it passes was stored with what came. */
  readonly pass: (placement: Placement) => void;
  /** Reads up to a position and tries what is due; returns at once when a run is under way. */
  readonly kick: (high: bigint) => void;
  readonly stop: () => Promise<void>;
};

type State = { readonly term: number; position: bigint; readonly blocked: Set<string> };

type Batch = { readonly due: readonly Retry[]; readonly fresh: readonly QueuedEvent[]; readonly end: bigint };

type Delivery = { readonly failure: string | null };

/** Starts nothing by itself: the relay kicks. */
export function pumpOf(deps: Deps, session: LeaderSession, consumer: Consumer, usual: RetryRules): Pump {
  const rules = { ...usual, maxAttempts: consumer.maxAttempts ?? usual.maxAttempts };
  let state: State | null = null;
  let high = 0n;
  let stopped = false;
  let running: Promise<void> | null = null;
  let again = false;

  const round = async (): Promise<boolean> => {
    if (state !== null && high <= state.position && state.blocked.size === 0) {
      return false;
    }
    const batch = await session.run(async (tx, term): Promise<Batch> => {
      if (state?.term !== term) {
        const position = await readPosition(tx, consumer.name);
        state = { term, position, blocked: await readBlockedKeys(tx, consumer.name) };
      }
      const { position, blocked } = state;
      const now = deps.clock.realNow();
      const due =
        blocked.size === 0 ? [] : await readDueRetries(tx, consumer.name, now, rules.maxAttempts, BATCH);
      const fresh = high > position ? await readEvents(tx, consumer.types, position, high, BATCH) : [];
      const end = fresh.length < BATCH ? high : (fresh.at(-1)?.event.position ?? high);
      return { due, fresh, end };
    });
    if (batch === undefined || state === null) {
      return false;
    }
    const { due, fresh, end } = batch;
    const retried = await retryAll(deps, session, consumer, rules, state, due);
    return (await deliverFresh(deps, session, consumer, rules, state, fresh, end)) || retried;
  };

  const runAll = async (): Promise<void> => {
    do {
      again = false;
      while (!stopped && (await round())) {
        // A round that moved something may have made more due.
      }
    } while (again && !stopped);
  };

  return {
    name: consumer.name,
    passes: (placement, term) =>
      running === null && state?.term === term && isUpTo(state, placement) && !isFor(consumer, placement),
    pass: (placement) => {
      if (state !== null) {
        state.position = placement.high;
      }
    },
    kick: (to) => {
      high = to > high ? to : high;
      again = true;
      running ??= runAll()
        .catch((failure: unknown) => {
          state = null;
          deps.log.error({ consumer: consumer.name, failure: nameOf(failure) }, 'delivery was interrupted');
        })
        .finally(() => {
          running = null;
        });
    },
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}

/** Whether it has read all that was there before, and waits for nothing. */
function isUpTo({ position, blocked }: State, { low }: Placement): boolean {
  return position === low && blocked.size === 0;
}

function isFor({ types }: Consumer, placement: Placement): boolean {
  return types.some((type) => placement.types.includes(type));
}

/** @shape whether the consumer moved forward */
async function deliverFresh(
  deps: Deps,
  session: LeaderSession,
  consumer: Consumer,
  rules: RetryRules,
  state: State,
  fresh: readonly QueuedEvent[],
  end: bigint,
): Promise<boolean> {
  if (end <= state.position) {
    return false;
  }
  const setbacks: Setback[] = [];
  await eachKey(fresh, async (events) => {
    for (const queued of events) {
      const held = state.blocked.has(queued.orderingKey);
      const { failure } = held
        ? { failure: 'waits behind an earlier event' }
        : await deliver(deps, consumer, queued);
      if (failure !== null) {
        setbacks.push(setbackOf(deps, rules, queued, held ? 0 : 1, failure));
        state.blocked.add(queued.orderingKey);
      }
    }
  });
  const stored = await session.run(async (tx, term) => {
    if (term !== state.term) {
      return false;
    }
    await writeSetbacks(tx, consumer.name, setbacks);
    await writePositions(tx, [consumer.name], end);
    return true;
  });
  if (stored !== true) {
    return false;
  }
  state.position = end;
  for (const setback of setbacks) {
    if (setback.attempts > 0) {
      deps.log.warn({ consumer: consumer.name, failure: setback.lastError }, 'an event will be tried again');
    }
  }
  return true;
}

/** @shape whether any retry went through, so that the next of its key may be due */
async function retryAll(
  deps: Deps,
  session: LeaderSession,
  consumer: Consumer,
  rules: RetryRules,
  state: State,
  due: readonly Retry[],
): Promise<boolean> {
  let progress = false;
  await eachKey(due, async (retries) => {
    for (const retry of retries) {
      const { failure } = await deliver(deps, consumer, retry);
      const attempts = retry.attempts + 1;
      await session.run(async (tx, term) => {
        if (term !== state.term) {
          return;
        }
        if (failure !== null) {
          await writeSetbacks(tx, consumer.name, [setbackOf(deps, rules, retry, attempts, failure)]);
        } else if (!(await settleRetry(tx, consumer.name, retry))) {
          state.blocked.delete(retry.orderingKey);
        }
      });
      progress ||= failure === null;
      if (failure !== null && attempts >= rules.maxAttempts) {
        await tellParked(deps, consumer, retry, attempts, failure);
      }
    }
  });
  return progress;
}

async function deliver(deps: Deps, consumer: Consumer, queued: QueuedEvent): Promise<Delivery> {
  try {
    await consumer.handle(contextOf(deps, consumer, queued), queued.event);
    return { failure: null };
  } catch (thrown) {
    return { failure: nameOf(thrown) };
  }
}

/** The consequence carries the request that caused it, so that both are found together. */
function contextOf(deps: Deps, consumer: Consumer, queued: QueuedEvent): Ctx {
  const requestId = isId(queued.requestId) ? queued.requestId : newId();
  return machineCtx(deps, { kind: 'job', name: consumer.name }, requestId);
}

function setbackOf(
  deps: Deps,
  rules: RetryRules,
  queued: QueuedEvent,
  attempts: number,
  failure: string,
): Setback {
  const delayMs = attempts === 0 ? 0 : Math.min(rules.firstDelayMs * 2 ** (attempts - 1), MAX_BACKOFF_MS);
  return {
    position: queued.event.position,
    orderingKey: queued.orderingKey,
    attempts,
    lastError: failure,
    nextAttemptAt: addMs(deps.clock.realNow(), delayMs),
  };
}

/** @effects audit `outbox_event.parked`; an error in the log */
async function tellParked(
  deps: Deps,
  consumer: Consumer,
  retry: Retry,
  attempts: number,
  failure: string,
): Promise<void> {
  deps.log.error({ consumer: consumer.name, failure, count: attempts }, 'an event is parked');
  const ctx = contextOf(deps, consumer, retry);
  await transact(ctx, 'engine', (tx) =>
    record(tx, ctx, {
      event: OUTBOX_EVENTS['outbox_event.parked'],
      resource: { type: 'outbox_event', id: retry.event.id },
      subjectUserId: retry.event.userId,
      after: {
        consumer: consumer.name,
        type: retry.event.type,
        position: String(retry.event.position),
        attempts,
        failure,
      },
    }),
  );
}

/** Runs the keys side by side, the events of one key one after the other. */
async function eachKey<Queued extends QueuedEvent>(
  events: readonly Queued[],
  work: (events: readonly Queued[]) => Promise<void>,
): Promise<void> {
  const chains = [...Map.groupBy(events, (queued) => queued.orderingKey).values()];
  const worker = async (): Promise<void> => {
    for (let chain = chains.shift(); chain !== undefined; chain = chains.shift()) {
      await work(chain);
    }
  };
  await Promise.all(Array.from({ length: Math.min(KEYS_AT_ONCE, chains.length) }, worker));
}

/** A failure's kind and code: messages of drivers hold parameters, which may be personal. */
function nameOf(failure: unknown): string {
  if (!(failure instanceof Error)) {
    return 'unknown';
  }
  const code =
    (failure as { code?: unknown }).code ?? (failure.cause as { code?: unknown } | undefined)?.code;
  const detail = failure.name === 'AssertionError' ? ` ${failure.message}` : '';
  return typeof code === 'string' ? `${failure.name} ${code}` : `${failure.name}${detail}`;
}
