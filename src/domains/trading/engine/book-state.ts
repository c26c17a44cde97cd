/**
 * What one (book, instrument) holds in memory, and how an order is put in and taken out wherever it
 * stands: resting at a price, held for its trigger, or waiting for its parent.
 */
import { assert, present } from '../../../kernel/assert.ts';
import type { Away } from './away.ts';
import type { NewOrder, Side } from './command.ts';
import { createDependants, type Dependants, removeWaiting } from './groups.ts';
import {
  createOrderIndex,
  findOrder,
  hashOf,
  indexOrder,
  type OrderIndex,
  unindexOrder,
} from './order-index.ts';
import { createLadder, levelFor, type PriceLadder, removeLevel } from './price-ladder.ts';
import { enqueue, type RestingOrder, unlink } from './price-level.ts';
import { createTriggerIndex, type TriggerIndex, unhold } from './trigger-index.ts';

export type OrderBook = {
  /** @units base asset at 8 decimals; what a notional is cut into */
  readonly lotSize: bigint;
  /** Whether its own trades move the reference price; a paper book follows the market alone. */
  readonly makesPrices: boolean;
  /** Whether a venue executes what enters: nothing is matched here. */
  readonly external: boolean;
  /** What is with the venue. */
  readonly away: Away;
  /** Limit orders of groups that are held here until their price is reached, and go to the venue then. */
  readonly heldLimits: Set<string>;
  readonly bids: PriceLadder;
  readonly asks: PriceLadder;
  readonly index: OrderIndex;
  readonly triggers: TriggerIndex;
  readonly dependants: Dependants;
  phase: 'continuous' | 'halted';
  /** What triggers are measured against: the last trade here, or the last mark, whichever is later. */
  reference: bigint | null;
  /** The highest `bookSeq` that ever rested here: a later one cannot be a replay. */
  highestSeq: bigint;
};

/** What is needed to put an order back into its place. */
export type OpenOrder = {
  readonly orderId: string;
  readonly accountId: string;
  readonly personId: string;
  readonly side: Side;
  readonly price: bigint;
  readonly remaining: bigint;
  readonly bookSeq: bigint;
};

/** An empty book, open for trading. */
export function createOrderBook(lotSize: bigint, makesPrices = true, external = false): OrderBook {
  assert(lotSize > 0n, 'a lot is more than nothing');
  return {
    lotSize,
    makesPrices,
    external,
    away: new Map(),
    heldLimits: new Set(),
    bids: createLadder('buy'),
    asks: createLadder('sell'),
    index: createOrderIndex(),
    triggers: createTriggerIndex(),
    dependants: createDependants(),
    phase: 'continuous',
    reference: null,
    highestSeq: 0n,
  };
}

/** Puts an order into its place at a price. */
export function restOrder(
  book: OrderBook,
  order: NewOrder | OpenOrder,
  price: bigint,
  remaining: bigint,
): void {
  const resting: RestingOrder = {
    idHash: hashOf(order.orderId),
    personHash: hashOf(order.personId),
    sameBucket: null,
    level: null,
    ahead: null,
    behind: null,
    remaining,
    bookSeq: order.bookSeq,
    orderId: order.orderId,
    personId: order.personId,
    accountId: order.accountId,
    side: order.side,
    price,
  };
  const newest = order.bookSeq > book.highestSeq;
  if (newest) {
    book.highestSeq = order.bookSeq;
  }
  enqueue(levelFor(order.side === 'buy' ? book.bids : book.asks, price), resting, newest);
  indexOrder(book.index, resting);
}

/** True when an order is in the book in any way. */
export function isKnown(book: OrderBook, orderId: string): boolean {
  return (
    book.triggers.held.has(orderId) ||
    book.dependants.waiting.has(orderId) ||
    book.away.has(orderId) ||
    findOrder(book.index, orderId) !== null
  );
}

/**
 * Takes an order out, wherever it stands.
 * @shape what it had open (`null` where only a notional bounds it); undefined where it does not stand anywhere
 */
export function takeOut(book: OrderBook, orderId: string): bigint | null | undefined {
  const resting = findOrder(book.index, orderId);
  if (resting !== null) {
    takeResting(book, resting);
    return resting.remaining;
  }
  const held = book.triggers.held.get(orderId);
  if (held !== undefined) {
    unhold(book.triggers, held);
    book.heldLimits.delete(orderId);
    return held.quantity;
  }
  const waiting = book.dependants.waiting.get(orderId);
  if (waiting !== undefined) {
    removeWaiting(book.dependants, waiting);
    return waiting.quantity;
  }
  const away = book.away.get(orderId);
  if (away !== undefined && !away.routed) {
    book.away.delete(orderId);
    return away.remaining;
  }
  return undefined;
}

/** Takes a resting order out of its level and the index. */
export function takeResting(book: OrderBook, order: RestingOrder): void {
  const level = present(order.level, 'an indexed order stands at a level');
  unlink(level, order);
  if (level.orderCount === 0) {
    removeLevel(order.side === 'buy' ? book.bids : book.asks, level);
  }
  unindexOrder(book.index, order);
}

/** What is open of an order that rests or is held; undefined where it is neither. */
export function openOf(book: OrderBook, orderId: string): bigint | undefined {
  const open = findOrder(book.index, orderId)?.remaining ?? book.triggers.held.get(orderId)?.quantity;
  return open ?? undefined;
}

/** Leaves less of an order open; its place stays. */
export function cutDown(book: OrderBook, orderId: string, open: bigint): void {
  const resting = findOrder(book.index, orderId);
  if (resting !== null) {
    resting.remaining = open;
    present(resting.level, 'an indexed order stands at a level').knownQuantity = null;
    return;
  }
  present(book.triggers.held.get(orderId), 'only what rests or is held is cut down').quantity = open;
}
