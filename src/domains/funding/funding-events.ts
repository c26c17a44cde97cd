import type { NewEvent } from '../../platform/outbox/publish.ts';
import type { WithdrawalStatus } from './rules.ts';
import type { Beneficiary, Deposit, Withdrawal } from './store.ts';

/** What the customer and other domains are told of a deposit. */
export function depositEvent(
  type:
    | 'funding.deposit_created'
    | 'funding.deposit_cleared'
    | 'funding.deposit_failed'
    | 'funding.deposit_reopened'
    | 'funding.deposit_refunded'
    | 'funding.deposit_charged_back',
  deposit: Deposit,
): NewEvent {
  return {
    type,
    userId: deposit.userId,
    accountId: deposit.accountId,
    customerVisible: true,
    data: {
      depositId: deposit.id,
      asset: deposit.asset,
      amount: deposit.amount,
      method: deposit.method,
      status: deposit.status,
    },
  };
}

/** What is told of a withdrawal; its status is the customer's own to see, its payee is not told. */
export function withdrawalEvent(
  type: 'funding.withdrawal_requested' | `funding.withdrawal_${WithdrawalStatus}`,
  withdrawal: Withdrawal,
): NewEvent {
  return {
    type,
    userId: withdrawal.userId,
    accountId: withdrawal.accountId,
    customerVisible: true,
    data: {
      withdrawalId: withdrawal.id,
      asset: withdrawal.asset,
      amount: withdrawal.amount,
      fee: withdrawal.fee,
      status: withdrawal.status,
    },
  };
}

/** What is told of a beneficiary: that it is there, not where it is paid. */
export function beneficiaryEvent(
  type: 'funding.beneficiary_added' | 'funding.beneficiary_removed',
  beneficiary: Beneficiary,
): NewEvent {
  return {
    type,
    userId: beneficiary.userId,
    customerVisible: true,
    data: { beneficiaryId: beneficiary.id, kind: beneficiary.kind, hint: beneficiary.hint },
  };
}
