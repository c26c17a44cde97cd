import { newId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { insertRows } from '../../platform/db/insert-rows.ts';
import { publish } from '../../platform/outbox/publish.ts';
import type { OrderRow } from './pipeline/ticket.ts';
import { orderEvents } from './schema.ts';

/** What names an order to its owner. */
export type Told = Pick<
  OrderRow,
  'id' | 'userId' | 'accountId' | 'clientOrderId' | 'symbol' | 'side' | 'status' | 'version'
>;

/** Something that happened to an order, with the order as it stands since. */
export type OrderNews = {
  readonly order: Told;
  readonly what:
    | 'accepted'
    | 'cancel_requested'
    | 'opened'
    | 'reserved'
    | 'reduced'
    | 'routed'
    | 'recalled'
    | 'acknowledged';
  readonly data: Readonly<Record<string, string | null>>;
  /** What only the history of the order keeps. */
  readonly kept?: object;
};

/** What a venue was asked or said changes nothing of the order itself: no status and no version of it. */
const BESIDE: ReadonlySet<OrderNews['what']> = new Set(['routed', 'recalled', 'acknowledged']);

/** What every event of an order says in its owner's feed. */
export function newsData(order: Told, occurredAt: Instant) {
  return {
    orderId: order.id,
    accountId: order.accountId,
    clientOrderId: order.clientOrderId,
    symbol: order.symbol,
    side: order.side,
    occurredAt,
    status: order.status,
    version: order.version,
  };
}

function versionOf({ version }: Told, what: OrderNews['what']) {
  return BESIDE.has(what) ? {} : { version };
}

/**
 * Keeps what happened to orders and tells it, once each.
 * @effects rows of `order_events`, and of `outbox` as `trading.order_*`
 */
export async function tellOrders(tx: Tx, ctx: Ctx, news: readonly OrderNews[]): Promise<void> {
  if (news.length === 0) {
    return;
  }
  const now = ctx.deps.clock.now();
  await insertRows(
    tx,
    orderEvents,
    news.map(({ order, what, data, kept }) => ({
      id: newId(),
      orderId: order.id,
      userId: order.userId,
      accountId: order.accountId,
      type: `order.${what}`,
      data: { ...data, ...kept, ...versionOf(order, what) },
      requestId: ctx.requestId,
      occurredAt: now,
    })),
  );
  await publish(
    tx,
    ctx,
    news.map(({ order, what, data }) => ({
      type: `trading.order_${what}`,
      userId: order.userId,
      accountId: order.accountId,
      customerVisible: true,
      data: {
        ...newsData(order, now),
        ...(BESIDE.has(what) ? { status: undefined, version: undefined } : {}),
        ...data,
      },
    })),
  );
}
