/**
 * Settles a takeover in the transaction of the vote: a step of the liquidation whose order the firm itself trades, by the
 * rules, fees and guards of every settlement. What of the liquidation's own orders is not over ends with it, as an order ends
 * whose place another takes: an engine that still matches one finds it so, writes nothing and reads it again.
 */
import { eq } from 'drizzle-orm';
import { type Amount, amountOf, formatAmount, ONE, ZERO } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { raiseAlerts } from '../../risk/index.ts';
import { TRADING_EVENTS } from '../audit.ts';
import { refuseTrading } from '../errors.ts';
import { hashOf } from '../instruction-hash.ts';
import { liquidationAlert } from '../margin/alerts.ts';
import { type PlannedOrder, plannedOf } from '../margin/liquidate.ts';
import { tellMany } from '../margin/margin-calls.ts';
import { closingOrder } from '../margin/place-closings.ts';
import { liquidationOrders, liquidations } from '../margin/schema.ts';
import { tellOrders } from '../order-news.ts';
import { firstEventData, insertOrders } from '../pipeline/insert-orders.ts';
import { emptyPlan, planReplaced, planTakeover, type SettleTerms } from '../pipeline/settle-plan.ts';
import { writeSettlement } from '../pipeline/settle-writes.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { liquidationBound } from '../positions/liquidation-bound.ts';
import { OrderUnfit } from '../positions/order-unfit.ts';
import { settleContracts } from '../positions/settle-contracts.ts';
import { CashTied } from '../positions/tied-cash.ts';
import type { Takeable } from './facts.ts';
import { liquidationTakeovers } from './schema.ts';

type Takeover = typeof liquidationTakeovers.$inferSelect;
type OwnOrder = OrderRow & { readonly quantity: Amount };

/**
 * Takes so much of a position over; everything it touches is locked.
 * @effects those of a settlement; `liquidation_orders`, `liquidations.steps`, `orders`, `liquidation_takeovers`; a risk alert;
 *   audit `order.placed`, outbox `trading.position_taken_over`
 * @errors money_tied, takeover_unfit
 * @shape what the firm took over, to be recorded
 */
export async function settleTakeover(
  tx: Tx,
  ctx: Ctx,
  takeable: Takeable,
  quantity: Amount,
  approvalId: Id,
): Promise<Takeover> {
  const step = await planStep(tx, ctx, takeable, quantity);
  const order = orderOf(ctx, takeable, step);
  await placeOrder(tx, ctx, order);
  await tx.update(liquidationOrders).set({ orderId: order.id }).where(eq(liquidationOrders.id, step.id));
  const tradeId = await settleOrder(tx, ctx, takeable, order);
  return keepTakeover(tx, ctx, takeable, { order, tradeId, approvalId });
}

/** A step like any other: what an earlier one decided and did not place is decided anew. */
async function planStep(
  tx: Tx,
  ctx: Ctx,
  { liquidation, marked }: Takeable,
  quantity: Amount,
): Promise<PlannedOrder> {
  const now = ctx.deps.clock.now();
  const steps = liquidation.steps + 1;
  const planned = {
    ...plannedOf({ id: marked.row.id, quantity }, [marked], liquidation, steps, now),
    quantity,
  };
  await tx.update(liquidations).set({ steps }).where(eq(liquidations.id, liquidation.id));
  await insertRows(tx, liquidationOrders, [planned]);
  return planned;
}

