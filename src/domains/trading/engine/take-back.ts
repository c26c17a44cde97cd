/** Undoes what commands did to a book of which nothing became durable: what they touched leaves it, to enter again. */
import type { OrderBook } from './book-state.ts';
import { takeOut } from './book-state.ts';
import { leaveGroup } from './groups.ts';

/** What a book is besides its orders. */
export type Standing = Pick<OrderBook, 'phase' | 'reference'>;

/** Puts a book back to where it stood, without these orders: each is told to it anew, as the database has it. */
export function takeBack(book: OrderBook, orderIds: Iterable<string>, before: Standing): void {
  book.phase = before.phase;
  book.reference = before.reference;
  for (const orderId of orderIds) {
    leaveGroup(book.dependants, orderId);
    takeOut(book, orderId);
  }
}

/** Every order that follows the price: a mark moves all of a side in one step, so none can be undone alone. */
export function trailingOrders({ triggers }: OrderBook): readonly string[] {
  return [...triggers.held.values()].flatMap(({ trigger, order }) =>
    trigger.kind === 'trail' ? [order.orderId] : [],
  );
}
