import type { EngineEvent } from '../../domains/trading/engine/event.ts';
import {
  cancelled,
  compare,
  least,
  type Model,
  type ModelResting,
  magnitude,
  priceOf,
  printOf,
  queueOf,
  sum,
} from './orders.ts';

type Candidate = { price: bigint; volume: bigint; imbalance: bigint; away: bigint };

/** Tries every limit price of the crossed range. */
export function auction(model: Model, events: EngineEvent[]): void {
  for (;;) {
    const [bids, asks] = [queueOf(model, 'buy'), queueOf(model, 'sell')];
    const [bestBid, bestAsk] = [bids[0], asks[0]];
    if (bestBid === undefined || bestAsk === undefined || priceOf(bestBid) < priceOf(bestAsk)) {
      return;
    }
    const candidates = [...bids, ...asks]
      .map(priceOf)
      .filter((price) => price >= priceOf(bestAsk) && price <= priceOf(bestBid))
      .map((price): Candidate => {
        const bid = sum(bids.filter((order) => priceOf(order) >= price));
        const offered = sum(asks.filter((order) => priceOf(order) <= price));
        const away = model.reference === null ? 0n : magnitude(price - model.reference);
        return { price, volume: least(bid, offered), imbalance: magnitude(bid - offered), away };
      })
      .sort(
        (left, right) =>
          compare(right.volume, left.volume) ||
          compare(left.imbalance, right.imbalance) ||
          compare(left.away, right.away) ||
          compare(right.price, left.price),
      );
    const { price = 0n, volume = 0n } = candidates[0] ?? {};
    const pairs = pairsOf(bids, asks, volume);
    const own = pairs.find(([bid, ask]) => bid.order.personId === ask.order.personId);
    if (own === undefined) {
      for (const [bid, ask, quantity] of pairs) {
        const bidTakes = bid.order.bookSeq > ask.order.bookSeq;
        const [maker, taker] = bidTakes ? [ask, bid] : [bid, ask];
        bid.left -= quantity;
        ask.left -= quantity;
        events.push({ ...printOf(taker.order, maker, quantity, taker.left), price } as EngineEvent);
        for (const { order, left } of [maker, taker]) {
          if (left === 0n) {
            events.push({ type: 'done', orderId: order.orderId });
          }
        }
      }
      model.resting = model.resting.filter(({ left }) => left > 0n);
      return;
    }
    const newer = own[0].order.bookSeq > own[1].order.bookSeq ? own[0] : own[1];
    model.resting = model.resting.filter((order) => order !== newer);
    events.push(cancelled(newer.order.orderId, 'self_match', newer.left));
  }
}

function pairsOf(bids: ModelResting[], asks: ModelResting[], volume: bigint) {
  const pairs: [ModelResting, ModelResting, bigint][] = [];
  const left = new Map([...bids, ...asks].map((order) => [order, order.left]));
  for (let missing = volume; missing > 0n; ) {
    const bid = bids.find((order) => left.get(order) !== 0n);
    const ask = asks.find((order) => left.get(order) !== 0n);
    if (bid === undefined || ask === undefined) {
      break;
    }
    const [bidLeft, askLeft] = [left.get(bid) ?? 0n, left.get(ask) ?? 0n];
    const quantity = least(missing, least(bidLeft, askLeft));
    missing -= quantity;
    left.set(bid, bidLeft - quantity);
    left.set(ask, askLeft - quantity);
    pairs.push([bid, ask, quantity]);
  }
  return pairs;
}
