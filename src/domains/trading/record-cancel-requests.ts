import { and, inArray, isNull, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { recordMany } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayParameter } from '../../platform/db/insert-rows.ts';
import { lockRows } from '../../platform/db/locks.ts';
import { executePrepared } from '../../platform/db/prepared.ts';
import { TRADING_EVENTS } from './audit.ts';
import { tellOrders } from './order-news.ts';
import type { OrderRow } from './pipeline/ticket.ts';
import { orders } from './schema.ts';

export type CancelReason =
  | 'requested'
  | 'firm'
  | 'expired'
  | 'restricted'
  | 'delisted'
  | 'liquidation'
  | 'position_exit'
  | 'insufficient_margin'
  | 'margin_not_enabled'
  | 'nothing_to_reduce'
  | 'price_cap'
  | 'price_stale'
  | 'settlement_failed';

/** Wakes the owners of books in other processes. */
export const ORDERS_CHANNEL = 'plimsoll_orders';

/**
 * Makes cancellations durable; the engine carries them out after the commit. Orders that are closed,
 * or cancelled already, are left as they are. The other order of a pair goes with the one that is cancelled: the two
 * reserve once, and one of them alone is not what was asked for.
 * @effects `orders.cancel_requested_at`, `order_events`, outbox `trading.order_cancel_requested`, audit
 *   `order.cancel_requested`
 * @shape the orders that were open, with their request
 */
export async function recordCancelRequests(
  tx: Tx,
  ctx: Ctx,
  orderIds: readonly Id[],
  reason: CancelReason,
): Promise<readonly OrderRow[]> {
  if (orderIds.length === 0) {
    return [];
  }
  const locked = await lockWithPairs(tx, orderIds);
  const open = locked.filter((order) => order.closedAt === null);
  const fresh = open.filter((order) => order.cancelRequestedAt === null);
  if (fresh.length === 0) {
    return open;
  }
  const now = ctx.deps.clock.now();
  const requested = await tx
    .update(orders)
    .set({
      cancelRequestedAt: now,
      cancelReason: sql`case when ${inArray(orders.id, orderIds)} then ${reason} else 'group' end`,
      version: sql`${orders.version} + 1`,
    })
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
  await tellOrders(
    tx,
    ctx,
    requested.map((order) => ({
      order,
      what: 'cancel_requested' as const,
      data: { reason: order.cancelReason },
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

/** Orders with the others of their pairs, also where one has taken the place of another while they were waited for. */
export async function lockWithPairs(tx: Tx, orderIds: readonly Id[]): Promise<readonly OrderRow[]> {
  const locked = await lockRows(tx, orders, await withPairs(tx, orderIds));
  const isStale = locked.some(({ groupRole, status }) => groupRole === 'oco' && status === 'replaced');
  const named = locked.filter(({ id, closedAt }) => closedAt === null && orderIds.includes(id));
  return isStale
    ? lockRows(
        tx,
        orders,
        await withPairs(
          tx,
          named.map(({ id }) => id),
        ),
      )
    : locked;
}

/** The same with the other orders of the pairs that some belong to. */
async function withPairs(tx: Tx, orderIds: readonly Id[]): Promise<Id[]> {
  const others = await executePrepared<{ readonly id: Id }>(
    tx,
    sql`select other.id from ${orders} one join ${orders} other on other.group_id = one.group_id
      where one.id = any (${sql.param(arrayParameter('uuid', orderIds))}::uuid[]) and one.group_role = 'oco'
        and other.closed_at is null`,
  );
  return [...new Set([...orderIds, ...others.map(({ id }) => id)])];
}
