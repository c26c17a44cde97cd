import { and, asc, desc, eq, gt, gte, inArray, isNotNull, isNull, lt, ne, sql } from 'drizzle-orm';
import { type Amount, MAX_AMOUNT, parseAmount, readStoredAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import { divide } from '../../kernel/rounding.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { ownRows } from '../../platform/db/own-rows.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { findAccount } from '../accounts/index.ts';
import { instrumentOf } from '../markets/index.ts';
import { anchorOf } from './held-orders.ts';
import { openOn } from './notional.ts';
import type { OrderRow } from './pipeline/ticket.ts';
import { tradingEngine } from './pipeline/trading-engine.ts';
import { readMarks } from './pipeline/trail-marks.ts';
import { fills, orderEvents, orders, trades } from './schema.ts';

/** What an order looks like outside: with what follows from its columns. */
export type OrderView = OrderRow & {
  readonly remainingQuantity: bigint | null;
  readonly averageFillPrice: Amount | null;
  /** The order that took its place. */
  readonly replacedById: Id | null;
  /** Of an entry, its take-profit first; one whose place another took is left out. */
  readonly exitIds: readonly Id[];
  /** Of an order that was refused for the sake of others of its group: those, and why. */
  readonly groupRefusals: readonly GroupRefusal[];
};

type GroupRefusal = {
  readonly orderId: Id;
  readonly groupRole: OrderRow['groupRole'];
  readonly rejectionReason: OrderRow['rejectionReason'];
};

type Bound = Pick<OrderRow, 'id' | 'groupId' | 'parentId' | 'groupRole' | 'rejectionReason' | 'status'>;

/** Adds to an order as it was placed what follows from its columns, and from the orders it is bound to. */
export function placedView(order: OrderRow, bound: readonly Bound[]): OrderView {
  return viewOf(order, order.highWaterMark, bound, null);
}

/** A trailing order that is held has seen `mark`. */
function viewOf(
  order: OrderRow,
  mark: Amount | null,
  bound: readonly Bound[],
  replacedById: Id | null,
): OrderView {
  const { filledQuantity, filledAmount } = order;
  const open = openOn(order);
  return {
    ...order,
    highWaterMark: mark,
    triggerPrice: order.status === 'held' ? heldAt(order, mark) : order.triggerPrice,
    // Of what a notional bounds nobody knows how many units it will be.
    remainingQuantity: open.notional === null ? open.quantity : null,
    averageFillPrice: filledQuantity === 0n ? null : divide(filledAmount, filledQuantity, 'half_even'),
    replacedById,
    exitIds: bound
      .filter(({ parentId, status }) => parentId === order.id && status !== 'replaced')
      .toSorted((one, other) => rankOf(one) - rankOf(other))
      .map(({ id }) => id),
    groupRefusals: isRefusedForOthers(order)
      ? bound
          .filter((other) => other.groupId === order.groupId && isRefusedItself(other))
          .toSorted((one, other) => rankOf(one) - rankOf(other))
          .map(({ id, groupRole, rejectionReason }) => ({ orderId: id, groupRole, rejectionReason }))
      : [],
  };
}

/** An entry first, then its take-profit. */
function rankOf({ groupRole }: Pick<OrderRow, 'groupRole'>): number {
  return groupRole === 'parent' ? 0 : groupRole === 'take_profit' ? 1 : 2;
}

function isRefusedForOthers({ rejectionReason }: Pick<OrderRow, 'rejectionReason'>): boolean {
  return rejectionReason === 'group_refused';
}

function isRefusedItself({ rejectionReason }: Bound): boolean {
  return rejectionReason !== null && rejectionReason !== 'group_refused';
}

/** Where an order that is held would be triggered now; null before it trails anything. */
function heldAt(order: OrderRow, mark: Amount | null): Amount | null {
  const trailPercent = order.trailPercent === null ? null : parseAmount(order.trailPercent);
  return order.stopPrice ?? (mark === null ? null : anchorOf({ ...order, trailPercent }, mark));
}

/** Orders as they are seen, with what those that trail have seen, and what their groups say. */
export async function viewsOf(tx: Tx, rows: readonly OrderRow[]): Promise<OrderView[]> {
  const trailing = rows.filter((row) => row.status === 'held' && row.heldSeq !== null);
  const markOf = await readMarks(
    tx,
    trailing.map((row) => row.instrumentId),
  );
  const bound = await boundTo(tx, rows);
  const replacements = await replacementsOf(tx, rows);
  return rows.map((row) => {
    const trails = row.status === 'held' && row.heldSeq !== null;
    const mark = (trails ? markOf(row) : null) ?? row.highWaterMark;
    return viewOf(row, mark, bound, replacements.get(row.id) ?? null);
  });
}

/** Who took the place of orders, as their events tell: the order itself bears nothing of it. */
async function replacementsOf(tx: Tx, rows: readonly OrderRow[]): Promise<ReadonlyMap<Id, Id>> {
  const ids = rows.flatMap((row) => (row.status === 'replaced' ? [row.id] : []));
  if (ids.length === 0) {
    return new Map();
  }
  const told = await tx
    .select({ orderId: orderEvents.orderId, by: sql<Id | null>`${orderEvents.data} ->> 'replacedById'` })
    .from(orderEvents)
    .where(and(inArray(orderEvents.orderId, ids), eq(orderEvents.type, 'order.replaced')));
  return new Map(told.flatMap(({ orderId, by }) => (by === null ? [] : [[orderId, by] as const])));
}

/** The groups of entries, and of orders that were refused for the sake of others. */
async function boundTo(tx: Tx, rows: readonly OrderRow[]): Promise<Bound[]> {
  const groupIds = rows.flatMap((row) =>
    row.groupRole === 'parent' || isRefusedForOthers(row) ? (row.groupId ?? []) : [],
  );
  return groupIds.length === 0
    ? []
    : tx
        .select({
          id: orders.id,
          groupId: orders.groupId,
          parentId: orders.parentId,
          groupRole: orders.groupRole,
          rejectionReason: orders.rejectionReason,
          status: orders.status,
        })
        .from(orders)
        .where(and(inArray(orders.groupId, groupIds), ne(orders.status, 'replaced')));
}

export type OrderFilter = PageRequest & {
  readonly accountId?: Id | undefined;
  readonly status?: OrderRow['status'] | undefined;
  /** Whether they may still trade. */
  readonly state?: 'live' | 'closed' | undefined;
  readonly symbol?: string | undefined;
  readonly side?: OrderRow['side'] | undefined;
  readonly origin?: OrderRow['origin'] | undefined;
  readonly groupId?: Id | undefined;
  /** When they were placed: `from` inclusive, `to` not. */
  readonly from?: Instant | undefined;
  readonly to?: Instant | undefined;
};

/** Orders the caller may see, newest first. @errors invalid_cursor */
export async function listOrders(ctx: Ctx, filter: OrderFilter): Promise<Page<OrderView>> {
  const { accountId, status, state, symbol, side, origin, groupId, from, to } = filter;
  const named = [accountId, status, state, symbol, side, origin, groupId, from, to];
  const listing = `orders ${named.map((part) => part ?? '').join(' ')}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select()
      .from(orders)
      .where(
        and(
          ownRows(ctx, orders.userId),
          accountId === undefined ? undefined : eq(orders.accountId, accountId),
          status === undefined ? undefined : eq(orders.status, status),
          state === undefined ? undefined : (state === 'live' ? isNull : isNotNull)(orders.closedAt),
          symbol === undefined ? undefined : eq(orders.symbol, symbol),
          side === undefined ? undefined : eq(orders.side, side),
          origin === undefined ? undefined : eq(orders.origin, origin),
          groupId === undefined ? undefined : eq(orders.groupId, groupId),
          from === undefined ? undefined : gte(orders.placedAt, from),
          to === undefined ? undefined : lt(orders.placedAt, to),
          before === undefined ? undefined : lt(orders.id, before),
        ),
      )
      .orderBy(desc(orders.id))
      .limit(filter.limit + 1);
    const page = cutPage(key, listing, rows, filter.limit, (row) => [row.id]);
    return { ...page, data: await viewsOf(tx, page.data) };
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
    return present((await viewsOf(tx, [order]))[0], 'one order has one view');
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
    return present((await viewsOf(tx, [order]))[0], 'one order has one view');
  });
}

/** What happened to an order, oldest first. @errors not_found, invalid_cursor */
export async function listOrderEvents(
  ctx: Ctx,
  orderId: Id,
  page: PageRequest,
): Promise<Page<typeof orderEvents.$inferSelect>> {
  const listing = `order events ${orderId}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const [order] = await tx
      .select({ id: orders.id })
      .from(orders)
      .where(and(ownRows(ctx, orders.userId), eq(orders.id, orderId)));
    if (order === undefined) {
      throw refuse('not_found');
    }
    const [after] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select()
      .from(orderEvents)
      .where(
        and(eq(orderEvents.orderId, orderId), after === undefined ? undefined : gt(orderEvents.id, after)),
      )
      .orderBy(asc(orderEvents.id))
      .limit(page.limit + 1);
    return cutPage(key, listing, rows, page.limit, (row) => [row.id]);
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
          isNull(trades.venue),
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
  return { symbol, asOf: ctx.deps.clock.now(), bids: bids.map(sayable), asks: asks.map(sayable) };
}

/** Together orders can be more units than an amount can say: nobody is kept from the book by that. */
function sayable({ quantity, ...level }: BookLevel): BookLevel {
  return { ...level, quantity: quantity > MAX_AMOUNT ? MAX_AMOUNT : quantity };
}

async function storedDepth(ctx: Ctx, instrumentId: Id, levels: number) {
  // The engine's login, because a book shows everyone's orders; only sums leave this function.
  const rows = await ctx.deps.db.engine
    .select({
      side: orders.side,
      price: orders.limitPrice,
      quantity: sql<string>`sum(${orders.quantity} - ${orders.filledQuantity} - ${orders.reducedQuantity})::text`,
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
        quantity: readStoredAmount(row.quantity),
        orderCount: row.orderCount,
      }))
      .sort((left, right) => (left.price > right.price === (wanted === 'sell') ? 1 : -1))
      .slice(0, levels);
  return { bids: side('buy'), asks: side('sell') };
}
