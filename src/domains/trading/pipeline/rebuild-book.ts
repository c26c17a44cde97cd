/**
 * Memory from the database: every open order goes through the engine again in the order of its
 * number. Those that rested rest again without a write; those that were accepted and never matched
 * match now. What was cancelled meanwhile does not come back.
 */
import { and, asc, eq, gt, inArray, isNull, sql } from 'drizzle-orm';
import { newId } from '../../../kernel/id.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import { type Deps, machineCtx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRows } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { TRADING_EVENTS } from '../audit.ts';
import { createOrderBook } from '../engine/order-book.ts';
import type { CancelReason } from '../record-cancel-requests.ts';
import { orders } from '../schema.ts';
import type { Book, Desk, Work } from './desk.ts';
import { newOrderCommand } from './engine-commands.ts';
import { type BookLost, holdBooks } from './fence.ts';
import type { OrderRow } from './ticket.ts';

const CHUNK = 10_000;
const ADMIT_MAX = 1_000;

/** Reads a book again. No order may be accepted meanwhile, or it could enter twice. */
export async function rebuildBook(deps: Deps, book: Book): Promise<void> {
  forget(book);
  const ctx = machineCtx(deps, { kind: 'system', name: 'trading.engine' }, newId());
  await transact(ctx, 'engine', async (tx) => {
    await holdBooks(tx, [book]);
    for (let after = 0n; ; ) {
      const rows = await openOrdersAfter(tx, book, after);
      book.queue.push(...rows.map(workOf));
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
}

/** Drops what a book holds in memory. Whoever waits for a cancel reads the database. */
export function forget(book: Book): void {
  book.ready = false;
  book.matching = createOrderBook(book.lot);
  book.told = '';
  for (const work of book.queue.splice(0)) {
    if (work.type === 'cancel') {
      work.settled?.();
    }
  }
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
        inArray(orders.status, ['open', 'partially_filled']),
        gt(orders.bookSeq, after),
      ),
    )
    .orderBy(asc(orders.bookSeq))
    .limit(CHUNK);
}

function workOf(order: OrderRow): Work {
  return order.cancelRequestedAt === null
    ? newOrderCommand(order, order.bookSeq ?? 0n)
    : { type: 'end', orderId: order.id, reason: (order.cancelReason ?? 'requested') as CancelReason };
}

/**
 * Numbers orders that were accepted where nobody matched: in another process, or before this one
 * owned the book.
 * @effects `orders.book_seq` and status `open`; audit `book.admitted`
 */
export async function admitPending(deps: Deps, desk: Desk): Promise<void> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'trading.engine' }, newId());
  const ready = [...desk.books.values()].filter((book) => book.ready);
  const admitted = await transact(ctx, 'engine', async (tx) => {
    const waiting = await tx
      .select({ id: orders.id })
      .from(orders)
      .where(eq(orders.status, 'pending'))
      .orderBy(asc(orders.id))
      .limit(ADMIT_MAX);
    if (waiting.length === 0) {
      return [];
    }
    await holdBooks(tx, ready);
    const rows = await lockRows(
      tx,
      orders,
      waiting.map((row) => row.id),
    );
    const numbered = rows.flatMap((order) => numberOrder(desk, order));
    await writeNumbers(tx, numbered);
    await recordMany(
      tx,
      ctx,
      ready.flatMap((book) => {
        const seqs = numbered.filter((entry) => entry.book === book).map((entry) => entry.seq);
        return seqs.length === 0 ? [] : [admittedChange(book, seqs)];
      }),
    );
    return numbered;
  });
  for (const { book, order, seq } of admitted) {
    book.queue.push(workOf({ ...order, bookSeq: seq }));
  }
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

async function writeNumbers(tx: Tx, numbered: readonly Numbered[]): Promise<void> {
  const ids = sql.param(numbered.map(({ order }) => order.id));
  const seqs = sql.param(numbered.map(({ seq }) => seq.toString()));
  await tx.execute(sql`
    update ${orders} o set book_seq = n.seq::bigint, status = 'open', version = o.version + 1
    from unnest(${ids}::text[], ${seqs}::text[]) as n (id, seq) where o.id = n.id::uuid`);
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

/** Cancels that were made durable and not carried out yet, wherever they were asked for. */
export async function collectCancels(deps: Deps, desk: Desk): Promise<void> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'trading.engine' }, newId());
  const rows = await transact(ctx, 'engine', (tx) =>
    tx
      .select()
      .from(orders)
      .where(and(sql`${orders.cancelRequestedAt} is not null`, isNull(orders.closedAt)))
      .limit(ADMIT_MAX),
  );
  for (const order of rows) {
    const book = desk.find(order);
    if (book?.ready && order.bookSeq !== null) {
      book.queue.push({ type: 'cancel', orderId: order.id, reason: engineReason(order.cancelReason) });
    }
  }
}

/** The engine tells apart only who takes an order out; the order keeps its own words. */
export function engineReason(reason: string | null): 'requested' | 'expired' | 'restricted' {
  return reason === 'expired' || reason === 'restricted' ? reason : 'requested';
}
