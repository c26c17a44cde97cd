import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { decideApproval } from '../../platform/approvals/decide-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { releaseHold } from '../ledger/index.ts';
import { refuseFunding } from './errors.ts';
import { lockMoneyPathOf } from './lock-money-path.ts';
import { refuseIfChanged } from './refuse-if-changed.ts';
import { refuseWithoutMlro } from './refuse-without-mlro.ts';
import { findWithdrawal, type Withdrawal } from './store.ts';
import { APPROVE_WITHDRAWAL } from './withdrawal-payload.ts';
import { lockWithdrawal, recordStatus } from './withdrawal-status.ts';

/** The word customers read; the checker's own stay with the vote, so that none can tip off. */
const CUSTOMER_WORD = 'declined';

/**
 * One person's vote on a withdrawal; the same vote as on its approval. Every approving vote, not only
 * the last, looks at the payee first.
 * @errors not_found, self_approval, withdrawal_status_conflict, approved_request_changed, destination_changed, those of
 *   `decideApproval`; on the last approving vote the gate's and mlro_vote_required
 */
export async function decideWithdrawal(
  ctx: Ctx,
  input: { readonly withdrawalId: Id; readonly vote: 'approve' | 'reject'; readonly reason: string },
): Promise<Withdrawal> {
  const approvalId = await transact(ctx, 'staff', async (tx) => {
    const withdrawal = await findWithdrawal(tx, ctx, input.withdrawalId);
    // Its approval is hidden from them, the withdrawal is not.
    if (withdrawal.userId === personOf(ctx.actor)) {
      throw refuse('self_approval');
    }
    if (withdrawal.status !== 'pending' && withdrawal.status !== 'under_review') {
      throw refuseFunding('withdrawal_status_conflict', {
        detail: `The withdrawal is ${withdrawal.status}.`,
      });
    }
    if (input.vote === 'approve') {
      await refuseIfChanged(tx, ctx, withdrawal);
    }
    return present(withdrawal.approvalId, 'a withdrawal that waits has its approval');
  });
  await decideApproval(ctx, { approvalId, vote: input.vote, reason: input.reason });
  return transact(ctx, 'staff', (tx) => findWithdrawal(tx, ctx, input.withdrawalId));
}

/** What the last vote on a withdrawal does: nothing leaves yet, or the money is free again. */
export const withdrawalApproval: ApprovalAction = {
  action: APPROVE_WITHDRAWAL,
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const known = await findWithdrawal(tx, ctx, approved.subjectId);
    await lockMoneyPathOf(tx, known, 'money_out');
    const withdrawal = await lockWithdrawal(tx, known.id, 'approved');
    const approval = await refuseIfChanged(tx, ctx, withdrawal);
    await refuseWithoutMlro(tx, approval, approved.checkerIds);
    await recordStatus(tx, ctx, withdrawal, { status: 'approved', decidedAt: ctx.deps.clock.now() });
  },
  refused: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const withdrawal = await lockWithdrawal(tx, approved.subjectId, 'rejected');
    await releaseHold(tx, ctx, present(withdrawal.holdId, 'an open withdrawal has its hold'));
    await recordStatus(tx, ctx, withdrawal, {
      status: 'rejected',
      rejectionReason: CUSTOMER_WORD,
      decidedAt: ctx.deps.clock.now(),
    });
  },
};
