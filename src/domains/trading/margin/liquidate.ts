/**
 * Closes what an account can no longer carry, through the same path as every order. A step first takes out what
 * else reserves the wallet, then closes no more than makes the account well again; where three steps that traded
 * did not, everything goes. What a step orders is written before it is placed, under the key it is placed with: whoever
 * takes over finds what was placed and orders nothing twice. What was not placed is not placed any more: it was
 * decided by prices that are over, and is decided anew.
 */
import { and, inArray, isNull, sql } from 'drizzle-orm';
import { amountOf, formatAmount, minAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { roundToStep } from '../../../kernel/rounding.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral, arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { together, transact } from '../../../platform/db/transact.ts';
import { accountAllows } from '../../accounts/index.ts';
import { isRestricted, readGates } from '../../identity/index.ts';
import { raiseAlerts } from '../../risk/index.ts';
import { abandonUnplaced } from '../positions/exit-orders.ts';
import { figuresOf, hourOf, liquidationAlert } from './alerts.ts';
import { MARGIN_EVENTS } from './audit.ts';
import { holdKeeper } from './fence.ts';
import { freeWalletsFirst, takeWallets } from './free-wallets-first.ts';
import type { Liquidation } from './judge-margin.ts';
import { endCalls, tellMany } from './margin-calls.ts';
import { markWallets } from './mark-positions.ts';
import { whyUntradable } from './obstacles.ts';
import { placeClosings } from './place-closings.ts';
import { type PlacedSteps, placedOf } from './placed-steps.ts';
import type { MarginWallet, MarkedPosition } from './read-margin.ts';
import { type Closing, closingsFor } from './rules.ts';
import { liquidationOrders, liquidations, marginCalls } from './schema.ts';
import { hinderedIn, takeOutOthers } from './take-out-orders.ts';

export type PlannedOrder = typeof liquidationOrders.$inferSelect;

/** So many steps that traded close only what restores the account; after that everything is closed. */
export const PARTIAL_STEPS = 3;
/** Wallets that are decided on in one transaction. */
const BATCH_WALLETS = 100;
const STEP_PAUSE_MS = 1_000;
const PAUSE_MAX_MS = 60_000;
/** So long what stands in the way may take to come out, once; after that it is closed all the same. */
const PATIENCE_MS = 5_000;
/** After that an order of its own is no longer waited for, but by the position that it closes. */
export const ANSWER_MS = 10_000;
/** So long after its first order one that is not done is told of, however little keeps trading. */
export const LASTING_MS = 5 * 60_000;

/**
 * Takes every running liquidation a step further, where there is one to take: together, but for those that something stands
 * in the way of.
 * @effects as `recordCancelRequests` and `placeOrder`; `liquidations`, `liquidation_orders`, risk alerts, audit, outbox
 *   `trading.liquidation_ended`
 * @errors KeeperReplaced
 */
export async function liquidate(ctx: Ctx, epoch: bigint): Promise<void> {
  const running = await ctx.deps.db.engine
    .select()
    .from(liquidations)
    .where(isNull(liquidations.endedAt))
    .orderBy(liquidations.id);
  const waiting = await hinderedIn(ctx.deps.db.engine, running);
  const free = running.filter(({ id }) => !waiting.has(id));
  const others = running.filter(({ id }) => waiting.has(id));
  // One whose orders are slow to come out does not keep all others.
  await together(takeSteps(ctx, epoch, free), clearAndStep(ctx, epoch, others));
}

/** What stands in the way is waited for only as a liquidation begins: nothing that keeps coming keeps it off. */
async function clearAndStep(ctx: Ctx, epoch: bigint, some: readonly Liquidation[]): Promise<void> {
  const { clear, hindered } = await takeOutOthers(ctx, epoch, some);
  const now = ctx.deps.clock.now();
  const waited = hindered.filter(({ startedAt }) => now >= addMs(startedAt, PATIENCE_MS));
  await takeSteps(ctx, epoch, [...clear, ...waited]);
}

/** Decides and places a step of each, as few transactions as it takes: nobody waits for a wallet that somebody holds. */
async function takeSteps(ctx: Ctx, epoch: bigint, some: readonly Liquidation[]): Promise<void> {
  const ofWallet = new Map(some.map((liquidation) => [liquidation.walletId, liquidation]));
  await freeWalletsFirst(ctx, [...ofWallet.keys()], BATCH_WALLETS, async (walletIds, onlyFree) => {
    const ids = walletIds.flatMap((walletId) => ofWallet.get(walletId)?.id ?? []);
    const { planned, taken } = await decide(ctx, epoch, { walletIds, ids, onlyFree });
    if (planned.length > 0) {
      await sayRefused(ctx, epoch, planned, await placeClosings(ctx, 'liquidation', planned));
    }
    return taken;
  });
}

/** Keeps which orders were placed; that one was refused is told of, and so is what ended without a trade before. */
async function sayRefused(
  ctx: Ctx,
  epoch: bigint,
  planned: readonly PlannedOrder[],
  refusals: ReadonlyMap<Id, string>,
): Promise<void> {
  const ids = [...new Set(planned.map(({ liquidationId }) => liquidationId))];
  const rows = await ctx.deps.db.engine.select().from(liquidations).where(inArray(liquidations.id, ids));
  const wallets = rows.map(({ walletId }) => walletId);
  // What cannot be told now is with the next step: the orders are placed, and not decided on anew.
  await freeWalletsFirst(ctx, wallets, BATCH_WALLETS, (walletIds, onlyFree) =>
    transact(ctx, 'engine', async (tx) => {
      await holdKeeper(tx, epoch);
      const taken = await takeWallets(tx, walletIds, onlyFree);
      const standing = await standingOf(tx, await markWallets(tx, ctx, [...taken]), ids);
      const now = ctx.deps.clock.now();
      await holdBack(
        tx,
        ctx,
        standing.map(({ wallet, liquidation, placed }) => {
          const refused = planned.find(
            ({ id, liquidationId }) => liquidationId === liquidation.id && refusals.has(id),
          );
          const refusal = refused === undefined ? null : (refusals.get(refused.id) ?? null);
          return { wallet, liquidation, why: refusal ?? whyNotDone(placed, now) };
        }),
      );
      return taken;
    }),
  );
}

/** A running liquidation as it is under the lock of its wallet. */
type Standing = {
  readonly wallet: MarginWallet;
  readonly liquidation: Liquidation;
  readonly placed: PlacedSteps;
};

/** @effects as `placedOf` */
async function standingOf(
  tx: Tx,
  wallets: readonly MarginWallet[],
  ids: readonly Id[],
): Promise<readonly Standing[]> {
  const rows = await tx
    .select()
    .from(liquidations)
    .where(and(inArray(liquidations.id, [...ids]), isNull(liquidations.endedAt)));
  const ofWallet = new Map(rows.map((row) => [row.walletId, row]));
  const placed = await placedOf(
    tx,
    rows.map(({ id }) => id),
  );
  return wallets.flatMap((wallet) => {
    const liquidation = ofWallet.get(wallet.walletId);
    const steps = liquidation === undefined ? undefined : placed.get(liquidation.id);
    return liquidation === undefined || steps === undefined ? [] : [{ wallet, liquidation, placed: steps }];
  });
}

/** What is done about one: it ends, is held back, or orders what closes so much of these positions. */
type Verdict = Standing & {
  readonly does: 'nothing' | 'end' | 'wait' | 'order';
  readonly why: string | null;
  readonly closable: readonly MarkedPosition[];
};

/**
 * Decides the next step of each whose wallet can be had, or that there is none to take. Gates are not held: whoever places
 * and settles the orders does that, and asks them again.
 * @shape what is to be ordered, stored already
 */
async function decide(
  ctx: Ctx,
  epoch: bigint,
  of: { readonly walletIds: readonly Id[]; readonly ids: readonly Id[]; readonly onlyFree: boolean },
): Promise<{ readonly planned: readonly PlannedOrder[]; readonly taken: ReadonlySet<Id> }> {
  return transact(ctx, 'engine', async (tx) => {
    await holdKeeper(tx, epoch);
    const taken = await takeWallets(tx, of.walletIds, of.onlyFree);
    const wallets = await markWallets(tx, ctx, [...taken]);
    // What an exit planned and did not place is not stored any more, or is stored by now and seen as under way.
    const claimed = wallets.flatMap(({ positions }) =>
      positions.filter(({ instrument }) => instrument.priceVouched),
    );
    await abandonUnplaced(
      tx,
      ctx,
      claimed.map(({ row }) => row.id),
    );
    const standing = await standingOf(tx, wallets, of.ids);
    const obstacle = await obstaclesOf(tx, ctx, standing);
    const now = ctx.deps.clock.now();
    const verdicts = standing.map((one) => verdictOn(one, now, obstacle));
    await endAll(
      tx,
      ctx,
      verdicts.filter(({ does }) => does === 'end'),
    );
    await holdBack(
      tx,
      ctx,
      verdicts.filter(({ does, why }) => does === 'wait' || (does === 'order' && why !== null)),
    );
    const ordering = verdicts.filter(({ does }) => does === 'order');
    return { planned: await plan(tx, ctx, ordering), taken };
  });
}

type Obstacle = (one: Standing, position: MarkedPosition) => string | null;

/** What keeps positions of these from being closed, asked for all together. */
async function obstaclesOf(tx: Tx, ctx: Ctx, standing: readonly Standing[]): Promise<Obstacle> {
  const gates = await readGates(
    tx,
    standing.map(({ wallet }) => wallet.userId),
  );
  const held = standing.flatMap(({ wallet }) => wallet.positions.map(({ instrument }) => instrument));
  const instruments = new Map(held.map((instrument) => [instrument.id, instrument]));
  const closed = await whyUntradable(tx, ctx, [...instruments.values()]);
  return ({ wallet, placed }, position) =>
    isBarred(wallet, gates.get(wallet.userId)) ??
    (placed.underway.has(position.row.id) ? 'order_unanswered' : null) ??
    unpriced(position) ??
    closed.get(position.instrument.id) ??
    null;
}

function verdictOn(one: Standing, now: Instant, obstacle: Obstacle): Verdict {
  const { wallet, liquidation, placed } = one;
  const nothing = { ...one, does: 'nothing', why: null, closable: [] } as const;
  if ([...placed.underway.values()].some((placedAt) => now < addMs(placedAt, ANSWER_MS))) {
    return nothing;
  }
  if (wallet.positions.length === 0 || wallet.judged.equity >= wallet.judged.cureAt) {
    return { ...nothing, does: 'end' };
  }
  if (now < liquidation.nextStepAt) {
    return nothing;
  }
  const reasons = wallet.positions.map((position) => ({ position, reason: obstacle(one, position) }));
  const closable = reasons.filter(({ reason }) => reason === null).map(({ position }) => position);
  return closable.length === 0
    ? { ...nothing, does: 'wait', why: reasons[0]?.reason ?? 'price_stale' }
    : { ...one, does: 'order', why: whyNotDone(placed, now), closable };
}

/** Why it is not done yet, where somebody is to know: a position trades nothing, or all of it takes too long. */
function whyNotDone({ unfilled, since }: PlacedSteps, now: Instant): string | null {
  const lasts = since !== null && now >= addMs(since, LASTING_MS);
  return unfilled ?? (lasts ? 'takes_too_long' : null);
}

/** What the person or the account may not do. Agreements, a lapsed identity check and a review stop no liquidation. */
export function isBarred({ account }: MarginWallet, gate: Parameters<typeof isRestricted>[0]): string | null {
  if (!accountAllows(account.status, 'trade')) {
    return 'account_not_active';
  }
  return account.type === 'live' && isRestricted(gate, 'reduce') ? 'account_restricted' : null;
}

/** Nobody is closed out of a position at a price that nobody stands for; the others of the account go. */
export function unpriced({ fresh, instrument }: MarkedPosition): string | null {
  if (!fresh) {
    return 'price_stale';
  }
  return instrument.priceVouched ? null : 'price_not_vouched_for';
}

/** Writes what is to be ordered. @effects `liquidation_orders`, `liquidations`; audit `liquidation.stepped` */
async function plan(tx: Tx, ctx: Ctx, ordering: readonly Verdict[]): Promise<readonly PlannedOrder[]> {
  if (ordering.length === 0) {
    return [];
  }
  const now = ctx.deps.clock.now();
  const stepped = ordering.map(({ wallet, liquidation, closable, placed }) => {
    const steps = liquidation.steps + 1;
    const whole = placed.sized >= PARTIAL_STEPS;
    const closings = closingsFor(wallet.judged, closable.map(closableOf), wallet.thresholds, whole);
    return {
      wallet,
      liquidation,
      rows: closings.map((closing) => plannedOf(closing, closable, liquidation, steps, now)),
      after: { ...liquidation, steps, nextStepAt: addMs(now, pauseAfter(steps - placed.taken)) },
    };
  });
  const planned = stepped.flatMap(({ rows }) => rows);
  if (planned.length > 0) {
    await tx.insert(liquidationOrders).values(planned);
  }
  const ids = arrayParameter(
    'uuid',
    stepped.map(({ after }) => after.id),
  );
  const column = (pick: (after: Liquidation) => string) =>
    sql.param(arrayLiteral(stepped.map(({ after }) => pick(after))));
  await executePrepared(
    tx,
    sql`update liquidations l set steps = t.steps, next_step_at = t.at
      from unnest(${sql.param(ids)}::uuid[], ${column(({ steps }) => String(steps))}::int[],
        ${column(({ nextStepAt }) => nextStepAt)}::timestamptz[]) as t (id, steps, at) where l.id = t.id`,
  );
  await recordMany(
    tx,
    ctx,
    stepped.map(({ wallet, liquidation, rows, after }) => ({
      event: MARGIN_EVENTS['liquidation.stepped'],
      resource: { type: 'liquidation', id: liquidation.id },
      subjectUserId: wallet.userId,
      before: liquidation,
      after: {
        ...after,
        ...figuresOf(wallet, wallet.judged),
        orders: rows.map(({ symbol, quantity }) => ({ symbol, quantity: formatAmount(quantity) })),
      },
    })),
  );
  return planned;
}

/** Longer and longer where steps trade nothing. @units ms */
function pauseAfter(fruitless: number): number {
  const pauseMs =
    fruitless <= PARTIAL_STEPS ? STEP_PAUSE_MS : STEP_PAUSE_MS * 2 ** Math.min(fruitless - PARTIAL_STEPS, 10);
  return Math.min(pauseMs, PAUSE_MAX_MS);
}

/** What a position requires and is worth, as it is reckoned how much of it to close. */
export function closableOf({ row, instrument, unrealised, maintenance }: MarkedPosition) {
  const value = row.side === 'long' ? row.entryValue + unrealised : row.entryValue - unrealised;
  return {
    id: row.id,
    quantity: row.quantity,
    lot: instrument.lot,
    minQuantity: instrument.minQuantity,
    value: amountOf(value),
    initial: row.initialMargin,
    maintenance,
    takerFeeBps: instrument.takerFeeBps,
  };
}

/** What a step orders of one position. */
export function plannedOf(
  { id, quantity }: Closing,
  closable: readonly MarkedPosition[],
  { id: liquidationId, userId, accountId }: Liquidation,
  step: number,
  createdAt: PlannedOrder['createdAt'],
): PlannedOrder {
  const { row, instrument } = present(
    closable.find((position) => position.row.id === id),
    'what is closed was closable',
  );
  // One order is no larger than the instrument takes; the rest is another step's.
  const largest = roundToStep(instrument.maxQuantity, instrument.lot, 'down');
  return {
    id: newId(),
    liquidationId,
    positionId: row.id,
    userId,
    accountId,
    symbol: row.symbol,
    side: row.side === 'long' ? 'sell' : 'buy',
    step,
    quantity: minAmount(quantity, largest),
    orderId: null,
    createdAt,
  };
}

type HeldBack = Pick<Standing, 'wallet' | 'liquidation'> & { readonly why: string | null };

/** Says once why nothing is closed, or with null that something is again; the alert comes every day that it lasts. */
async function holdBack(tx: Tx, ctx: Ctx, some: readonly HeldBack[]): Promise<void> {
  await raiseAlerts(
    tx,
    ctx,
    some.flatMap(({ wallet, liquidation: { id, startedAt }, why }) =>
      why === null ? [] : [liquidationAlert(wallet, why, id, hourOf(wallet, startedAt))],
    ),
  );
  const changed = some.filter(({ liquidation, why }) => liquidation.heldBack !== why);
  if (changed.length === 0) {
    return;
  }
  const ids = arrayParameter(
    'uuid',
    changed.map(({ liquidation }) => liquidation.id),
  );
  const reasons = sql.param(arrayLiteral(changed.map(({ why }) => why)));
  await executePrepared(
    tx,
    sql`update liquidations l set held_back = t.why
      from unnest(${sql.param(ids)}::uuid[], ${reasons}::text[]) as t (id, why) where l.id = t.id`,
  );
  await recordMany(
    tx,
    ctx,
    changed.map(({ wallet, liquidation: before, why }) => ({
      event: MARGIN_EVENTS[why === null ? 'liquidation.resumed' : 'liquidation.held_back'],
      resource: { type: 'liquidation', id: before.id },
      subjectUserId: wallet.userId,
      before,
      after: { ...before, heldBack: why },
    })),
  );
}

/** @effects `liquidations`, `margin_calls`; risk alerts, audit `liquidation.ended`, outbox `trading.liquidation_ended` */
async function endAll(tx: Tx, ctx: Ctx, ending: readonly Standing[]): Promise<void> {
  if (ending.length === 0) {
    return;
  }
  const endedAt = ctx.deps.clock.now();
  const ended = ending.map(({ wallet, liquidation, placed }) => {
    const outcome = wallet.positions.length === 0 ? ('closed_out' as const) : ('restored' as const);
    return {
      wallet,
      placed,
      before: liquidation,
      after: { ...liquidation, outcome, heldBack: null, endedAt },
    };
  });
  for (const outcome of ['closed_out', 'restored'] as const) {
    const ids = ended.filter(({ after }) => after.outcome === outcome).map(({ after }) => after.id);
    if (ids.length > 0) {
      await tx
        .update(liquidations)
        .set({ outcome, heldBack: null, endedAt })
        .where(inArray(liquidations.id, ids));
    }
  }
  await endCallsOf(tx, ctx, ending);
  await raiseAlerts(
    tx,
    ctx,
    ended.map(({ wallet, before: { id, startedAt } }) =>
      liquidationAlert(wallet, 'ended', id, hourOf(wallet, startedAt)),
    ),
  );
  await recordMany(
    tx,
    ctx,
    ended.map(({ wallet, before, after }) => ({
      event: MARGIN_EVENTS['liquidation.ended'],
      resource: { type: 'liquidation', id: before.id },
      subjectUserId: wallet.userId,
      before,
      after,
    })),
  );
  await tellMany(
    tx,
    ctx,
    ended.map(({ wallet, after: { id, outcome } }) => ({
      wallet,
      what: 'liquidation_ended',
      data: { liquidationId: id, outcome, ...figuresOf(wallet, wallet.judged) },
    })),
  );
}

/** A call of the account is over with its liquidation. */
async function endCallsOf(tx: Tx, ctx: Ctx, ending: readonly Standing[]): Promise<void> {
  const walletIds = ending.map(({ wallet }) => wallet.walletId);
  const calls = await tx
    .select()
    .from(marginCalls)
    .where(and(inArray(marginCalls.walletId, walletIds), isNull(marginCalls.endedAt)));
  const called = ending.flatMap(({ wallet, placed }) => {
    const call = calls.find(({ walletId }) => walletId === wallet.walletId);
    return call === undefined ? [] : [{ wallet, call, outcome: placed.taken === 0 ? 'cured' : 'liquidated' }];
  });
  for (const outcome of ['cured', 'liquidated'] as const) {
    await endCalls(
      tx,
      ctx,
      called.filter((one) => one.outcome === outcome),
      outcome,
    );
  }
}
