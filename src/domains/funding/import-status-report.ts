import { eq } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { DomainError } from '../../kernel/error.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { raiseAlarm } from '../../platform/alarms/raise-alarm.ts';
import { cancelApprovals, lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Approval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { sha256 } from '../../platform/crypto/keyring.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive, lockRows } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { refuseFunding } from './errors.ts';
import {
  isRepayment,
  isWithdrawal,
  type Payment,
  type PayoutFile,
  paidBy,
  payoutProvider,
} from './payout-file.ts';
import { PAYOUT_FILE_EVENTS } from './payouts/audit.ts';
import { isVoid, lastDownloadOf } from './payouts/file-history.ts';
import { openConflict } from './payouts/payout-conflicts.ts';
import { type PaymentReport, PaymentReportError } from './providers/payout-provider.ts';
import { refusePayer } from './refuse-payer.ts';
import { refuseRepayer } from './repayments/payee-of.ts';
import { type Repayment, recordRepayment } from './repayments/repayment-status.ts';
import { payoutFiles, payoutReports, withdrawals } from './schema.ts';
import { bookPayout, freePayout, lockPayoutWallets } from './settle-payout.ts';
import { isDebited, isNamedByWaiting } from './statement-debits.ts';
import { recordStatus } from './withdrawal-status.ts';
import { repayments } from './work/schema.ts';

export type PayoutReport = typeof payoutReports.$inferSelect;

/**
 * Settles a payout file by what the bank says of it: settled payments are booked, refused ones set free (a refused
 * repayment waits for two people to say whether it is tried again), those that
 * are on their way stay as they are like those it says nothing of, and of the others it names nobody knows. What contradicts a payment that is settled, or
 * that a statement shows, becomes critical work beside the rest. Who made the file cannot bring its report, so that
 * what frees money passed two people. What speaks of a file that the bank cannot have is refused and calls somebody.
 * @effects one row of `payout_reports`; the withdrawals, their journals and holds; the repayments; rows of `payout_conflicts`; audit
 *   `payout_report.imported` and one for each withdrawal; refused, perhaps the alarm `payout_report.refused`
 * @errors not_found, report_needs_another_person, report_malformed, report_foreign, payout_file_void,
 *   payout_file_not_fetched, report_duplicate,
 *   payout_on_statement, and those of who may pay out
 */
export async function importStatusReport(
  ctx: Ctx,
  input: { readonly fileId: Id; readonly bytes: Uint8Array },
): Promise<PayoutReport> {
  const said = parsed(input.bytes);
  try {
    return await take(ctx, input, said);
  } catch (error) {
    if (error instanceof DomainError && IMPOSSIBLE.has(error.code)) {
      await tellOfImpossible(ctx, input.fileId);
    }
    throw error;
  }
}

/** What a bank cannot say where the tables are right about who fetched what: that it said it is not lost. */
const IMPOSSIBLE: ReadonlySet<string> = new Set(['payout_file_not_fetched', 'payout_file_void']);

/** In a transaction of its own: that of the report is rolled back. */
async function tellOfImpossible(ctx: Ctx, fileId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const [file] = await tx.select().from(payoutFiles).where(eq(payoutFiles.id, fileId));
    await raiseAlarm(tx, ctx, {
      event: PAYOUT_FILE_EVENTS['payout_report.refused'],
      resource: { type: 'payout_file', id: fileId },
      subjectUserId: null,
      after: file,
    });
  });
}

