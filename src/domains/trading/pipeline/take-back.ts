/**
 * After a settlement that its rules refuse, the book is not read again: only what the batch touched is, so that what
 * one customer can bring about costs as much as what they sent, however much rests in the book.
 */
import { and, inArray, isNotNull, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type Standing, takeBack, trailingOrders } from '../engine/take-back.ts';
import { orders } from '../schema.ts';
import { boundTo, enqueue, part, worksOf } from './bound-orders.ts';
import type { Book, Desk, Work } from './desk.ts';
import { holdBooks } from './fence.ts';
import { comingBack, stayOut } from './parked.ts';
import { forget } from './rebuild-book.ts';
import { replayOf } from './replay.ts';
import type { BookEvent } from './settle-plan.ts';
import type { OrderRow } from './ticket.ts';
import { readMarks } from './trail-marks.ts';
import { enteringIn, keepInQueue } from './tripped-books.ts';

/** What was taken from a book's queue, what the engine made of it, and how the book stood before. */
export type Taken = {
  readonly book: Book;
  readonly works: readonly Work[];
  readonly events: readonly BookEvent[];
  readonly before: Standing;
};

/** How long an order waits for money that other orders still tie, unless they end sooner. */
const PARKED_MS = 1_000;

/** Whether the memory of a book can be put back by what the batch touched: what is with a venue cannot. */
export function canBeTakenBack({ book }: Taken): boolean {
  return book.venue === null && book.ready;
}

/**
 * Puts a book back to where it stood before a batch, and what the batch touched in front of its queue, as the database
 * has it now. An order that is `parked` stays out until `wakeParked` or its time.
 * @errors BookLost
 */
export async function undoBatch(
  ctx: Ctx,
  desk: Desk,
  { book, works, events, before }: Taken,
  parked: Parking | null = null,
): Promise<void> {
  const touched = new Set<Id>([...works.flatMap(ordersOf), ...events.flatMap(ordersIn)]);
  if (events.some(({ type }) => type === 'marked')) {
    for (const orderId of trailingOrders(book.matching)) {
      touched.add(orderId);
    }
  }
  const meeting = parked === null ? [] : metAsMaker(events, parked.orderId);
  await enterAgain(ctx, book, [...touched], { before, works, parked: parked && { ...parked, meeting } });
  if (parked !== null) {
    wakeLater(desk, book);
  }
}

/**
 * Who came to an order that rested: they stay out with it, or it would come back to find them resting, and take from
 * them where they took from it. What it took from itself rests on for others.
 */
function metAsMaker(events: readonly BookEvent[], orderId: Id): Id[] {
  return events.flatMap((event) =>
    event.type === 'trade' && event.makerOrderId === orderId ? [event.takerOrderId] : [],
  );
}

/** Puts works before everything that waits. */
export function putInFront(book: Book, works: readonly Work[]): void {
  book.queue.unshift(...works);
  book.replaying += works.length;
}

type Parking = { readonly orderId: Id; readonly tying: readonly Id[] };

/** What is put back: how the book stood, what it was told since, and who stays out. */
type Undone = {
  readonly before: Standing;
  readonly works: readonly Work[];
  readonly parked: (Parking & { readonly meeting: readonly Id[] }) | null;
};

/** Lets orders that were parked enter again where their time has come. @shape whether there were any */
export async function wakeParked(ctx: Ctx, desk: Desk): Promise<boolean> {
  const due = [...desk.books.values()].filter(
    ({ ready, still, parked }) => ready && still === 0 && parked.isDue && parked.orderIds.size > 0,
  );
  for (const book of due) {
    const orderIds = comingBack(book);
    try {
      await enterAgain(ctx, book, orderIds, { before: book.matching, works: [], parked: null });
    } catch (error) {
      forget(book);
      throw error;
    }
  }
  return due.length > 0;
}

/** Orders that ended tie nothing any more; what was parked for the last of them enters again. */
export function tellEnded(desk: Desk, batch: readonly Pick<Taken, 'events'>[]): void {
  for (const { parked } of desk.books.values()) {
    if (parked.tying.size === 0) {
      continue;
    }
    for (const event of batch.flatMap(({ events }) => events)) {
      if (event.type === 'cancelled' || event.type === 'ended') {
        parked.tying.delete(event.orderId);
      }
    }
    parked.isDue ||= parked.tying.size === 0;
  }
}

