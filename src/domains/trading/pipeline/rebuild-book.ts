/**
 * Memory from the database: every open order goes through the engine again in the order of its
 * number. Those that rested rest again without a write; those that were accepted and never matched
 * match now. What was cancelled meanwhile does not come back.
 */
import { and, asc, eq, gt, inArray, isNotNull, isNull, or, sql } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { lockRows } from '../../../platform/db/locks.ts';
import { alongIndexes, executePrepared } from '../../../platform/db/prepared.ts';
import { together, transact } from '../../../platform/db/transact.ts';
import {
  instrumentsBySymbol,
  type MarketState,
  marketStates,
  type PricedInstrument,
} from '../../markets/index.ts';
import { TRADING_EVENTS } from '../audit.ts';
import { createOrderBook } from '../engine/book-state.ts';
import { tellOrders } from '../order-news.ts';
import { bookOwners, orders } from '../schema.ts';
import { asTheyStand, readAway } from '../venues/restore-away.ts';
import { venueOrders } from '../venues/schema.ts';
import { statusAtFirst } from './accept-decisions.ts';
import { boundIn, boundTo, enqueue, worksOf } from './bound-orders.ts';
import { type Book, type Desk, nobodyParked } from './desk.ts';
import { engineReason } from './engine-commands.ts';
import { isHeldIn, spansFor, tellSpans } from './feed-prices.ts';
import { type BookLost, holdBooks } from './fence.ts';
import { isWaiting } from './group-reservations.ts';
import { dropOrder } from './hold-still.ts';
import { isOutcomeUnknown } from './lost-answers.ts';
import { bindBeside } from './take-place.ts';
import type { OrderRow } from './ticket.ts';
import { readMarks } from './trail-marks.ts';

/** Said of a book that is read again: after a failure that is nobody's order. */
const BOOK_READ = 'a book was read from the database again';

const CHUNK = 10_000;
const ADMIT_MAX = 1_000;

/** Reads a book again. No order may be accepted meanwhile, or it could enter twice. */
export async function rebuildBook(deps: Deps, book: Book): Promise<void> {
  const isAgain = book.generation > 0;
  forget(book);
  const ctx = machineCtx(deps, { kind: 'system', name: 'trading.engine' }, newId());
  await transact(ctx, 'engine', async (tx) => {
    await holdBooks(tx, [book]);
    await beginAsBefore(tx, ctx, book);
    const markOf = await readMarks(tx, [book.instrumentId]);
    const bound = await boundIn(tx, book);
    const away = await readAway(tx, ctx, book);
    for (let after = 0n; ; ) {
      const rows = await openOrdersAfter(tx, book, after);
      enqueue(book, asTheyStand(away, rows, worksOf(rows, bound, markOf)), bound);
      if (rows.length < CHUNK) {
        break;
      }
      after = rows.at(-1)?.bookSeq ?? after;
    }
    const [last] = await tx
      .select({ seq: sql<string>`coalesce(max(${orders.bookSeq}), 0)::text` })
      .from(orders)
      .where(and(eq(orders.instrumentId, book.instrumentId), eq(orders.book, book.book)));
    book.nextSeq = BigInt(last?.seq ?? '0') + 1n;
  });
  book.replaying = book.queue.length;
  book.ready = true;
  if (isAgain) {
    deps.log.info({ book: book.book, symbol: book.symbol, commands: book.queue.length }, BOOK_READ);
  }
}

/** Drops what a book holds in memory. Whoever waits for a cancel reads the database. */
export function forget(book: Book): void {
  book.ready = false;
  book.generation += 1;
  book.reporting.clear();
  book.cutOff.clear();
  book.unrecalled.clear();
  for (const waiting of book.awaiting.values()) {
    for (const settled of waiting) {
      settled();
    }
  }
  book.awaiting.clear();
  book.matching = emptyMatching(book);
  book.marked = null;
  book.phase = 'continuous';
  book.told = '';
  book.dropped.clear();
  book.siblings.clear();
  book.parked = nobodyParked();
  for (const work of book.queue.splice(0)) {
    if (work.type === 'cancel') {
      work.settled?.();
    }
  }
}

/** What a venue executes, or another market prices, makes no price here. */
function emptyMatching(book: Book) {
  const external = book.venue !== null;
  return createOrderBook(book.lot, book.book === 'live' && !book.followsFeed && !external, external);
}

/** Takes books off the desk that another engine owns by now. */
export function giveUpBooks(desk: Desk, lost: BookLost): void {
  for (const key of lost.keys) {
    const book = desk.books.get(key);
    if (book !== undefined) {
      forget(book);
      desk.books.delete(key);
    }
  }
}

async function openOrdersAfter(tx: Tx, book: Book, after: bigint): Promise<OrderRow[]> {
  return tx
    .select()
    .from(orders)
    .where(
      and(
        eq(orders.instrumentId, book.instrumentId),
        eq(orders.book, book.book),
        inArray(orders.status, ['held', 'open', 'partially_filled']),
        gt(orders.bookSeq, after),
      ),
    )
    .orderBy(asc(orders.bookSeq))
    .limit(CHUNK);
}

