/**
 * How far a customer may close at a loss. Pure. A winner is paid in full, so a loss beyond what the loser has is the
 * firm's: two people who trade with each other could take it out of the firm at any price they agree on. So nobody
 * closes at a worse price than the one that uses up what stands behind the account, or the mark where the account is
 * beyond that already. What the firm closes has a bound of its own; what a venue has executed has none.
 */
import { type Amount, amountOf, MAX_AMOUNT, maxAmount, minAmount, ONE } from '../../../kernel/amount.ts';
import { divideRounded } from '../../../kernel/rounding.ts';
import { waitsForPrice } from '../held-orders.ts';
import type { Instruction, Situation } from '../rules.ts';
import type { ContractStanding } from './contract-orders.ts';
import { liquidationBound } from './liquidation-bound.ts';
import { markedAt, type OpenPart } from './rules.ts';

/** What of an instrument says whether anybody stands for its price. */
type Priced = { readonly feed: string | null; readonly priceVouched: boolean; readonly last: Amount | null };

/** The price positions are worth, where it is not one that trades of their own book made; those can be anybody's. */
export function standardOf({ feed, priceVouched, last }: Priced): Amount | null {
  return feed !== null || priceVouched ? last : null;
}

/** What closes, and what is behind it. @units settlement asset, but for quantities and prices */
type Closing = {
  readonly open: Pick<OpenPart, 'side' | 'quantity' | 'entryValue'>;
  /** What of the position the order may close. */
  readonly quantity: bigint;
  /** What the wallet has that is reserved for nothing but margin, less what its other positions have lost. */
  readonly spare: bigint;
  /** What is left open is worth, and nothing is closed at a worse price for less than there is; null where nobody stands for one. */
  readonly standard: Amount | null;
  /** What is left open is worth where nobody stands for a price. */
  readonly last: Amount;
  readonly tick: Amount;
};

/**
 * The worst price at which so much of a position may be closed, on a tick, rounded so that it never allows too much.
 * @units price: for a long the lowest, for a short the highest
 */
export function closingBound(closing: Closing): Amount {
  const { open, quantity, standard, tick } = closing;
  const { side } = open;
  const exhausted = exhaustedAt(closing);
  const toTick = (price: bigint, rounding: 'up' | 'down') =>
    amountOf(divideRounded(price < MAX_AMOUNT ? price : MAX_AMOUNT, tick, rounding) * tick);
  if (side === 'long') {
    const least = exhausted <= 0n ? 0n : divideRounded(exhausted * ONE, quantity, 'up');
    const bound = standard !== null && least > standard ? standard : least;
    return maxAmount(toTick(bound, 'up'), tick);
  }
  const most = exhausted <= 0n ? 0n : divideRounded(exhausted * ONE, quantity, 'down');
  const bound = standard !== null && most < standard ? standard : most;
  return maxAmount(toTick(bound, 'down'), tick);
}

/** The same for an order and what stands against it. @units collateral: what the wallet has that only margin reserves */
function boundOfClosing(
  order: { readonly side: 'buy' | 'sell'; readonly quantity: bigint | null },
  { against, enteredAt, lostBeside }: Pick<ContractStanding, 'against' | 'enteredAt' | 'lostBeside'>,
  { collateral, ...priced }: Pick<Closing, 'standard' | 'last' | 'tick'> & { readonly collateral: bigint },
): Amount {
  return closingBound({
    ...priced,
    open: { side: order.side === 'sell' ? 'long' : 'short', quantity: against, entryValue: enteredAt },
    quantity: order.quantity !== null && order.quantity < against ? order.quantity : against,
    spare: collateral - lostBeside,
  });
}

/**
 * The worst price at which an order may close. What waits for its price is bound when it trades: by then the account may
 * have more, or less.
 * @shape null where it closes nothing yet
 */
export function worstClosing(
  order: Pick<Instruction, 'side' | 'type' | 'quantity'>,
  { contract, last, liquidating, entryPrice, terms, standard, collateral }: Situation,
): Amount | null {
  if (contract === null || contract.against === 0n || last === null) {
    return null;
  }
  if (liquidating) {
    return liquidationBound(order.side, last, terms);
  }
  const isBound = entryPrice === null && !waitsForPrice(order.type);
  return isBound ? boundOfClosing(order, contract, { collateral, standard, last, tick: terms.tick }) : null;
}

/** What the closed part must fetch at least, or may cost at most, so that nobody else pays for it. */
function exhaustedAt({ open, quantity, spare, standard, last }: Closing): bigint {
  const entered = divideRounded(open.entryValue * quantity, open.quantity, 'half_even');
  const rest = { side: open.side, quantity: open.quantity - quantity, entryValue: open.entryValue - entered };
  const { unrealisedPnl } = markedAt(rest, standard ?? last, 0);
  const left = unrealisedPnl < 0n ? spare + unrealisedPnl : spare;
  return open.side === 'long' ? entered - left : entered + left;
}

/** The less far-reaching of two worst prices of an order. */
export function nearer(side: 'buy' | 'sell', one: Amount, other: Amount): Amount {
  return side === 'buy' ? minAmount(one, other) : maxAmount(one, other);
}

/** Whether a price is worse for who closes a position on a side than the standard; any is where there is none. */
export function isWorse(side: 'buy' | 'sell', price: bigint, standard: bigint | null): boolean {
  return standard === null || (side === 'buy' ? price > standard : price < standard);
}
