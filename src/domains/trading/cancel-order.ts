import { and, eq, inArray, isNull, sql } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { refuseTrading } from './errors.ts';
import type { OrderRow } from './pipeline/ticket.ts';
import { tradingEngine } from './pipeline/trading-engine.ts';
import { recordCancelRequests } from './record-cancel-requests.ts';
import { orders } from './schema.ts';

/**
 * Cancels an order. The request is durable before the answer; the engine then takes the order out
 * and its reservation is set free, usually before the answer too. What traded first has traded.
 * @effects `orders.cancel_requested_at`, `order_events`; audit `order.cancel_requested`
 * @errors not_found, order_not_open
 */
export async function cancelOrder(ctx: Ctx, orderId: Id): Promise<OrderRow> {
  const userId = present(personOf(ctx.actor), 'an order is cancelled by a person');
  const requested = await transact(ctx, 'engine', async (tx) => {
    const [known] = await tx
      .select({ id: orders.id })
      .from(orders)
      .where(and(eq(orders.id, orderId), eq(orders.userId, userId)));
    if (known === undefined) {
      throw refuse('not_found');
    }
    const [order] = await recordCancelRequests(tx, ctx, [orderId], 'requested');
    if (order === undefined) {
      throw refuseTrading('order_not_open');
    }
    return order;
  });
  await tradingEngine(ctx.deps).carryOutCancels([requested]);
  return present((await readAgain(ctx, [requested]))[0], 'an order is never deleted');
}

/**
 * Cancels every open order of an account.
 * @effects as `cancelOrder`, for each
 * @errors not_found
 */
export async function cancelOrders(ctx: Ctx, accountId: Id): Promise<readonly OrderRow[]> {
  const userId = present(personOf(ctx.actor), 'orders are cancelled by a person');
  const requested = await transact(ctx, 'engine', async (tx) => {
    await requireOwnAccount(tx, userId, accountId);
    const open = await tx
      .select({ id: orders.id })
      .from(orders)
      .where(and(eq(orders.accountId, accountId), eq(orders.userId, userId), isNull(orders.closedAt)));
    return recordCancelRequests(
      tx,
      ctx,
      open.map((order) => order.id),
      'requested',
    );
  });
  await tradingEngine(ctx.deps).carryOutCancels(requested);
  return readAgain(ctx, requested);
}

/** @errors not_found, also for an account of somebody else */
async function requireOwnAccount(tx: Tx, userId: Id, accountId: Id): Promise<void> {
  const [account] = await tx.execute(
    sql`select id from accounts where id = ${accountId} and user_id = ${userId}`,
  );
  if (account === undefined) {
    throw refuse('not_found');
  }
}

async function readAgain(ctx: Ctx, requested: readonly OrderRow[]): Promise<OrderRow[]> {
  const ids = requested.map((order) => order.id);
  return transact(ctx, ctx.login, (tx) => tx.select().from(orders).where(inArray(orders.id, ids)));
}
