import { ONE } from '../../kernel/amount.ts';
import { divideRounded } from '../../kernel/rounding.ts';
import type { QuotedRate } from '../markets/index.ts';

/** @shape null where no rate leads from one asset to the other */
export type Convert = (value: bigint, from: string, to: string) => bigint | null;

/**
 * Converts by one quoted rate, in either direction. Rates are not chained: a limit that would need two
 * of them should be set in a currency nearer to what it counts.
 * @units rounded away from zero, so that a limit is never kept by a rounding
 */
export function convertBy(rates: readonly QuotedRate[]): Convert {
  const prices = new Map<string, bigint>();
  for (const { base, quote, price } of rates) {
    const pair = `${base} ${quote}`;
    if (!prices.has(pair)) {
      prices.set(pair, price);
    }
  }
  return (value, from, to) => {
    if (from === to) {
      return value;
    }
    const price = prices.get(`${from} ${to}`);
    if (price !== undefined) {
      return divideRounded(value * price, ONE, 'up');
    }
    const inverse = prices.get(`${to} ${from}`);
    return inverse === undefined ? null : divideRounded(value * ONE, inverse, 'up');
  };
}
