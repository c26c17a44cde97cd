/**
 * What the checkers of a withdrawal decide on. Its hash is kept with the approval, which no login can
 * rewrite; the row is held to it at the decision and again at payout. It holds no personal data: the
 * destination appears as its keyed hash.
 */
import { formatAmount } from '../../kernel/amount.ts';
import type { Json } from '../../kernel/canonical-json.ts';
import type { Withdrawal } from './store.ts';

export const APPROVE_WITHDRAWAL = 'withdrawal.approve';
export const FAIL_WITHDRAWAL = 'withdrawal.fail';
export const RESOLVE_WITHDRAWAL = 'withdrawal.resolve';

type Subject = Pick<
  Withdrawal,
  'userId' | 'accountId' | 'walletId' | 'asset' | 'amount' | 'fee' | 'beneficiaryId' | 'destinationHash'
>;

/** The figures of a withdrawal that may not change between decision and payout. */
export function approvalPayload(withdrawal: Subject): { readonly [key: string]: Json } {
  return {
    userId: withdrawal.userId,
    accountId: withdrawal.accountId,
    walletId: withdrawal.walletId,
    asset: withdrawal.asset,
    amount: formatAmount(withdrawal.amount),
    fee: formatAmount(withdrawal.fee),
    beneficiaryId: withdrawal.beneficiaryId,
    destinationHash: Buffer.from(withdrawal.destinationHash).toString('hex'),
  };
}
