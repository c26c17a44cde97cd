import { and, isNull, lte } from 'drizzle-orm';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { tradingEngine } from './pipeline/trading-engine.ts';
import { recordCancelRequests } from './record-cancel-requests.ts';
import { orders } from './schema.ts';

const EXPIRE_MAX = 1_000;

/**
 * Ends orders whose time is over, those of a day with the session they were placed in; safe to run twice.
 * @effects `orders.cancel_requested_at` with the reason `expired`; audit `order.cancel_requested`
 */
export async function expireOrders(ctx: Ctx): Promise<void> {
  const expired = await transact(ctx, 'engine', async (tx) => {
    const rows = await tx
      .select({ id: orders.id })
      .from(orders)
      .where(
        and(
          isNull(orders.closedAt),
          isNull(orders.cancelRequestedAt),
          lte(orders.expiresAt, ctx.deps.clock.now()),
        ),
      )
      .limit(EXPIRE_MAX);
    return recordCancelRequests(
      tx,
      ctx,
      rows.map((row) => row.id),
      'expired',
    );
  });
  await tradingEngine(ctx.deps).carryOutCancels(expired);
}
