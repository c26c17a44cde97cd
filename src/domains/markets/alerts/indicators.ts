/**
 * Indicators in whole numbers (I15): prices at 8 decimals, what is averaged over time at 16, results rounded
 * to 8: an index half even, changes and multiples toward zero, so that none is told before it is reached. No float anywhere, so that every node and every year reckon the same.
 */
import { type Amount, amountOf, ONE } from '../../../kernel/amount.ts';
import { divideRounded } from '../../../kernel/rounding.ts';

const HUNDRED = 100n * ONE;

/**
 * The relative strength index of closes, oldest first: the first `period` moves are averaged plainly, later
 * ones smoothed. Null where there are too few; 50 where nothing moved.
 * @units 0 to 100, rounded half even to 8 decimals
 * @source J. Welles Wilder, New Concepts in Technical Trading Systems (1978)
 */
export function rsi(closes: readonly bigint[], period: number): Amount | null {
  if (closes.length <= period) {
    return null;
  }
  const length = BigInt(period);
  const moves = closes.slice(1).map((close, index) => close - (closes[index] ?? close));
  let [gain, loss] = [0n, 0n];
  for (const move of moves.slice(0, period)) {
    gain += move > 0n ? move * ONE : 0n;
    loss += move < 0n ? -move * ONE : 0n;
  }
  gain = divideRounded(gain, length, 'half_even');
  loss = divideRounded(loss, length, 'half_even');
  for (const move of moves.slice(period)) {
    gain = divideRounded(gain * (length - 1n) + (move > 0n ? move * ONE : 0n), length, 'half_even');
    loss = divideRounded(loss * (length - 1n) + (move < 0n ? -move * ONE : 0n), length, 'half_even');
  }
  return gain + loss === 0n
    ? amountOf(50n * ONE)
    : amountOf(divideRounded(gain * HUNDRED, gain + loss, 'half_even'));
}

/**
 * Where the mean of the last `fast` closes lies to that of the last `slow`: exactly, since sums are compared.
 * @shape 1, 0 or -1 at 8 decimals; null where there are too few closes
 */
export function smaSide(closes: readonly bigint[], fast: number, slow: number): Amount | null {
  if (closes.length < slow) {
    return null;
  }
  return sideOf(sumOfLast(closes, fast) * BigInt(slow) - sumOfLast(closes, slow) * BigInt(fast));
}

/**
 * The same of exponential means with weight 2 / (n + 1), each seeded with the plain mean of its first n
 * closes and kept at 16 decimals, rounded half even at each step.
 */
export function emaSide(closes: readonly bigint[], fast: number, slow: number): Amount | null {
  return closes.length < slow ? null : sideOf(emaOf(closes, fast) - emaOf(closes, slow));
}

function emaOf(closes: readonly bigint[], period: number): bigint {
  const length = BigInt(period);
  const first = closes.slice(0, period).reduce((sum, close) => sum + close, 0n);
  let mean = divideRounded(first * ONE, length, 'half_even');
  for (const close of closes.slice(period)) {
    mean += divideRounded((close * ONE - mean) * 2n, length + 1n, 'half_even');
  }
  return mean;
}

function sumOfLast(values: readonly bigint[], count: number): bigint {
  return values.slice(-count).reduce((sum, value) => sum + value, 0n);
}

function sideOf(difference: bigint): Amount {
  return amountOf(difference === 0n ? 0n : difference > 0n ? ONE : -ONE);
}

/**
 * How many times the mean volume of the candles before it the last one has; null where there are too few or
 * nothing was traded in them.
 * @units a multiple, rounded down to 8 decimals
 */
export function volumeMultiple(volumes: readonly bigint[], candles: number): Amount | null {
  const before = volumes.slice(0, -1).slice(-candles);
  const sum = before.reduce((total, volume) => total + volume, 0n);
  return before.length < candles || sum === 0n
    ? null
    : inBounds(divideRounded((volumes.at(-1) ?? 0n) * BigInt(candles) * ONE, sum, 'down'));
}

/** @units percent, rounded toward zero to 8 decimals; null beyond what an amount can say */
export function percentChange(from: bigint, to: bigint): Amount | null {
  return inBounds(divideRounded((to - from) * HUNDRED, from, 'down'));
}

function inBounds(value: bigint): Amount | null {
  try {
    return amountOf(value);
  } catch {
    return null;
  }
}
