import { and, eq, isNull, sql } from 'drizzle-orm';
import { amountOf, formatAmount } from '../../../kernel/amount.ts';
import { newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { TRADING_EVENTS } from '../audit.ts';
import { recordCancelRequests } from '../record-cancel-requests.ts';
import { orderEvents, orders } from '../schema.ts';
import type { OrderUnfit } from './order-unfit.ts';

/**
 * Cuts an order to what it may still trade, or asks for its end where that is nothing. Its book has been dropped
 * from memory and reads it anew.
 * @effects `orders.reduced_quantity`, `order_events`, outbox `trading.order_reduced`, audit `order.reduced`; or those
 *   of a cancel request
 */
export async function fitOrder(tx: Tx, ctx: Ctx, { orderId, reason, keep }: OrderUnfit): Promise<void> {
  const order = await lockRow(tx, orders, orderId);
  if (order === undefined || order.closedAt !== null) {
    return;
  }
  const open = order.quantity === null ? 0n : order.quantity - order.filledQuantity - order.reducedQuantity;
  if (keep <= 0n || keep >= open) {
    await recordCancelRequests(tx, ctx, [orderId], reason);
    return;
  }
  const cut = open - keep;
  const [after] = await tx
    .update(orders)
    .set({ reducedQuantity: amountOf(order.reducedQuantity + cut), version: sql`${orders.version} + 1` })
    .where(and(eq(orders.id, orderId), isNull(orders.closedAt)))
    .returning();
  const told = {
    orderId,
    userId: order.userId,
    accountId: order.accountId,
    occurredAt: ctx.deps.clock.now(),
  };
  await insertRows(tx, orderEvents, [
    {
      ...told,
      id: newId(),
      type: 'order.reduced',
      data: { quantity: formatAmount(cut), reason },
      requestId: ctx.requestId,
    },
  ]);
  await record(tx, ctx, {
    event: TRADING_EVENTS['order.reduced'],
    resource: { type: 'order', id: orderId },
    subjectUserId: order.userId,
    before: order,
    after: { ...after, reason },
  });
  await publish(tx, ctx, [
    {
      type: 'trading.order_reduced',
      userId: order.userId,
      accountId: order.accountId,
      customerVisible: true,
      data: {
        orderId,
        accountId: order.accountId,
        clientOrderId: order.clientOrderId,
        symbol: order.symbol,
        side: order.side,
        occurredAt: told.occurredAt,
        status: order.status,
        reducedQuantity: formatAmount(order.reducedQuantity + cut),
      },
    },
  ]);
}
