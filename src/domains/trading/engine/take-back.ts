/** Undoes what commands did to a book of which nothing became durable: what they touched leaves it, to enter again. */
import type { OpenOrder, OrderBook } from './book-state.ts';
import { takeOut } from './book-state.ts';
import { leaveGroup } from './groups.ts';
import { isBetter, walkLevels } from './price-ladder.ts';

/** What a book is besides its orders. */
export type Standing = Pick<OrderBook, 'phase' | 'reference'>;

/** Puts a book back to where it stood, without these orders: each is told to it anew, as the database has it. */
export function takeBack(book: OrderBook, orderIds: Iterable<string>, before: Standing): void {
  book.phase = before.phase;
  book.reference = before.reference;
  for (const orderId of orderIds) {
    book.dependants.over.delete(orderId);
    leaveGroup(book.dependants, orderId);
    takeOut(book, orderId);
  }
}

/** Who rests where an order of this price would trade, and came later than it. @shape best price and oldest first */
export function restingThrough(
  { bids, asks }: OrderBook,
  { side, price, bookSeq }: Pick<OpenOrder, 'side' | 'price' | 'bookSeq'>,
): readonly string[] {
  const others = side === 'buy' ? asks : bids;
  const later: string[] = [];
  walkLevels(others, (level) => {
    if (isBetter(others.side, price, level.price)) {
      return false;
    }
    for (let order = level.head; order !== null; order = order.behind) {
      if (order.bookSeq > bookSeq) {
        later.push(order.orderId);
      }
    }
    return true;
  });
  return later;
}

/** Every order that follows the price: a mark moves all of a side in one step, so none can be undone alone. */
export function trailingOrders({ triggers }: OrderBook): readonly string[] {
  return [...triggers.held.values()].flatMap(({ trigger, order }) =>
    trigger.kind === 'trail' ? [order.orderId] : [],
  );
}
