/**
 * How much of a person's past rules look at: of each kind its own newest rows, so that what costs nothing cannot
 * crowd out what they add up. Pure. A window that is full is something to look at by itself: crowded-past.ts,
 * crowded-market.ts.
 */
import type { ActivityKind } from '../../../platform/activity.ts';

/** Of what rules add up. */
export const PAST_ROWS = 400;
/** Of trades, where it is money that is looked at. */
export const MARKET_ROWS_OF_MONEY = 200;

/** So many rows of one kind. */
export type PastPart = { readonly kind: ActivityKind; readonly isMarket: boolean; readonly most: number };

/**
 * Of what no rule adds up, the newest says that the person did something. Of transfers one more than rules add up, so
 * that the one which fills the window is told from those behind it.
 */
const PAST_OF_MONEY: readonly PastPart[] = [
  { kind: 'deposit', isMarket: false, most: PAST_ROWS },
  { kind: 'withdrawal_requested', isMarket: false, most: PAST_ROWS },
  { kind: 'withdrawal_ended', isMarket: false, most: PAST_ROWS },
  { kind: 'beneficiary_added', isMarket: false, most: PAST_ROWS },
  { kind: 'transfer', isMarket: false, most: PAST_ROWS + 1 },
  { kind: 'fill', isMarket: true, most: MARKET_ROWS_OF_MONEY },
  { kind: 'order_placed', isMarket: true, most: 1 },
  { kind: 'order_closed', isMarket: true, most: 1 },
];

/** One more, as of transfers. */
const PAST_OF_MARKET: readonly PastPart[] = [
  { kind: 'fill', isMarket: true, most: PAST_ROWS + 1 },
  { kind: 'order_closed', isMarket: true, most: PAST_ROWS + 1 },
];

/** What of the past is looked at for an activity of money, or of a market. */
export function pastPartsOf(isMarket: boolean): readonly PastPart[] {
  return isMarket ? PAST_OF_MARKET : PAST_OF_MONEY;
}
