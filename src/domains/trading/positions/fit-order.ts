import { and, eq, isNull, sql } from 'drizzle-orm';
import { amountOf, formatAmount } from '../../../kernel/amount.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { TRADING_EVENTS } from '../audit.ts';
import { tellOrders } from '../order-news.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { lockWithPairs, recordCancelRequests } from '../record-cancel-requests.ts';
import { orders } from '../schema.ts';
import type { OrderUnfit } from './order-unfit.ts';

/**
 * Cuts orders to what they may still trade, or asks for the end of those where that is nothing. Their books read
 * them anew.
 * @effects `orders.reduced_quantity`, `order_events`, outbox `trading.order_reduced`, audit `order.reduced`; or those
 *   of a cancel request
 */
export async function fitOrders(tx: Tx, ctx: Ctx, unfit: readonly OrderUnfit[]): Promise<void> {
  // With the others of their pairs, which end with them: all in one order, as everyone locks them.
  const locked = await lockWithPairs(
    tx,
    unfit.map(({ orderId }) => orderId),
  );
  const ending: OrderUnfit[] = [];
  for (const one of unfit) {
    const order = locked.find(({ id }) => id === one.orderId);
    if (order === undefined || order.closedAt !== null) {
      continue;
    }
    const cut = cutOf(order, one.keep);
    if (cut === null) {
      ending.push(one);
    } else {
      await cutOrder(tx, ctx, order, cut, one.reason);
    }
  }
  for (const [reason, ones] of Map.groupBy(ending, (one) => one.reason)) {
    await recordCancelRequests(
      tx,
      ctx,
      ones.map(({ orderId }) => orderId),
      reason,
    );
  }
}

/** How much is to go so that so much stays; null where the order is to end. */
function cutOf({ quantity, filledQuantity, reducedQuantity }: OrderRow, keep: bigint): bigint | null {
  const open = quantity === null ? 0n : quantity - filledQuantity - reducedQuantity;
  return keep <= 0n || keep >= open ? null : open - keep;
}

async function cutOrder(
  tx: Tx,
  ctx: Ctx,
  order: OrderRow,
  cut: bigint,
  reason: OrderUnfit['reason'],
): Promise<void> {
  const orderId = order.id;
  const [after] = await tx
    .update(orders)
    .set({ reducedQuantity: amountOf(order.reducedQuantity + cut), version: sql`${orders.version} + 1` })
    .where(and(eq(orders.id, orderId), isNull(orders.closedAt)))
    .returning();
  await tellOrders(tx, ctx, [
    {
      order: { ...order, version: order.version + 1 },
      what: 'reduced',
      data: { reducedQuantity: formatAmount(order.reducedQuantity + cut) },
      kept: { quantity: formatAmount(cut), reason },
    },
  ]);
  await record(tx, ctx, {
    event: TRADING_EVENTS['order.reduced'],
    resource: { type: 'order', id: orderId },
    subjectUserId: order.userId,
    before: order,
    after: { ...after, reason },
  });
}