async function take(
  ctx: Ctx,
  input: { readonly fileId: Id; readonly bytes: Uint8Array },
  said: PaymentReport,
): Promise<PayoutReport> {
  return transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [`payout-file:${input.fileId}`]);
    const file = await fileToSettle(tx, ctx, input.fileId);
    const outcomes = outcomesOf(file, said, await paidBy(tx, file));
    const ids = [...outcomes.keys()].toSorted();
    const open: Approval[] = [];
    for (const id of ids) {
      open.push(...(await lockOpenApprovals(tx, id)));
    }
    const locked = [...(await lockRows(tx, withdrawals, ids)), ...(await lockRows(tx, repayments, ids))];
    if (await isVoid(tx, file.id)) {
      throw refuseFunding('payout_file_void');
    }
    if ((await lastDownloadOf(tx, file.id)) === undefined) {
      throw refuseFunding('payout_file_not_fetched');
    }
    const answers = await answersOf(tx, file.id, locked, outcomes);
    const report = await keepReport(tx, ctx, file, said, sha256(input.bytes), answers);
    await lockPayoutWallets(tx, ctx, file.asset, locked.filter(isWithdrawal));
    for (const answer of answers) {
      await settle(tx, ctx, report, answer);
    }
    await cancelApprovals(tx, ctx, open);
    return report;
  });
}

type Said = PaymentReport['payments'][number];

function parsed(bytes: Uint8Array): PaymentReport {
  try {
    return payoutProvider.readReport(bytes);
  } catch (error) {
    if (error instanceof PaymentReportError) {
      throw refuseFunding('report_malformed', { detail: error.message });
    }
    throw error;
  }
}

async function fileToSettle(tx: Tx, ctx: Ctx, fileId: Id): Promise<PayoutFile> {
  const [file] = await tx.select().from(payoutFiles).where(eq(payoutFiles.id, fileId));
  if (file === undefined) {
    throw refuse('not_found');
  }
  if (file.createdBy === personOf(ctx.actor)) {
    throw refuseFunding('report_needs_another_person');
  }
  return file;
}

/** What the report says of each payment it speaks of, by name or as part of the whole; each once, and no other. */
function outcomesOf(file: PayoutFile, said: PaymentReport, known: readonly Payment[]): ReadonlyMap<Id, Said> {
  const { originalMessageId, originalCount, originalSum, rest } = said;
  const isOfFile =
    originalMessageId === file.messageId &&
    (originalCount ?? file.transactionCount) === file.transactionCount &&
    (originalSum ?? file.controlSum) === file.controlSum;
  if (!isOfFile) {
    throw refuseFunding('report_foreign');
  }
  const byReference = new Map(known.map((row) => [row.payoutReference, row]));
  const outcomes = new Map<Id, Said>();
  for (const payment of said.payments) {
    const paid = byReference.get(payment.endToEndId);
    const isAsPaid =
      paid !== undefined &&
      (payment.amount ?? paid.amount) === paid.amount &&
      (payment.currency ?? paid.asset) === paid.asset;
    if (!isAsPaid) {
      throw refuseFunding('report_foreign');
    }
    const { id } = paid;
    if (outcomes.has(id)) {
      throw refuseFunding('report_malformed', { detail: 'it names a payment twice' });
    }
    outcomes.set(id, payment);
  }
  if (rest === null) {
    return outcomes;
  }
  for (const { id, payoutReference } of known.filter((row) => !outcomes.has(row.id))) {
    const endToEndId = present(payoutReference, 'a payout that began has its reference');
    outcomes.set(id, { endToEndId, outcome: rest, amount: null, currency: null, bankReference: null });
  }
  return outcomes;
}

type Answer = { readonly row: Payment; readonly said: Said; readonly contradicts: boolean };

async function answersOf(
  tx: Tx,
  fileId: Id,
  locked: readonly Payment[],
  outcomes: ReadonlyMap<Id, Said>,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const row of locked) {
    const said = present(outcomes.get(row.id), 'what was locked was spoken of');
    answers.push({ row, said, contradicts: await contradicts(tx, fileId, row, said.outcome) });
  }
  return answers;
}

/**
 * Whether an answer cannot be true of a payout as it stands. Of one that completed an earlier step says nothing new;
 * of one whose money was set free, or that was put into another file since, it says that it may be paid all the same.
 */
async function contradicts(tx: Tx, fileId: Id, row: Payment, outcome: Said['outcome']): Promise<boolean> {
  if (isLeftBehind(fileId, row)) {
    return outcome !== 'failed';
  }
  switch (row.status) {
    case 'processing':
    case 'in_file':
    case 'unknown':
      return outcome === 'failed' && (await isShown(tx, row));
    case 'completed':
      return outcome === 'failed';
    default:
      return outcome !== 'failed';
  }
}

