import { present } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuseSelfAction } from '../identity/index.ts';
import { CHECKERS } from './checkers.ts';
import { requireExecuted } from './cited-approval.ts';
import { refuseFunding } from './errors.ts';
import { refuseWhilePayable } from './payouts/refuse-while-payable.ts';
import { freePayout } from './settle-payout.ts';
import { refuseIfDebited } from './statement-debits.ts';
import { findWithdrawal, type Withdrawal } from './store.ts';
import { approvalPayload, FAIL_WITHDRAWAL } from './withdrawal-payload.ts';
import { lockWithdrawal } from './withdrawal-status.ts';

export type Failure = {
  readonly withdrawalId: Id;
  readonly reason?: string | undefined;
  readonly approvalId?: Id | undefined;
};

/**
 * Declares a payout failed. That frees money which may be on its way, so another person must agree;
 * their vote sets the money free in its own transaction. With that approval it answers the withdrawal.
 * @effects without an approval one row of `approvals`; audit `approval.requested`
 * @errors not_found, self_action, approval_unknown, approval_not_granted, withdrawal_status_conflict,
 *   payout_on_statement, payout_may_leave, approval_pending_exists
 */
export async function failWithdrawal(
  ctx: Ctx,
  input: Failure,
): Promise<{ readonly withdrawal: Withdrawal } | { readonly approval: Approval }> {
  return transact(ctx, 'staff', async (tx) => {
    const withdrawal = await findWithdrawal(tx, ctx, input.withdrawalId);
    refuseSelfAction(ctx, withdrawal.userId);
    if (input.approvalId !== undefined) {
      const cited = { approvalId: input.approvalId, action: FAIL_WITHDRAWAL, subjectId: withdrawal.id };
      await requireExecuted(tx, cited);
      return { withdrawal };
    }
    if (withdrawal.status !== 'processing') {
      throw refuseFunding('withdrawal_status_conflict', {
        detail: `The withdrawal is ${withdrawal.status}.`,
      });
    }
    await refuseIfDebited(tx, withdrawal, 'people');
    await refuseWhilePayable(tx, ctx, withdrawal.id);
    const approval = await requestApproval(tx, ctx, {
      action: FAIL_WITHDRAWAL,
      subjectType: 'withdrawal',
      subjectId: withdrawal.id,
      subjectUserId: withdrawal.userId,
      payload: approvalPayload(withdrawal),
      quorum: 1,
      checkerRoles: CHECKERS,
      reason: input.reason ?? 'The payout was not made',
    });
    return { approval };
  });
}

/** What the vote on a failure does: the money is the customer's to use again. */
export const withdrawalFailure: ApprovalAction = {
  action: FAIL_WITHDRAWAL,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const withdrawal = await lockWithdrawal(tx, approved.subjectId, 'failed', 'processing');
    if (canonicalJson(approvalPayload(withdrawal)) !== canonicalJson(approved.payload as Json)) {
      throw refuseFunding('approved_request_changed');
    }
    await freePayout(tx, ctx, withdrawal, {});
  },
};
