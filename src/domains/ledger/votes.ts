/**
 * How many people look at money that leaves a customer, by its amount: the same ladder whether the customer asks for a
 * withdrawal or staff take it by hand. Pure.
 */
import { type Amount, parseAmount } from '../../kernel/amount.ts';

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

/** What an amount of an asset that leaves a customer asks for. */
export function votesFor(asset: string, amount: bigint): Votes {
  const mlro = isAbove(MLRO_ABOVE, asset, amount);
  return { quorum: mlro || isAbove(REVIEW_ABOVE, asset, amount) ? 2 : 1, mlro };
}

/** What several of them ask for together: the most that one asks for. */
export function mostVotes(votes: readonly Votes[]): Votes {
  return {
    quorum: votes.some(({ quorum }) => quorum === 2) ? 2 : 1,
    mlro: votes.some(({ mlro }) => mlro),
  };
}

function isAbove(published: ReadonlyMap<string, Amount>, asset: string, amount: bigint): boolean {
  const most = published.get(asset);
  return most === undefined || amount > most;
}

function amounts(table: Readonly<Record<string, string>>): ReadonlyMap<string, Amount> {
  return new Map(Object.entries(table).map(([asset, text]) => [asset, parseAmount(text)]));
}
