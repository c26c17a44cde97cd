/**
 * What a replacement does to the memory of a book, before anything else is matched. The order that was closed leaves at
 * once. One of a group leaves its seat to the new order, which enters behind what waits already: what the others trade
 * until then is taken off it, and what ends the group ends it, so that at no instant both or neither stand.
 */
import type { Id } from '../../../kernel/id.ts';
import type { EngineCommand } from '../engine/command.ts';
import type { EngineEvent } from '../engine/event.ts';
import { applyCommand } from '../engine/order-book.ts';
import { enqueue, groupOf, waitFor } from './bound-orders.ts';
import type { Book } from './desk.ts';
import { isWaiting } from './group-reservations.ts';
import { dropOrder } from './hold-still.ts';
import { stayOut } from './parked.ts';
import type { OrderRow } from './ticket.ts';

/**
 * Puts an order in the place of another that the database has closed.
 * @units live: the open orders of its group
 * @shape whether the book is to be told of it now
 */
export function takePlace(book: Book, replaced: Id, order: OrderRow, live: readonly OrderRow[]): boolean {
  if (isWaiting(order)) {
    waitInstead(book, replaced, order, live);
    return false;
  }
  dropOrder(book, replaced);
  return bindBeside(book, order, live);
}

/**
 * Binds an order that is still to enter to the others of its group, where they stand.
 * @shape false where it stays out with them until they come back
 */
export function bindBeside(book: Book, order: OrderRow, live: readonly OrderRow[]): boolean {
  const legs = live.filter(({ groupRole }) => groupRole !== 'parent');
  if (legs.length < 2) {
    return true;
  }
  enqueue(book, [], legs);
  if (legs.some(({ id }) => book.parked.orderIds.has(id))) {
    stayOut(book, [order]);
    return false;
  }
  for (const [place, work] of book.queue.entries()) {
    const [member] = work.type === 'group' && work.groupId === order.groupId ? work.members : [];
    if (member !== undefined) {
      // It enters where it would have; who belongs together is said now.
      book.queue[place] = member;
    }
  }
  apply(book, groupOf(order, [], legs));
  return true;
}

/** An exit that waits is not in the book; where the entry was read again meanwhile, its exits were with it. */
function waitInstead(book: Book, replaced: Id, order: OrderRow, live: readonly OrderRow[]): void {
  enqueue(book, [], live);
  const parent = live.find(({ id }) => id === order.parentId);
  if (parent === undefined) {
    return;
  }
  const place = book.queue.findIndex((work) => work.type === 'wait' && work.orderId === replaced);
  if (place >= 0) {
    book.queue.splice(place, 1, waitFor(order, parent));
  } else if (book.matching.dependants.waiting.has(replaced)) {
    // Before the other leaves, so that what the entry has traded is not forgotten.
    apply(book, waitFor(order, parent));
    apply(book, { type: 'cancel', orderId: replaced, reason: 'requested' });
  }
}

/** The database knows what this does already. */
function apply(book: Book, command: EngineCommand): void {
  const told: EngineEvent[] = [];
  applyCommand(book.matching, command, told);
}
