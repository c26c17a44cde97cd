/**
 * What unsettled funds are. Pure. `wallets.unsettled` counts the deposits of a wallet that can still be called
 * back, and what trades brought that has not settled. Trades use the second before all else (settlements/) and
 * never the first: of deposits, what was spent counts as the settled part. Orders reserve both. So the column may
 * be more than what is left: that a wallet has no more unsettled than available holds for what is shown.
 */
import { type Amount, amountOf, maxAmount, minAmount, ZERO } from '../../kernel/amount.ts';

type Balance = { readonly total: Amount; readonly reserved: Amount; readonly unsettled: Amount };

/** What may be withdrawn or converted: available less unsettled, never below zero. */
export function settledFunds({ total, reserved, unsettled }: Balance): Amount {
  return maxAmount(ZERO, amountOf(total - reserved - unsettled));
}

/** The part of what is available that may not. */
export function unsettledFunds({ total, reserved, unsettled }: Balance): Amount {
  return maxAmount(ZERO, minAmount(amountOf(total - reserved), unsettled));
}
