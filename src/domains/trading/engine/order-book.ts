/**
 * The matching engine of one (book, instrument): price-time priority, in memory. It is pure: commands
 * in, events out, no clock, no I/O, no randomness, so that one command log always gives the same
 * events byte for byte. It remembers open orders only and decides nothing about money: what reaches it
 * was accepted and reserved, what it answers is settled elsewhere. Day and good-till-date orders rest
 * like good-till-cancelled ones; their end arrives as a cancel. While it is halted it collects: orders
 * rest uncrossed, nothing trades and nothing triggers; it resumes with an auction.
 */
import { assert, present, unreachable } from '../../../kernel/assert.ts';
import { auctionTrades, type Cross, crossOf, firstOwnPair } from './auction.ts';
import { comeBack, execute, heldAtLimit, recall, restoreAway, sendAway, sendWaiting } from './away.ts';
import {
  createOrderBook,
  isKnown,
  type OpenOrder,
  type OrderBook,
  restOrder,
  takeOut,
  takeResting,
} from './book-state.ts';
import type {
  CancelOrder,
  EngineCommand,
  GroupOrders,
  HoldOrder,
  NewOrder,
  Side,
  WaitOrder,
} from './command.ts';
import { follow, pushCancelled, reach, touch } from './consequences.ts';
import type { EngineEvent } from './event.ts';
import { addWaiting, hasDependants, openGroup, takeSeat } from './groups.ts';
import { type MatchStop, match, type Taker, wouldFill } from './match.ts';
import { findOrder, hashOf } from './order-index.ts';
import { isBetter, type PriceLadder, walkLevels } from './price-ladder.ts';
import { quantityAt } from './price-level.ts';
import { holdAt, holdTrailing, isReached, markOf, triggerPriceOf } from './trigger-index.ts';

export type DepthLevel = { readonly price: bigint; readonly quantity: bigint; readonly orderCount: number };

export type Depth = { readonly bids: DepthLevel[]; readonly asks: DepthLevel[] };

/** A held order as it stands: where it triggers now, and what a trailing one has seen. */
export type StandingOrder = {
  readonly orderId: string;
  readonly side: Side;
  readonly triggerPrice: bigint;
  readonly mark: bigint | null;
  readonly quantity: bigint | null;
  readonly bookSeq: bigint;
};

/**
 * The book as it was when these orders were what it held; fastest in `bookSeq` order.
 * @errors AssertionError when an id comes twice, nothing is left of an order, or the sides cross
 */
