import { and, inArray, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { lockRows } from '../../../platform/db/locks.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { refuseFunding } from '../errors.ts';
import { houseReferenceOf, type PayoutAccountRow } from '../payout-accounts.ts';
import { payoutFileRepayments } from '../payouts/schema.ts';
import { repayments } from '../work/schema.ts';
import { isPayableByFile, refuseRepayer } from './payee-of.ts';
import { refusePaid } from './refuse-paid.ts';
import { type Repayment, recordRepayment } from './repayment-status.ts';
import { repaymentMayBecome } from './rules.ts';
import { refuseHeld } from './screen-repayments.ts';

/**
 * Locks repayments that are to be put into a file paid from this account, if every one of them may be. What they take
 * has left the books with the vote that sent it back, so nothing is asked of what the account holds; but it left one
 * bank wallet, and the file pays from that one. The caller holds the gates of their owners.
 * @errors not_found, repayment_status_conflict, repayment_not_by_file, self_action, approved_request_changed, destination_changed,
 *   approver_cannot_pay_out, payout_on_statement, payout_may_leave, screening_behind, repayment_held
 */
export async function lockRepayable(
  tx: Tx,
  ctx: Ctx,
  account: PayoutAccountRow,
  ids: readonly Id[],
): Promise<readonly Repayment[]> {
  const locked = await lockRows(tx, repayments, ids);
  if (locked.length !== ids.length) {
    throw refuse('not_found');
  }
  for (const row of locked) {
    if (!repaymentMayBecome(row.status, 'in_file')) {
      throw refuseFunding('repayment_status_conflict', { detail: `Repayment ${row.id} is ${row.status}.` });
    }
    await refuseRepayer(tx, ctx, row);
    if (!(await isPayableByFile(tx, ctx, row))) {
      throw refuseFunding('repayment_not_by_file', { detail: `Repayment ${row.id} is paid otherwise.` });
    }
  }
  const reference = await houseReferenceOf(tx, account);
  const others = await tx
    .select({ id: repayments.id })
    .from(repayments)
    .where(
      and(
        inArray(repayments.id, [...ids]),
        sql`not exists (select 1 from wallets w where w.id = ${repayments.walletId}
          and w.house_reference = ${reference} and w.asset = ${account.asset})`,
      ),
    )
    .orderBy(repayments.id);
  if (others[0] !== undefined) {
    throw refuseFunding('repayment_not_by_file', { detail: `Repayment ${others[0].id} is paid otherwise.` });
  }
  await refusePaid(tx, ctx, locked);
  await refuseHeld(tx, locked);
  return locked;
}

/** Puts locked repayments into a file that was made. @effects rows of `payout_file_repayments`; those of `recordRepayment` */
export async function putIntoFile(tx: Tx, ctx: Ctx, locked: readonly Repayment[], fileId: Id): Promise<void> {
  for (const row of locked) {
    await recordRepayment(tx, ctx, row, { status: 'in_file', fileId });
  }
  await insertRows(
    tx,
    payoutFileRepayments,
    locked.map((row, position) => ({ repaymentId: row.id, fileId, position })),
  );
}