/** Whether the books of an instrument match: it is active, and its exchange is open. */
export function mayMatch(
  { status }: Pick<PricedInstrument, 'status'>,
  market: MarketState | undefined,
): boolean {
  return status === 'active' && market?.open === true;
}

/**
 * The price, and whether it matches, before the orders: those that were collected do not match one by one, and what
 * was stopped while nobody looked matches nothing.
 */
async function beginAsBefore(tx: Tx, ctx: Ctx, book: Book): Promise<void> {
  const instrument = (await instrumentsBySymbol(tx, [book.symbol])).get(book.symbol);
  book.followsFeed = instrument?.feed !== undefined && instrument.feed !== null;
  book.isContract = instrument?.kind === 'contract';
  book.spans = instrument?.priceSpans ?? 0n;
  book.matching = emptyMatching(book);
  if (instrument !== undefined && instrument.last !== null) {
    book.marked = instrument.last;
    book.queue.push({ type: 'mark', price: instrument.last });
  }
  const [owner] = await tx
    .select({ phase: bookOwners.phase })
    .from(bookOwners)
    .where(and(eq(bookOwners.instrumentId, book.instrumentId), eq(bookOwners.book, book.book)));
  const markets = await marketStates(tx, ctx, instrument === undefined ? [] : [instrument]);
  const stopped = instrument !== undefined && !mayMatch(instrument, markets.get(instrument.exchange));
  if (owner?.phase === 'halted' || stopped) {
    book.phase = 'halted';
    book.queue.push({ type: 'halt' });
  }
}

/**
 * Numbers orders that were accepted where nobody matched: in another process, or before this one
 * owned the book.
 * @effects `orders.book_seq` and status `open` or `held`; `order_events`, outbox `trading.order_opened`; audit `book.admitted`
 */
export async function admitPending(deps: Deps, desk: Desk): Promise<void> {
  const { admitted, bound, stale, spans } = await numberPending(deps, desk);
  for (const order of stale) {
    const book = desk.find(order);
    if (book !== undefined) {
      dropOrder(book, order.id);
    }
  }
  for (const { book, order, seq } of admitted) {
    tellSpans(book, spans);
    const legs = order.groupId === null ? [] : bound.filter(({ groupId }) => groupId === order.groupId);
    if (order.replacesId === null || bindBeside(book, order, legs)) {
      enqueue(book, worksOf([{ ...order, bookSeq: seq }], legs), legs);
    }
  }
}

async function numberPending(deps: Deps, desk: Desk) {
  const ctx = machineCtx(deps, { kind: 'system', name: 'trading.engine' }, newId());
  const ready = [...desk.books.values()].filter((book) => book.ready);
  const concerned = new Set<Book>();
  const admitting = transact(ctx, 'engine', async (tx) => {
    // Few of very many: found by their own index, and only then put in order.
    const [, waiting] = await together(
      alongIndexes(tx),
      executePrepared<{ readonly id: Id }>(
        tx,
        sql`with waiting as materialized (select id from ${orders} where status = 'pending')
          select id from waiting order by id limit ${sql.raw(String(ADMIT_MAX))}`,
      ),
    );
    if (waiting.length === 0) {
      return { admitted: [], bound: [], stale: [], spans: new Map() };
    }
    await holdBooks(tx, ready);
    const rows = await lockRows(tx, orders, await wholeGroups(tx, waiting));
    const numbered = rows.flatMap((order) => numberOrder(desk, order));
    for (const { book } of numbered) {
      concerned.add(book);
    }
    await writeNumbers(tx, ctx, numbered);
    await recordMany(
      tx,
      ctx,
      ready.flatMap((book) => {
        const seqs = numbered.filter((entry) => entry.book === book).map((entry) => entry.seq);
        return seqs.length === 0 ? [] : [admittedChange(book, seqs)];
      }),
    );
    const bound = await boundTo(
      tx,
      numbered.map(({ order }) => order),
    );
    const held = numbered.filter(({ book, order }) => isHeldIn(book, order));
    return {
      admitted: numbered,
      bound,
      stale: await replacedElsewhere(tx, numbered),
      spans: await spansFor(
        tx,
        held.map(({ book }) => book),
      ),
    };
  });
  try {
    return await admitting;
  } catch (error) {
    if (isOutcomeUnknown(error)) {
      // They may be open by now without having entered their books: they get there when those are read again.
      for (const book of concerned) {
        forget(book);
      }
    }
    throw error;
  }
}

/** Two that cancel each other are numbered together, however many wait. */
async function wholeGroups(tx: Tx, waiting: readonly { readonly id: Id }[]): Promise<readonly Id[]> {
  const ids = waiting.map(({ id }) => id);
  const others = await executePrepared<{ readonly id: Id }>(
    tx,
    sql`select o.id from ${orders} one join ${orders} o on o.group_id = one.group_id
      where one.id = any (${sql.param(arrayParameter('uuid', ids))}::uuid[]) and one.group_role = 'oco' and o.status = 'pending'`,
  );
  return [...new Set([...ids, ...others.map(({ id }) => id)])];
}

/**
 * What another process replaced, and this one may still hold: behind each admitted order the last one of its
 * line that had a number.
 */
