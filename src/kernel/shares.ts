/**
 * Parts of wholes that are measured in different assets, added up exactly: half of one limit and half of another are one.
 * No price is needed, and nothing is rounded.
 */

/** @units part and whole alike, neither below zero */
export type Share = { readonly part: bigint; readonly whole: bigint };

const NOTHING: Share = { part: 0n, whole: 1n };

/** Any part of a whole of nothing is more than all of it. */
const BEYOND: Share = { part: 2n, whole: 1n };

/** The sum as one share; its whole is above zero. */
export function sumShares(shares: readonly Share[]): Share {
  return shares
    .map((share) => (share.whole > 0n ? share : share.part > 0n ? BEYOND : NOTHING))
    .reduce(
      (sum, share) => ({
        part: sum.part * share.whole + share.part * sum.whole,
        whole: sum.whole * share.whole,
      }),
      NOTHING,
    );
}

/** Whether shares are more than one whole together. */
export function exceedOne(shares: readonly Share[]): boolean {
  const { part, whole } = sumShares(shares);
  return part > whole;
}
