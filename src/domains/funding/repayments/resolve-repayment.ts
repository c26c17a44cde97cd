import { and, eq, inArray } from 'drizzle-orm';
import { formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { refuseSelfAction } from '../../identity/index.ts';
import { FLAGGED_RETURNERS } from '../allocate-receipt.ts';
import { CHECKERS } from '../checkers.ts';
import { refuseFunding } from '../errors.ts';
import { refuseWhilePayable } from '../payouts/refuse-while-payable.ts';
import { DIFFERING } from '../payouts/refuse-while-unexplained.ts';
import { refuseIfDebited } from '../statement-debits.ts';
import { repayments, statementDebits } from '../work/schema.ts';
import { wasHandedOut } from './handed-out.ts';
import { isPayableByFile } from './payee-of.ts';
import { mayBeKeyedIn, refuseWhileKeyedIn } from './refuse-keyed-in.ts';
import { RESOLVE_REPAYMENT, whoRefused } from './refuse-paid.ts';
import { ownerOf, type Repayment, recordRepayment } from './repayment-status.ts';
import { isResolvable, type RepaymentOutcome } from './rules.ts';

export type RepaymentResolution = {
  readonly repaymentId: Id;
  readonly outcome: RepaymentOutcome;
  /** What the bank calls the payment; with `completed`. */
  readonly transactionReference?: string | undefined;
  readonly reason: string;
};

/**
 * Asks another person to agree what became of a repayment, or what becomes of one that the bank refused: it is tried
 * again, or paid by hand. One of compliance where it is, or was, paid past a file, which holds its payee against the
 * lists, and where it is said to be paid while an open debit shows it otherwise.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, self_action, repayment_status_conflict, payout_on_statement, repayment_not_by_file,
 *   payout_may_leave, approval_pending_exists
 */
export async function resolveRepayment(ctx: Ctx, input: RepaymentResolution): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const [row] = await tx.select().from(repayments).where(eq(repayments.id, input.repaymentId));
    if (row === undefined) {
      throw refuse('not_found');
    }
    const owner = await ownerOf(tx, row);
    if (owner !== null) {
      refuseSelfAction(ctx, owner);
    }
    await refuseUnresolvable(tx, ctx, row, input.outcome);
    const differs = input.outcome === 'completed' && (await isShownOtherwise(tx, row));
    const isFlagged = differs || (await isPastFile(tx, row, input.outcome));
    const { outcome, transactionReference = null } = input;
    return requestApproval(tx, ctx, {
      action: RESOLVE_REPAYMENT,
      subjectType: 'repayment',
      subjectId: row.id,
      subjectUserId: owner,
      payload: resolutionPayload(row, { outcome, transactionReference }, differs),
      quorum: 1,
      checkerRoles: isFlagged ? FLAGGED_RETURNERS : CHECKERS,
      reason: input.reason,
    });
  });
}

/** What the vote on a resolution does. */
export const repaymentResolution: ApprovalAction = {
  action: RESOLVE_REPAYMENT,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { outcome, transactionReference } = approved.payload as {
      readonly outcome: RepaymentOutcome;
      readonly transactionReference: string | null;
    };
    const row = present(await lockRow(tx, repayments, approved.subjectId), 'repayments are never deleted');
    await refuseUnresolvable(tx, ctx, row, outcome);
    // A debit may have come since it was asked for: others agree then.
    const differs = outcome === 'completed' && (await isShownOtherwise(tx, row));
    const stored = resolutionPayload(row, { outcome, transactionReference }, differs);
    if (canonicalJson(stored) !== canonicalJson(approved.payload as Json)) {
      throw refuseFunding('approved_request_changed');
    }
    const resolutionId = approved.approvalId;
    await recordRepayment(tx, ctx, row, { status: outcome, resolutionId, transactionReference });
  },
};

/** Whether a debit that nobody explained yet says that it went elsewhere, or was of another amount. */
async function isShownOtherwise(tx: Tx, { id }: Repayment): Promise<boolean> {
  const [open] = await tx
    .select({ id: statementDebits.id })
    .from(statementDebits)
    .where(
      and(
        eq(statementDebits.namedRepaymentId, id),
        eq(statementDebits.status, 'open'),
        inArray(statementDebits.reason, [...DIFFERING]),
      ),
    )
    .limit(1);
  return open !== undefined;
}

/** Whether it is to be paid by hand, or was paid though no file was handed out that the bank may have paid it by. */
async function isPastFile(tx: Tx, row: Repayment, outcome: RepaymentOutcome): Promise<boolean> {
  if (outcome !== 'completed') {
    return outcome === 'by_hand';
  }
  const isSent = row.status === 'in_file' || row.status === 'unknown';
  return !isSent || !(await wasHandedOut(tx, row));
}

/**
 * What a statement shows as paid, a file may still have the bank pay, or somebody may have keyed in is not said to have
 * failed, and not tried again.
 */
async function refuseUnresolvable(
  tx: Tx,
  ctx: Ctx,
  row: Repayment,
  outcome: RepaymentOutcome,
): Promise<void> {
  if (!isResolvable(row.status, outcome)) {
    throw refuseFunding('repayment_status_conflict', { detail: `The repayment is ${row.status}.` });
  }
  // The bank cannot have paid it by that file, which may be fetched still.
  if (outcome === 'completed' && row.status === 'in_file' && !(await wasHandedOut(tx, row))) {
    const detail = 'Its file was never fetched: void that first.';
    throw refuseFunding('repayment_status_conflict', { detail });
  }
  if (outcome !== 'completed') {
    // What the bank refused is tried again on its word: beside that stands what it charged for it.
    const isFree = row.status === 'failed' || row.status === 'payable';
    await refuseIfDebited(tx, row, isFree ? await whoRefused(tx, row) : 'people');
  }
  if (outcome === 'payable' && !(await isPayableByFile(tx, ctx, row))) {
    const detail = 'No account of its payer is known that a file can pay, or a provider had it from them.';
    throw refuseFunding('repayment_not_by_file', { detail });
  }
  if (outcome === 'failed') {
    await refuseWhilePayable(tx, ctx, row.id);
    if (await mayBeKeyedIn(tx, row)) {
      await refuseWhileKeyedIn(tx, ctx, row);
    }
  }
}

/** Of this repayment as it stands: what was agreed to once says nothing of a later try. */
function resolutionPayload(
  row: Repayment,
  said: { readonly outcome: RepaymentOutcome; readonly transactionReference: string | null },
  differs: boolean,
): { readonly [key: string]: Json } {
  const { asset, payoutReference, status, fileId, version } = row;
  const amount = formatAmount(row.amount);
  const shown = differs ? { differs } : {};
  return { asset, amount, payoutReference, status, fileId, version, ...said, ...shown };
}
