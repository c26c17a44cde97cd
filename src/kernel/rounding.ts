/**
 * Every division of amounts, with its rounding named at the call. Fees round up in the house's
 * favour; what a customer is owed rounds down; valuations round half even.
 */
import { type Amount, amountOf, ONE } from './amount.ts';

export type Rounding = 'up' | 'down' | 'half_even';

/** 10,000 basis points are the whole. */
export const BPS_PER_ONE = 10_000n;

/**
 * Multiplies two amounts, for example price by quantity.
 * @units the product's asset at 8 decimals; exact when scale(price) + scale(quantity) <= 8
 * @errors RangeError beyond numeric(20,8)
 */
export function multiply(left: Amount, right: Amount, rounding: Rounding): Amount {
  return amountOf(divideRounded(left * right, ONE, rounding));
}

/**
 * Divides two amounts, for example a notional by a price.
 * @errors RangeError on a zero divisor or beyond numeric(20,8)
 */
export function divide(dividend: Amount, divisor: Amount, rounding: Rounding): Amount {
  return amountOf(divideRounded(dividend * ONE, divisor, rounding));
}

/**
 * A share of an amount in basis points.
 * @units bps: 25n is 0.25 %
 */
export function bpsOf(amount: Amount, bps: bigint, rounding: Rounding): Amount {
  return amountOf(divideRounded(amount * bps, BPS_PER_ONE, rounding));
}

/** Rounds to a multiple of `step`, for example a quantity down to the lot. */
export function roundToStep(amount: Amount, step: Amount, rounding: Rounding): Amount {
  return amountOf(divideRounded(amount, step, rounding) * step);
}

/**
 * Integer division with a named mode; `up` is away from zero, `down` toward zero.
 * @errors RangeError on a zero divisor
 */
export function divideRounded(dividend: bigint, divisor: bigint, rounding: Rounding): bigint {
  if (divisor === 0n) {
    throw new RangeError('division by zero');
  }
  const quotient = dividend / divisor;
  const remainder = dividend % divisor;
  if (remainder === 0n || rounding === 'down') {
    return quotient;
  }
  const away = dividend < 0n === divisor < 0n ? quotient + 1n : quotient - 1n;
  if (rounding === 'up') {
    return away;
  }
  const twice = magnitude(remainder) * 2n;
  const size = magnitude(divisor);
  if (twice !== size) {
    return twice > size ? away : quotient;
  }
  return quotient % 2n === 0n ? quotient : away;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
