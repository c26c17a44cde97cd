import { eq } from 'drizzle-orm';
import { formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { cancelApprovals, lockOpenApprovals } from '../../../platform/approvals/open-approvals.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRows } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { lockGates, refuseSelfAction } from '../../identity/index.ts';
import { FUNDING_EVENTS } from '../audit.ts';
import { CHECKERS } from '../checkers.ts';
import { refuseFunding } from '../errors.ts';
import { holdOne } from '../hold-withdrawals.ts';
import {
  isRepayment,
  isWithdrawal,
  ownersOf,
  type Payment,
  type PayoutFile,
  paidBy,
} from '../payout-file.ts';
import { recordRepayment } from '../repayments/repayment-status.ts';
import { payoutFiles, withdrawals } from '../schema.ts';
import { refuseIfDebited } from '../statement-debits.ts';
import { recordStatus } from '../withdrawal-status.ts';
import { repayments } from '../work/schema.ts';
import { isVoid, lastDownloadOf } from './file-history.ts';
import { payoutFileVoids } from './schema.ts';

const VOID = 'payout_file.void';

/**
 * Asks another person to agree that a file is given up, which the bank cannot have since nobody ever fetched it.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, self_action, payout_file_void, payout_file_downloaded, withdrawal_status_conflict,
 *   payout_on_statement, approval_pending_exists
 */
export async function voidPayoutFile(
  ctx: Ctx,
  input: { readonly fileId: Id; readonly reason: string },
): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const file = await findFile(tx, input.fileId);
    const paid = stillIn(file, await paidBy(tx, file));
    for (const userId of await ownersOf(tx, paid)) {
      refuseSelfAction(ctx, userId);
    }
    await refuseUnvoidable(tx, file, paid);
    return requestApproval(tx, ctx, {
      action: VOID,
      subjectType: 'payout_file',
      subjectId: file.id,
      subjectUserId: null,
      payload: voidPayload(file),
      quorum: 1,
      checkerRoles: CHECKERS,
      reason: input.reason,
    });
  });
}

/**
 * What the vote on giving up a file does: nobody can fetch it any more, and what it would have paid is approved as it
 * was before, to be paid by another. Whoever was stopped meanwhile is looked at again first.
 */
export const payoutFileVoiding: ApprovalAction = {
  action: VOID,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const file = await findFile(tx, approved.subjectId);
    const known = stillIn(file, await paidBy(tx, file));
    const owners = await ownersOf(tx, known);
    if (owners.some((userId) => approved.checkerIds.includes(userId))) {
      throw refuse('self_approval');
    }
    const ids = known.map(({ id }) => id).toSorted();
    const open: Approval[] = [];
    for (const id of ids) {
      open.push(...(await lockOpenApprovals(tx, id)));
    }
    await lockGates(tx, owners);
    const rows = [...(await lockRows(tx, withdrawals, ids)), ...(await lockRows(tx, repayments, ids))];
    const locked = stillIn(file, rows);
    await refuseUnvoidable(tx, file, locked);
    if (canonicalJson(voidPayload(file)) !== canonicalJson(approved.payload as Json)) {
      throw refuseFunding('approved_request_changed');
    }
    const { approvalId } = approved;
    await tx.insert(payoutFileVoids).values({ fileId: file.id, approvalId, voidedAt: ctx.deps.clock.now() });
    await record(tx, ctx, {
      event: FUNDING_EVENTS['payout_file.voided'],
      resource: { type: 'payout_file', id: file.id },
      subjectUserId: null,
      after: { ...file, approvalId },
    });
    await cancelApprovals(tx, ctx, open);
    for (const row of locked.filter(isWithdrawal).filter(({ status }) => status === 'processing')) {
      await recordStatus(tx, ctx, row, { status: 'approved' });
      await holdOne(tx, ctx, row.userId, row.id);
    }
    for (const row of locked.filter(isRepayment).filter(({ status }) => status === 'in_file')) {
      await recordRepayment(tx, ctx, row, { status: 'payable' });
    }
  },
};

async function findFile(tx: Tx, fileId: Id): Promise<PayoutFile> {
  const [file] = await tx.select().from(payoutFiles).where(eq(payoutFiles.id, fileId));
  if (file === undefined) {
    throw refuse('not_found');
  }
  return file;
}

/** Without the repayments that failed and are in a later file since: they are that one's. */
function stillIn(file: PayoutFile, paid: readonly Payment[]): readonly Payment[] {
  return paid.filter((row) => isWithdrawal(row) || row.fileId === file.id);
}

/**
 * Of an `unknown` payment somebody says that it may have been made some other way, and of one that a statement shows
 * the bank does: that is settled first, since what is given up is paid by another file.
 */
async function refuseUnvoidable(tx: Tx, file: PayoutFile, paid: readonly Payment[]): Promise<void> {
  if (await isVoid(tx, file.id)) {
    throw refuseFunding('payout_file_void');
  }
  if ((await lastDownloadOf(tx, file.id)) !== undefined) {
    throw refuseFunding('payout_file_downloaded');
  }
  const unknown = paid.find(({ status }) => status === 'unknown');
  if (unknown !== undefined) {
    throw refuseFunding('withdrawal_status_conflict', { detail: `Payment ${unknown.id} is unknown.` });
  }
  // Of a repayment that is given up no debit can be: it stays out of every file, and is completed by that.
  for (const row of paid.filter(isWithdrawal).filter(({ status }) => status === 'processing')) {
    await refuseIfDebited(tx, row, 'people');
  }
}

function voidPayload(file: PayoutFile): { readonly [key: string]: Json } {
  return {
    messageId: file.messageId,
    asset: file.asset,
    executionDate: file.executionDate,
    transactionCount: file.transactionCount,
    controlSum: formatAmount(file.controlSum),
    fileHash: Buffer.from(file.fileHash).toString('hex'),
  };
}
