/** How far a price moved within a window. Pure. */
import type { Amount } from '../../../kernel/amount.ts';
import { BPS_PER_ONE } from '../../../kernel/rounding.ts';

/** The lowest and the highest price of a span of time. */
export type PriceRange = { readonly low: Amount; readonly high: Amount };

export type PriceMove = { readonly from: Amount; readonly to: Amount };

/** The larger of the two moves, up from the lowest and down from the highest price before. */
export function largestMove(before: PriceRange, now: PriceRange): PriceMove {
  const up: PriceMove = { from: before.low, to: now.high };
  const down: PriceMove = { from: before.high, to: now.low };
  const rise = (up.to - up.from) * down.from;
  const fall = (down.from - down.to) * up.from;
  return rise > fall ? up : down;
}

/** Whether a move reaches so much of where it came from. @units bps, inclusive */
export function reaches({ from, to }: PriceMove, bps: number): boolean {
  const distance = to > from ? to - from : from - to;
  return distance * BPS_PER_ONE >= from * BigInt(bps);
}
