/**
 * How many people look at money that leaves a customer, by its amount: the same ladder whether the customer asks for a
 * withdrawal or staff take it by hand. Pure.
 */
import { type Amount, parseAmount } from '../../kernel/amount.ts';
import { exceedOne } from '../../kernel/shares.ts';

/**
 * Published: what is above it waits for two checkers. An asset without a figure always does.
 */
export const REVIEW_ABOVE: ReadonlyMap<string, Amount> = amounts({
  USD: '10000',
  EUR: '10000',
  MUR: '450000',
  BTC: '0.1',
  ETH: '3',
});

/**
 * Above it one of the two checkers must be the MLRO: at ten times the published amount nothing that leaves can be
 * called ordinary. An asset without a figure always needs them.
 */
const MLRO_ABOVE: ReadonlyMap<string, Amount> = amounts({
  USD: '100000',
  EUR: '100000',
  MUR: '4500000',
  BTC: '1',
  ETH: '30',
});

export type Votes = {
  readonly quorum: 1 | 2;
  /** One of the two must be the MLRO. */
  readonly mlro: boolean;
};

/**
 * What amounts of several assets ask for together. Each counts as its share of what is published for its asset, so
 * that whoever takes a little of each is looked at as who takes as much of one.
 */
export function votesForAll(amounts: ReadonlyMap<string, bigint>): Votes {
  const mlro = areAbove(MLRO_ABOVE, amounts);
  return { quorum: mlro || areAbove(REVIEW_ABOVE, amounts) ? 2 : 1, mlro };
}

/**
 * The same, where other amounts moved before within the window: who splits an amount is looked at as who does not. An asset
 * nothing is published for has the most people look at it each time, and makes the others no larger.
 */
export function votesAfter(amounts: ReadonlyMap<string, bigint>, before: ReadonlyMap<string, bigint>): Votes {
  if (amounts.size === 0) {
    return { quorum: 1, mlro: false };
  }
  const all = new Map(amounts);
  for (const [asset, amount] of before) {
    if (all.has(asset) || REVIEW_ABOVE.has(asset)) {
      all.set(asset, amount + (all.get(asset) ?? 0n));
    }
  }
  return votesForAll(all);
}

function areAbove(published: ReadonlyMap<string, Amount>, amounts: ReadonlyMap<string, bigint>): boolean {
  const isUnpublished = [...amounts.keys()].some((asset) => !published.has(asset));
  const shares = [...amounts].map(([asset, part]) => ({ part, whole: published.get(asset) ?? 0n }));
  return isUnpublished || exceedOne(shares);
}

function amounts(table: Readonly<Record<string, string>>): ReadonlyMap<string, Amount> {
  return new Map(Object.entries(table).map(([asset, text]) => [asset, parseAmount(text)]));
}
