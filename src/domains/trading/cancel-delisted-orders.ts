import { sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import type { Consumer } from '../../platform/outbox/consumer.ts';
import { tradingEngine } from './pipeline/trading-engine.ts';
import { recordCancelRequests } from './record-cancel-requests.ts';

/** How many orders are cancelled in one transaction. */
const CANCEL_MAX = 1_000;

/** Takes out of the books what is not traded any more; safe to run twice. */
export const cancelDelisted: Consumer = {
  name: 'trading.cancel_delisted_orders',
  types: ['markets.instrument_delisted'],
  handle: (ctx) => cancelDelistedOrders(ctx),
};

/**
 * Cancels every open order of what is delisted: when that is heard, and every minute what was being accepted then.
 * @effects as `cancelOrder`, with the reason `delisted`
 */
export async function cancelDelistedOrders(ctx: Ctx): Promise<void> {
  for (let more = true; more; ) {
    const requested = await transact(ctx, 'engine', async (tx) => {
      const open = await tx.execute<{ id: Id }>(sql`
        select o.id from instruments i join orders o on o.instrument_id = i.id
        where i.status = 'delisted' and o.status in ('held', 'pending', 'open', 'partially_filled')
          and o.cancel_requested_at is null
        limit ${CANCEL_MAX}`);
      return recordCancelRequests(
        tx,
        ctx,
        open.map(({ id }) => id),
        'delisted',
      );
    });
    // The other orders of pairs may come on top.
    more = requested.length >= CANCEL_MAX;
    await tradingEngine(ctx.deps).carryOutCancels(requested);
  }
}
