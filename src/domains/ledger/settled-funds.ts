/**
 * What unsettled money is. Pure. `wallets.unsettled` counts the deposits of a wallet that can still be called
 * back. The column may be more than what is left: settled and unsettled money lie in one wallet, orders may
 * spend and reserve both, and what was spent counts as the settled part first. So the rule that a wallet has
 * no more unsettled than available holds for what is shown, and is none for the column.
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
