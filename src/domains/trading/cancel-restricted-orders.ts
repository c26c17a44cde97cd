import { and, eq, isNull, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import type { Consumer } from '../../platform/outbox/consumer.ts';
import { accountAllows, accountsByIds } from '../accounts/index.ts';
import { isRestricted, lockGates } from '../identity/index.ts';
import { tradingEngine } from './pipeline/trading-engine.ts';
import { recordCancelRequests } from './record-cancel-requests.ts';
import { moveOf } from './rules.ts';
import { orders } from './schema.ts';

const KIND = sql<string>`(select i.kind::text from instruments i where i.id = ${orders.instrumentId})`;

/** Takes out of the books, and back from venues, what a restricted person may no longer trade; safe to run twice. */
export const cancelRestricted: Consumer = {
  name: 'trading.cancel_restricted_orders',
  types: ['identity.gate_restricted'],
  handle: (ctx, event) => cancelRestrictedOrders(ctx, present(event.userId, 'a gate belongs to a person')),
};

/**
 * The same of a person who was shut out, and of an account that was frozen: what a venue executes of their orders would
 * be booked.
 */
export const cancelStopped: Consumer = {
  name: 'trading.cancel_stopped_orders',
  types: ['identity.user_suspended', 'accounts.account_frozen'],
  handle: (ctx, { userId, accountId }) => {
    const owner = present(userId, 'a person, or the owner of an account');
    return accountId === null
      ? cancelRestrictedOrders(ctx, owner)
      : cancelFrozenOrders(ctx, owner, accountId);
  },
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

/**
 * Cancels every open order of an account that trades no more, in either book, wherever it rests or waits; does nothing
 * to one that trades again by then.
 * @effects as `cancelOrder`, with the reason `restricted`
 */
async function cancelFrozenOrders(ctx: Ctx, userId: Id, accountId: Id): Promise<void> {
  const requested = await transact(ctx, 'engine', async (tx) => {
    // Whoever freezes an account or lets it go holds its owner's gate alone.
    await lockGates(tx, [userId]);
    const account = (await accountsByIds(tx, [accountId])).get(accountId);
    if (account === undefined || accountAllows(account.status, 'trade')) {
      return [];
    }
    const open = await tx
      .select({ id: orders.id })
      .from(orders)
      .where(and(eq(orders.accountId, accountId), isNull(orders.closedAt)));
    return recordCancelRequests(
      tx,
      ctx,
      open.map(({ id }) => id),
      'restricted',
    );
  });
  await tradingEngine(ctx.deps).carryOutCancels(requested);
}
