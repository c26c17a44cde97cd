/**
 * What an order in a contract may do and what it reserves. Pure. An order opens what is left of it once it has
 * closed the position the other way, less what orders before it already close; for that part it reserves margin.
 */
import { MAX_AMOUNT, ONE } from '../../../kernel/amount.ts';
import { BPS_PER_ONE, divideRounded } from '../../../kernel/rounding.ts';
import { principalOf } from '../reservation.ts';
import { marginOf } from './rules.ts';

/** What an account has in a contract, as an order of one side sees it. */
export type ContractStanding = {
  /** The contract pays in money, and in the money its price is in: nothing is converted, and no lots are made. */
  readonly isPlain: boolean;
  /** The account may hold positions. */
  readonly marginEnabled: boolean;
  /** The highest leverage the account was granted. */
  readonly maxLeverage: bigint;
  /** What is open of a position the other way. */
  readonly against: bigint;
  /** What is open of a position the same way. */
  readonly along: bigint;
  /** What that against it was entered at. @units settlement asset */
  readonly enteredAt: bigint;
  /** What the other positions of its wallet have lost. @units settlement asset */
  readonly lostBeside: bigint;
  /** What its wallet holds as margin. @units settlement asset */
  readonly held: bigint;
  /** What open orders of this side would still trade. */
  readonly resting: bigint;
  /** What of that may only reduce. */
  readonly restingReducing: bigint;
};

type Sized = {
  readonly quantity: bigint | null;
  readonly notional: bigint | null;
  readonly reduceOnly: boolean;
  readonly leverage: bigint;
};

/** What of an order opens a position; null for one sized by its value, all of which may. */
function openingOf(order: Pick<Sized, 'quantity' | 'reduceOnly'>, standing: ContractStanding): bigint | null {
  if (order.reduceOnly) {
    return 0n;
  }
  if (order.quantity === null) {
    return null;
  }
  const closable = standing.against - standing.resting;
  const opening = order.quantity - (closable > 0n ? closable : 0n);
  return opening > 0n ? opening : 0n;
}

/** Whether a position could become more than an amount can say, with all that rests: no execution may have to be refused. */
export function outgrowsAmounts(
  order: Pick<Sized, 'quantity' | 'reduceOnly'>,
  standing: ContractStanding,
): boolean {
  const { along, against, resting } = standing;
  return !order.reduceOnly && along - against + resting + (order.quantity ?? 0n) > MAX_AMOUNT;
}

/** Whether an order can only lessen what is open. */
export function onlyReduces(
  order: Pick<Sized, 'quantity' | 'reduceOnly'>,
  standing: ContractStanding,
): boolean {
  return openingOf(order, standing) === 0n;
}

type ReservePrices = {
  /** The highest price it may trade at: what its margin and fee are counted by. */
  readonly highest: bigint;
  /** How far the worst price lies beyond the market: what a unit may have lost as soon as it is opened. */
  readonly beyond: bigint;
};

/**
 * What an order in a contract reserves: margin and the loss at once of what it opens, and the worst fee of it all.
 * One that only reduces reserves no more than the wallet has: to close is always possible.
 * @units settlement asset
 */
export function contractReservation(
  order: Sized,
  standing: ContractStanding,
  prices: ReservePrices,
  terms: { readonly initialMarginBps: number; readonly feeBps: number },
  available: bigint,
): bigint {
  const whole = principalOf(order, prices.highest);
  const fee = divideRounded(whole * BigInt(terms.feeBps), BPS_PER_ONE, 'up');
  const opening = openingOf(order, standing);
  if (opening === 0n) {
    const affordable = available > 0n ? available : 0n;
    return fee < affordable ? fee : affordable;
  }
  const opened =
    opening === null ? whole : principalOf({ quantity: opening, notional: null }, prices.highest);
  const leverage = order.leverage < ONE ? ONE : order.leverage;
  const lostAtOnce = prices.highest === 0n ? 0n : divideRounded(opened * prices.beyond, prices.highest, 'up');
  return marginOf(opened, leverage, terms.initialMarginBps) + lostAtOnce + fee;
}
