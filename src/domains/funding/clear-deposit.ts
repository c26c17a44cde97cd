import { formatAmount } from '../../kernel/amount.ts';
import type { Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuseSelfAction } from '../identity/index.ts';
import { CHECKERS } from './checkers.ts';
import { requireExecuted } from './cited-approval.ts';
import { refuseFunding } from './errors.ts';
import { depositMayBecome } from './rules.ts';
import { type Deposit, findDeposit } from './store.ts';

export type Clearance = {
  readonly depositId: Id;
  readonly reason?: string | undefined;
  readonly approvalId?: Id | undefined;
  readonly statementLineId?: Id | undefined;
};

export const CLEAR_DEPOSIT = 'deposit.clear';

/**
 * Clears a deposit by hand. Without evidence it asks another person; the approval's last vote credits
 * the deposit in its own transaction (credit-deposit.ts). With that approval it answers the deposit.
 * No row is locked here: the credit checks everything again under its locks.
 * @effects without evidence one row of `approvals`; audit `approval.requested`
 * @errors not_found, self_action, statement_line_unknown, approval_unknown, approval_not_granted,
 *   deposit_status_conflict, approval_pending_exists
 */
export async function clearDeposit(
  ctx: Ctx,
  input: Clearance,
): Promise<{ readonly deposit: Deposit } | { readonly approval: Approval }> {
  return transact(ctx, 'staff', async (tx) => {
    const deposit = await findDeposit(tx, ctx, input.depositId);
    refuseSelfAction(ctx, deposit.userId);
    if (input.statementLineId !== undefined) {
      throw refuseFunding('statement_line_unknown');
    }
    if (input.approvalId !== undefined) {
      const cited = { approvalId: input.approvalId, action: CLEAR_DEPOSIT, subjectId: deposit.id };
      await requireExecuted(tx, cited);
      return { deposit };
    }
    if (!depositMayBecome(deposit.status, 'cleared')) {
      throw refuseFunding('deposit_status_conflict');
    }
    const approval = await requestApproval(tx, ctx, {
      action: CLEAR_DEPOSIT,
      subjectType: 'deposit',
      subjectId: deposit.id,
      subjectUserId: deposit.userId,
      payload: clearancePayload(deposit),
      quorum: 1,
      checkerRoles: CHECKERS,
      reason: input.reason ?? 'The money was received',
    });
    return { approval };
  });
}

/** What the checkers of a clearance are shown, and what is credited: one and the same. */
export function clearancePayload(deposit: Deposit): { readonly [key: string]: Json } {
  return {
    accountId: deposit.accountId,
    walletId: deposit.walletId,
    asset: deposit.asset,
    amount: formatAmount(deposit.amount),
    method: deposit.method,
    paymentReference: deposit.paymentReference,
  };
}
