import { and, eq, isNull, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import type { Consumer } from '../../platform/outbox/consumer.ts';
import { isRestricted, lockGates } from '../identity/index.ts';
import { tradingEngine } from './pipeline/trading-engine.ts';
import { recordCancelRequests } from './record-cancel-requests.ts';
import { moveOf } from './rules.ts';
import { orders } from './schema.ts';

const KIND = sql<string>`(select i.kind::text from instruments i where i.id = ${orders.instrumentId})`;

/** Takes out of the books what a restricted person may no longer trade; safe to run twice. */
export const cancelRestricted: Consumer = {
  name: 'trading.cancel_restricted_orders',
  types: ['identity.gate_restricted'],
  handle: (ctx, event) => cancelRestrictedOrders(ctx, present(event.userId, 'a gate belongs to a person')),
};

/**
 * Cancels the open live orders that a restriction forbids now, whatever else the gate refuses them for. What only
 * waits for a review stays: nothing of it trades before the gate opens again.
 * @effects as `cancelOrder`, with the reason `restricted`
 */
async function cancelRestrictedOrders(ctx: Ctx, userId: Id): Promise<void> {
  const requested = await transact(ctx, 'engine', async (tx) => {
    const gate = (await lockGates(tx, [userId])).get(userId);
    const open = await tx
      .select({ id: orders.id, side: orders.side, reduceOnly: orders.reduceOnly, kind: KIND })
      .from(orders)
      .where(and(eq(orders.userId, userId), eq(orders.book, 'live'), isNull(orders.closedAt)));
    // Of a contract either side may open a position: what stays is what can only reduce one.
    const barred = open.filter(({ side, kind, reduceOnly }) =>
      isRestricted(gate, kind === 'spot' ? moveOf(side) : reduceOnly ? 'reduce' : 'trade'),
    );
    return recordCancelRequests(
      tx,
      ctx,
      barred.map(({ id }) => id),
      'restricted',
    );
  });
  await tradingEngine(ctx.deps).carryOutCancels(requested);
}
