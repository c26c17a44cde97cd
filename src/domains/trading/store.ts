import { and, asc, desc, eq, lt, sql } from 'drizzle-orm';
import { type Amount, parseAmount } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import { divide } from '../../kernel/rounding.ts';
import type { Ctx } from '../../platform/context.ts';
import { ownRows } from '../../platform/db/own-rows.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { findAccount } from '../accounts/index.ts';
import { instrumentOf } from '../markets/index.ts';
import type { OrderRow } from './pipeline/ticket.ts';
import { tradingEngine } from './pipeline/trading-engine.ts';
import { fills, orderEvents, orders, trades } from './schema.ts';

/** What an order looks like outside: with what follows from its columns. */
export type OrderView = OrderRow & {
  readonly remainingQuantity: bigint | null;
  readonly averageFillPrice: Amount | null;
};

/** Adds to an order what follows from its columns. */
export function viewOf(order: OrderRow): OrderView {
  return {
    ...order,
    remainingQuantity: order.quantity === null ? null : order.quantity - order.filledQuantity,
    averageFillPrice:
      order.filledQuantity === 0n ? null : divide(order.filledAmount, order.filledQuantity, 'half_even'),
  };
}

export type OrderFilter = PageRequest & {
  readonly accountId?: Id | undefined;
  readonly status?: OrderRow['status'] | undefined;
  readonly symbol?: string | undefined;
};

/** Orders the caller may see, newest first. @errors invalid_cursor */
export async function listOrders(ctx: Ctx, filter: OrderFilter): Promise<Page<OrderView>> {
  const listing = `orders ${filter.accountId ?? ''} ${filter.status ?? ''} ${filter.symbol ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select()
      .from(orders)
      .where(
        and(
          ownRows(ctx, orders.userId),
          filter.accountId === undefined ? undefined : eq(orders.accountId, filter.accountId),
          filter.status === undefined ? undefined : eq(orders.status, filter.status),
          filter.symbol === undefined ? undefined : eq(orders.symbol, filter.symbol),
          before === undefined ? undefined : lt(orders.id, before),
        ),
      )
      .orderBy(desc(orders.id))
      .limit(filter.limit + 1);
    const page = cutPage(key, listing, rows, filter.limit, (row) => [row.id]);
    return { ...page, data: page.data.map(viewOf) };
  });
}

/** @errors not_found */
export async function getOrder(ctx: Ctx, orderId: Id): Promise<OrderView> {
  return transact(ctx, ctx.login, async (tx) => {
    const [order] = await tx
      .select()
      .from(orders)
      .where(and(ownRows(ctx, orders.userId), eq(orders.id, orderId)));
    if (order === undefined) {
      throw refuse('not_found');
    }
    return viewOf(order);
  });
}

/**
 * The order with a client order id, which is unique within an account; of several accounts' the
 * newest, unless the account is named.
 * @errors not_found
 */
export async function getOrderByClientId(
  ctx: Ctx,
  clientOrderId: string,
  accountId: Id | undefined,
): Promise<OrderView> {
  return transact(ctx, ctx.login, async (tx) => {
    const [order] = await tx
      .select()
      .from(orders)
      .where(
        and(
          ownRows(ctx, orders.userId),
          eq(orders.clientOrderId, clientOrderId),
          accountId === undefined ? undefined : eq(orders.accountId, accountId),
        ),
      )
      .orderBy(desc(orders.id))
      .limit(1);
    if (order === undefined) {
      throw refuse('not_found');
    }
    return viewOf(order);
  });
}

/** What happened to an order, oldest first. @errors not_found */
export async function listOrderEvents(ctx: Ctx, orderId: Id) {
  return transact(ctx, ctx.login, async (tx) => {
    const [order] = await tx
      .select({ id: orders.id })
      .from(orders)
      .where(and(ownRows(ctx, orders.userId), eq(orders.id, orderId)));
    if (order === undefined) {
      throw refuse('not_found');
    }
    return tx.select().from(orderEvents).where(eq(orderEvents.orderId, orderId)).orderBy(asc(orderEvents.id));
  });
}

export type FillFilter = PageRequest & {
  readonly accountId?: Id | undefined;
  readonly orderId?: Id | undefined;
  readonly symbol?: string | undefined;
};

/** Fills the caller may see, newest first. @errors invalid_cursor */
export async function listFills(ctx: Ctx, filter: FillFilter): Promise<Page<typeof fills.$inferSelect>> {
  const listing = `fills ${filter.accountId ?? ''} ${filter.orderId ?? ''} ${filter.symbol ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select()
      .from(fills)
      .where(
        and(
          ownRows(ctx, fills.userId),
          filter.accountId === undefined ? undefined : eq(fills.accountId, filter.accountId),
          filter.orderId === undefined ? undefined : eq(fills.orderId, filter.orderId),
          filter.symbol === undefined ? undefined : eq(fills.symbol, filter.symbol),
          before === undefined ? undefined : lt(fills.id, before),
        ),
      )
      .orderBy(desc(fills.id))
      .limit(filter.limit + 1);
    return cutPage(key, listing, rows, filter.limit, (row) => [row.id]);
  });
}

