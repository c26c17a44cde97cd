/**
 * The arithmetic of conversions. Pure. A price is the approved rate as an exact fraction, so that a conversion
 * rounds once, by less than one unit of the asset's scale, in the house's favour, and says which amount. A
 * customer who converts there and back, or around any ring of currencies whose rates are in force, ends with
 * no more than they began with. Rates written in decimals are for people to read; no amount is made from one.
 */
import { AMOUNT_DECIMALS, type Amount, amountOf, formatAmount, MAX_AMOUNT } from '../../../kernel/amount.ts';
import { BPS_PER_ONE, divideRounded } from '../../../kernel/rounding.ts';
import type { Instant } from '../../../kernel/time.ts';

const RATE_DECIMALS = 10;
const RATE_ONE = 10n ** BigInt(RATE_DECIMALS);

/** What one pair costs, as approved: units of `quote` for one of `base` and what the house takes off. */
export type PairRate = {
  readonly base: string;
  readonly quote: string;
  /** @units decimal text of at most ten decimals */
  readonly rate: string;
  readonly spreadBps: number;
};

/** Units of the asset bought for one of the asset sold, exactly. */
export type Price = { readonly numerator: bigint; readonly denominator: bigint };

/** The middle of a pair, in the direction of who sells `from`. */
export function midPrice({ base, rate }: PairRate, from: string): Price {
  const scaled = parseRate(rate);
  return base === from
    ? { numerator: scaled, denominator: RATE_ONE }
    : { numerator: RATE_ONE, denominator: scaled };
}

/** What the customer gets: the middle less the spread. @units bps */
export function priceAfter(price: Price, spreadBps: number): Price {
  return {
    numerator: price.numerator * (BPS_PER_ONE - BigInt(spreadBps)),
    denominator: price.denominator * BPS_PER_ONE,
  };
}

/** A price as stored and read. @units ten decimals, rounded down */
export function rateOf({ numerator, denominator }: Price): string {
  const digits = divideRounded(numerator * RATE_ONE, denominator, 'down').toString();
  const padded = digits.padStart(RATE_DECIMALS + 1, '0');
  return `${padded.slice(0, -RATE_DECIMALS)}.${padded.slice(-RATE_DECIMALS)}`;
}

/** A stored rate as the wire writes decimals. @units at most eight decimals, rounded down */
export function shownRate(rate: string): string {
  return formatAmount(parseRate(rate) / 10n ** BigInt(RATE_DECIMALS - AMOUNT_DECIMALS));
}

/** The middle of a holding's worth in another asset; valuations round half even. */
export function worthOf(holding: bigint, { numerator, denominator }: Price): bigint {
  return divideRounded(holding * numerator, denominator, 'half_even');
}

/** Which amount the customer named. */
export type Wish = { readonly named: 'fromAmount' | 'toAmount'; readonly amount: Amount };

export type Converted = {
  readonly fromAmount: Amount;
  readonly toAmount: Amount;
  readonly rounding: 'to_amount_down' | 'from_amount_up';
};

export type ConversionRefusal = 'conversion_too_small' | 'conversion_too_large';

/**
 * Both amounts of a conversion. What is named is exact; the other is rounded to its asset's scale.
 * @units scales: decimals of each asset
 */
export function convert(
  wish: Wish,
  price: Price,
  scales: { readonly from: number; readonly to: number },
): Converted | ConversionRefusal {
  const { numerator, denominator } = price;
  const isFrom = wish.named === 'fromAmount';
  const step = 10n ** BigInt(AMOUNT_DECIMALS - (isFrom ? scales.to : scales.from));
  const other = isFrom
    ? divideRounded(wish.amount * numerator, denominator * step, 'down') * step
    : divideRounded(wish.amount * denominator, numerator * step, 'up') * step;
  if (other === 0n) {
    return 'conversion_too_small';
  }
  if (other > MAX_AMOUNT) {
    return 'conversion_too_large';
  }
  return isFrom
    ? { fromAmount: wish.amount, toAmount: amountOf(other), rounding: 'to_amount_down' }
    : { fromAmount: amountOf(other), toAmount: wish.amount, rounding: 'from_amount_up' };
}

/**
 * Whether a rate beside the others in force would let somebody gain by converting in a ring through it.
 * Products are rounded down: what that hides is less than the rounding of amounts takes.
 */
export function ringGains(others: readonly PairRate[], added: PairRate): boolean {
  const apart = others.filter(({ base, quote }) => !isPair({ base, quote }, added));
  return [added.base, added.quote].some((start) => {
    const end = start === added.base ? added.quote : added.base;
    return (bestProducts(apart, end, productAfter(PRODUCT_ONE, added, start)).get(start) ?? 0n) > PRODUCT_ONE;
  });
}

/**
 * Whether a conversion would leave the house longer or shorter in the base of a rate than the rate allows. What brings
 * a position nearer to nothing, and not past it, is never too much.
 * @units of the base; before and after with their signs
 */
export function overfillsPosition(max: Amount, before: bigint, after: bigint): boolean {
  const comesBack = after < 0n === before < 0n && sizeOf(after) <= sizeOf(before);
  return sizeOf(after) > max && !comesBack;
}

function sizeOf(position: bigint): bigint {
  return position < 0n ? -position : position;
}

/** Why a quote can no longer be executed. @units now: business time */
export function quoteRefusal(
  quote: { readonly expiresAt: Instant; readonly rateValidUntil: Instant },
  now: Instant,
): 'rate_stale' | 'quote_expired' | null {
  if (now < quote.expiresAt) {
    return null;
  }
  return quote.expiresAt === quote.rateValidUntil ? 'rate_stale' : 'quote_expired';
}

type Pair = { readonly base: string; readonly quote: string };

function isPair(left: Pair, right: Pair): boolean {
  return (
    (left.base === right.base && left.quote === right.quote) ||
    (left.base === right.quote && left.quote === right.base)
  );
}

/** Fine enough for many small rates in a row. */
const PRODUCT_ONE = 10n ** 100n;

/** The most of each asset that the product, starting in `from`, can be turned into. */
function bestProducts(
  rates: readonly PairRate[],
  from: string,
  product: bigint,
): ReadonlyMap<string, bigint> {
  const best = new Map([[from, product]]);
  // A longest way without a ring passes each pair once; the rates in force hold no ring that gains.
  for (let round = 0; round < rates.length; round += 1) {
    for (const rate of rates) {
      for (const [sold, bought] of [
        [rate.base, rate.quote],
        [rate.quote, rate.base],
      ] as const) {
        const reached = productAfter(best.get(sold) ?? 0n, rate, sold);
        if (reached > (best.get(bought) ?? 0n)) {
          best.set(bought, reached);
        }
      }
    }
  }
  return best;
}

function productAfter(product: bigint, rate: PairRate, sold: string): bigint {
  const { numerator, denominator } = priceAfter(midPrice(rate, sold), rate.spreadBps);
  return (product * numerator) / denominator;
}

function parseRate(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.');
  return BigInt(whole) * RATE_ONE + BigInt(fraction.padEnd(RATE_DECIMALS, '0'));
}
