/**
 * Keeps margin in one process at a time: whoever holds the lock, under an epoch that each of its transactions
 * proves. It looks when prices are heard to move, and every half second by itself, since notices can be lost.
 */
import { newId } from '../../../kernel/id.ts';
import { CADENCE } from '../../../platform/changes/cadence.ts';
import { changes } from '../../../platform/changes/changes.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import { type LeaderSession, standForLeader } from '../../../platform/db/leader.ts';
import { PRICES_SUBJECT } from '../../markets/index.ts';
import { closeExits } from './close-exits.ts';
import { becomeKeeper, KeeperReplaced } from './fence.ts';
import { judgeMargin } from './judge-margin.ts';
import { liquidate } from './liquidate.ts';
import { markPositions } from './mark-positions.ts';

type MarginKeeper = { readonly stop: () => Promise<void> };

/** What waits for others, and so is waited for by no mark. */
type Beside = 'liquidations' | 'exits';

type State = {
  readonly deps: Deps;
  readonly session: LeaderSession;
  term: number;
  epoch: bigint;
  woken: boolean;
  wake: () => void;
  stopped: boolean;
  /** What goes on beside the looks, each by its name. */
  readonly beside: Map<Beside, Promise<void>>;
};

/** Starts keeping margin; the caller stops it before it closes the databases. */
export function startMarginKeeper(deps: Deps): MarginKeeper {
  const state: State = {
    deps,
    session: standForLeader(deps.db.connections.engine, 'margin-keeper'),
    term: 0,
    epoch: 0n,
    woken: false,
    wake: () => {},
    stopped: false,
    beside: new Map(),
  };
  const unwatch = changes(deps).on(PRICES_SUBJECT, () => nudge(state));
  const running = loop(state);
  return {
    stop: async () => {
      state.stopped = true;
      unwatch();
      nudge(state);
      await running;
      await Promise.all(state.beside.values());
      await state.session.close();
    },
  };
}

/**
 * One look at everything: positions follow their prices, exits are triggered, accounts are judged. What closes
 * positions goes on beside that: marks never wait for what somebody's liquidation or exit waits for.
 * @effects as `markPositions`, `judgeMargin`, `liquidate` and `closeExits`
 * @errors KeeperReplaced
 */
export async function keepMargin(
  ctx: Ctx,
  epoch: bigint,
  goOn: (name: Beside, work: () => Promise<void>) => Promise<void> = (_name, work) => work(),
): Promise<void> {
  await markPositions(ctx, epoch);
  await judgeMargin(ctx, epoch);
  await goOn('liquidations', () => liquidate(ctx, epoch));
  await goOn('exits', () => closeExits(ctx, epoch));
}

async function loop(state: State): Promise<void> {
  while (!state.stopped) {
    state.woken = false;
    await round(state).catch((failure: unknown) => stumble(state, failure));
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

function stumble(state: State, failure: unknown): void {
  if (failure instanceof KeeperReplaced) {
    // Elected anew with the next look, where the lock is still held here.
    state.term = 0;
    return;
  }
  const kind = failure instanceof Error ? failure.name : 'unknown';
  state.deps.log.error({ failure: kind }, 'margin could not be kept; it is tried again');
}

async function round(state: State): Promise<void> {
  const term = await state.session.run(async (_tx, elected) => elected);
  if (term === undefined) {
    state.term = 0;
    return;
  }
  const ctx = machineCtx(state.deps, { kind: 'system', name: 'trading.margin' }, newId());
  if (term !== state.term) {
    state.epoch = await becomeKeeper(ctx);
    state.term = term;
  }
  await keepMargin(ctx, state.epoch, async (name, work) => {
    // One of a kind at a time: a step that is still being taken is not taken twice.
    if (!state.beside.has(name)) {
      const going = work()
        .catch((failure: unknown) => stumble(state, failure))
        .finally(() => state.beside.delete(name));
      state.beside.set(name, going);
    }
  });
}

function nudge(state: State): void {
  state.woken = true;
  state.wake();
}
