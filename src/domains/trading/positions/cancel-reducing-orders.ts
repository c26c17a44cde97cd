import { and, eq, isNotNull, isNull, or } from 'drizzle-orm';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Consumer } from '../../../platform/outbox/consumer.ts';
import { tradingEngine } from '../pipeline/trading-engine.ts';
import { recordCancelRequests } from '../record-cancel-requests.ts';
import { orders } from '../schema.ts';
import { positions } from './schema.ts';

/**
 * Takes out of the book what only reduces a position that is closed; safe to run twice. Until it has, settlement
 * itself lets none of it trade.
 */
export const cancelReducing: Consumer = {
  name: 'trading.cancel_reducing_orders',
  types: ['trading.position_closed'],
  handle: (ctx, event) => cancelReducingOrders(ctx, (event.data as { positionId: string }).positionId),
};

/** Exits that still wait for their entry belong to a position that is not there yet: they stay. */
async function cancelReducingOrders(ctx: Ctx, positionId: string): Promise<void> {
  const requested = await transact(ctx, 'engine', async (tx) => {
    const [closed] = await tx.select().from(positions).where(eq(positions.id, positionId));
    if (closed === undefined) {
      return [];
    }
    const own = and(
      eq(positions.accountId, closed.accountId),
      eq(positions.instrumentId, closed.instrumentId),
      eq(positions.side, closed.side),
      isNull(positions.closedAt),
    );
    // Where it was opened again meanwhile, the orders have something to reduce.
    if ((await tx.select({ id: positions.id }).from(positions).where(own)).length > 0) {
      return [];
    }
    const rows = await tx
      .select({ id: orders.id })
      .from(orders)
      .where(
        and(
          eq(orders.accountId, closed.accountId),
          eq(orders.instrumentId, closed.instrumentId),
          eq(orders.side, closed.side === 'long' ? 'sell' : 'buy'),
          eq(orders.reduceOnly, true),
          isNull(orders.closedAt),
          or(isNull(orders.parentId), isNotNull(orders.bookSeq)),
        ),
      );
    return recordCancelRequests(
      tx,
      ctx,
      rows.map(({ id }) => id),
      'nothing_to_reduce',
    );
  });
  await tradingEngine(ctx.deps).carryOutCancels(requested);
}
