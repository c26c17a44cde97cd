import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { decideApproval } from '../../platform/approvals/decide-approval.ts';
import type { Approval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { lockGates } from '../identity/index.ts';
import { releaseHold } from '../ledger/index.ts';
import { askMoreCheckers } from './ask-more-checkers.ts';
import { refuseFunding } from './errors.ts';
import { lockMoneyPathOf } from './lock-money-path.ts';
import { payoutRiskOf } from './payout-risk.ts';
import { refuseIfChanged } from './refuse-if-changed.ts';
import { refuseWithoutMlro } from './refuse-without-mlro.ts';
import { type Review, reviewOfRisk } from './rules.ts';
import { isDebited, isNamedByWaiting } from './statement-debits.ts';
import { findWithdrawal, type Withdrawal } from './store.ts';
import { isSaidTaken, saidTaken } from './submissions/said-taken.ts';
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

/** Whether as many people as the customer's risk asks for now were asked, and the MLRO where it does. */
function isEnough({ quorum, checkerRoles }: Approval, review: Review): boolean {
  return quorum >= review.quorum && (!review.mlro || checkerRoles.includes('mlro'));
}

/**
 * What the last vote on a withdrawal does: nothing leaves yet, or the money is free again unless the bank paid it.
 * Where the customer's risk rose since it was asked for, two people are asked anew, and this vote lets nothing go.
 */
export const withdrawalApproval: ApprovalAction = {
  action: APPROVE_WITHDRAWAL,
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const known = await findWithdrawal(tx, ctx, approved.subjectId);
    // What the bank paid already left whatever the gate says now: shut, it would keep the books from ever saying so.
    const gate = (await isDebited(tx, known, 'people'))
      ? (await lockGates(tx, [known.userId])).get(known.userId)
      : (await lockMoneyPathOf(tx, known, 'money_out')).gate;
    const withdrawal = await lockWithdrawal(tx, known.id, 'approved');
    const approval = await refuseIfChanged(tx, ctx, withdrawal);
    await refuseWithoutMlro(tx, approval, approved.checkerIds);
    const review = reviewOfRisk(await payoutRiskOf(tx, present(gate, 'a customer has a gate')));
    if (!isEnough(approval, review)) {
      const reason = 'More is known of the customer than when it was asked for: looked at again';
      await askMoreCheckers(tx, ctx, withdrawal, { open: [], mlro: review.mlro, reason });
      return;
    }
    await recordStatus(tx, ctx, withdrawal, { status: 'approved', decidedAt: ctx.deps.clock.now() });
  },
  refused: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const withdrawal = await lockWithdrawal(tx, approved.subjectId, 'rejected');
    const isExpired = personOf(ctx.actor) === null;
    const isPaid =
      (await isDebited(tx, withdrawal, 'people')) ||
      (await isNamedByWaiting(tx, withdrawal)) ||
      // Signed days are for people to judge by.
      (isExpired
        ? (await saidTaken(tx, ctx, withdrawal)) !== undefined
        : await isSaidTaken(tx, ctx, withdrawal));
    if (isPaid && isExpired) {
      // Nobody decided in time; what the bank paid already is not set free for that.
      const reason = 'A bank statement shows that it was paid, or a provider says that it has or paid it';
      await askMoreCheckers(tx, ctx, withdrawal, { open: [], mlro: true, reason });
      return;
    }
    if (isPaid) {
      throw refuseFunding('payout_on_statement');
    }
    await releaseHold(tx, ctx, present(withdrawal.holdId, 'an open withdrawal has its hold'));
    await recordStatus(tx, ctx, withdrawal, {
      status: 'rejected',
      rejectionReason: CUSTOMER_WORD,
      decidedAt: ctx.deps.clock.now(),
    });
  },
};
