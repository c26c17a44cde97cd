import { and, inArray, isNull, sql } from 'drizzle-orm';
import { type Id, newId } from '../../kernel/id.ts';
import { recordMany } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { insertRows } from '../../platform/db/insert-rows.ts';
import { lockRows } from '../../platform/db/locks.ts';
import { TRADING_EVENTS } from './audit.ts';
import type { OrderRow } from './pipeline/ticket.ts';
import { orderEvents, orders } from './schema.ts';

export type CancelReason = 'requested' | 'firm' | 'expired' | 'restricted' | 'delisted' | 'settlement_failed';

/** Wakes the owners of books in other processes. */
export const ORDERS_CHANNEL = 'plimsoll_orders';

/**
 * Makes cancellations durable; the engine carries them out after the commit. Orders that are closed,
 * or cancelled already, are left as they are.
 * @effects `orders.cancel_requested_at`, `order_events`, audit `order.cancel_requested`
 * @shape the orders that were open, with their request
 */
export async function recordCancelRequests(
  tx: Tx,
  ctx: Ctx,
  orderIds: readonly Id[],
  reason: CancelReason,
): Promise<readonly OrderRow[]> {
  const locked = await lockRows(tx, orders, orderIds);
  const open = locked.filter((order) => order.closedAt === null);
  const fresh = open.filter((order) => order.cancelRequestedAt === null);
  if (fresh.length === 0) {
    return open;
  }
  const now = ctx.deps.clock.now();
  const requested = await tx
    .update(orders)
    .set({ cancelRequestedAt: now, cancelReason: reason, version: sql`${orders.version} + 1` })
    .where(
      and(
        inArray(
          orders.id,
          fresh.map((order) => order.id),
        ),
        isNull(orders.closedAt),
      ),
    )
    .returning();
  await insertRows(
    tx,
    orderEvents,
    requested.map((order) => ({
      id: newId(),
      orderId: order.id,
      userId: order.userId,
      accountId: order.accountId,
      type: 'order.cancel_requested',
      data: { reason },
      requestId: ctx.requestId,
      occurredAt: now,
    })),
  );
  await recordMany(
    tx,
    ctx,
    requested.map((order) => ({
      event: TRADING_EVENTS['order.cancel_requested'],
      resource: { type: 'order', id: order.id },
      subjectUserId: order.userId,
      after: order,
    })),
  );
  return [...open.filter((order) => order.cancelRequestedAt !== null), ...requested];
}
