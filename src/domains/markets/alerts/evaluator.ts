/**
 * Evaluates price alerts in one process at a time: whoever holds the lock. It looks when prices are heard to
 * move, and every half second by itself, since notices can be lost.
 */
import type { Id } from '../../../kernel/id.ts';
import { CADENCE } from '../../../platform/changes/cadence.ts';
import { changes } from '../../../platform/changes/changes.ts';
import type { Deps } from '../../../platform/context.ts';
import { type LeaderSession, standForLeader } from '../../../platform/db/leader.ts';
import { PRICES_SUBJECT } from '../prices/price-changes.ts';
import { type Evaluation, evaluate, newEvaluation } from './evaluate.ts';
import { ALERTS_CHANGED } from './store.ts';

export type AlertEvaluator = { readonly stop: () => Promise<void> };

/** How often it looks at what moves with time alone. */
const SWEEP_MS = 10_000;
/** How often it begins anew, so that what was deleted takes no room. */
const RENEW_MS = 300_000;

type State = {
  readonly deps: Deps;
  readonly session: LeaderSession;
  /** The instruments whose notices are heard, each with what ends that. */
  readonly watches: Map<Id, () => void>;
  evaluation: Evaluation;
  moved: Set<Id>;
  term: number;
  renewedMs: number;
  sweptMs: number;
  /** Whether it was heard since that customers changed alerts, and when it was last looked whether they did. */
  changed: boolean;
  takenMs: number;
  woken: boolean;
  wake: () => void;
  stopped: boolean;
};

/** Starts evaluating; the caller stops it before it closes the databases. */
export function startAlertEvaluator(deps: Deps): AlertEvaluator {
  const state: State = {
    deps,
    session: standForLeader(deps.db.connections.engine, 'price-alerts'),
    watches: new Map(),
    evaluation: newEvaluation(),
    moved: new Set(),
    term: 0,
    renewedMs: 0,
    sweptMs: Number.NEGATIVE_INFINITY,
    changed: true,
    takenMs: Number.NEGATIVE_INFINITY,
    woken: false,
    wake: () => {},
    stopped: false,
  };
  const unwatch = changes(deps).on(ALERTS_CHANGED, () => {
    state.changed = true;
    nudge(state);
  });
  const running = loop(state);
  return {
    stop: async () => {
      state.stopped = true;
      unwatch();
      for (const end of state.watches.values()) {
        end();
      }
      nudge(state);
      await running;
      await state.session.close();
    },
  };
}

async function loop(state: State): Promise<void> {
  while (!state.stopped) {
    state.woken = false;
    await round(state).catch((failure: unknown) => {
      const kind = failure instanceof Error ? failure.name : 'unknown';
      state.deps.log.error({ failure: kind }, 'price alerts could not be evaluated; it is tried again');
      // What was half done is read anew.
      state.renewedMs = Number.NEGATIVE_INFINITY;
    });
    await Bun.sleep(CADENCE.spacingMs);
    if (!state.woken && !state.stopped) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, CADENCE.pauseMs);
        state.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

async function round(state: State): Promise<void> {
  const leading = await state.session.run(async (_tx, term) => term);
  const nowMs = performance.now();
  if (leading === undefined) {
    state.term = 0;
    return;
  }
  if (leading !== state.term || nowMs - state.renewedMs > RENEW_MS) {
    // What prints were looked at, and what is told later, stays known to the same leader, so that none is passed
    // over or told twice.
    const { looked, untold } = state.evaluation;
    const kept = leading === state.term ? { looked, untold } : {};
    state.evaluation = { ...newEvaluation(), ...kept };
    state.term = leading;
    state.renewedMs = nowMs;
  }
  const everything = nowMs - state.sweptMs > SWEEP_MS;
  state.sweptMs = everything ? nowMs : state.sweptMs;
  const { moved } = state;
  state.moved = new Set();
  // Prices move all the time; notices may be lost, so that what customers changed is looked for by itself as well.
  const changed = state.changed || nowMs - state.takenMs > CADENCE.pauseMs;
  state.changed = false;
  state.takenMs = changed ? nowMs : state.takenMs;
  await evaluate(state.deps, state.evaluation, moved, everything, changed);
  watch(state);
}

function nudge(state: State): void {
  state.woken = true;
  state.wake();
}

/** Hears of the instruments that somebody waits for, and of no others. */
function watch(state: State): void {
  const { watches, evaluation, deps } = state;
  const wanted = new Set(evaluation.book.instruments());
  for (const [instrumentId, end] of watches) {
    if (!wanted.has(instrumentId)) {
      end();
      watches.delete(instrumentId);
    }
  }
  for (const instrumentId of wanted) {
    if (!watches.has(instrumentId)) {
      const heard = (): void => {
        state.moved.add(instrumentId);
        nudge(state);
      };
      watches.set(instrumentId, changes(deps).on(`${PRICES_SUBJECT}.${instrumentId}`, heard));
    }
  }
}
