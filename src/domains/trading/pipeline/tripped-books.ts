/**
 * Books while a circuit breaker stands: nothing is matched, and whoever wants out gets out. What was
 * accepted waits in its order and is matched when the breaker is lifted.
 */
import { newId } from '../../../kernel/id.ts';
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
  const trading = batch.filter(({ events }) => events.some((event) => event.type === 'trade'));
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

/** Whether an order still waited to enter the book; it does no more. */
export function withdrawWaiting(book: Book, isOfOrder: (work: Work) => boolean): boolean {
  const before = book.queue.length;
  keepInQueue(book, (work) => !isOfOrder(work));
  return book.queue.length < before;
}

function isLeaving(work: Work): boolean {
  return work.type === 'cancel' || work.type === 'end';
}

function keepInQueue(book: Book, keeps: (work: Work) => boolean): void {
  const works = book.queue.splice(0);
  const replayed = works.slice(0, book.replaying).filter(keeps);
  book.queue.push(...replayed, ...works.slice(book.replaying).filter(keeps));
  book.replaying = replayed.length;
}
