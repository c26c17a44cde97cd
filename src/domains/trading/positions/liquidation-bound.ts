/**
 * How far from the mark the firm closes what an account can no longer carry. Pure. Behind a position that is closed
 * stands about its maintenance margin: a price further from the mark than that takes more than the owner was ever asked
 * for, and beyond it the firm pays. So a liquidation trades at most the maintenance margin of its contract beyond the
 * mark, and never beyond the collar; what cannot be closed there stays open, is told of and is tried again.
 */
import { type Amount, amountOf, MAX_AMOUNT, maxAmount, minAmount } from '../../../kernel/amount.ts';
import { BPS_PER_ONE, divideRounded } from '../../../kernel/rounding.ts';

type Contract = {
  /** @units bps of what the position is worth */
  readonly maintenanceMarginBps: number | null;
  readonly tick: Amount;
};

/**
 * The worst price at which the firm closes, on a tick, rounded towards the mark; the tick next to the mark is always one.
 * @units price: for who sells the lowest, for who buys the highest
 */
export function liquidationBound(
  side: 'buy' | 'sell',
  mark: Amount,
  { maintenanceMarginBps, tick }: Contract,
): Amount {
  const bps = BigInt(maintenanceMarginBps ?? 0);
  const onTick = (price: bigint, rounding: 'up' | 'down') =>
    amountOf(divideRounded(price < MAX_AMOUNT ? price : MAX_AMOUNT, tick, rounding) * tick);
  const away = mark * (side === 'buy' ? BPS_PER_ONE + bps : BPS_PER_ONE - bps);
  if (side === 'buy') {
    return maxAmount(onTick(divideRounded(away, BPS_PER_ONE, 'down'), 'down'), onTick(mark, 'up'));
  }
  const least = onTick(divideRounded(away, BPS_PER_ONE, 'up'), 'up');
  return maxAmount(minAmount(least, onTick(mark, 'down')), tick);
}

/** Why the firm does not close at a price; null where it does. Where nobody stands for the mark it closes at none. */
export function whyNotLiquidated(
  side: 'buy' | 'sell',
  price: Amount,
  contract: Contract & { readonly last: Amount | null; readonly priceVouched: boolean },
): 'price_stale' | 'price_cap' | null {
  if (contract.last === null || !contract.priceVouched) {
    return 'price_stale';
  }
  const bound = liquidationBound(side, contract.last, contract);
  return (side === 'buy' ? price > bound : price < bound) ? 'price_cap' : null;
}
