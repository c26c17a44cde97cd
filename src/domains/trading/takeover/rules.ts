/**
 * When the firm may take over what a liquidation finds nobody for, at which price, and whether what two people agreed
 * to is still what would happen. Pure. Nobody names a price: who could would have a choice to make at somebody's expense.
 */
import { type Amount, amountOf, maxAmount } from '../../../kernel/amount.ts';
import { BPS_PER_ONE, divideRounded } from '../../../kernel/rounding.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';

/** An order by which a liquidation tried to close a position, and that is over. */
export type Attempt = {
  readonly placedAt: Instant;
  readonly quantity: bigint;
  readonly filled: bigint;
  /** Why it ended early; null where it was taken whole. */
  readonly endedBy: string | null;
};

/** How an order ends that met too few: whatever else ends one says nothing of who would have taken it. */
const NO_TAKERS: readonly (string | null)[] = ['no_liquidity', 'price_cap', 'ioc_remainder'];

/**
 * Whether a liquidation found nobody for a position: the first try is so long ago, and the last one, no longer ago than
 * that, was not taken whole for lack of takers. So a market that was closed meanwhile has been asked again, and one lot
 * now and then is no taker. What is not over has not been tried.
 */
export function foundNobody(attempts: readonly Attempt[], lastingMs: number, now: Instant): boolean {
  const [first] = attempts;
  const last = attempts.at(-1);
  if (first === undefined || last === undefined) {
    return false;
  }
  const lasts = now >= addMs(first.placedAt, lastingMs);
  const isUntaken = last.filled < last.quantity && NO_TAKERS.includes(last.endedBy);
  return lasts && now <= addMs(last.placedAt, lastingMs) && isUntaken;
}

/** The mark, on a tick, rounded in favour of who is closed out. @units side: the way the customer's order trades */
export function takeoverPrice(side: 'buy' | 'sell', mark: Amount, tick: Amount): Amount {
  const price = amountOf(divideRounded(mark, tick, side === 'sell' ? 'up' : 'down') * tick);
  return maxAmount(price, tick);
}

/** Whether the mark is further from the one that was agreed on than any market order of the instrument may go. */
export function hasMoved(agreed: bigint, mark: bigint, collarBps: number): boolean {
  const distance = mark > agreed ? mark - agreed : agreed - mark;
  return distance * BPS_PER_ONE > agreed * BigInt(collarBps);
}
