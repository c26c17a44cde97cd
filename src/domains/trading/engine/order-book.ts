/**
 * The matching engine of one (book, instrument): price-time priority, in memory. It is pure: commands
 * in, events out, no clock, no I/O, no randomness, so that one command log always gives the same
 * events byte for byte. It remembers open orders only and decides nothing about money: what reaches it
 * was accepted and reserved, what it answers is settled elsewhere. Day and good-till-date orders rest
 * like good-till-cancelled ones; their end arrives as a cancel.
 */
import { assert, present, unreachable } from '../../../kernel/assert.ts';
import type { CancelOrder, EngineCommand, NewOrder, Side } from './command.ts';
import type { CancelReason, EngineEvent } from './event.ts';
import { type MatchStop, match, type Taker, wouldFill } from './match.ts';
import {
  createOrderIndex,
  findOrder,
  hashOf,
  indexOrder,
  type OrderIndex,
  unindexOrder,
} from './order-index.ts';
import {
  createLadder,
  isBetter,
  levelFor,
  type PriceLadder,
  removeLevel,
  walkLevels,
} from './price-ladder.ts';
import { enqueue, quantityAt, type RestingOrder, unlink } from './price-level.ts';

export type OrderBook = {
  /** @units base asset at 8 decimals; what a notional is cut into */
  readonly lotSize: bigint;
  readonly bids: PriceLadder;
  readonly asks: PriceLadder;
  readonly index: OrderIndex;
  phase: 'continuous' | 'halted';
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

export type DepthLevel = { readonly price: bigint; readonly quantity: bigint; readonly orderCount: number };

export type Depth = { readonly bids: DepthLevel[]; readonly asks: DepthLevel[] };

/** An empty book, open for trading. */
export function createOrderBook(lotSize: bigint): OrderBook {
  assert(lotSize > 0n, 'a lot is more than nothing');
  return {
    lotSize,
    bids: createLadder('buy'),
    asks: createLadder('sell'),
    index: createOrderIndex(),
    phase: 'continuous',
    highestSeq: 0n,
  };
}

/**
 * The book as it was when these orders were what it held; fastest in `bookSeq` order.
 * @errors AssertionError when an id comes twice, nothing is left of an order, or the sides cross
 */
export function restoreOrderBook(lotSize: bigint, openOrders: Iterable<OpenOrder>): OrderBook {
  const book = createOrderBook(lotSize);
  for (const open of openOrders) {
    assert(findOrder(book.index, open.orderId) === null, 'an order rests once');
    assert(open.remaining > 0n && open.price > 0n, 'an open order has a price and something left');
    rest(book, open, open.price, open.remaining);
  }
  const { bids, asks } = book;
  assert(
    bids.best === null || asks.best === null || bids.best.price < asks.best.price,
    'resting orders do not cross',
  );
  return book;
}

/**
 * Carries out one command and appends what happened to `events`. It never throws on what a customer
 * can send: an instruction that contradicts itself is rejected. A `new` for an order that rests
 * already, with the `bookSeq` it had, is a replay and changes nothing; the owner does not send again
 * what has ended.
 */
export function applyCommand(book: OrderBook, command: EngineCommand, events: EngineEvent[]): void {
  switch (command.type) {
    case 'new':
      admit(book, command, events);
      return;
    case 'cancel':
      cancel(book, command, events);
      return;
    case 'halt':
      if (book.phase !== 'halted') {
        book.phase = 'halted';
        events.push({ type: 'halted' });
      }
      return;
    case 'resume':
      if (book.phase !== 'continuous') {
        book.phase = 'continuous';
        events.push({ type: 'resumed' });
      }
      return;
    default:
      unreachable(command);
  }
}

/** The highest price somebody buys at; null when nobody does. */
export function bestBid(book: OrderBook): bigint | null {
  return book.bids.best?.price ?? null;
}

/** The lowest price somebody sells at; null when nobody does. */
export function bestAsk(book: OrderBook): bigint | null {
  return book.asks.best?.price ?? null;
}

/** The best `levels` prices of each side, best first, with what rests at them. */
export function depth(book: OrderBook, levels: number): Depth {
  return { bids: depthOf(book.bids, levels), asks: depthOf(book.asks, levels) };
}

/** Everything that rests, bids then asks, each in the order it would trade. */
export function openOrders(book: OrderBook): OpenOrder[] {
  const open: OpenOrder[] = [];
  for (const ladder of [book.bids, book.asks]) {
    walkLevels(ladder, (level) => {
      for (let order = level.head; order !== null; order = order.behind) {
        const { orderId, accountId, personId, side, price, remaining, bookSeq } = order;
        open.push({ orderId, accountId, personId, side, price, remaining, bookSeq });
      }
      return true;
    });
  }
  return open;
}

function admit(book: OrderBook, order: NewOrder, events: EngineEvent[]): void {
  if (order.bookSeq <= book.highestSeq && findOrder(book.index, order.orderId) !== null) {
    return;
  }
  if (!isConsistent(order)) {
    events.push({ type: 'rejected', orderId: order.orderId, reason: 'invalid_instruction' });
    return;
  }
  if (book.phase === 'halted') {
    events.push({ type: 'rejected', orderId: order.orderId, reason: 'halted' });
    return;
  }
  const makers = order.side === 'buy' ? book.asks : book.bids;
  const limit = order.orderType === 'limit' ? order.price : order.priceCap;
  const best = makers.best;
  const crosses = best !== null && (limit === null || !isBetter(makers.side, limit, best.price));
  if (crosses && order.postOnly) {
    pushCancelled(events, order.orderId, 'post_only_would_cross', order.quantity);
    return;
  }
  if (!crosses && mayRest(order)) {
    restRemainder(book, order, order.quantity, events);
    return;
  }
  const taker: Taker = {
    order,
    personHash: hashOf(order.personId),
    limit,
    lotSize: book.lotSize,
    quantity: order.quantity,
    notional: order.notional,
  };
  if (order.timeInForce === 'fok' && !wouldFill(makers, taker)) {
    pushCancelled(events, order.orderId, 'fok_unfillable', order.quantity);
    return;
  }
  conclude(book, taker, match(makers, book.index, taker, events), events);
}

/** What becomes of a taker when matching stops. */
function conclude(book: OrderBook, taker: Taker, stop: MatchStop, events: EngineEvent[]): void {
  const order = taker.order;
  const untouched = taker.notional === order.notional;
  if (stop === 'filled' || (stop === 'notional_below_lot' && !untouched)) {
    events.push({ type: 'done', orderId: order.orderId });
  } else if (stop === 'notional_below_lot') {
    pushCancelled(events, order.orderId, 'notional_too_small', null);
  } else if (stop === 'self_match') {
    pushCancelled(events, order.orderId, 'self_match', taker.quantity);
  } else if (mayRest(order)) {
    restRemainder(book, order, taker.quantity, events);
  } else if (order.orderType === 'limit') {
    pushCancelled(events, order.orderId, 'ioc_remainder', taker.quantity);
  } else {
    pushCancelled(events, order.orderId, stop === 'price' ? 'price_cap' : 'no_liquidity', taker.quantity);
  }
}

function cancel(book: OrderBook, command: CancelOrder, events: EngineEvent[]): void {
  const order = findOrder(book.index, command.orderId);
  if (order === null) {
    events.push({ type: 'cancel_missed', orderId: command.orderId });
    return;
  }
  const level = present(order.level, 'an indexed order stands at a level');
  unlink(level, order);
  if (level.orderCount === 0) {
    removeLevel(order.side === 'buy' ? book.bids : book.asks, level);
  }
  unindexOrder(book.index, order);
  pushCancelled(events, order.orderId, command.reason, order.remaining);
}

/** An instruction the engine can follow; the acceptance rules refuse the others with better words. */
function isConsistent(order: NewOrder): boolean {
  const { price, quantity, notional, priceCap } = order;
  if (order.orderType === 'limit') {
    const restsOrTakes = !order.postOnly || (order.timeInForce !== 'ioc' && order.timeInForce !== 'fok');
    return (
      isPositive(price) && isPositive(quantity) && notional === null && priceCap === null && restsOrTakes
    );
  }
  const sized = quantity === null ? isPositive(notional) : isPositive(quantity) && notional === null;
  return sized && price === null && (priceCap === null || priceCap > 0n) && !order.postOnly;
}

function isPositive(amount: bigint | null): boolean {
  return amount !== null && amount > 0n;
}

function mayRest(order: NewOrder): boolean {
  return order.orderType === 'limit' && order.timeInForce !== 'ioc' && order.timeInForce !== 'fok';
}

function restRemainder(book: OrderBook, order: NewOrder, left: bigint | null, events: EngineEvent[]): void {
  const remaining = present(left, 'a limit order has a quantity');
  rest(book, order, present(order.price, 'a limit order has a price'), remaining);
  events.push({ type: 'resting', orderId: order.orderId, remaining });
}

function rest(book: OrderBook, order: NewOrder | OpenOrder, price: bigint, remaining: bigint): void {
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

function pushCancelled(
  events: EngineEvent[],
  orderId: string,
  reason: CancelReason,
  remaining: bigint | null,
): void {
  events.push({ type: 'cancelled', orderId, reason, remaining });
}

function depthOf(ladder: PriceLadder, levels: number): DepthLevel[] {
  const best: DepthLevel[] = [];
  if (levels > 0) {
    walkLevels(ladder, (level) => {
      best.push({ price: level.price, quantity: quantityAt(level), orderCount: level.orderCount });
      return best.length < levels;
    });
  }
  return best;
}
