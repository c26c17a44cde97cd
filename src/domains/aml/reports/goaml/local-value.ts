import { parseAmount } from '../../../../kernel/amount.ts';
import type { Instant } from '../../../../kernel/time.ts';
import type { RateFact } from '../../../../platform/report-facts.ts';

const LOCAL = 'MUR';
const RATE_SCALE = 10_000_000_000n;
const CENT = 1_000_000n;

/** What was moved in rupees, and at which rate. @units decimal strings; rupees of two decimals */
export type LocalValue = { readonly amount: string; readonly rate: string };

/**
 * What an amount was worth then, by the newest rate that two people had agreed to by that time, unless somebody
 * says what it was worth; null where neither tells.
 */
export function localValue(
  moved: { readonly asset: string; readonly amount: bigint; readonly occurredAt: Instant },
  rates: readonly RateFact[],
  said: string | undefined,
): LocalValue | null {
  const { asset, amount, occurredAt } = moved;
  if (asset === LOCAL) {
    return { amount: cents(amount), rate: '1' };
  }
  if (said !== undefined) {
    const worth = parseAmount(said);
    return { amount: cents(worth), rate: rateText(amount === 0n ? 0n : (worth * RATE_SCALE) / amount) };
  }
  // The newest come first.
  const fact = rates.find((one) => one.asset === asset && one.asOf <= occurredAt);
  if (fact === undefined) {
    return null;
  }
  const given = scaledRate(fact.rate);
  if (given === 0n) {
    return null;
  }
  const rate = fact.isInverse ? (RATE_SCALE * RATE_SCALE) / given : given;
  const worth = fact.isInverse ? (amount * RATE_SCALE) / given : (amount * given) / RATE_SCALE;
  return { amount: cents(worth), rate: rateText(rate) };
}

/** Rounded half up to two decimals, always written with both. */
function cents(amount: bigint): string {
  const whole = (amount + CENT / 2n) / CENT;
  const text = whole.toString().padStart(3, '0');
  return `${text.slice(0, -2)}.${text.slice(-2)}`;
}

function scaledRate(text: string): bigint {
  const [whole = '0', decimals = ''] = text.split('.');
  return BigInt(`${whole}${decimals.slice(0, 10).padEnd(10, '0')}`);
}

/** Ten decimals as far as they say anything. */
function rateText(rate: bigint): string {
  const text = rate.toString().padStart(11, '0');
  const decimals = text.slice(-10).replace(/0+$/, '');
  return decimals === '' ? text.slice(0, -10) : `${text.slice(0, -10)}.${decimals}`;
}
