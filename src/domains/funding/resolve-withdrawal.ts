import type { Role } from '../../kernel/actor.ts';
import { formatAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { FLAGGED_RETURNERS } from './allocate-receipt.ts';
import { CHECKERS } from './checkers.ts';
import { requireExecuted } from './cited-approval.ts';
import { refuseFunding } from './errors.ts';
import { type FirmsLine, holdFirmsLines, isPaidOtherwise, paidByFirm } from './paid-by-firm.ts';
import { isPaidToAnother, paidElsewhere } from './paid-to-another.ts';
import { payoutReferenceOf } from './payout-reference.ts';
import { refuseWhilePayable } from './payouts/refuse-while-payable.ts';
import { refuseIfChanged } from './refuse-if-changed.ts';
import { refusePayer } from './refuse-payer.ts';
import { withdrawals } from './schema.ts';
import { settleByLine } from './settle-by-line.ts';
import { bookPayout, freePayout } from './settle-payout.ts';
import { refuseIfDebited } from './statement-debits.ts';
import { findWithdrawal, type Withdrawal } from './store.ts';
import { approvalPayload, RESOLVE_WITHDRAWAL } from './withdrawal-payload.ts';
import { lockWithdrawal, recordStatus } from './withdrawal-status.ts';

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
 * went to another account is completed by nobody before its debit is explained, and then with one of compliance; so is one
 * that nobody had begun and that a debit of the firm's own account bears the reference of: with the MLRO where that is not
 * of this amount, or went to another account.
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
    const { outcome, transactionReference = null } = input;
    const shown = await seenOf(tx, ctx, withdrawal, outcome);
    if (withdrawal.status !== 'unknown' && shown.byFirm.length === 0) {
      const detail = `The withdrawal is ${withdrawal.status}.`;
      throw refuseFunding('withdrawal_status_conflict', { detail });
    }
    if (outcome === 'failed') {
      await refuseIfDebited(tx, withdrawal, 'people');
      await refuseWhilePayable(tx, ctx, withdrawal.id);
    }
    const approval = await requestApproval(tx, ctx, {
      action: RESOLVE_WITHDRAWAL,
      subjectType: 'withdrawal',
      subjectId: withdrawal.id,
      subjectUserId: withdrawal.userId,
      payload: resolutionPayload(withdrawal, { outcome, transactionReference }, shown),
      quorum: 1,
      checkerRoles: checkersOf(shown),
      reason: input.reason ?? `The payout is known to have ${outcome}`,
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
    await holdFirmsLines(tx, await findWithdrawal(tx, ctx, approved.subjectId));
    const locked = present(
      await lockRow(tx, withdrawals, approved.subjectId),
      'withdrawals are never deleted',
    );
    // A debit may have come since it was asked for: others agree then, or its debit is explained first.
    const shown = await seenOf(tx, ctx, locked, outcome);
    const withdrawal =
      shown.byFirm.length === 0 ? await lockWithdrawal(tx, locked.id, outcome, 'unknown') : locked;
    const stored = resolutionPayload(withdrawal, { outcome, transactionReference }, shown);
    if (canonicalJson(stored) !== canonicalJson(approved.payload as Json)) {
      throw refuseFunding('approved_request_changed');
    }
    const evidence = { transactionReference, resolutionId: approved.approvalId };
    if (outcome === 'failed') {
      await freePayout(tx, ctx, withdrawal, evidence);
      return;
    }
    await refuseIfChanged(tx, ctx, withdrawal);
    const begun =
      shown.byFirm.length === 0
        ? withdrawal
        : await recordStatus(tx, ctx, withdrawal, {
            status: 'processing',
            payoutReference: payoutReferenceOf(withdrawal.id),
          });
    await bookPayout(tx, ctx, begun, evidence);
  },
};

/** What banks show of a payout that people say was made. */
type Seen = {
  readonly elsewhere: boolean;
  readonly byFirm: readonly FirmsLine[];
  /** The firm's own account paid another amount, or by several debits. */
  readonly differs: boolean;
};

function checkersOf({ elsewhere, byFirm, differs }: Seen): readonly Role[] {
  if (byFirm.length > 0 && (elsewhere || differs)) {
    return ['mlro'];
  }
  return elsewhere || byFirm.length > 0 ? FLAGGED_RETURNERS : CHECKERS;
}

/** @errors payout_debit_open */
async function seenOf(
  tx: Tx,
  ctx: Ctx,
  withdrawal: Withdrawal,
  outcome: Resolution['outcome'],
): Promise<Seen> {
  if (outcome === 'failed') {
    return { elsewhere: false, byFirm: [], differs: false };
  }
  const byFirm = await paidByFirm(tx, withdrawal);
  let elsewhere = withdrawal.status === 'unknown' && (await wentElsewhere(tx, ctx, withdrawal));
  for (const { statementLineId } of byFirm) {
    elsewhere ||= await isPaidToAnother(tx, ctx, withdrawal, statementLineId);
  }
  return { elsewhere, byFirm, differs: isPaidOtherwise(withdrawal, byFirm) };
}

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
  said: { readonly outcome: Resolution['outcome']; readonly transactionReference: string | null },
  { elsewhere, byFirm, differs }: Seen,
): { readonly [key: string]: Json } {
  return {
    ...approvalPayload(withdrawal),
    ...said,
    ...(elsewhere ? { elsewhere } : {}),
    ...(byFirm.length === 0
      ? {}
      : { byFirm: byFirm.map((line) => ({ ...line, amount: formatAmount(line.amount) })) }),
    ...(differs ? { differs } : {}),
  };
}
