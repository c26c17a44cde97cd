import { inArray } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { sumAmounts } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { addDays, dayOf } from '../../kernel/business-date.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { sha256 } from '../../platform/crypto/keyring.ts';
import type { Tx } from '../../platform/db/client.ts';
import { insertRows } from '../../platform/db/insert-rows.ts';
import { lockRows } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { lockGates } from '../identity/index.ts';
import { refuseWhileOwing } from '../ledger/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { refuseFunding } from './errors.ts';
import { refuseUnscreened } from './freshen-payouts.ts';
import { lockMoneyPathOf } from './lock-money-path.ts';
import { lockPayees, refuseUnusable } from './lock-payees.ts';
import { houseReferenceOf, type PayoutAccountRow, payoutAccountOf } from './payout-accounts.ts';
import { FILE_FORMAT, type Payment, type PayoutFile, payoutBytes, payoutProvider } from './payout-file.ts';
import { peopleOfRepayments } from './payout-people.ts';
import { payoutReferenceOf } from './payout-reference.ts';
import { refuseBeyondHeld } from './payouts/refuse-beyond-held.ts';
import { refusePayer } from './refuse-payer.ts';
import { lockRepayable, putIntoFile } from './repayments/begin-repayments.ts';
import type { Repayment } from './repayments/repayment-status.ts';
import { withdrawalMayBecome } from './rules.ts';
import { payoutFileItems, payoutFiles, withdrawals } from './schema.ts';
import { PAYOUT_AHEAD_DAYS } from './settings.ts';
import { refuseIfDebited } from './statement-debits.ts';
import type { Withdrawal } from './store.ts';
import { recordStatus } from './withdrawal-status.ts';

export type NewPayoutFile = {
  readonly asset: string;
  readonly withdrawalIds: readonly Id[];
  readonly repaymentIds: readonly Id[];
  /** @units YYYY-MM-DD */
  readonly executionDate: string;
};

/**
 * Puts approved bank withdrawals and repayments of one currency into one instruction to the bank and begins all their
 * payouts, or none: one that may not be paid refuses the file. Freshen them first, in transactions of their own.
 * @effects rows of `payout_files`, `payout_file_items`, `payout_file_repayments`; the withdrawals and repayments; audit `payout_file.created` and
 *   `withdrawal.processing` or `repayment.changed` for each; event `funding.withdrawal_processing` for each withdrawal
 * @errors execution_date_unsuitable, not_found, payout_account_missing, the gate's, account_not_live, account_not_active, debt_open,
 *   screening_behind,
 *   withdrawal_status_conflict, payout_not_bank, self_action, approved_request_changed,
 *   destination_changed, approval_not_granted, approver_cannot_pay_out,
 *   beneficiary_not_usable, payout_on_statement, those of `lockRepayable`, payout_beyond_held
 */
export async function createPayoutFile(ctx: Ctx, input: NewPayoutFile): Promise<PayoutFile> {
  refuseUnsuitableDay(ctx, input.executionDate);
  const ids = [...new Set(input.withdrawalIds)].sort();
  return transact(ctx, 'engine', async (tx) => {
    const account = await payoutAccountOf(tx, input.asset);
    if (account === undefined) {
      throw refuseFunding('payout_account_missing');
    }
    const { begun, owed } = await beginAll(tx, ctx, account, ids, [...new Set(input.repaymentIds)].sort());
    const paid: readonly Payment[] = [...begun, ...owed];
    const id = newId();
    const head = {
      id,
      messageId: payoutReferenceOf(id),
      provider: payoutProvider.name,
      asset: input.asset,
      payoutAccountId: account.id,
      executionDate: input.executionDate,
      transactionCount: paid.length,
      controlSum: sumAmounts(paid.map((row) => row.amount)),
      format: FILE_FORMAT,
      createdBy: present(personOf(ctx.actor), 'a payout file is made by a person'),
      createdAt: ctx.deps.clock.now(),
    };
    const fileHash = sha256(await payoutBytes(tx, ctx, head, account, paid));
    const [row] = await tx
      .insert(payoutFiles)
      .values({ ...head, fileHash })
      .returning();
    await insertRows(
      tx,
      payoutFileItems,
      begun.map((one, position) => ({ withdrawalId: one.id, fileId: id, position })),
    );
    await putIntoFile(tx, ctx, owed, id);
    const file = present(row, 'the file was inserted');
    await record(tx, ctx, {
      event: FUNDING_EVENTS['payout_file.created'],
      resource: { type: 'payout_file', id },
      subjectUserId: null,
      after: file,
    });
    return file;
  });
}

/** No bank pays yesterday; and a year mistyped would keep the money reserved that nobody pays. */
function refuseUnsuitableDay({ deps }: Ctx, executionDate: string): void {
  const today = dayOf(deps.clock.now(), deps.timeZone);
  const latest = addDays(today, PAYOUT_AHEAD_DAYS);
  if (executionDate < today || executionDate > latest) {
    throw refuseFunding('execution_date_unsuitable', { detail: `Name a day from ${today} to ${latest}.` });
  }
}

/** Gates first, all of them in order; then the withdrawals and repayments; only then is any of them changed. */
async function beginAll(
  tx: Tx,
  ctx: Ctx,
  account: PayoutAccountRow,
  ids: readonly Id[],
  repaymentIds: readonly Id[],
): Promise<{ readonly begun: readonly Withdrawal[]; readonly owed: readonly Repayment[] }> {
  const { asset } = account;
  const known = await tx
    .select()
    .from(withdrawals)
    .where(inArray(withdrawals.id, [...ids]));
  if (known.length !== ids.length) {
    throw refuse('not_found');
  }
  const repaid = await peopleOfRepayments(tx, repaymentIds);
  await lockGates(tx, [...known.map((row) => row.userId), ...repaid]);
  for (const row of known) {
    await lockMoneyPathOf(tx, row, 'money_out');
    await refuseWhileOwing(tx, row.userId);
  }
  await refuseUnscreened(tx, ctx, known);
  const payees = await lockPayees(tx, known);
  const locked = await lockRows(tx, withdrawals, ids);
  for (const row of locked) {
    if (!withdrawalMayBecome(row.status, 'processing')) {
      throw refuseFunding('withdrawal_status_conflict', { detail: `Withdrawal ${row.id} is ${row.status}.` });
    }
    if (row.asset !== asset || row.method !== 'bank_transfer') {
      throw refuseFunding('payout_not_bank', { detail: `Withdrawal ${row.id} is paid otherwise.` });
    }
    await refusePayer(tx, ctx, row);
    await refuseIfDebited(tx, row, 'people');
  }
  refuseUnusable(ctx, payees);
  const owed = await lockRepayable(tx, ctx, account, repaymentIds);
  await refuseBeyondHeld(tx, ctx, { asset, bankReference: await houseReferenceOf(tx, account) }, locked);
  const begun: Withdrawal[] = [];
  for (const row of locked) {
    const payoutReference = payoutReferenceOf(row.id);
    begun.push(await recordStatus(tx, ctx, row, { status: 'processing', payoutReference }));
  }
  return { begun, owed };
}
