/**
 * What a holding is worth. Pure. A value is a figure to look at: it rounds half even, nothing is booked by it, and
 * where there is no price there is no value, rather than one of zero.
 */
import { type Amount, amountOf, MAX_AMOUNT, ONE } from '../../kernel/amount.ts';
import { divideRounded } from '../../kernel/rounding.ts';
import type { HeldAsset } from '../ledger/index.ts';
import type { AssetPrice } from '../markets/index.ts';

export type Holding = HeldAsset & {
  readonly price: AssetPrice | null;
  /** @units the account's base currency */
  readonly value: Amount | null;
  /** @units the account's base currency; null without a value or a cost in it */
  readonly unrealisedPnl: Amount | null;
};

/** @units the currency the price is in; null beyond what an amount can say */
export function valueAt(
  quantity: Amount,
  { last, inverse }: Pick<AssetPrice, 'last' | 'inverse'>,
): Amount | null {
  return sayable(quantity, inverse ? ONE : last, inverse ? last : ONE);
}

/** What one unit cost. @units cost's currency; null beyond what an amount can say */
export function averageCost(cost: Amount, quantity: Amount): Amount | null {
  return sayable(cost, ONE, quantity);
}

function sayable(amount: Amount, times: Amount, by: Amount): Amount | null {
  const value = divideRounded(amount * times, by, 'half_even');
  return value > MAX_AMOUNT ? null : amountOf(value);
}

/** Values what is held in one currency; units of that currency are worth themselves. */
export function holdingOf(held: HeldAsset, price: AssetPrice | undefined, currency: string): Holding {
  const value = held.asset === currency ? held.quantity : price && valueAt(held.quantity, price);
  const comparable = value != null && held.cost?.currency === currency;
  return {
    ...held,
    price: price ?? null,
    value: value ?? null,
    unrealisedPnl: comparable ? amountOf(value - held.cost.amount) : null,
  };
}

/** What holdings are worth together, and what could not be counted for want of a price. */
export function totalOf(holdings: readonly Holding[]): {
  readonly value: bigint;
  readonly unpriced: string[];
} {
  let value = 0n;
  const unpriced: string[] = [];
  for (const holding of holdings) {
    if (holding.value === null) {
      unpriced.push(holding.asset);
    } else {
      value += holding.value;
    }
  }
  return { value, unpriced };
}
