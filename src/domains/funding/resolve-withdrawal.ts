import { present } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { FLAGGED_RETURNERS } from './allocate-receipt.ts';
import { CHECKERS } from './checkers.ts';
import { requireExecuted } from './cited-approval.ts';
import { refuseFunding } from './errors.ts';
import { paidElsewhere } from './paid-to-another.ts';
import { refuseWhilePayable } from './payouts/refuse-while-payable.ts';
import { refuseIfChanged } from './refuse-if-changed.ts';
import { refusePayer } from './refuse-payer.ts';
import { settleByLine } from './settle-by-line.ts';
import { bookPayout, freePayout } from './settle-payout.ts';
import { refuseIfDebited } from './statement-debits.ts';
import { findWithdrawal, type Withdrawal } from './store.ts';
import { approvalPayload, RESOLVE_WITHDRAWAL } from './withdrawal-payload.ts';
import { lockWithdrawal } from './withdrawal-status.ts';

export type Resolution = {
  readonly withdrawalId: Id;
  readonly outcome: 'completed' | 'failed';
  /** What the bank calls the payment; with `completed`. */
  readonly transactionReference?: string | undefined;
  readonly reason?: string | undefined;
  readonly approvalId?: Id | undefined;
  /** The bank's own debit for it; with `completed`. */
  readonly statementLineId?: Id | undefined;
};

/**
 * Settles a payout whose outcome nobody knew, or one under way that the bank's statement shows. The debit
 * itself is evidence and books it at once. Whatever one person says without it, a second one must agree:
 * their vote books the payout or sets the money free. With that approval it answers the withdrawal. What the bank says
 * went to another account is completed by nobody before its debit is explained, and then with one of compliance.
 * @effects with a line those of `settleByLine`; without line and approval one row of `approvals`; audit
 *   `approval.requested`
 * @errors not_found, self_action, approved_request_changed, destination_changed, approval_not_granted,
 *   approver_cannot_pay_out, statement_line_unknown, payout_line_used, payout_line_differs,
 *   approval_unknown, withdrawal_status_conflict, payout_on_statement, payout_may_leave,
 *   payout_debit_open, approval_pending_exists
 */
export async function resolveWithdrawal(
  ctx: Ctx,
  input: Resolution,
): Promise<{ readonly withdrawal: Withdrawal } | { readonly approval: Approval }> {
  const { statementLineId } = input;
  if (statementLineId !== undefined) {
    return transact(ctx, 'engine', async (tx) => {
      const known = await findWithdrawal(tx, ctx, input.withdrawalId);
      return { withdrawal: await settleByLine(tx, ctx, known, statementLineId) };
    });
  }
  return transact(ctx, 'staff', async (tx) => {
    const withdrawal = await findWithdrawal(tx, ctx, input.withdrawalId);
    await refusePayer(tx, ctx, withdrawal);
    if (input.approvalId !== undefined) {
      const cited = { approvalId: input.approvalId, action: RESOLVE_WITHDRAWAL, subjectId: withdrawal.id };
      await requireExecuted(tx, cited);
      return { withdrawal };
    }
    if (withdrawal.status !== 'unknown') {
      const detail = `The withdrawal is ${withdrawal.status}.`;
      throw refuseFunding('withdrawal_status_conflict', { detail });
    }
    if (input.outcome === 'failed') {
      await refuseIfDebited(tx, withdrawal, 'people');
      await refuseWhilePayable(tx, ctx, withdrawal.id);
    }
    const { outcome, transactionReference = null } = input;
    const elsewhere = outcome === 'completed' && (await wentElsewhere(tx, ctx, withdrawal));
    const approval = await requestApproval(tx, ctx, {
      action: RESOLVE_WITHDRAWAL,
      subjectType: 'withdrawal',
      subjectId: withdrawal.id,
      subjectUserId: withdrawal.userId,
      payload: resolutionPayload(withdrawal, { outcome, transactionReference, elsewhere }),
      quorum: 1,
      checkerRoles: elsewhere ? FLAGGED_RETURNERS : CHECKERS,
      reason: input.reason ?? `The payout is known to have ${input.outcome}`,
    });
    return { approval };
  });
}

/** What the vote on a resolution does. */
export const withdrawalResolution: ApprovalAction = {
  action: RESOLVE_WITHDRAWAL,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { outcome, transactionReference } = approved.payload as {
      readonly outcome: Resolution['outcome'];
      readonly transactionReference: string | null;
    };
    const withdrawal = await lockWithdrawal(tx, approved.subjectId, outcome, 'unknown');
    // A debit may have come since it was asked for: others agree then, or its debit is explained first.
    const elsewhere = outcome === 'completed' && (await wentElsewhere(tx, ctx, withdrawal));
    const stored = resolutionPayload(withdrawal, { outcome, transactionReference, elsewhere });
    if (canonicalJson(stored) !== canonicalJson(approved.payload as Json)) {
      throw refuseFunding('approved_request_changed');
    }
    const evidence = { transactionReference, resolutionId: approved.approvalId };
    if (outcome === 'failed') {
      await freePayout(tx, ctx, withdrawal, evidence);
      return;
    }
    await refuseIfChanged(tx, ctx, withdrawal);
    await bookPayout(tx, ctx, withdrawal, evidence);
  },
};

/** Whether the bank shows it at another account, and whoever may has said what that debit was. @errors payout_debit_open */
async function wentElsewhere(tx: Tx, ctx: Ctx, withdrawal: Withdrawal): Promise<boolean> {
  const elsewhere = await paidElsewhere(tx, ctx, withdrawal);
  if (elsewhere === 'open') {
    const detail = 'A debit of its reference went to another account: it is explained first.';
    throw refuseFunding('payout_debit_open', { detail });
  }
  return elsewhere !== null;
}

function resolutionPayload(
  withdrawal: Withdrawal,
  {
    outcome,
    transactionReference,
    elsewhere,
  }: {
    readonly outcome: Resolution['outcome'];
    readonly transactionReference: string | null;
    readonly elsewhere: boolean;
  },
): { readonly [key: string]: Json } {
  const shown = elsewhere ? { elsewhere } : {};
  return { ...approvalPayload(withdrawal), outcome, transactionReference, ...shown };
}
