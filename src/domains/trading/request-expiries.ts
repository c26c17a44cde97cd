import { and, asc, isNull, lte } from 'drizzle-orm';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import type { OrderRow } from './pipeline/ticket.ts';
import { recordCancelRequests } from './record-cancel-requests.ts';
import { orders } from './schema.ts';

/** So many orders end in one transaction; where as many were due, more may be. */
export const EXPIRE_MAX = 1_000;

/**
 * Makes durable that orders end whose time is over, those first that are over longest; safe to run twice, and by
 * several at once.
 * @effects `orders.cancel_requested_at` with the reason `expired`; audit `order.cancel_requested`
 * @shape the orders that are to be taken out of their books
 */
export async function requestExpiries(ctx: Ctx): Promise<readonly OrderRow[]> {
  return transact(ctx, 'engine', async (tx) => {
    const due = await tx
      .select({ id: orders.id })
      .from(orders)
      .where(
        and(
          isNull(orders.closedAt),
          isNull(orders.cancelRequestedAt),
          lte(orders.expiresAt, ctx.deps.clock.now()),
        ),
      )
      .orderBy(asc(orders.expiresAt), asc(orders.id))
      .limit(EXPIRE_MAX);
    return recordCancelRequests(
      tx,
      ctx,
      due.map(({ id }) => id),
      'expired',
    );
  });
}
