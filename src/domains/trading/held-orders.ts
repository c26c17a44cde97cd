/**
 * Orders that wait for a price before they enter the book. Pure: what they are measured against when
 * they are placed, and what they become. The price that triggers is the instrument's last price: of
 * its feed where it follows one, else of its own trades.
 */
import { type Amount, amountOf, isMultipleOf, ONE } from '../../kernel/amount.ts';
import { divideRounded } from '../../kernel/rounding.ts';

export type OrderType = 'market' | 'limit' | 'stop' | 'stop_limit' | 'trailing_stop' | 'take_profit';

export type Triggered = {
  readonly type: OrderType;
  readonly side: 'buy' | 'sell';
  readonly stopPrice: Amount | null;
  /** @units quote asset; one of the two is set on a trailing order */
  readonly trailAmount: Amount | null;
  /** @units per cent */
  readonly trailPercent: Amount | null;
};

const PER_CENT = 100n;

/** True for an order that is held until its trigger is reached. */
export function waitsForPrice(type: OrderType): boolean {
  return type !== 'market' && type !== 'limit';
}

/** From which side the price reaches the trigger: a stop follows the market, a take-profit awaits it. */
export function triggersOn({ type, side }: Pick<Triggered, 'type' | 'side'>): 'rises' | 'falls' {
  return (side === 'buy') === (type !== 'take_profit') ? 'rises' : 'falls';
}

/**
 * The price an order is expected to be triggered at: its stop price, or the last price less its trail.
 * The price itself for an order that waits for none.
 */
export function anchorOf(order: Triggered, last: Amount): Amount {
  if (order.type !== 'trailing_stop') {
    return order.stopPrice ?? last;
  }
  const away = trailOf(order, last);
  return amountOf(order.side === 'buy' ? last + away : last - away);
}

/**
 * Why an order can never be triggered as it means, or would be at once.
 * @errors (as values) stop_on_wrong_side, trail_out_of_range
 */
export function triggerRefusal(
  order: Triggered,
  last: Amount,
): 'stop_on_wrong_side' | 'trail_out_of_range' | null {
  if (order.type === 'trailing_stop') {
    const away = trailOf(order, last);
    return away > 0n && away < last ? null : 'trail_out_of_range';
  }
  if (order.stopPrice === null) {
    return null;
  }
  const ahead = triggersOn(order) === 'rises' ? order.stopPrice > last : order.stopPrice < last;
  return ahead ? null : 'stop_on_wrong_side';
}

/** Whether every price an order names is one the instrument trades at. */
export function isOnTick(order: Triggered & { readonly limitPrice: Amount | null }, tick: Amount): boolean {
  return [order.limitPrice, order.stopPrice, order.trailAmount].every(
    (price) => price === null || isMultipleOf(price, tick),
  );
}

/** @units quote asset, rounded up: an order is never triggered within its distance */
function trailOf({ trailAmount, trailPercent }: Triggered, price: Amount): bigint {
  return trailAmount ?? divideRounded(price * (trailPercent ?? 0n), PER_CENT * ONE, 'up');
}
