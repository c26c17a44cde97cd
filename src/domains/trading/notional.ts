/**
 * Orders sized by what they turn over instead of by units. Pure. Beside a limit price a notional is so many units at that
 * price, and from then on the order is one of units. A market order keeps it as what it may turn over at most; a sale of
 * units held is bounded by the units it reserves too, so that it never sells what is not reserved.
 */
import { type Amount, amountOf, MAX_AMOUNT, ONE } from '../../kernel/amount.ts';

type Sized = {
  readonly quantity: Amount | null;
  readonly notional: Amount | null;
  readonly limitPrice: Amount | null;
};

type Lots = { readonly lot: Amount; readonly minQuantity: Amount; readonly maxQuantity: Amount };

/** Why an order may be sized by quantity only: what it turns over depends on a price that nobody knows yet. */
export const NOTIONAL_NEEDS_A_PRICE =
  'sizes market orders, and orders with a limitPrice: what trades at the market of later gives a quantity';

/** The order with the units that its notional is at its limit; unchanged where it has none, or where they are no lot. */
export function sizedAtLimit<Order extends Sized>(order: Order, lot: Amount): Order {
  if (order.notional === null || order.limitPrice === null || order.quantity !== null) {
    return order;
  }
  const units = wholeLots(order.notional, order.limitPrice, lot);
  return units === 0n || units > MAX_AMOUNT ? order : { ...order, quantity: amountOf(units) };
}

/**
 * The units a sale of so much reserves: as many as it can sell before its worst price, or all that is there where that is
 * less; never fewer than it takes at the market, so that it is refused where those are not there.
 * @units available: the base asset that nothing else reserves
 */
export function unitsForSale(
  notional: bigint,
  { worst, last, available }: { readonly worst: bigint; readonly last: bigint; readonly available: bigint },
  lot: bigint,
): bigint {
  const most = wholeLots(notional, worst, lot);
  const now = wholeLots(notional, last, lot);
  const held = available > 0n ? available - (available % lot) : 0n;
  const bounded = held < most ? held : most;
  return bounded > now ? bounded : now;
}

/**
 * Why a notional makes no order; null where it does.
 * @units fewest, most: at the prices at which it trades the fewest units, and the most
 */
export function notionalRefusal(
  notional: bigint,
  at: { readonly fewest: bigint; readonly most: bigint },
  { lot, minQuantity, maxQuantity }: Lots,
): 'quantity_above_maximum' | 'notional_too_small' | null {
  if (at.most > maxQuantity) {
    return 'quantity_above_maximum';
  }
  const least = wholeLots(notional, at.fewest, lot);
  return least >= minQuantity && least > 0n ? null : 'notional_too_small';
}

/** What an amount pays for at a price. @units whole lots, rounded down */
function wholeLots(notional: bigint, price: bigint, lot: bigint): bigint {
  const units = unitsAt(notional, price);
  return units - (units % lot);
}

/** The same to the last decimal, rounded down; nothing where there is no price. */
export function unitsAt(notional: bigint, price: bigint): bigint {
  return price > 0n ? (notional * ONE) / price : 0n;
}

type Traded = Sized & {
  readonly filledQuantity: Amount;
  readonly filledAmount: Amount;
  readonly reducedQuantity: Amount;
};

/** What of a stored order is open: units, and of a market order sized by notional how much it may still turn over. */
export function openOn(order: Traded): {
  readonly quantity: bigint | null;
  readonly notional: bigint | null;
} {
  const { quantity, notional, limitPrice, filledQuantity, filledAmount, reducedQuantity } = order;
  return {
    quantity: quantity === null ? null : quantity - filledQuantity - reducedQuantity,
    notional: notional === null || limitPrice !== null ? null : notional - filledAmount,
  };
}
