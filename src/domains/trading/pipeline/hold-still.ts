/**
 * An accept that closes an order itself (a replacement) must not race the engine's memory: while books are
 * held still nothing more is taken from their queues, and what was taken is settled. So what the
 * transaction reads of an order is all that has happened to it.
 */
import type { Id } from '../../../kernel/id.ts';
import type { EngineEvent } from '../engine/event.ts';
import { applyCommand } from '../engine/order-book.ts';
import type { Book, BookName, Desk } from './desk.ts';

/**
 * Waits until the books stand still and keeps them so.
 * @shape what lets them go on
 */
export async function holdStill(desk: Desk, names: readonly BookName[]): Promise<() => void> {
  const books = new Set(names.flatMap((name) => desk.find(name) ?? []));
  for (const book of books) {
    book.still += 1;
  }
  if (books.size > 0) {
    await desk.settling;
  }
  return () => {
    for (const book of books) {
      book.still -= 1;
    }
  };
}

/** Takes an order that the database has closed out of memory: from the book, or from what waits for it. */
export function dropOrder(book: Book, orderId: Id): void {
  const answered: EngineEvent[] = [];
  applyCommand(book.matching, { type: 'cancel', orderId, reason: 'requested' }, answered);
  if (answered.some((event) => event.type === 'cancel_missed')) {
    book.dropped.add(orderId);
  }
}