function orderOf(
  ctx: Ctx,
  { position, instrument, side, resting, price }: Takeable,
  { id, accountId, symbol, quantity }: PlannedOrder,
): OwnOrder {
  const asked = closingOrder(accountId, symbol, side, quantity);
  const { leverage, lots: _lots, clientOrderId, expiresAt, ...instruction } = asked;
  const bound = liquidationBound(side, instrument.last, instrument);
  return {
    ...instruction,
    id: newId(),
    userId: position.userId,
    book: position.book,
    instrumentId: position.instrumentId,
    leverage: formatAmount(leverage),
    trailPercent: null,
    lots: null,
    origin: 'liquidation',
    clientOrderId,
    groupId: null,
    groupRole: null,
    parentId: null,
    replacesId: resting[0]?.id ?? null,
    expiresAt,
    idempotencyKey: `liquidation-${id}`,
    idempotencyIndex: 0,
    requestHash: hashOf(asked),
    status: 'open',
    rejectionReason: null,
    exceededLimit: null,
    // On a coarse tick the price may be beyond the bound, in the customer's favour alone.
    priceCap: side === 'sell' ? (bound < price ? bound : price) : bound > price ? bound : price,
    reservationAsset: position.settlementAsset,
    reservation: ZERO,
    walletId: position.walletId,
    filledQuantity: ZERO,
    reducedQuantity: ZERO,
    filledAmount: ZERO,
    fees: ZERO,
    bookSeq: null,
    heldSeq: null,
    highWaterMark: null,
    triggerPrice: null,
    triggeredAt: null,
    triggeredCap: null,
    cancelRequestedAt: null,
    cancelReason: null,
    version: 1,
    placedAt: ctx.deps.clock.now(),
    closedAt: null,
  };
}

async function placeOrder(tx: Tx, ctx: Ctx, order: OwnOrder): Promise<void> {
  await insertOrders(tx, [order]);
  await tellOrders(tx, ctx, [{ order, what: 'accepted', data: {}, kept: firstEventData(order, null) }]);
  await recordMany(tx, ctx, [
    {
      event: TRADING_EVENTS['order.placed'],
      resource: { type: 'order', id: order.id },
      subjectUserId: order.userId,
      after: { ...order, limitId: null, bookSeq: null },
    },
  ]);
}

/** @errors money_tied, takeover_unfit */
async function settleOrder(
  tx: Tx,
  ctx: Ctx,
  { instrument, price, resting, wallets, fees }: Takeable,
  order: OwnOrder,
): Promise<Id> {
  const plan = emptyPlan();
  for (const one of resting) {
    planReplaced(plan, one, order.id);
  }
  const terms: SettleTerms = {
    ...instrument,
    instrumentId: instrument.id,
    book: order.book,
    tierOf: fees.tierOf,
    venue: null,
    isContract: true,
    nextSeq: () => {
      throw new Error('what the firm takes over comes into no book');
    },
  };
  planTakeover(plan, order, price, terms);
  const instruments = new Map([[instrument.symbol, instrument]]);
  const contracts = await settleContracts(tx, ctx, plan, instruments, wallets, []).catch(refuseUnfit);
  await writeSettlement(tx, ctx, plan, { instruments, wallets, fees, contracts });
  return present(plan.trades[0], 'the firm trades the order').id;
}

/** What an engine would try again is a person's to try again. */
function refuseUnfit(failure: unknown): never {
  if (failure instanceof CashTied) {
    throw refuseTrading('money_tied');
  }
  if (failure instanceof OrderUnfit) {
    throw refuseTrading('takeover_unfit');
  }
  throw failure;
}

async function keepTakeover(
  tx: Tx,
  ctx: Ctx,
  { position, liquidation, wallet, instrument, price }: Takeable,
  { order, tradeId, approvalId }: { readonly order: OwnOrder; readonly tradeId: Id; readonly approvalId: Id },
): Promise<Takeover> {
  const { id: positionId, userId, accountId, instrumentId, symbol, book, side, settlementAsset } = position;
  const { quantity } = order;
  const takenAt = ctx.deps.clock.now();
  const [row] = await tx
    .insert(liquidationTakeovers)
    .values({
      id: newId(),
      approvalId,
      liquidationId: liquidation.id,
      positionId,
      userId,
      accountId,
      instrumentId,
      symbol,
      book,
      side,
      quantity,
      price,
      amount: amountOf((price * quantity) / ONE),
      settlementAsset,
      mark: instrument.last,
      orderId: order.id,
      tradeId,
      takenAt,
    })
    .returning();
  const taken = present(row, 'the takeover was just written');
  await raiseAlerts(tx, ctx, [liquidationAlert(wallet, 'taken_over', liquidation.id)]);
  const data = {
    liquidationId: liquidation.id,
    positionId,
    orderId: order.id,
    symbol,
    side,
    quantity: formatAmount(quantity),
    price: formatAmount(price),
  };
  await tellMany(tx, ctx, [{ wallet, what: 'position_taken_over', data }]);
  return taken;
}
