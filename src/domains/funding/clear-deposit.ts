import type { Id } from '../../kernel/id.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuseSelfAction } from '../identity/index.ts';
import { CHECKERS, CHECKERS_WITH_MLRO } from './checkers.ts';
import { requireExecuted } from './cited-approval.ts';
import { clearByLine } from './clear-by-line.ts';
import { CLEAR_DEPOSIT, clearancePayload } from './clearance-payload.ts';
import { votesOnClearance } from './clearance-votes.ts';
import { refuseFunding } from './errors.ts';
import { refuseOpenReceipt } from './receipts.ts';
import { depositMayBecome } from './rules.ts';
import { type Deposit, findDeposit } from './store.ts';
import { refuseTakenBack, refuseUnfitting } from './waiting-events.ts';

export type Clearance = {
  readonly depositId: Id;
  readonly reason?: string | undefined;
  readonly approvalId?: Id | undefined;
  readonly statementLineId?: Id | undefined;
};

/**
 * Clears a deposit by hand. Without evidence it asks another person, or two and the MLRO as a journal of that amount
 * does; the approval's last vote credits the deposit in its own transaction (credit-deposit.ts). With that approval it answers the deposit.
 * With a statement line it credits at once what the bank vouches for (clear-by-line.ts). The request for
 * an approval locks no row: the credit checks everything again under its locks.
 * @effects without evidence one row of `approvals`; audit `approval.requested`; with a line those of
 *   `clearByLine`
 * @errors not_found, self_action, those of `clearByLine`, approval_unknown, approval_not_granted,
 *   deposit_status_conflict, deposit_has_receipt, deposit_taken_back, deposit_has_event, approval_pending_exists
 */
export async function clearDeposit(
  ctx: Ctx,
  input: Clearance,
): Promise<{ readonly deposit: Deposit } | { readonly approval: Approval }> {
  const { statementLineId } = input;
  return transact(ctx, statementLineId === undefined ? 'staff' : 'engine', async (tx) => {
    const deposit = await findDeposit(tx, ctx, input.depositId);
    refuseSelfAction(ctx, deposit.userId);
    if (statementLineId !== undefined) {
      return { deposit: await clearByLine(tx, ctx, deposit, statementLineId) };
    }
    if (input.approvalId !== undefined) {
      const cited = { approvalId: input.approvalId, action: CLEAR_DEPOSIT, subjectId: deposit.id };
      await requireExecuted(tx, cited);
      return { deposit };
    }
    if (!depositMayBecome(deposit.status, 'cleared')) {
      throw refuseFunding('deposit_status_conflict');
    }
    await refuseOpenReceipt(tx, deposit.id);
    await refuseTakenBack(tx, deposit.id);
    await refuseUnfitting(tx, deposit.id);
    const { quorum, mlro } = await votesOnClearance(tx, ctx, deposit);
    const approval = await requestApproval(tx, ctx, {
      action: CLEAR_DEPOSIT,
      subjectType: 'deposit',
      subjectId: deposit.id,
      subjectUserId: deposit.userId,
      payload: clearancePayload(deposit),
      quorum,
      checkerRoles: mlro ? CHECKERS_WITH_MLRO : CHECKERS,
      reason: input.reason ?? 'The money was received',
    });
    return { approval };
  });
}
