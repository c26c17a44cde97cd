import type { Id } from '../../kernel/id.ts';
import { cancelApprovals, lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuseUnfetched } from './payouts/refuse-unfetched.ts';
import { refuseWhileUnexplained } from './payouts/refuse-while-unexplained.ts';
import { refusePayer } from './refuse-payer.ts';
import { bookPayout } from './settle-payout.ts';
import { findWithdrawal, type Withdrawal } from './store.ts';
import { refuseCarried } from './submissions/refuse-carried.ts';
import { lockWithdrawal } from './withdrawal-status.ts';

export type Completion = { readonly withdrawalId: Id; readonly transactionReference: string };

/**
 * Books a payout that the bank or chain has made. The gate is not asked: the money has left, and a
 * book that denies it would be wrong; what may leave was decided when the payout began. Sending the
 * same reference again answers the same withdrawal.
 * @effects journal `withdrawal`, the hold, lots, the withdrawal; audit and event `withdrawal.completed`
 * @errors not_found, withdrawal_status_conflict, self_action, approved_request_changed,
 *   destination_changed, approval_not_granted, approver_cannot_pay_out, payout_file_not_fetched,
 *   payout_debit_open, payout_with_provider
 */
export async function completeWithdrawal(ctx: Ctx, input: Completion): Promise<Withdrawal> {
  return transact(ctx, 'engine', async (tx) => {
    const known = await findWithdrawal(tx, ctx, input.withdrawalId);
    if (known.status === 'completed' && known.transactionReference === input.transactionReference) {
      return known;
    }
    const open = await lockOpenApprovals(tx, input.withdrawalId);
    const withdrawal = await lockWithdrawal(tx, input.withdrawalId, 'completed', 'processing');
    await refusePayer(tx, ctx, withdrawal);
    await refuseUnfetched(tx, withdrawal.id);
    await refuseWhileUnexplained(tx, ctx, withdrawal);
    await refuseCarried(tx, withdrawal.id);
    await cancelApprovals(tx, ctx, open);
    return bookPayout(tx, ctx, withdrawal, { transactionReference: input.transactionReference });
  });
}
