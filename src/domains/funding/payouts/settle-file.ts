/**
 * A payout file that the bank booked in one line, once two people say that a debit was it. It counts as one only as a
 * whole: what ended otherwise, or has a debit of its own, is in no sum of it.
 */
import { and, eq, ne } from 'drizzle-orm';
import { sumAmounts } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { cancelApprovals, lockOpenApprovals } from '../../../platform/approvals/open-approvals.ts';
import type { Approval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRows } from '../../../platform/db/locks.ts';
import { refuseFunding } from '../errors.ts';
import { isRepayment, isWithdrawal, type Payment, type PayoutFile, paidBy } from '../payout-file.ts';
import { refuseIfChanged } from '../refuse-if-changed.ts';
import { refuseOwnPayout, refuseOwnRepayment } from '../refuse-own-evidence.ts';
import { refusePayer } from '../refuse-payer.ts';
import { refuseRepayer } from '../repayments/payee-of.ts';
import { recordRepayment } from '../repayments/repayment-status.ts';
import { payoutAccounts, payoutFiles, withdrawals } from '../schema.ts';
import { debitOf } from '../settle-by-line.ts';
import { bookPayout, lockPayoutWallets } from '../settle-payout.ts';
import type { StatementDebit } from '../statement-debits.ts';
import { repayments, statementDebits } from '../work/schema.ts';
import { isVoid, lastDownloadOf } from './file-history.ts';
import { firstShownAlone, refusedBy } from './files-on-statement.ts';

/** Payments whose end the debit of their file shows, or that it shows beside other evidence. */
const UNDER_WAY: readonly Payment['status'][] = ['processing', 'in_file', 'unknown'];

/** Whoever is paid by a file says nothing of its debit. @errors self_action */
export async function refuseOwnFile(tx: Tx, ctx: Ctx, fileId: Id | null): Promise<void> {
  const paid = fileId === null ? [] : await paidBy(tx, { id: fileId });
  for (const payment of paid) {
    await (isRepayment(payment)
      ? refuseOwnRepayment(tx, ctx, payment.id)
      : refuseOwnPayout(tx, ctx, payment.id));
  }
}

/** A file that a debit can be, without what the bank's own report refused of it. */
export type BookedFile = { readonly file: PayoutFile; readonly refused: readonly Id[] };

/**
 * The file of that number, if a debit can be all that the bank paid of it: of its currency, its sum less what the bank
 * refused, and the account it is paid from, and fetched.
 * @errors debit_not_explained, payout_file_void, payout_file_not_fetched, payout_file_partly_settled
 */
export async function fileOfDebit(tx: Tx, debit: StatementDebit, fileId: Id): Promise<BookedFile> {
  const [found] = await tx
    .select({ file: payoutFiles, iban: payoutAccounts.iban })
    .from(payoutFiles)
    .innerJoin(payoutAccounts, eq(payoutAccounts.id, payoutFiles.payoutAccountId))
    .where(eq(payoutFiles.id, fileId));
  const { line, account } = await debitOf(tx, debit.statementLineId);
  // The bank may have taken what it refused as well, and bring it back: that is no sum of payments.
  const isWhole = found?.file.controlSum === debit.amount;
  const refused = isWhole ? [] : await refusedBy(tx, fileId);
  const isSum =
    found !== undefined &&
    !line.reversal &&
    found.file.asset === debit.asset &&
    found.file.controlSum - sumAmounts(refused.map(({ amount }) => amount)) === debit.amount &&
    found.iban === account.iban;
  if (!isSum) {
    const detail =
      'It is not of the sum, less what the bank refused, the currency and the account of that payout file.';
    throw refuseFunding('debit_not_explained', { detail });
  }
  const { file } = found;
  if (await isVoid(tx, file.id)) {
    throw refuseFunding('payout_file_void');
  }
  if ((await lastDownloadOf(tx, file.id)) === undefined) {
    throw refuseFunding('payout_file_not_fetched');
  }
  const not = refused.map(({ id }) => id);
  await refuseInParts(tx, debit, { file, refused: not });
  return { file, refused: not };
}

