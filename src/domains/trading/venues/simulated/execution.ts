/**
 * How the simulated venue executes: docs/howto/execution-venues.md says the same in words. Pure; all that looks random is
 * drawn from the seed, the order's reference and the quote, so that the same seed, quotes and orders give the same
 * reports.
 */
import { type Amount, amountOf, maxAmount, minAmount, ONE, ZERO } from '../../../../kernel/amount.ts';
import { bpsOf, divideRounded, roundToStep } from '../../../../kernel/rounding.ts';
import { sha256 } from '../../../../platform/crypto/keyring.ts';
import type { TradableQuote } from '../../../markets/index.ts';
import type { VenueEnd } from '../../engine/command.ts';
import type { VenueOrder } from '../venue.ts';

/** Half of what lies between bid and ask where a quote has not both. @units bps of the last price */
const HALF_SPREAD_BPS = 5n;
/** How far one level lies behind the other. @units bps of the best price, at least a tick */
const STEP_BPS = 2n;
const LEVELS = 4n;
/** What a level offers, drawn for each. @units per cent of the instrument's largest order, inclusive */
const DEPTH_PERCENT = { least: 20n, most: 60n } as const;
/** How long an order is on its way. @units ms, inclusive */
const LATENCY_MS = { least: 2, most: 12 } as const;
/** What the venue charges the firm. @units bps, rounded up */
const FEE_BPS = 1n;
const PER_CENT = 100n;

/** An order as it stands at the venue. */
export type StandingOrder = Omit<
  VenueOrder,
  'reference' | 'client' | 'instrumentId' | 'symbol' | 'takeUntil'
> & {
  readonly executed: Amount;
  readonly executedAmount: Amount;
  /** Whether it has met a quote before and rests: then it makes instead of taking. */
  readonly resting: boolean;
  /** The quote whose depth it has taken from: each is there once for it. */
  readonly quoteKey: string | null;
};

export type Execution = {
  readonly price: Amount;
  readonly quantity: Amount;
  readonly liquidity: 'maker' | 'taker';
  readonly fee: Amount;
};

/** What a quote does to an order: executions, and perhaps its end. */
export type Outcome = { readonly executions: readonly Execution[]; readonly end: VenueEnd | null };

type Level = { readonly price: Amount; readonly quantity: Amount };

/** How long an order is on its way to the venue. @units ms */
export function latencyOf(seed: bigint, reference: string): number {
  const [first = 0, second = 0] = sha256(`${seed} ${reference}`);
  return LATENCY_MS.least + ((first * 256 + second) % (LATENCY_MS.most - LATENCY_MS.least + 1));
}

/** What a quote offers to an order, the best price first. */
export function levelsOf(seed: bigint, side: 'buy' | 'sell', quote: TradableQuote): readonly Level[] {
  const best = bestOf(side, quote);
  const step = maxAmount(roundToStep(bpsOf(best, STEP_BPS, 'up'), quote.tick, 'up'), quote.tick);
  const levels: Level[] = [];
  for (let at = 0n; at < LEVELS; at += 1n) {
    const price = amountOf(side === 'buy' ? best + at * step : best - at * step);
    const percent = drawn(
      `${seed} ${quote.instrumentId} ${quote.key} ${side} ${at}`,
      DEPTH_PERCENT.least,
      DEPTH_PERCENT.most,
    );
    const share = amountOf(divideRounded(quote.maxQuantity * percent, PER_CENT, 'down'));
    const quantity = roundToStep(share, quote.lot, 'down');
    if (price > 0n && quantity > 0n) {
      levels.push({ price, quantity });
    }
  }
  return levels;
}

/**
 * What becomes of an order at a quote.
 * @shape taken: what its client's orders have had of these levels already; they are emptied from the best price on
 */
export function meet(
  order: StandingOrder,
  quote: TradableQuote,
  levels: readonly Level[],
  taken: bigint,
): Outcome {
  if (order.quoteKey === quote.key) {
    return { executions: [], end: null };
  }
  const within = levels.filter(({ price }) => isWithin(order, price));
  if (!order.resting && order.postOnly && within.length > 0) {
    return { executions: [], end: 'post_only_would_cross' };
  }
  const left = leftOf(within, taken);
  const had = order.resting ? fillResting(order, left) : fillTaking(order, left, quote.lot);
  if (order.timeInForce === 'fok' && !had.filled) {
    return { executions: [], end: 'fok_unfillable' };
  }
  return {
    executions: had.executions,
    end: had.filled ? 'filled' : endOf(order, had, levels.length > within.length, left.length === 0),
  };
}

