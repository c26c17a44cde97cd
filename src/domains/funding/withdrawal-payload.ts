/**
 * What the checkers of a withdrawal decide on. Its hash is kept with the approval, which no login can
 * rewrite; the row is held to it at the decision and again at payout. It holds no personal data: the
 * destination and the Travel Rule data appear as their keyed hashes.
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

/**
 * The figures of a withdrawal that may not change between decision and payout.
 * @shape `travelRuleHash` where it is given: null for coins that go without
 */
export function approvalPayload(
  withdrawal: Subject,
  travelRuleHash?: string | null,
): { readonly [key: string]: Json } {
  return {
    userId: withdrawal.userId,
    accountId: withdrawal.accountId,
    walletId: withdrawal.walletId,
    asset: withdrawal.asset,
    amount: formatAmount(withdrawal.amount),
    fee: formatAmount(withdrawal.fee),
    beneficiaryId: withdrawal.beneficiaryId,
    destinationHash: Buffer.from(withdrawal.destinationHash).toString('hex'),
    ...(travelRuleHash === undefined ? {} : { travelRuleHash }),
  };
}
