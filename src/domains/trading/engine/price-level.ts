/**
 * The orders of one price in time priority: a linked list through the orders themselves, so that a
 * cancel unlinks in constant time whatever its place in the queue.
 */
import type { Side } from './command.ts';

export type PriceLevel = {
  readonly price: bigint;
  head: RestingOrder | null;
  tail: RestingOrder | null;
  orderCount: number;
  /** The sum of what its orders have left, or `null` since the last change. */
  knownQuantity: bigint | null;
};

/** What matching and cancelling touch comes first, to lie in one cache line. */
export type RestingOrder = {
  /** Hashes of the ids: most are told apart without reading text. */
  readonly idHash: number;
  readonly personHash: number;
  /** The next order of its bucket in the order index. */
  sameBucket: RestingOrder | null;
  level: PriceLevel | null;
  ahead: RestingOrder | null;
  behind: RestingOrder | null;
  remaining: bigint;
  readonly bookSeq: bigint;
  readonly orderId: string;
  readonly personId: string;
  readonly accountId: string;
  readonly side: Side;
  readonly price: bigint;
};

/** A level without orders. */
export function createLevel(price: bigint): PriceLevel {
  return { price, head: null, tail: null, orderCount: 0, knownQuantity: null };
}

/**
 * Queues an order by its `bookSeq`: nearly always at the tail, else ahead of those numbered later. An
 * order known to be the `newest` of its book goes to the tail without a look at who stands there.
 */
export function enqueue(level: PriceLevel, order: RestingOrder, newest: boolean): void {
  let ahead = level.tail;
  while (!newest && ahead !== null && ahead.bookSeq > order.bookSeq) {
    ahead = ahead.ahead;
  }
  const behind = ahead === null ? level.head : ahead.behind;
  order.level = level;
  order.ahead = ahead;
  order.behind = behind;
  if (ahead === null) {
    level.head = order;
  } else {
    ahead.behind = order;
  }
  if (behind === null) {
    level.tail = order;
  } else {
    behind.ahead = order;
  }
  level.knownQuantity = null;
  level.orderCount += 1;
}

/** Takes an order, with what it has left, out of its queue. */
export function unlink(level: PriceLevel, order: RestingOrder): void {
  if (order.ahead === null) {
    level.head = order.behind;
  } else {
    order.ahead.behind = order.behind;
  }
  if (order.behind === null) {
    level.tail = order.ahead;
  } else {
    order.behind.ahead = order.ahead;
  }
  order.level = null;
  order.ahead = null;
  order.behind = null;
  level.knownQuantity = null;
  level.orderCount -= 1;
}

/** The sum of what a level's orders have left; added up anew only after a change. */
export function quantityAt(level: PriceLevel): bigint {
  if (level.knownQuantity === null) {
    let quantity = 0n;
    for (let order = level.head; order !== null; order = order.behind) {
      quantity += order.remaining;
    }
    level.knownQuantity = quantity;
  }
  return level.knownQuantity;
}
