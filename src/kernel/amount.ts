/**
 * Exact amounts of money and units (I15): a scaled bigint at 8 decimals, `numeric(20,8)` in
 * PostgreSQL, a decimal string on the wire. Nothing here knows currencies; nothing here rounds
 * without naming how (see rounding.ts).
 */

declare const amountBrand: unique symbol;

/** @units 1e-8 of the asset's unit; 100_000_000n is one */
export type Amount = bigint & { readonly [amountBrand]: true };

export const AMOUNT_DECIMALS = 8;
export const ONE = 100_000_000n as Amount;
export const ZERO = 0n as Amount;

/** The largest magnitude `numeric(20,8)` holds: 999999999999.99999999. */
export const MAX_AMOUNT = 99_999_999_999_999_999_999n as Amount;

/** The wire form of a decimal: no exponent, no leading zeros, at most 12 + 8 digits. */
export const DECIMAL_PATTERN = /^-?(0|[1-9]\d{0,11})(\.\d{1,8})?$/;

/**
 * Brands an already scaled bigint.
 * @units 1e-8 of the asset's unit
 * @errors RangeError beyond numeric(20,8)
 */
export function amountOf(scaled: bigint): Amount {
  if (scaled > MAX_AMOUNT || scaled < -MAX_AMOUNT) {
    throw new RangeError('amount is outside numeric(20,8)');
  }
  return scaled as Amount;
}

/**
 * Reads a decimal string; a padded one, as PostgreSQL prints it, is fine.
 * @errors RangeError when the text is not a decimal of at most 12 + 8 digits
 */
export function parseAmount(text: string): Amount {
  if (!DECIMAL_PATTERN.test(text)) {
    throw new RangeError('not a decimal of at most 12 digits and 8 decimals');
  }
  const negative = text.startsWith('-');
  const [whole = '0', fraction = ''] = (negative ? text.slice(1) : text).split('.');
  const scaled = BigInt(whole) * ONE + BigInt(fraction.padEnd(AMOUNT_DECIMALS, '0'));
  return amountOf(negative ? -scaled : scaled);
}

/**
 * Reads what PostgreSQL prints for `numeric(20,8)`: always eight decimals.
 * @errors RangeError when the text is no decimal
 */
export function readStoredAmount(text: string): Amount {
  return text.at(-AMOUNT_DECIMALS - 1) === '.'
    ? (BigInt(text.slice(0, -AMOUNT_DECIMALS - 1) + text.slice(-AMOUNT_DECIMALS)) as Amount)
    : parseAmount(text);
}

/** Prints an amount for PostgreSQL, with all eight decimals: cheaper than the shortest form. */
export function storedAmount(amount: bigint): string {
  if (amount < 0n) {
    return `-${storedAmount(-amount)}`;
  }
  const digits = amount.toString().padStart(AMOUNT_DECIMALS + 1, '0');
  return `${digits.slice(0, -AMOUNT_DECIMALS)}.${digits.slice(-AMOUNT_DECIMALS)}`;
}

/** Prints an amount as the shortest decimal string: no trailing zeros, never an exponent. */
export function formatAmount(amount: bigint): string {
  const stored = storedAmount(amount);
  let end = stored.length;
  while (stored.charCodeAt(end - 1) === ZERO_DIGIT) {
    end -= 1;
  }
  // Nothing is left of the decimals: their point goes too.
  return stored.slice(0, stored.charCodeAt(end - 1) === POINT ? end - 1 : end);
}

const ZERO_DIGIT = 48;
const POINT = 46;

/**
 * Adds up amounts of one asset.
 * @errors RangeError beyond numeric(20,8)
 */
export function sumAmounts(amounts: Iterable<bigint>): Amount {
  let total = 0n;
  for (const amount of amounts) {
    total += amount;
  }
  return amountOf(total);
}

/** The smaller of two amounts. */
export function minAmount(left: Amount, right: Amount): Amount {
  return left < right ? left : right;
}

/** The larger of two amounts. */
export function maxAmount(left: Amount, right: Amount): Amount {
  return left > right ? left : right;
}

/** True when `amount` is a whole multiple of `step` (a tick or a lot). */
export function isMultipleOf(amount: Amount, step: Amount): boolean {
  return step > 0n && amount % step === 0n;
}

/** Decimals an amount really uses: 1.50 uses one. */
export function scaleOf(amount: Amount): number {
  let scale = AMOUNT_DECIMALS;
  let rest: bigint = amount < 0n ? -amount : amount;
  while (scale > 0 && rest % 10n === 0n) {
    rest /= 10n;
    scale -= 1;
  }
  return scale;
}
