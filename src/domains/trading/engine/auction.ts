/**
 * The opening auction: orders were collected without matching, the sides may cross, and all that can
 * trade trades at one price. The price is a limit price of the crossed range, chosen by these rules in
 * turn: it trades the most units; it leaves the smallest difference between what is bid and what is
 * offered at it; it is nearest to the reference price; it is the higher. Where two orders in line are
 * the same person's the newer one is cancelled and the price is found anew, before anything trades.
 */
import { present } from '../../../kernel/assert.ts';
import type { EngineEvent } from './event.ts';
import { type PriceLadder, walkLevels } from './price-ladder.ts';
import { quantityAt, type RestingOrder } from './price-level.ts';

/** How many orders of each side trade, and at what price. */
export type Cross = { readonly price: bigint; readonly volume: bigint };

type Offer = { readonly price: bigint; readonly bid: bigint; readonly offered: bigint };

/** The auction's price and volume; null where the sides do not cross. */
export function crossOf(bids: PriceLadder, asks: PriceLadder, reference: bigint | null): Cross | null {
  const [bestBid, bestAsk] = [bids.best, asks.best];
  if (bestBid === null || bestAsk === null || bestBid.price < bestAsk.price) {
    return null;
  }
  let best: Offer | null = null;
  for (const offer of offersBetween(bids, asks, bestAsk.price, bestBid.price)) {
    if (best === null || isBetterOffer(offer, best, reference)) {
      best = offer;
    }
  }
  const found = present(best, 'a crossed range has prices');
  return { price: found.price, volume: volumeOf(found) };
}

/**
 * The pairs that trade, best price and oldest first on both sides.
 * @shape the first pair of one person, in which case nothing may trade; null where there is none
 */
export function firstOwnPair(
  bids: PriceLadder,
  asks: PriceLadder,
  volume: bigint,
): readonly [RestingOrder, RestingOrder] | null {
  for (const [bid, ask] of pairsOf(bids, asks, volume)) {
    if (bid.personId === ask.personId) {
      return [bid, ask];
    }
  }
  return null;
}

type Print = Extract<EngineEvent, { type: 'trade' }>;

/** Trades of an auction as events; the newer order of a pair is the taker. Nothing is changed. */
export function auctionTrades(bids: PriceLadder, asks: PriceLadder, { price, volume }: Cross): Print[] {
  const prints: Print[] = [];
  for (const [bid, ask, quantity, bidLeft, askLeft] of pairsOf(bids, asks, volume)) {
    const bidTakes = bid.bookSeq > ask.bookSeq;
    const [maker, taker] = bidTakes ? [ask, bid] : [bid, ask];
    prints.push({
      type: 'trade',
      price,
      quantity,
      takerSide: taker.side,
      makerOrderId: maker.orderId,
      makerAccountId: maker.accountId,
      makerPersonId: maker.personId,
      makerRemaining: bidTakes ? askLeft : bidLeft,
      takerOrderId: taker.orderId,
      takerAccountId: taker.accountId,
      takerPersonId: taker.personId,
      takerRemaining: bidTakes ? bidLeft : askLeft,
    });
  }
  return prints;
}

/** What is bid at or above, and offered at or below, each limit price of the crossed range. */
function offersBetween(bids: PriceLadder, asks: PriceLadder, lowest: bigint, highest: bigint): Offer[] {
  const bidLevels = levelsUntil(bids, (price) => price >= lowest).reverse();
  const askLevels = levelsUntil(asks, (price) => price <= highest);
  const prices = [...new Set([...bidLevels, ...askLevels].map(([price]) => price))].sort((left, right) =>
    left < right ? -1 : 1,
  );
  let bid = bidLevels.reduce((sum, [, quantity]) => sum + quantity, 0n);
  let offered = 0n;
  const [bidAt, askAt] = [new Map(bidLevels), new Map(askLevels)];
  return prices.map((price) => {
    offered += askAt.get(price) ?? 0n;
    const offer = { price, bid, offered };
    bid -= bidAt.get(price) ?? 0n;
    return offer;
  });
}

function levelsUntil(ladder: PriceLadder, isWithin: (price: bigint) => boolean): [bigint, bigint][] {
  const levels: [bigint, bigint][] = [];
  walkLevels(ladder, (level) => {
    if (!isWithin(level.price)) {
      return false;
    }
    levels.push([level.price, quantityAt(level)]);
    return true;
  });
  return levels;
}

function isBetterOffer(offer: Offer, than: Offer, reference: bigint | null): boolean {
  if (volumeOf(offer) !== volumeOf(than)) {
    return volumeOf(offer) > volumeOf(than);
  }
  const [mine, other] = [imbalanceOf(offer), imbalanceOf(than)];
  if (mine !== other) {
    return mine < other;
  }
  if (reference !== null) {
    const [near, nearest] = [distance(offer.price, reference), distance(than.price, reference)];
    if (near !== nearest) {
      return near < nearest;
    }
  }
  return offer.price > than.price;
}

function volumeOf({ bid, offered }: Offer): bigint {
  return bid < offered ? bid : offered;
}

function imbalanceOf({ bid, offered }: Offer): bigint {
  return distance(bid, offered);
}

function distance(left: bigint, right: bigint): bigint {
  return left < right ? right - left : left - right;
}

type Pair = readonly [
  bid: RestingOrder,
  ask: RestingOrder,
  quantity: bigint,
  bidLeft: bigint,
  askLeft: bigint,
];

/** Who trades with whom, decided on what the orders have left now. */
function* pairsOf(bids: PriceLadder, asks: PriceLadder, volume: bigint): Generator<Pair> {
  const [bidQueue, askQueue] = [queueOf(bids, volume), queueOf(asks, volume)];
  let [bidAt, askAt] = [0, 0];
  let [bidTaken, askTaken] = [0n, 0n];
  for (let left = volume; left > 0n; ) {
    const bid = present(bidQueue[bidAt], 'the volume of an auction is bid');
    const ask = present(askQueue[askAt], 'the volume of an auction is offered');
    const quantity = [bid.remaining - bidTaken, ask.remaining - askTaken, left].reduce((least, next) =>
      next < least ? next : least,
    );
    left -= quantity;
    bidTaken += quantity;
    askTaken += quantity;
    yield [bid, ask, quantity, bid.remaining - bidTaken, ask.remaining - askTaken];
    if (bidTaken === bid.remaining) {
      bidAt += 1;
      bidTaken = 0n;
    }
    if (askTaken === ask.remaining) {
      askAt += 1;
      askTaken = 0n;
    }
  }
}

/** The orders of a side that reach a volume, in the order they trade. */
function queueOf(ladder: PriceLadder, volume: bigint): RestingOrder[] {
  const queue: RestingOrder[] = [];
  let reached = 0n;
  walkLevels(ladder, (level) => {
    for (let order = level.head; order !== null && reached < volume; order = order.behind) {
      queue.push(order);
      reached += order.remaining;
    }
    return reached < volume;
  });
  return queue;
}