/** What of levels nobody has taken yet, the best price first. */
function leftOf(levels: readonly Level[], taken: bigint): readonly Level[] {
  let gone = taken;
  return levels.flatMap(({ price, quantity }) => {
    const had = least(gone, quantity);
    gone -= had;
    return had === quantity ? [] : [{ price, quantity: amountOf(quantity - had) }];
  });
}

type Taken = {
  readonly executions: readonly Execution[];
  readonly filled: boolean;
  /** It has no units left although its notional is not reached. */
  readonly soldOut?: boolean;
};

/** What rested trades at its own price, for as much as the quote offers there or better. */
function fillResting(order: StandingOrder, within: readonly Level[]): Taken {
  const open = amountOf((order.quantity ?? ZERO) - order.executed);
  const offered = within.reduce((sum, { quantity }) => sum + quantity, 0n);
  const quantity = minAmount(open, amountOf(offered));
  if (order.limit === null || quantity === ZERO) {
    return { executions: [], filled: false };
  }
  return { executions: [executed(order.limit, quantity, 'maker')], filled: quantity === open };
}

function fillTaking(order: StandingOrder, within: readonly Level[], lot: Amount): Taken {
  const executions: Execution[] = [];
  let quantity = order.quantity === null ? null : order.quantity - order.executed;
  let notional = order.notional === null ? null : order.notional - order.executedAmount;
  for (const level of within) {
    const paidFor = notional === null ? level.quantity : lotsFor(notional, level.price, lot);
    const taken = [paidFor, quantity ?? paidFor].reduce(least, level.quantity);
    if (taken > 0n) {
      executions.push(executed(level.price, amountOf(taken), 'taker'));
      quantity = quantity === null ? null : quantity - taken;
      notional = notional === null ? null : notional - divideRounded(level.price * taken, ONE, 'up');
    }
  }
  const last = executions.at(-1)?.price;
  const spent = notional !== null && last !== undefined && lotsFor(notional, last, lot) === 0n;
  const soldOut = quantity === 0n && notional !== null && !spent;
  return { executions, filled: spent || (quantity === 0n && notional === null), soldOut };
}

function least(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

/** @units whole lots, rounded down */
function lotsFor(notional: bigint, price: Amount, lot: Amount): bigint {
  const affordable = (notional * ONE) / price;
  return affordable - (affordable % lot);
}

function executed(price: Amount, quantity: Amount, liquidity: 'maker' | 'taker'): Execution {
  const amount = amountOf(divideRounded(price * quantity, ONE, 'up'));
  return { price, quantity, liquidity, fee: bpsOf(amount, FEE_BPS, 'up') };
}

/** How an order ends that is not filled; null for one that rests. */
function endOf(
  order: StandingOrder,
  { executions, soldOut }: Taken,
  beyond: boolean,
  empty: boolean,
): VenueEnd | null {
  if (!order.isMarket && order.timeInForce !== 'ioc') {
    return null;
  }
  if (!order.isMarket) {
    return 'ioc_remainder';
  }
  if (soldOut) {
    return 'reserved_units_sold';
  }
  if (beyond) {
    return 'price_cap';
  }
  return order.notional !== null && executions.length === 0 && !empty ? 'notional_too_small' : 'no_liquidity';
}

function isWithin({ side, limit }: StandingOrder, price: Amount): boolean {
  return limit === null || (side === 'buy' ? price <= limit : price >= limit);
}

/** The quote's own bid or ask; without it the last price and half the spread beyond. */
function bestOf(side: 'buy' | 'sell', { bid, ask, last, tick }: TradableQuote): Amount {
  const quoted = side === 'buy' ? ask : bid;
  if (quoted !== null) {
    return roundToStep(quoted, tick, side === 'buy' ? 'up' : 'down');
  }
  const half = bpsOf(last, HALF_SPREAD_BPS, 'up');
  const away = amountOf(side === 'buy' ? last + half : last - half);
  return maxAmount(roundToStep(away, tick, side === 'buy' ? 'up' : 'down'), tick);
}

/** @units least and most inclusive */
function drawn(from: string, least: bigint, most: bigint): bigint {
  const [first = 0, second = 0, third = 0, fourth = 0] = sha256(from);
  const word = (BigInt(first) << 24n) | (BigInt(second) << 16n) | (BigInt(third) << 8n) | BigInt(fourth);
  return least + (word % (most - least + 1n));
}
