/**
 * What follows from what happened: a trade moves the reference price, which trailing orders follow and
 * which reaches triggers; a trade or an end of one order concerns those that depend on it. Events are
 * worked off in their order, those that follow from others behind them, until nothing follows. An
 * order that is triggered or set free only leaves: it comes back by a command of its own, so that a
 * cascade is a sequence of commands and each order of it stands or falls by itself.
 */
import { recall, sendAway } from './away.ts';
import { cutDown, type OrderBook, openOf, takeOut } from './book-state.ts';
import type { NewOrder, Side } from './command.ts';
import type { CancelReason, EngineEvent, OrderTraded } from './event.ts';
import { countParent, dissolveGroup, endParent, hasDependants, leaveGroup, shareLeft } from './groups.ts';
import { followPrice, takeReached } from './trigger-index.ts';

const SIDES: readonly Side[] = ['buy', 'sell'];

/**
 * Works off the events from `from` on, and whatever they add. Trades count for those that depend on them before the
 * prices they made trigger anything: of a sweep that reaches a stop and then trades the limit of its group, the stop
 * is left with what the limit did not trade.
 */
export function follow(book: OrderBook, events: EngineEvent[], from: number): void {
  if (hasDependants(book.dependants)) {
    countTrades(book, events, from);
  }
  for (let at = from; at < events.length; at += 1) {
    const event = events[at];
    switch (event?.type) {
      case 'trade':
        if (book.makesPrices) {
          touch(book, event.price, events);
        }
        break;
      case 'done':
        endSiblings(book, event.orderId, events);
        endWaiting(book, event.orderId, true, events);
        break;
      case 'cancelled':
      case 'rejected':
        leaveGroup(book.dependants, event.orderId);
        endWaiting(book, event.orderId, false, events);
        break;
      case 'reduced':
        countParent(book.dependants, event.orderId, { open: event.remaining });
        break;
      default:
        break;
    }
  }
}

function countTrades(book: OrderBook, events: EngineEvent[], from: number): void {
  const happened = events.length;
  for (let at = from; at < happened; at += 1) {
    const event = events[at];
    if (event?.type === 'trade') {
      shareOut(book, event.makerOrderId, event.makerRemaining, event, events);
      shareOut(book, event.takerOrderId, event.takerRemaining, event, events);
    } else if (event?.type === 'executed') {
      shareOut(book, event.orderId, event.remaining, event, events);
    }
  }
}

/**
 * Moves the reference price: trails follow it first, then it reaches triggers, the nearest first. While
 * the book is halted trails follow, and nothing is triggered.
 */
export function touch(book: OrderBook, price: bigint, events: EngineEvent[]): void {
  book.reference = price;
  if (book.triggers.held.size === 0) {
    return;
  }
  for (const side of SIDES) {
    const fromHeldSeq = followPrice(book.triggers, side, price);
    if (fromHeldSeq !== null) {
      events.push({ type: 'marked', side, fromHeldSeq, mark: price });
    }
  }
  if (book.phase === 'halted') {
    return;
  }
  for (
    let next = takeReached(book.triggers, price);
    next !== null;
    next = takeReached(book.triggers, price)
  ) {
    const { order, quantity } = next.held;
    reach(book, { ...order, quantity }, price, next.mark, events);
  }
}

/**
 * The price an order was held for is reached: it leaves for its trigger, or for the venue where it is a limit order
 * that was held here for its group. The others of its group end with that.
 */
export function reach(
  book: OrderBook,
  order: NewOrder,
  price: bigint,
  mark: bigint | null,
  events: EngineEvent[],
): void {
  const { orderId } = order;
  if (book.heldLimits.delete(orderId)) {
    sendAway(book.away, order, false, events);
  } else {
    events.push({ type: 'triggered', orderId, price, mark });
  }
  endSiblings(book, orderId, events);
}

/** What follows where an order ended outside the book, which does not hold it: those that depend on it are told. */
export function endOutside(book: OrderBook, orderId: string, events: EngineEvent[]): void {
  leaveGroup(book.dependants, orderId);
  endWaiting(book, orderId, false, events);
}

/** Appends the end of an order that did not trade whole. */
export function pushCancelled(
  events: EngineEvent[],
  orderId: string,
  reason: CancelReason,
  remaining: bigint | null,
): void {
  events.push({ type: 'cancelled', orderId, reason, remaining });
}

/** A trade of one takes the same share off the others of its group, and counts for who waits for it. */
function shareOut(
  book: OrderBook,
  orderId: string,
  left: bigint | null,
  { quantity }: Pick<OrderTraded, 'quantity'>,
  events: EngineEvent[],
): void {
  countParent(book.dependants, orderId, { traded: quantity });
  const group = book.dependants.groupOf.get(orderId);
  if (group === undefined || left === null) {
    return;
  }
  if (left === 0n) {
    endSiblings(book, orderId, events);
    return;
  }
  for (const sibling of group.members) {
    const coming = group.coming.get(sibling);
    const open = coming ?? openOf(book, sibling);
    if (sibling === orderId || open === undefined) {
      continue;
    }
    const share = shareLeft(open, left, left + quantity, book.lotSize);
    if (share === open) {
      continue;
    }
    if (coming === undefined) {
      cutDown(book, sibling, share);
    } else {
      group.coming.set(sibling, share);
    }
    events.push({ type: 'reduced', orderId: sibling, remaining: share });
  }
}

function endSiblings(book: OrderBook, orderId: string, events: EngineEvent[]): void {
  const coming = book.dependants.groupOf.get(orderId)?.coming;
  for (const sibling of dissolveGroup(book.dependants, orderId)) {
    if (recall(book.away, sibling, 'group', events)) {
      continue;
    }
    const open = coming?.get(sibling) ?? takeOut(book, sibling);
    if (coming?.delete(sibling)) {
      book.dependants.over.add(sibling);
    }
    if (open !== undefined) {
      pushCancelled(events, sibling, 'group', open);
    }
  }
}

function endWaiting(book: OrderBook, orderId: string, isFilled: boolean, events: EngineEvent[]): void {
  for (const { waiting, free } of endParent(book.dependants, orderId, isFilled, book.lotSize)) {
    if (free === 0n) {
      pushCancelled(events, waiting.orderId, 'parent_ended', waiting.quantity);
      continue;
    }
    if (free < waiting.quantity) {
      events.push({ type: 'reduced', orderId: waiting.orderId, remaining: free });
    }
    events.push({ type: 'released', orderId: waiting.orderId, quantity: free });
  }
}
