/**
 * What the checkers of a withdrawal decide on. Its hash is kept with the approval, which no login can
 * rewrite; the row is held to it at the decision and again at payout. It holds no personal data: the
 * destination and the Travel Rule data appear as their keyed hashes.
 */
import { formatAmount } from '../../kernel/amount.ts';
import type { Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { Withdrawal } from './store.ts';

export const APPROVE_WITHDRAWAL = 'withdrawal.approve';
export const FAIL_WITHDRAWAL = 'withdrawal.fail';
export const RESOLVE_WITHDRAWAL = 'withdrawal.resolve';

type Subject = Pick<
  Withdrawal,
  'userId' | 'accountId' | 'walletId' | 'asset' | 'amount' | 'fee' | 'beneficiaryId' | 'destinationHash'
>;

/** What a payload says besides the figures, where it says it. */
export type AlsoAsked = {
  /** Null for coins that go without. */
  readonly travelRuleHash?: string | null | undefined;
  /** The open withdrawal of the same amount to the same payee; the customer said that both are meant. */
  readonly duplicateOf?: Id | undefined;
};

/** The figures of a withdrawal that may not change between decision and payout. */
export function approvalPayload(
  withdrawal: Subject,
  { travelRuleHash, duplicateOf }: AlsoAsked = {},
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
    ...(duplicateOf === undefined ? {} : { duplicateOf }),
  };
}

/** What an earlier payload said besides the figures: who looks again is shown the same. */
export function alsoAskedIn(payload: unknown): AlsoAsked {
  const { travelRuleHash, duplicateOf } = payload as AlsoAsked;
  return { travelRuleHash, duplicateOf };
}
