/**
 * Closes what an account can no longer carry, through the same path as every order. A step first takes out what
 * else reserves the wallet, then closes no more than makes the account well again; where three steps that traded
 * did not, everything goes. What a step orders is written before it is placed, under the key it is placed with: whoever
 * takes over finds what was placed and orders nothing twice. What was not placed is not placed any more: it was
 * decided by prices that are over, and is decided anew.
 */
import { and, eq, isNull } from 'drizzle-orm';
import { amountOf, formatAmount, minAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import { roundToStep } from '../../../kernel/rounding.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { together, transact } from '../../../platform/db/transact.ts';
import { accountAllows } from '../../accounts/index.ts';
import { isRestricted, lockGates } from '../../identity/index.ts';
import { marketStates } from '../../markets/index.ts';
import { raiseAlerts, readTripped } from '../../risk/index.ts';
import { abandonUnplaced } from '../positions/exit-orders.ts';
import { figuresOf, liquidationAlert } from './alerts.ts';
import { MARGIN_EVENTS } from './audit.ts';
import { holdKeeper, KeeperReplaced } from './fence.ts';
import { endCall, type Liquidation, tell } from './judge-margin.ts';
import { markWallets } from './mark-positions.ts';
import { untradable } from './obstacles.ts';
import { placeClosings } from './place-closings.ts';
import { placedOf } from './placed-steps.ts';
import type { MarginWallet, MarkedPosition } from './read-margin.ts';
import { type Closing, closingsFor } from './rules.ts';
import { liquidationOrders, liquidations, marginCalls } from './schema.ts';
import { takeOutOthers } from './take-out-orders.ts';

export type PlannedOrder = typeof liquidationOrders.$inferSelect;

/** So many steps that traded close only what restores the account; after that everything is closed. */
export const PARTIAL_STEPS = 3;
const STEP_PAUSE_MS = 1_000;
const PAUSE_MAX_MS = 60_000;
/** So long what stands in the way may take to come out, once; after that it is closed all the same. */
const PATIENCE_MS = 5_000;
/** After that an order of its own is no longer waited for, but by the position that it closes. */
export const ANSWER_MS = 10_000;
/** So long after its first order one that is not done is told of, however little keeps trading. */
export const LASTING_MS = 5 * 60_000;

/**
 * Takes every running liquidation a step further, where there is one to take.
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
  const lane = async (): Promise<void> => {
    for (let next = running.shift(); next !== undefined; next = running.shift()) {
      const { id } = next;
      await takeStep(ctx, epoch, next).catch((failure: unknown) => {
        if (failure instanceof KeeperReplaced) {
          throw failure;
        }
        const kind = failure instanceof Error ? failure.name : 'unknown';
        ctx.deps.log.error({ failure: kind, liquidation: id }, 'a liquidation failed and is tried again');
      });
    }
  };
  // One whose orders are slow to come out does not keep all others.
  await together(lane(), lane());
}

/** What stands in the way is waited for only as a liquidation begins: nothing that keeps coming keeps it off. */
async function takeStep(ctx: Ctx, epoch: bigint, liquidation: Liquidation): Promise<void> {
  const stand = await takeOutOthers(ctx, epoch, liquidation);
  if (stand && ctx.deps.clock.now() < addMs(liquidation.startedAt, PATIENCE_MS)) {
    return;
  }
  const planned = await decide(ctx, epoch, liquidation);
  if (planned.length > 0) {
    await sayRefused(ctx, epoch, liquidation, await placeClosings(ctx, 'liquidation', planned));
  }
}

/** Keeps which orders were placed; that one was refused is told of, and so is what ended without a trade before. */
async function sayRefused(
  ctx: Ctx,
  epoch: bigint,
  { id, walletId }: Liquidation,
  refusal: string | null,
): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    await holdKeeper(tx, epoch);
    const [wallet] = await markWallets(tx, ctx, [walletId]);
    const placed = await placedOf(tx, id);
    const [liquidation] = await tx.select().from(liquidations).where(eq(liquidations.id, id));
    if (wallet !== undefined && liquidation !== undefined) {
      await holdBack(tx, ctx, wallet, liquidation, refusal ?? whyNotDone(placed, ctx.deps.clock.now()));
    }
  });
}

/**
 * Decides the next step, or that there is none to take.
 * @shape what is to be ordered, stored already
 */