/** A repayment that the bank refused by this file and that is tried again by another. */
function isLeftBehind(fileId: Id, row: Payment): boolean {
  return isRepayment(row) && row.fileId !== fileId;
}

/** What a statement that nobody confirmed yet says is decided first; the report is sent again then. */
async function isShown(tx: Tx, paid: Payment): Promise<boolean> {
  if (await isDebited(tx, paid, 'bank')) {
    return true;
  }
  if (await isNamedByWaiting(tx, paid)) {
    throw refuseFunding('payout_on_statement', {
      detail: `A statement that waits to be confirmed names payment ${paid.id}: confirm or reject it first.`,
    });
  }
  return false;
}

async function keepReport(
  tx: Tx,
  ctx: Ctx,
  file: PayoutFile,
  said: PaymentReport,
  reportHash: Uint8Array,
  answers: readonly Answer[],
): Promise<PayoutReport> {
  const agreed = answers.filter((answer) => !answer.contradicts);
  const count = (outcome: Said['outcome']) =>
    agreed.filter((answer) => answer.said.outcome === outcome).length;
  const [report] = await tx
    .insert(payoutReports)
    .values({
      id: newId(),
      fileId: file.id,
      messageId: said.messageId,
      reportHash,
      completedCount: count('completed'),
      failedCount: count('failed'),
      pendingCount: count('pending'),
      unknownCount: count('unknown'),
      conflictCount: answers.length - agreed.length,
      importedBy: present(personOf(ctx.actor), 'a report is imported by a person'),
      importedAt: ctx.deps.clock.now(),
    })
    .onConflictDoNothing()
    .returning();
  if (report === undefined) {
    throw refuseFunding('report_duplicate');
  }
  await record(tx, ctx, {
    event: FUNDING_EVENTS['payout_report.imported'],
    resource: { type: 'payout_report', id: report.id },
    subjectUserId: null,
    after: report,
  });
  return report;
}

async function settle(tx: Tx, ctx: Ctx, report: PayoutReport, answer: Answer): Promise<void> {
  const { id: payoutReportId, fileId } = report;
  const { row, said, contradicts: isConflict } = answer;
  if (isConflict) {
    await openConflict(tx, ctx, row, { reportId: payoutReportId, outcome: said.outcome });
    return;
  }
  if (isLeftBehind(fileId, row)) {
    return;
  }
  if (isRepayment(row)) {
    await settleRepayment(tx, ctx, row, { payoutReportId, said });
    return;
  }
  if (row.status !== 'processing' && row.status !== 'unknown') {
    return;
  }
  await refusePayer(tx, ctx, row);
  if (said.outcome === 'completed') {
    const transactionReference = said.bankReference ?? said.endToEndId;
    await bookPayout(tx, ctx, row, { transactionReference, payoutReportId });
  } else if (said.outcome === 'failed') {
    await freePayout(tx, ctx, row, { payoutReportId });
  } else if (said.outcome === 'unknown' && row.status === 'processing') {
    await recordStatus(tx, ctx, row, { status: 'unknown', payoutReportId });
  }
}

/** The books gave the money away when people sent it back: nothing is booked, and nothing set free. */
async function settleRepayment(
  tx: Tx,
  ctx: Ctx,
  row: Repayment,
  { payoutReportId, said }: { readonly payoutReportId: Id; readonly said: Said },
): Promise<void> {
  const { outcome } = said;
  const isUnderWay = row.status === 'in_file' || row.status === 'unknown';
  if (!isUnderWay || outcome === 'pending' || outcome === row.status) {
    return;
  }
  await refuseRepayer(tx, ctx, row);
  const transactionReference = outcome === 'completed' ? (said.bankReference ?? said.endToEndId) : null;
  await recordRepayment(tx, ctx, row, { status: outcome, payoutReportId, transactionReference });
}