async function replacedElsewhere(tx: Tx, numbered: readonly Numbered[]) {
  const ids = numbered.flatMap(({ order }) => order.replacesId ?? []);
  if (ids.length === 0) {
    return [];
  }
  return tx.execute<{ id: Id; instrumentId: Id; book: OrderRow['book'] }>(sql`
    with recursive line as (
      select id, instrument_id, book, book_seq, replaces_id from ${orders}
      where id = any (${sql.param(ids)}::uuid[]) and status = 'replaced'
      union all
      select o.id, o.instrument_id, o.book, o.book_seq, o.replaces_id from ${orders} o
      join line on o.id = line.replaces_id where line.book_seq is null and o.status = 'replaced')
    select id, instrument_id as "instrumentId", book from line where book_seq is not null`);
}

type Numbered = { readonly book: Book; readonly order: OrderRow; readonly seq: bigint };

function numberOrder(desk: Desk, order: OrderRow): Numbered[] {
  const book = desk.find(order);
  if (book === undefined || !book.ready || order.status !== 'pending') {
    return [];
  }
  const seq = book.nextSeq;
  book.nextSeq += 1n;
  return [{ book, order, seq }];
}

async function writeNumbers(tx: Tx, ctx: Ctx, numbered: readonly Numbered[]): Promise<void> {
  const ids = sql.param(numbered.map(({ order }) => order.id));
  const seqs = sql.param(numbered.map(({ seq }) => seq.toString()));
  const statuses = sql.param(numbered.map(({ order }) => statusAtFirst(order.type)));
  await tx.execute(sql`
    update ${orders} o set book_seq = n.seq::bigint, status = n.status::order_status, version = o.version + 1
    from unnest(${ids}::text[], ${seqs}::text[], ${statuses}::text[]) as n (id, seq, status) where o.id = n.id::uuid`);
  await tellOrders(
    tx,
    ctx,
    numbered.map(({ order }) => ({
      order: { ...order, status: statusAtFirst(order.type), version: order.version + 1 },
      what: 'opened' as const,
      data: {},
    })),
  );
}

function admittedChange(book: Book, seqs: readonly bigint[]) {
  return {
    event: TRADING_EVENTS['book.admitted'],
    resource: { type: 'book', id: book.instrumentId },
    subjectUserId: null,
    after: {
      symbol: book.symbol,
      book: book.book,
      count: seqs.length,
      firstSeq: seqs[0]?.toString() ?? null,
      lastSeq: seqs.at(-1)?.toString() ?? null,
    },
  };
}

/**
 * Cancels that were made durable and not carried out yet, wherever they were asked for, the oldest first. Only those
 * that a book of this desk can begin: what a venue was asked for already waits there, and keeps nobody else waiting.
 * @shape exits that wait for their entry and that no book here knows: another process put them in the place of others
 */
export async function collectCancels(deps: Deps, desk: Desk, max = ADMIT_MAX): Promise<readonly OrderRow[]> {
  const ready = [...desk.books.values()].filter((book) => book.ready);
  if (ready.length === 0) {
    return [];
  }
  const instrumentIds = sql.param(ready.map(({ instrumentId }) => instrumentId));
  const books = sql.param(ready.map(({ book }) => book));
  const ctx = machineCtx(deps, { kind: 'system', name: 'trading.engine' }, newId());
  const rows = await transact(ctx, 'engine', (tx) =>
    tx
      .select()
      .from(orders)
      .where(
        and(
          sql`${orders.cancelRequestedAt} is not null`,
          isNull(orders.closedAt),
          or(isNotNull(orders.bookSeq), isNotNull(orders.parentId)),
          sql`(${orders.instrumentId}, ${orders.book}::text) in (
            select * from unnest(${instrumentIds}::uuid[], ${books}::text[]))`,
          sql`not exists (select from ${venueOrders} v where v.order_id = ${orders.id} and v.recalled_at is not null)`,
        ),
      )
      .orderBy(asc(orders.cancelRequestedAt), asc(orders.id))
      .limit(max),
  );
  const unknown = rows.filter((order) => isUnknownExit(desk.find(order), order));
  for (const order of rows) {
    const book = desk.find(order);
    if (book?.ready && !unknown.includes(order)) {
      book.queue.push({ type: 'cancel', orderId: order.id, reason: engineReason(order.cancelReason) });
    }
  }
  return unknown;
}

/** Ends such exits. No order may be accepted meanwhile, or one might be about to take its place here. */
export function endUnknown(desk: Desk, exits: readonly OrderRow[]): void {
  for (const order of exits) {
    const book = desk.find(order);
    if (book?.ready && isUnknownExit(book, order)) {
      book.queue.push({ type: 'end', orderId: order.id, reason: engineReason(order.cancelReason) });
    }
  }
}

function isUnknownExit(book: Book | undefined, order: OrderRow): boolean {
  return (
    book !== undefined &&
    order.replacesId !== null &&
    isWaiting(order) &&
    !book.matching.dependants.waiting.has(order.id) &&
    !book.queue.some((work) => 'orderId' in work && work.orderId === order.id)
  );
}
