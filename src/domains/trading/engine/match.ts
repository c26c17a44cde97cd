/**
 * An incoming order against the other side of the book, best price first and oldest first within a
 * price, at the maker's price. Self-match prevention is "cancel newest": when the next order in line
 * belongs to the same person, matching stops there and the caller cancels what the taker has left.
 * The maker keeps its place, nobody is skipped, and trades made before stand.
 */
import { ONE } from '../../../kernel/amount.ts';
import { divideRounded } from '../../../kernel/rounding.ts';
import type { NewOrder } from './command.ts';
import type { EngineEvent } from './event.ts';
import { type OrderIndex, unindexOrder } from './order-index.ts';
import { isBetter, type PriceLadder, removeLevel, walkLevels } from './price-ladder.ts';
import { quantityAt, type RestingOrder, unlink } from './price-level.ts';

/** An order while it takes; `quantity` and `notional` are what it has left, one of them set or both. */
export type Taker = {
  readonly order: NewOrder;
  readonly personHash: number;
  /** The worst price it accepts; `null` accepts any. */
  readonly limit: bigint | null;
  readonly lotSize: bigint;
  quantity: bigint | null;
  notional: bigint | null;
  /** What it last traded at; `null` before it has. */
  lastPrice: bigint | null;
};

/** Why matching ended: the order is filled, or what stood in its way. */
export type MatchStop =
  | 'filled'
  | 'book_empty'
  | 'price'
  | 'self_match'
  | 'notional_below_lot'
  /** What it has left of its notional is worth a lot, and it has no units left. */
  | 'no_units_left';

/**
 * Trades until the taker or the prices it accepts are used up.
 * @effects takes filled makers out of `makers` and `index`, appends trade and done events
 */
export function match(
  makers: PriceLadder,
  index: OrderIndex,
  taker: Taker,
  events: EngineEvent[],
): MatchStop {
  for (let level = makers.best; level !== null; level = makers.best) {
    if (!accepts(taker, makers, level.price)) {
      return 'price';
    }
    for (let maker = level.head; maker !== null; maker = level.head) {
      const quantity = takeable(taker, level.price, maker.remaining);
      if (quantity === 0n) {
        return 'notional_below_lot';
      }
      if (isSamePerson(taker, maker)) {
        return 'self_match';
      }
      level.knownQuantity = null;
      maker.remaining -= quantity;
      taker.lastPrice = level.price;
      spend(taker, level.price, quantity);
      events.push(tradeOf(taker, maker, quantity));
      if (maker.remaining === 0n) {
        unlink(level, maker);
        unindexOrder(index, maker);
        events.push({ type: 'done', orderId: maker.orderId });
      }
      const end = endOf(taker, level.price);
      if (end !== null) {
        if (level.orderCount === 0) {
          removeLevel(makers, level);
        }
        return end;
      }
    }
    removeLevel(makers, level);
  }
  return 'book_empty';
}

/** Whether the taker would trade whole; nothing is traded. */
export function wouldFill(makers: PriceLadder, taker: Taker): boolean {
  if (taker.quantity !== null && taker.notional === null && !sizeIsThere(makers, taker, taker.quantity)) {
    return false;
  }
  const trial = { ...taker };
  let filled = false;
  walkLevels(makers, (level) => {
    if (!accepts(trial, makers, level.price)) {
      return false;
    }
    let end: ReturnType<typeof endOf> = null;
    for (let maker = level.head; maker !== null && end === null; maker = maker.behind) {
      const quantity = takeable(trial, level.price, maker.remaining);
      if (quantity === 0n) {
        filled = trial.notional !== taker.notional;
        return false;
      }
      if (isSamePerson(trial, maker)) {
        return false;
      }
      spend(trial, level.price, quantity);
      end = endOf(trial, level.price);
    }
    filled = end === 'filled';
    return end === null;
  });
  return filled;
}

/** Level totals alone refuse what is too large, so that no outsized order makes us walk every queue. */
function sizeIsThere(makers: PriceLadder, taker: Taker, wanted: bigint): boolean {
  let missing = wanted;
  walkLevels(makers, (level) => {
    if (!accepts(taker, makers, level.price)) {
      return false;
    }
    missing -= quantityAt(level);
    return missing > 0n;
  });
  return missing <= 0n;
}

/** True when a maker at `price` is within the taker's limit. */
function accepts(taker: Taker, makers: PriceLadder, price: bigint): boolean {
  return taker.limit === null || !isBetter(makers.side, taker.limit, price);
}

function isSamePerson(taker: Taker, maker: RestingOrder): boolean {
  return maker.personHash === taker.personHash && maker.personId === taker.order.personId;
}

/** @units whole lots when sized by notional, rounded down */
function takeable(taker: Taker, price: bigint, offered: bigint): bigint {
  const units = taker.quantity !== null && taker.quantity < offered ? taker.quantity : offered;
  if (taker.notional === null) {
    return units;
  }
  const affordable = (taker.notional * ONE) / price;
  const lots = affordable - (affordable % taker.lotSize);
  return lots < units ? lots : units;
}

/** @units the quote asset, rounded up, so that a notional is never exceeded */
function spend(taker: Taker, price: bigint, quantity: bigint): void {
  if (taker.quantity !== null) {
    taker.quantity -= quantity;
  }
  if (taker.notional !== null) {
    taker.notional -= divideRounded(price * quantity, ONE, 'up');
  }
}

/** Filled when nothing is left, or of a notional too little for a lot at the price just paid; null while it goes on. */
function endOf(taker: Taker, price: bigint): 'filled' | 'no_units_left' | null {
  const { quantity, notional, lotSize } = taker;
  if (notional === null) {
    return quantity === 0n ? 'filled' : null;
  }
  if ((notional * ONE) / price < lotSize) {
    return 'filled';
  }
  return quantity === 0n ? 'no_units_left' : null;
}

function tradeOf(taker: Taker, maker: RestingOrder, quantity: bigint): EngineEvent {
  const order = taker.order;
  return {
    type: 'trade',
    price: maker.price,
    quantity,
    takerSide: order.side,
    makerOrderId: maker.orderId,
    makerAccountId: maker.accountId,
    makerPersonId: maker.personId,
    makerRemaining: maker.remaining,
    takerOrderId: order.orderId,
    takerAccountId: order.accountId,
    takerPersonId: order.personId,
    takerRemaining: taker.quantity,
  };
}