/** The fills of one account, newest first. @errors not_found, invalid_cursor */
export async function listAccountTrades(
  ctx: Ctx,
  page: PageRequest & { readonly accountId: Id },
): Promise<Page<typeof fills.$inferSelect>> {
  await transact(ctx, ctx.login, (tx) => findAccount(tx, ctx, page.accountId));
  return listFills(ctx, page);
}

/** The public prints of an instrument's live book, newest first. @errors not_found, invalid_cursor */
export async function listTrades(
  ctx: Ctx,
  page: PageRequest & { readonly symbol: string },
): Promise<Page<typeof trades.$inferSelect>> {
  const listing = `trades ${page.symbol}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const instrument = await instrumentOf(tx, page.symbol);
    const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select()
      .from(trades)
      .where(
        and(
          eq(trades.instrumentId, instrument.id),
          eq(trades.book, 'live'),
          before === undefined ? undefined : lt(trades.id, before),
        ),
      )
      .orderBy(desc(trades.id))
      .limit(page.limit + 1);
    return cutPage(key, listing, rows, page.limit, (row) => [row.id]);
  });
}

export type BookLevel = { readonly price: bigint; readonly quantity: bigint; readonly orderCount: number };

/**
 * The live book's best prices: from the memory of this process where it matches the instrument, else
 * from the open orders.
 * @errors not_found
 */
export async function getOrderBook(ctx: Ctx, symbol: string, levels: number) {
  const instrument = await transact(ctx, ctx.login, (tx) => instrumentOf(tx, symbol));
  const held = tradingEngine(ctx.deps).depth({ instrumentId: instrument.id, book: 'live' }, levels);
  const { bids, asks } = held ?? (await storedDepth(ctx, instrument.id, levels));
  return { symbol, asOf: ctx.deps.clock.now(), bids, asks };
}

async function storedDepth(ctx: Ctx, instrumentId: Id, levels: number) {
  // The engine's login, because a book shows everyone's orders; only sums leave this function.
  const rows = await ctx.deps.db.engine
    .select({
      side: orders.side,
      price: orders.limitPrice,
      quantity: sql<string>`sum(${orders.quantity} - ${orders.filledQuantity})::text`,
      orderCount: sql<number>`count(*)::int`,
    })
    .from(orders)
    .where(
      and(
        eq(orders.instrumentId, instrumentId),
        eq(orders.book, 'live'),
        sql`${orders.status} in ('open', 'partially_filled') and ${orders.limitPrice} is not null
          and ${orders.timeInForce} not in ('ioc', 'fok')`,
      ),
    )
    .groupBy(orders.side, orders.limitPrice);
  const side = (wanted: 'buy' | 'sell'): BookLevel[] =>
    rows
      .filter((row) => row.side === wanted)
      .map((row) => ({
        price: row.price ?? 0n,
        quantity: parseAmount(row.quantity),
        orderCount: row.orderCount,
      }))
      .sort((left, right) => (left.price > right.price === (wanted === 'sell') ? 1 : -1))
      .slice(0, levels);
  return { bids: side('buy'), asks: side('sell') };
}
