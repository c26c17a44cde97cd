/**
 * Books while a circuit breaker stands: nothing is matched, and whoever wants out gets out. What was
 * accepted waits in its order and is matched when the breaker is lifted.
 */
import { type Id, newId } from '../../../kernel/id.ts';
import { type Deps, machineCtx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { holdBreakers, isTripped, readTripped, watchQuotes } from '../../risk/index.ts';
import type { Book, Desk, Work } from './desk.ts';
import { forget } from './rebuild-book.ts';
import type { BookEvents } from './record-settlement.ts';

/** Thrown where a trade was matched and its instrument has been stopped since; nothing was written. */
export class BreakerTripped extends Error {
  override readonly name = 'BreakerTripped';
}

/**
 * Looks at prices that are not made here, and at which books may trade.
 * @effects a book whose breaker was lifted is begun anew, at the price of now
 */
export async function followBreakers(deps: Deps, desk: Desk): Promise<void> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'trading.engine' }, newId());
  await watchQuotes(ctx);
  const tripped = await transact(ctx, 'engine', (tx) => readTripped(tx));
  for (const book of desk.books.values()) {
    const wasTripped = book.tripped;
    book.tripped = isTripped(tripped, book.instrumentId);
    if (wasTripped && !book.tripped) {
      // What waited knows prices from while it stood; none of them may trigger anything.
      forget(book);
    }
  }
}

/**
 * Keeps breakers from being tripped by hand until the transaction ends.
 * @errors BreakerTripped where something to be settled traded although it is stopped
 */
export async function refuseTripped(tx: Tx, batch: readonly BookEvents[]): Promise<void> {
  const trading = batch.filter(({ events }) =>
    events.some((event) => event.type === 'trade' || event.type === 'routed'),
  );
  if (trading.length === 0) {
    return;
  }
  const tripped = await holdBreakers(tx);
  const stopped = trading.filter(({ book }) => isTripped(tripped, book.instrumentId));
  for (const { book } of stopped) {
    book.tripped = true;
  }
  if (stopped.length > 0) {
    throw new BreakerTripped('an instrument of the settlement is stopped');
  }
}

/** Takes what leaves a book that does not trade; the rest waits where it was. */
export function takeLeaving(book: Book): Work[] {
  const leaving = book.queue.filter(isLeaving);
  if (leaving.length > 0) {
    keepInQueue(book, (work) => !isLeaving(work));
  }
  return leaving;
}

/** Whether an order still waited to enter the book; it does no more. Another of its group still does. */
export function withdrawWaiting(book: Book, orderId: Id): boolean {
  const place = book.queue.findIndex((work) => enteringIn(work).includes(orderId));
  const work = book.queue[place];
  if (work?.type === 'group') {
    const [left] = work.members.filter((member) => !enteringIn(member).includes(orderId));
    book.queue.splice(place, 1, ...(left === undefined ? [] : [left]));
  } else if (work !== undefined) {
    keepInQueue(book, (waiting) => waiting !== work);
  }
  return work !== undefined;
}

/** The orders that a command puts into the book. */
export function enteringIn(work: Work): readonly Id[] {
  switch (work.type) {
    case 'new':
      return [work.orderId];
    case 'hold':
      return [work.order.orderId];
    case 'group':
      return work.members.flatMap(enteringIn);
    default:
      return [];
  }
}

/** What is with a venue and what the venue says of it are facts, whether or not the instrument trades here. */
function isLeaving(work: Work): boolean {
  return (
    work.type === 'cancel' ||
    work.type === 'end' ||
    // An exit that waits trades nothing; its entry may be what leaves.
    work.type === 'wait' ||
    work.type === 'restore' ||
    work.type === 'report' ||
    work.type === 'resolve' ||
    work.type === 'never_received'
  );
}

/** Drops from a queue what does not stay. */
export function keepInQueue(book: Book, keeps: (work: Work) => boolean): void {
  const works = book.queue.splice(0);
  const replayed = works.slice(0, book.replaying).filter(keeps);
  book.queue.push(...replayed, ...works.slice(book.replaying).filter(keeps));
  book.replaying = replayed.length;
}
