/**
 * What an order costs at worst, and what it must have reserved for it. Pure arithmetic on amounts:
 * what it does not decide is whether anybody may place the order.
 */
import { type Amount, amountOf, MAX_AMOUNT, maxAmount, ONE } from '../../kernel/amount.ts';
import { BPS_PER_ONE, divideRounded } from '../../kernel/rounding.ts';
import type { Terms } from './rules.ts';

/**
 * The worst price a market order may trade at: the last price moved by the collar, on a tick, away
 * from the order.
 */
export function collarPrice(
  side: 'buy' | 'sell',
  last: Amount,
  terms: Pick<Terms, 'collarBps' | 'tick'>,
): Amount {
  const away = BigInt(side === 'buy' ? terms.collarBps : -terms.collarBps);
  const moved = divideRounded(last * (BPS_PER_ONE + away), BPS_PER_ONE, side === 'buy' ? 'up' : 'down');
  const onTick = divideRounded(moved, terms.tick, side === 'buy' ? 'up' : 'down') * terms.tick;
  return onTick > MAX_AMOUNT ? MAX_AMOUNT : maxAmount(amountOf(onTick), terms.tick);
}

/**
 * The worst price a sale of units may trade at once `price` triggered it: the collar around that price, where a gap
 * left the one it was placed with behind. Null where the one it was placed with holds, as it does for purchases,
 * which reserved for it, and for contracts, whose margin did.
 */
export function capOnceTriggered(
  order: {
    readonly side: 'buy' | 'sell';
    readonly limitPrice: Amount | null;
    readonly priceCap: Amount | null;
  },
  price: Amount,
  terms: Pick<Terms, 'collarBps' | 'tick'> & { readonly isContract: boolean },
): Amount | null {
  if (order.side === 'buy' || order.limitPrice !== null || order.priceCap === null || terms.isContract) {
    return null;
  }
  const cap = collarPrice('sell', price, terms);
  return cap < order.priceCap ? cap : null;
}

/**
 * What an order must have reserved while this much of it is open.
 * @units buys: quote asset, worst price times quantity plus the worst fee rounded up; sells: base asset
 */
export function reservedFor(
  side: 'buy' | 'sell',
  open: { readonly quantity: bigint | null; readonly notional: bigint | null },
  worst: bigint,
  feeBps: number,
): bigint {
  if (side === 'sell') {
    return open.quantity ?? 0n;
  }
  const principal = principalOf(open, worst);
  return principal + divideRounded(principal * BigInt(feeBps), BPS_PER_ONE, 'up');
}

/** What a buy pays at worst without fees: its units where it has them. @units quote asset, rounded up */
export function principalOf(
  open: { readonly quantity: bigint | null; readonly notional: bigint | null },
  worst: bigint,
): bigint {
  return open.quantity === null ? (open.notional ?? 0n) : divideRounded(open.quantity * worst, ONE, 'up');
}

/** The higher of the two rates: what a reservation counts with. @units bps */
export function worstFeeBps(terms: Pick<Terms, 'makerFeeBps' | 'takerFeeBps'>): number {
  return Math.max(terms.makerFeeBps, terms.takerFeeBps);
}