/** One that ended otherwise, or is another debit already, is not in the sum, whatever the figures say. */
async function refuseInParts(tx: Tx, debit: StatementDebit, { file, refused }: BookedFile): Promise<void> {
  const [other] = await tx
    .select({ id: statementDebits.id })
    .from(statementDebits)
    .where(and(eq(statementDebits.payoutFileId, file.id), ne(statementDebits.id, debit.id)));
  if (other !== undefined) {
    throw refuseFunding('debit_not_explained', { detail: `Debit ${other.id} is that payout file.` });
  }
  const ended = (await paidBy(tx, file)).find(
    (payment) => !refused.includes(payment.id) && !isShownBy(file, payment),
  );
  if (ended !== undefined) {
    const detail = `Payment ${ended.id} is ${ended.status}: explain what the bank paid one by one.`;
    throw refuseFunding('payout_file_partly_settled', { detail });
  }
  const alone = await firstShownAlone(tx, file.id, refused);
  if (alone !== undefined) {
    const detail = `Another debit names payment ${alone}: explain that one first.`;
    throw refuseFunding('payout_file_partly_settled', { detail });
  }
}

function isShownBy(file: PayoutFile, payment: Payment): boolean {
  const isLeftBehind = isRepayment(payment) && payment.fileId !== file.id;
  return !isLeftBehind && (UNDER_WAY.includes(payment.status) || payment.status === 'completed');
}

/**
 * Whether the acting person may say that a file was paid: none of it is theirs, and they approved none of what is still
 * under way.
 * @errors self_action, approved_request_changed, destination_changed, approval_not_granted, approver_cannot_pay_out
 */
export async function refuseFilePayer(tx: Tx, ctx: Ctx, file: PayoutFile): Promise<void> {
  for (const payment of await paidBy(tx, file)) {
    if (UNDER_WAY.includes(payment.status)) {
      await (isRepayment(payment) ? refuseRepayer(tx, ctx, payment) : refusePayer(tx, ctx, payment));
    }
  }
}

/** Work that others began on the payments of a file: approvals are locked before the rows they are about. */
export async function lockFileWork(tx: Tx, fileId: Id): Promise<readonly Approval[]> {
  const paid = await paidBy(tx, { id: fileId });
  const open: Approval[] = [];
  for (const id of paid.map((payment) => payment.id).toSorted()) {
    open.push(...(await lockOpenApprovals(tx, id)));
  }
  await lockRows(tx, withdrawals, idsOf(paid.filter(isWithdrawal)));
  await lockRows(tx, repayments, idsOf(paid.filter(isRepayment)));
  return open;
}

function idsOf(payments: readonly Payment[]): readonly Id[] {
  return payments.map(({ id }) => id);
}

/**
 * Ends what is still under way of a file by the debit that was explained as it, each payment with a journal of its own
 * and the line as its evidence. What was booked before is not booked again.
 * @effects those of `bookPayout` for each withdrawal and of `recordRepayment` for each repayment; open approvals about them
 * @errors approved_request_changed, destination_changed
 */
export async function settleFile(
  tx: Tx,
  ctx: Ctx,
  { file, refused }: BookedFile,
  { statementLineId, open }: { readonly statementLineId: Id; readonly open: readonly Approval[] },
): Promise<void> {
  const { line, account } = await debitOf(tx, statementLineId);
  const left = (await paidBy(tx, file)).filter(
    ({ id, status }) => !refused.includes(id) && UNDER_WAY.includes(status),
  );
  await lockPayoutWallets(tx, ctx, file.asset, left.filter(isWithdrawal));
  for (const payment of left) {
    const reference = line.bankReference ?? present(payment.payoutReference, 'what began has its reference');
    if (isRepayment(payment)) {
      const how = { paidLineId: statementLineId, transactionReference: reference };
      await recordRepayment(tx, ctx, payment, { status: 'completed', ...how });
      continue;
    }
    await refuseIfChanged(tx, ctx, payment);
    const evidence = { statementLineId, transactionReference: reference };
    const { houseReference } = account;
    await bookPayout(tx, ctx, payment, evidence, { houseReference, valueDate: line.valueDate });
  }
  await cancelApprovals(tx, ctx, open);
}