async function decide(
  ctx: Ctx,
  epoch: bigint,
  { id, userId, walletId }: Liquidation,
): Promise<PlannedOrder[]> {
  return transact(ctx, 'engine', async (tx) => {
    await holdKeeper(tx, epoch);
    const gate = (await lockGates(tx, [userId])).get(userId);
    const tripped = await readTripped(tx);
    const [wallet] = await markWallets(tx, ctx, [walletId]);
    const known = present(wallet, 'what is liquidated held margin');
    const [liquidation] = await tx.select().from(liquidations).where(eq(liquidations.id, id));
    const standing = present(liquidation, 'a liquidation is never deleted');
    const now = ctx.deps.clock.now();
    // What an exit planned and did not place is not stored any more, or is stored by now and seen as under way.
    const claimed = known.positions.filter(({ instrument }) => instrument.priceVouched);
    await abandonUnplaced(
      tx,
      ctx,
      claimed.map(({ row }) => row.id),
    );
    const placed = await placedOf(tx, standing.id);
    const { taken, underway } = placed;
    if (
      standing.endedAt !== null ||
      [...underway.values()].some((placedAt) => now < addMs(placedAt, ANSWER_MS))
    ) {
      return [];
    }
    if (known.positions.length === 0 || known.judged.equity >= known.judged.cureAt) {
      await end(tx, ctx, known, standing, taken);
      return [];
    }
    if (now < standing.nextStepAt) {
      return [];
    }
    const markets = await marketStates(
      tx,
      ctx,
      known.positions.map(({ instrument }) => instrument),
    );
    const barred = isBarred(known, gate);
    const reasons = known.positions.map((position) => ({
      position,
      reason:
        barred ??
        (underway.has(position.row.id) ? 'order_unanswered' : null) ??
        unpriced(position) ??
        untradable(position.instrument, markets.get(position.instrument.exchange), tripped, now),
    }));
    const closable = reasons.filter(({ reason }) => reason === null).map(({ position }) => position);
    if (closable.length === 0) {
      await holdBack(tx, ctx, known, standing, reasons[0]?.reason ?? 'price_stale');
      return [];
    }
    const notDone = whyNotDone(placed, now);
    if (notDone !== null) {
      await holdBack(tx, ctx, known, standing, notDone);
    }
    return plan(tx, ctx, known, standing, closable, placed);
  });
}

/** Why it is not done yet, where somebody is to know: a position trades nothing, or all of it takes too long. */
function whyNotDone({ unfilled, since }: Awaited<ReturnType<typeof placedOf>>, now: Instant): string | null {
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

async function plan(
  tx: Tx,
  ctx: Ctx,
  wallet: MarginWallet,
  liquidation: Liquidation,
  closable: readonly MarkedPosition[],
  { taken, sized }: Awaited<ReturnType<typeof placedOf>>,
): Promise<PlannedOrder[]> {
  const steps = liquidation.steps + 1;
  const whole = sized >= PARTIAL_STEPS;
  const closings = closingsFor(wallet.judged, closable.map(closableOf), wallet.thresholds, whole);
  const now = ctx.deps.clock.now();
  const rows = await tx
    .insert(liquidationOrders)
    .values(closings.map((closing) => plannedOf(closing, closable, liquidation, steps, now)))
    .returning();
  const fruitless = steps - taken;
  const pauseMs =
    fruitless <= PARTIAL_STEPS ? STEP_PAUSE_MS : STEP_PAUSE_MS * 2 ** Math.min(fruitless - PARTIAL_STEPS, 10);
  const [after] = await tx
    .update(liquidations)
    .set({ steps, nextStepAt: addMs(now, Math.min(pauseMs, PAUSE_MAX_MS)) })
    .where(eq(liquidations.id, liquidation.id))
    .returning();
  await record(tx, ctx, {
    event: MARGIN_EVENTS['liquidation.stepped'],
    resource: { type: 'liquidation', id: liquidation.id },
    subjectUserId: wallet.userId,
    before: liquidation,
    after: {
      ...after,
      ...figuresOf(wallet, wallet.judged),
      orders: rows.map(({ symbol, quantity }) => ({ symbol, quantity: formatAmount(quantity) })),
    },
  });
  return rows;
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

/** Says once why nothing is closed, or with null that something is again; the alert comes every day that it lasts. */
async function holdBack(
  tx: Tx,
  ctx: Ctx,
  wallet: MarginWallet,
  before: Liquidation,
  heldBack: string | null,
): Promise<void> {
  if (before.endedAt !== null) {
    return;
  }
  if (heldBack !== null) {
    await raiseAlerts(tx, ctx, [liquidationAlert(wallet, heldBack, before.id)]);
  }
  if (before.heldBack === heldBack) {
    return;
  }
  const [after] = await tx
    .update(liquidations)
    .set({ heldBack })
    .where(eq(liquidations.id, before.id))
    .returning();
  if (heldBack === null) {
    return;
  }
  await record(tx, ctx, {
    event: MARGIN_EVENTS['liquidation.held_back'],
    resource: { type: 'liquidation', id: before.id },
    subjectUserId: wallet.userId,
    before,
    after: present(after, 'its wallet is locked'),
  });
}

async function end(
  tx: Tx,
  ctx: Ctx,
  wallet: MarginWallet,
  before: Liquidation,
  taken: number,
): Promise<void> {
  const outcome = wallet.positions.length === 0 ? 'closed_out' : 'restored';
  const [after] = await tx
    .update(liquidations)
    .set({ outcome, heldBack: null, endedAt: ctx.deps.clock.now() })
    .where(eq(liquidations.id, before.id))
    .returning();
  const [call] = await tx
    .select()
    .from(marginCalls)
    .where(and(eq(marginCalls.walletId, wallet.walletId), isNull(marginCalls.endedAt)));
  if (call !== undefined) {
    await endCall(tx, ctx, wallet, call, taken === 0 ? 'cured' : 'liquidated');
  }
  await raiseAlerts(tx, ctx, [liquidationAlert(wallet, 'ended', before.id)]);
  await record(tx, ctx, {
    event: MARGIN_EVENTS['liquidation.ended'],
    resource: { type: 'liquidation', id: before.id },
    subjectUserId: wallet.userId,
    before,
    after: present(after, 'its wallet is locked'),
  });
  await tell(tx, ctx, wallet, 'liquidation_ended', {
    liquidationId: before.id,
    outcome,
    ...figuresOf(wallet, wallet.judged),
  });
}
