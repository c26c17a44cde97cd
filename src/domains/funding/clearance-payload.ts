import { formatAmount } from '../../kernel/amount.ts';
import type { Json } from '../../kernel/canonical-json.ts';
import type { Deposit } from './store.ts';

export const CLEAR_DEPOSIT = 'deposit.clear';

/** What the checkers of a clearance are shown, and what is credited: one and the same. */
export function clearancePayload(deposit: Deposit): { readonly [key: string]: Json } {
  return {
    accountId: deposit.accountId,
    walletId: deposit.walletId,
    asset: deposit.asset,
    amount: formatAmount(deposit.amount),
    fee: formatAmount(deposit.fee),
    method: deposit.method,
    paymentReference: deposit.paymentReference,
  };
}