/** A cancel of an order that is parked finds it once it is back. */
export function wakeForCancel({ parked }: Book, orderId: Id): void {
  parked.isDue ||= parked.orderIds.has(orderId);
}

/** Whether anything waits that is in no queue. */
export function hasParked(desk: Desk): boolean {
  return [...desk.books.values()].some(({ parked }) => parked.orderIds.size > 0);
}

function wakeLater(desk: Desk, { parked }: Book): void {
  const timer = setTimeout(() => {
    parked.isDue = true;
    desk.wake();
  }, PARKED_MS);
  timer.unref();
}

/** Reads orders with those that are bound to them, and tells them to the book again. */
async function enterAgain(
  ctx: Ctx,
  book: Book,
  orderIds: readonly Id[],
  { before, works, parked }: Undone,
): Promise<void> {
  const { rows, bound, markOf } = await transact(ctx, 'engine', (tx) => readAgain(tx, book, orderIds));
  const leaving = new Set([...orderIds, ...bound.map(({ id }): Id => id)]);
  takeBack(book.matching, leaving, before);
  const queued = new Set(book.queue.flatMap(enteringIn));
  // What is bound to them and still waits in the queue comes with them now.
  keepInQueue(book, (work) => work.type === 'cancel' || !ordersOf(work).some((id) => leaving.has(id)));
  if (parked !== null) {
    park(book, parked, rows, bound);
  }
  const entering = rows.filter(({ id }) => !book.parked.orderIds.has(id));
  const behind = book.queue.splice(0);
  // One that another process put a new order in the place of is not found among the open ones.
  part(book, leaving);
  enqueue(book, replayOf(works, worksOf(entering, bound, markOf), queued), bound);
  book.replaying += book.queue.length;
  for (const work of behind) {
    book.queue.push(work);
  }
}

async function readAgain(tx: Tx, book: Book, orderIds: readonly Id[]) {
  await holdBooks(tx, [book]);
  const among = (ids: readonly Id[]) =>
    sql`${orders.id} = any (${sql.param(arrayParameter('uuid', [...ids]))}::uuid[])`;
  const touched = await tx.select().from(orders).where(among(orderIds));
  const bound = await boundTo(tx, touched);
  const rows = await tx
    .select()
    .from(orders)
    .where(
      and(
        among([...new Set([...orderIds, ...bound.map(({ id }): Id => id)])]),
        inArray(orders.status, ['held', 'open', 'partially_filled']),
        isNotNull(orders.bookSeq),
      ),
    )
    .orderBy(orders.bookSeq);
  return { rows, bound, markOf: await readMarks(tx, [book.instrumentId]) };
}

/** An order stays out with all that is bound to it: what one does concerns the others. */
function park(
  book: Book,
  { orderId, tying, meeting }: NonNullable<Undone['parked']>,
  rows: readonly OrderRow[],
  bound: readonly OrderRow[],
): void {
  const staying = new Set([orderId, ...meeting]);
  const groupIds = new Set(bound.filter(({ id }) => staying.has(id)).map(({ groupId }) => groupId));
  stayOut(book, [
    ...rows.filter(({ id }) => staying.has(id)),
    ...bound.filter(({ groupId }) => groupIds.has(groupId)),
  ]);
  for (const id of tying) {
    book.parked.tying.add(id);
  }
}

/** The orders that a command concerns. */
function ordersOf(work: Work): Id[] {
  switch (work.type) {
    case 'cancel':
    case 'end':
      return [work.orderId];
    case 'wait':
      return [work.orderId, work.parentId];
    case 'group':
      return [...enteringIn(work), ...work.seats.map(({ orderId }): Id => orderId)];
    default:
      return [...enteringIn(work)];
  }
}

/** The orders that an event concerns, also where the database need not hear of it. */
function ordersIn(event: BookEvent): Id[] {
  if (event.type === 'trade') {
    return [event.makerOrderId, event.takerOrderId];
  }
  return 'orderId' in event ? [event.orderId] : [];
}
