import { and, eq, inArray, isNull } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { accountsByIds } from '../accounts/index.ts';
import { refuseSelfAction } from '../identity/index.ts';
import { TRADING_EVENTS } from './audit.ts';
import { refuseTrading } from './errors.ts';
import type { OrderRow } from './pipeline/ticket.ts';
import { tradingEngine } from './pipeline/trading-engine.ts';
import { recordCancelRequests } from './record-cancel-requests.ts';
import { orders } from './schema.ts';
import { type OrderView, viewsOf } from './store.ts';

/**
 * Cancels an order. The request is durable before the answer; the engine then takes the order out
 * and its reservation is set free, usually before the answer too. What traded first has traded.
 * @effects `orders.cancel_requested_at`, `order_events`; audit `order.cancel_requested`
 * @errors not_found, order_not_open
 */
export async function cancelOrder(ctx: Ctx, orderId: Id): Promise<OrderView> {
  const userId = present(personOf(ctx.actor), 'an order is cancelled by a person');
  const requested = await transact(ctx, 'engine', async (tx) => {
    const [known] = await tx
      .select({ id: orders.id })
      .from(orders)
      .where(and(eq(orders.id, orderId), eq(orders.userId, userId)));
    if (known === undefined) {
      throw refuse('not_found');
    }
    const open = await recordCancelRequests(tx, ctx, [orderId], 'requested');
    if (!open.some(({ id }) => id === orderId)) {
      throw refuseTrading('order_not_open');
    }
    return open;
  });
  await tradingEngine(ctx.deps).carryOutCancels(requested);
  const views = await readAgain(ctx, requested);
  return present(
    views.find(({ id }) => id === orderId),
    'an order is never deleted',
  );
}

/** Which open orders of an account. */
export type CancelFilter = {
  readonly accountId: Id;
  readonly symbol?: string | undefined;
  readonly side?: 'buy' | 'sell' | undefined;
};

export type Cancelled = {
  readonly orders: readonly OrderView[];
  /** True when there were more orders than one request cancels. */
  readonly more: boolean;
};

/** The most orders one request cancels. */
const CANCEL_MAX = 1_000;

/**
 * Cancels the open orders of an account that fit, the oldest first and at most a thousand.
 * @effects as `cancelOrder`, for each
 * @errors not_found
 */
export async function cancelOrders(ctx: Ctx, filter: CancelFilter): Promise<Cancelled> {
  const userId = present(personOf(ctx.actor), 'orders are cancelled by a person');
  return cancelMany(ctx, filter, async (tx) => {
    const account = (await accountsByIds(tx, [filter.accountId])).get(filter.accountId);
    if (account?.userId !== userId) {
      throw refuse('not_found');
    }
    return 'requested';
  });
}

/**
 * Takes the open orders of a customer's account out of the books for the firm; others may follow them, unless the
 * account is frozen too.
 * @effects as `cancelOrder`, for each, with the reason `firm`; audit `account.orders_cancelled`
 * @errors not_found, self_action
 */
export async function cancelAccountOrders(
  ctx: Ctx,
  filter: CancelFilter,
  reason: string,
): Promise<Cancelled> {
  return cancelMany(ctx, filter, async (tx) => {
    const account = (await accountsByIds(tx, [filter.accountId])).get(filter.accountId);
    if (account === undefined) {
      throw refuse('not_found');
    }
    refuseSelfAction(ctx, account.userId);
    await record(tx, ctx, {
      event: TRADING_EVENTS['account.orders_cancelled'],
      resource: { type: 'account', id: account.id },
      subjectUserId: account.userId,
      after: { accountId: account.id, symbol: filter.symbol ?? null, side: filter.side ?? null, reason },
    });
    return 'firm';
  });
}

/** `authorise` says who asks, or refuses. */
async function cancelMany(
  ctx: Ctx,
  { accountId, symbol, side }: CancelFilter,
  authorise: (tx: Tx) => Promise<'requested' | 'firm'>,
): Promise<Cancelled> {
  const { requested, more } = await transact(ctx, 'engine', async (tx) => {
    const reason = await authorise(tx);
    const open = await tx
      .select({ id: orders.id })
      .from(orders)
      .where(
        and(
          eq(orders.accountId, accountId),
          isNull(orders.closedAt),
          // What is being cancelled already takes nobody's place.
          isNull(orders.cancelRequestedAt),
          symbol === undefined ? undefined : eq(orders.symbol, symbol),
          side === undefined ? undefined : eq(orders.side, side),
        ),
      )
      .orderBy(orders.id)
      .limit(CANCEL_MAX + 1);
    const ids = open.slice(0, CANCEL_MAX).map((order) => order.id);
    return {
      requested: await recordCancelRequests(tx, ctx, ids, reason),
      more: open.length > CANCEL_MAX,
    };
  });
  await tradingEngine(ctx.deps).carryOutCancels(requested);
  return { orders: await readAgain(ctx, requested), more };
}

async function readAgain(ctx: Ctx, requested: readonly OrderRow[]): Promise<OrderView[]> {
  const ids = requested.map((order) => order.id);
  return transact(ctx, ctx.login, async (tx) =>
    viewsOf(tx, await tx.select().from(orders).where(inArray(orders.id, ids))),
  );
}