export function restoreOrderBook(lotSize: bigint, openOrders: Iterable<OpenOrder>): OrderBook {
  const book = createOrderBook(lotSize);
  for (const open of openOrders) {
    assert(findOrder(book.index, open.orderId) === null, 'an order rests once');
    assert(open.remaining > 0n && open.price > 0n, 'an open order has a price and something left');
    restOrder(book, open, open.price, open.remaining);
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
  const from = events.length;
  switch (command.type) {
    case 'new':
    case 'hold':
      enter(book, command, events);
      break;
    case 'cancel':
      cancel(book, command, events);
      break;
    case 'wait':
      waitFor(book, command);
      break;
    case 'group':
      enterGroup(book, command, events);
      return;
    case 'restore':
      restoreAway(book.away, command);
      break;
    case 'executed':
      execute(book.away, command, events);
      break;
    case 'returned':
      comeBack(book.away, command, events);
      break;
    case 'mark':
      touch(book, command.price, events);
      break;
    case 'halt':
      halt(book, events);
      break;
    case 'resume':
      resume(book, events);
      break;
    default:
      unreachable(command);
  }
  if (events.length > from && (book.triggers.held.size > 0 || hasDependants(book.dependants))) {
    follow(book, events, from);
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

/** Everything that is held, in the order of its numbers. */
export function heldOrders(book: OrderBook): StandingOrder[] {
  return [...book.triggers.held.values()]
    .map((held) => ({
      orderId: held.order.orderId,
      side: held.order.side,
      triggerPrice: triggerPriceOf(held),
      mark: markOf(held),
      quantity: held.quantity,
      bookSeq: held.order.bookSeq,
    }))
    .sort((left, right) => (left.bookSeq < right.bookSeq ? -1 : 1));
}

/** An order enters: as one of its group where it has a seat in one, and not at all where it ended before it came. */
function enter(book: OrderBook, command: NewOrder | HoldOrder, events: EngineEvent[]): void {
  const { over, groupOf } = book.dependants;
  const { orderId } = command.type === 'hold' ? command.order : command;
  if (over.size > 0 && over.delete(orderId)) {
    return;
  }
  const open = groupOf.size === 0 ? undefined : takeSeat(book.dependants, orderId);
  if (open !== undefined) {
    enterMember(book, command, open, events);
  } else if (command.type === 'hold') {
    hold(book, command, events);
  } else {
    admit(book, command, events);
  }
}

function admit(book: OrderBook, order: NewOrder, events: EngineEvent[]): void {
  if (order.bookSeq <= book.highestSeq && findOrder(book.index, order.orderId) !== null) {
    return;
  }
  if (!isConsistent(order)) {
    events.push({ type: 'rejected', orderId: order.orderId, reason: 'invalid_instruction' });
    return;
  }
  if (book.phase === 'halted' && !mayRest(order)) {
    events.push({ type: 'rejected', orderId: order.orderId, reason: 'halted' });
    return;
  }
  if (book.external) {
    sendAway(book.away, order, book.phase === 'halted', events);
    return;
  }
  const makers = order.side === 'buy' ? book.asks : book.bids;
  const limit = order.orderType === 'limit' ? order.price : order.priceCap;
  const best = makers.best;
  const crosses = best !== null && (limit === null || !isBetter(makers.side, limit, best.price));
  // An auction has no first comer to protect: what crosses in it trades, post-only or not.
  if (crosses && order.postOnly && book.phase === 'continuous') {
    pushCancelled(events, order.orderId, 'post_only_would_cross', order.quantity);
    return;
  }
  if ((!crosses || book.phase === 'halted') && mayRest(order)) {
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
    lastPrice: null,
  };
  if (order.timeInForce === 'fok' && !wouldFill(makers, taker)) {
    pushCancelled(events, order.orderId, 'fok_unfillable', order.quantity);
    return;
  }
  conclude(book, taker, match(makers, book.index, taker, events), events);
  if (book.makesPrices && taker.lastPrice !== null) {
    book.reference = taker.lastPrice;
  }
}

/** What becomes of a taker when matching stops. */
function conclude(book: OrderBook, taker: Taker, stop: MatchStop, events: EngineEvent[]): void {
  const order = taker.order;
  const untouched = taker.notional === order.notional;
  if (stop === 'filled' || (stop === 'notional_below_lot' && !untouched)) {
    events.push({ type: 'done', orderId: order.orderId });
  } else if (stop === 'notional_below_lot') {
    pushCancelled(events, order.orderId, 'notional_too_small', taker.quantity);
  } else if (stop === 'self_match') {
    pushCancelled(events, order.orderId, 'self_match', taker.quantity);
  } else if (stop === 'no_units_left') {
    pushCancelled(events, order.orderId, 'reserved_units_sold', taker.quantity);
  } else if (mayRest(order)) {
    restRemainder(book, order, taker.quantity, events);
  } else if (order.orderType === 'limit') {
    pushCancelled(events, order.orderId, 'ioc_remainder', taker.quantity);
  } else {
    pushCancelled(events, order.orderId, stop === 'price' ? 'price_cap' : 'no_liquidity', taker.quantity);
  }
}

function cancel(book: OrderBook, command: CancelOrder, events: EngineEvent[]): void {
  if (recall(book.away, command.orderId, command.reason, events)) {
    return;
  }
  const open = takeOut(book, command.orderId);
  if (open === undefined) {
    events.push({ type: 'cancel_missed', orderId: command.orderId });
    return;
  }
  pushCancelled(events, command.orderId, command.reason, open);
}

function hold(book: OrderBook, { order, trigger }: HoldOrder, events: EngineEvent[]): void {
  const { orderId } = order;
  if (isKnown(book, orderId)) {
    return;
  }
  if (!isConsistent(order) || (trigger.kind === 'at' && trigger.price <= 0n)) {
    events.push({ type: 'rejected', orderId, reason: 'invalid_instruction' });
    return;
  }
  if (trigger.kind === 'at') {
    if (book.phase === 'continuous' && book.reference !== null && isReached(trigger, book.reference)) {
      reach(book, order, book.reference, null, events);
      return;
    }
    holdAt(book.triggers, order, trigger);
    events.push({ type: 'held', orderId, trail: null });
    return;
  }
  const mark = trigger.standing?.mark ?? book.reference;
  const distance = trigger.amount ?? trigger.percentMicro;
  if (mark === null || distance === null || distance <= 0n) {
    const reason = mark === null ? 'no_reference_price' : 'invalid_instruction';
    events.push({ type: 'rejected', orderId, reason });
    return;
  }
  const heldSeq = holdTrailing(book.triggers, order, trigger, mark);
  events.push({ type: 'held', orderId, trail: trigger.standing === null ? { heldSeq, mark } : null });
  if (trigger.standing !== null && book.reference !== null) {
    // The price may have moved since it was last measured.
    touch(book, book.reference, events);
  }
}

function waitFor(book: OrderBook, command: WaitOrder): void {
  if (!isKnown(book, command.orderId)) {
    addWaiting(book.dependants, command);
  }
}

/** Members enter one after another; what one does reaches those that are still to come. */
function enterGroup(book: OrderBook, command: GroupOrders, events: EngineEvent[]): void {
  if (!isGroup(command)) {
    for (const member of command.members) {
      const { orderId } = member.type === 'hold' ? member.order : member;
      events.push({ type: 'rejected', orderId, reason: 'invalid_instruction' });
    }
    return;
  }
  openGroup(book.dependants, command, (orderId) => isKnown(book, orderId));
  for (const member of command.members) {
    const from = events.length;
    enter(book, member, events);
    follow(book, events, from);
  }
}

/** One of a group enters, with what the others have left of it. */
function enterMember(
  book: OrderBook,
  member: NewOrder | HoldOrder,
  quantity: bigint,
  events: EngineEvent[],
): void {
  const { orderId } = member.type === 'hold' ? member.order : member;
  const bound = book.external && book.dependants.groupOf.has(orderId);
  const held = member.type === 'hold' ? member : bound ? heldAtLimit(member) : null;
  if (held !== null && member.type === 'new') {
    book.heldLimits.add(orderId);
  }
  if (held !== null) {
    hold(book, { ...held, order: { ...held.order, quantity } }, events);
  } else if (member.type === 'new') {
    admit(book, { ...member, quantity }, events);
  }
}

/** Two members that may rest on one side could both trade in one command, so that is no group. */
function isGroup({ members }: GroupOrders): boolean {
  const orders = members.map((member) => (member.type === 'hold' ? member.order : member));
  const entering = members.flatMap((member) => (member.type === 'new' ? [member.side] : []));
  const sized = orders.every(({ quantity, notional }) => quantity !== null && notional === null);
  return sized && new Set(entering).size === entering.length;
}

function halt(book: OrderBook, events: EngineEvent[]): void {
  if (book.phase !== 'halted') {
    book.phase = 'halted';
    events.push({ type: 'halted' });
  }
}

/** The price that was marked meanwhile counts now, then what was collected is crossed. */
function resume(book: OrderBook, events: EngineEvent[]): void {
  if (book.phase === 'continuous') {
    return;
  }
  book.phase = 'continuous';
  events.push({ type: 'resumed' });
  sendWaiting(book.away, events);
  const marked = book.reference;
  const cross = auctionOf(book, events);
  if (cross !== null) {
    trade(book, cross, events);
  }
  if (marked !== null) {
    touch(book, marked, events);
  }
  if (cross !== null && book.makesPrices) {
    book.reference = cross.price;
  }
}

/** The auction in which nobody meets themselves; whoever would is cancelled for it, the newer order. */
function auctionOf(book: OrderBook, events: EngineEvent[]): Cross | null {
  for (;;) {
    const cross = crossOf(book.bids, book.asks, book.reference);
    const own = cross === null ? null : firstOwnPair(book.bids, book.asks, cross.volume);
    if (own === null) {
      return cross;
    }
    const newer = own[0].bookSeq > own[1].bookSeq ? own[0] : own[1];
    takeResting(book, newer);
    pushCancelled(events, newer.orderId, 'self_match', newer.remaining);
  }
}

function trade(book: OrderBook, cross: Cross, events: EngineEvent[]): void {
  for (const print of auctionTrades(book.bids, book.asks, cross)) {
    events.push(print);
    for (const [orderId, left] of [
      [print.makerOrderId, print.makerRemaining],
      [print.takerOrderId, print.takerRemaining ?? 0n],
    ] as const) {
      const order = present(findOrder(book.index, orderId), 'who trades in an auction rests');
      order.remaining = left;
      present(order.level, 'an indexed order stands at a level').knownQuantity = null;
      if (left === 0n) {
        takeResting(book, order);
        events.push({ type: 'done', orderId });
      }
    }
  }
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
  const sized =
    (quantity !== null || notional !== null) &&
    (quantity === null || isPositive(quantity)) &&
    (notional === null || isPositive(notional));
  return sized && price === null && (priceCap === null || priceCap > 0n) && !order.postOnly;
}

function isPositive(amount: bigint | null): boolean {
  return amount !== null && amount > 0n;
}

/** Whether an order may stay in a book that does not trade. */
export function mayRest(order: NewOrder): boolean {
  return order.orderType === 'limit' && order.timeInForce !== 'ioc' && order.timeInForce !== 'fok';
}

function restRemainder(book: OrderBook, order: NewOrder, left: bigint | null, events: EngineEvent[]): void {
  const remaining = present(left, 'a limit order has a quantity');
  restOrder(book, order, present(order.price, 'a limit order has a price'), remaining);
  events.push({ type: 'resting', orderId: order.orderId, remaining });
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
