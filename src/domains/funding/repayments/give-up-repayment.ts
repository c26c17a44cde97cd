import { eq, sql } from 'drizzle-orm';
import { amountOf, formatAmount, readStoredAmount } from '../../../kernel/amount.ts';
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
import { houseWallet, lockWallets, postJournals } from '../../ledger/index.ts';
import { FLAGGED_RETURNERS } from '../allocate-receipt.ts';
import { refuseFunding } from '../errors.ts';
import { reopenReceipt } from '../receipts.ts';
import { GIVEN_UP_REFERENCE } from '../settings.ts';
import { repayments, unallocatedReceipts } from '../work/schema.ts';
import { refuseWhileKeyedIn } from './refuse-keyed-in.ts';
import { refuseShownPaid } from './refuse-paid.ts';
import { ownerOf, type Repayment, recordRepayment } from './repayment-status.ts';
import { repaymentMayBecome } from './rules.ts';

const GIVE_UP = 'repayment.give_up';

/**
 * Asks compliance to agree that money which was sent back in the books is not paid: the statement that had shown it was
 * wrong, the payer's account is closed, or a list names them.
 * @effects one row of `approvals`; audit `restricted_approval.requested`
 * @errors not_found, self_action, repayment_status_conflict, payout_on_statement, payout_may_leave,
 *   approval_pending_exists
 */
export async function giveUpRepayment(
  ctx: Ctx,
  input: { readonly repaymentId: Id; readonly reason: string },
): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const [row] = await tx.select().from(repayments).where(eq(repayments.id, input.repaymentId));
    if (row === undefined) {
      throw refuse('not_found');
    }
    const owner = await ownerOf(tx, row);
    if (owner !== null) {
      refuseSelfAction(ctx, owner);
    }
    await refuseUnfree(tx, ctx, row);
    return requestApproval(tx, ctx, {
      action: GIVE_UP,
      subjectType: 'repayment',
      subjectId: row.id,
      subjectUserId: owner,
      payload: payloadOf(row),
      quorum: 1,
      checkerRoles: FLAGGED_RETURNERS,
      reason: input.reason,
    });
  });
}

/**
 * What the vote on giving a repayment up does: each of its journals is undone by one that cites it. What a receipt
 * returned is that open receipt again; a refund lies in suspense, as its deposit stays taken back.
 */
export const repaymentGivingUp: ApprovalAction = {
  action: GIVE_UP,
  // Of why it is not paid, customers are not told: it may be a list.
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const row = present(await lockRow(tx, repayments, approved.subjectId), 'repayments are never deleted');
    await refuseUnfree(tx, ctx, row);
    if (canonicalJson(payloadOf(row)) !== canonicalJson(approved.payload as Json)) {
      throw refuseFunding('approved_request_changed');
    }
    const receipt =
      row.receiptId === null ? undefined : await lockRow(tx, unallocatedReceipts, row.receiptId);
    const target = receipt?.walletId ?? (await suspenseOf(tx, ctx, row.asset));
    await lockWallets(tx, [row.walletId, target]);
    await undo(tx, ctx, row, { target, approvalId: approved.approvalId });
    await recordRepayment(tx, ctx, row, { status: 'given_up', resolutionId: approved.approvalId });
    if (receipt !== undefined) {
      await reopenReceipt(tx, ctx, receipt);
    }
  },
};

async function suspenseOf(tx: Tx, ctx: Ctx, asset: string): Promise<Id> {
  return (
    await houseWallet(tx, ctx, { role: 'suspense', reference: GIVEN_UP_REFERENCE, book: 'live', asset })
  ).id;
}

/** The bank has again what each journal of a repayment took from it. */
async function undo(
  tx: Tx,
  ctx: Ctx,
  row: Repayment,
  { target, approvalId }: { readonly target: Id; readonly approvalId: Id },
): Promise<void> {
  const legs = await tx.execute<{ journalId: Id; amount: string }>(sql`
    select journal_id as "journalId", amount::text as amount from ledger_entries
    where wallet_id = ${row.walletId} and journal_id in (${row.journalId}, ${row.debtJournalId})
    order by journal_id`);
  await postJournals(
    tx,
    ctx,
    legs.map(({ journalId, amount }) => ({
      book: 'live',
      kind: 'reversal',
      reversesId: journalId,
      referenceType: 'repayment',
      referenceId: row.id,
      description: 'Money that was sent back and not paid',
      metadata: { approvalId },
      entries: [
        { walletId: row.walletId, amount: amountOf(-readStoredAmount(amount)) },
        { walletId: target, amount: readStoredAmount(amount) },
      ],
    })),
  );
}

/** Only what no file may have the bank pay, and of which nothing of the bank says that it was paid. */
async function refuseUnfree(tx: Tx, ctx: Ctx, row: Repayment): Promise<void> {
  if (!repaymentMayBecome(row.status, 'given_up')) {
    throw refuseFunding('repayment_status_conflict', { detail: `The repayment is ${row.status}.` });
  }
  await refuseShownPaid(tx, row);
  if (row.status === 'by_hand') {
    await refuseWhileKeyedIn(tx, ctx, row);
  }
}

/** Of this repayment as it stands. */
function payloadOf(row: Repayment): { readonly [key: string]: Json } {
  const { asset, payoutReference, status, version, journalId, debtJournalId, receiptId, depositId } = row;
  const amount = formatAmount(row.amount);
  return { asset, amount, payoutReference, status, version, journalId, debtJournalId, receiptId, depositId };
}
