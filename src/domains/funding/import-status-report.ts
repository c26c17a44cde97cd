import { eq } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
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
import { type PayoutFile, paidBy, payoutProvider } from './payout-file.ts';
import { isVoid } from './payouts/file-history.ts';
import { openConflict } from './payouts/payout-conflicts.ts';
import { type PaymentReport, PaymentReportError } from './providers/payout-provider.ts';
import { refusePayer } from './refuse-payer.ts';
import { payoutFiles, payoutReports, withdrawals } from './schema.ts';
import { bookPayout, freePayout, lockPayoutWallets } from './settle-payout.ts';
import { isDebited, isNamedByWaiting } from './statement-debits.ts';
import type { Withdrawal } from './store.ts';
import { recordStatus } from './withdrawal-status.ts';

export type PayoutReport = typeof payoutReports.$inferSelect;

/**
 * Settles a payout file by what the bank says of it: settled payments are booked, refused ones set free, those that
 * are on their way stay as they are like those it says nothing of, and of the others it names nobody knows. What contradicts a payment that is settled, or
 * that a statement shows, becomes critical work beside the rest. Who made the file cannot bring its report, so that
 * what frees money passed two people.
 * @effects one row of `payout_reports`; the withdrawals, their journals and holds; rows of `payout_conflicts`; audit
 *   `payout_report.imported` and one for each withdrawal
 * @errors not_found, report_needs_another_person, report_malformed, report_foreign, payout_file_void, report_duplicate,
 *   payout_on_statement, and those of who may pay out
 */
export async function importStatusReport(
  ctx: Ctx,
  input: { readonly fileId: Id; readonly bytes: Uint8Array },
): Promise<PayoutReport> {
  const said = parsed(input.bytes);
  return transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [`payout-file:${input.fileId}`]);
    const file = await fileToSettle(tx, ctx, input.fileId);
    const outcomes = outcomesOf(file, said, await paidBy(tx, file));
    const ids = [...outcomes.keys()].toSorted();
    const open: Approval[] = [];
    for (const id of ids) {
      open.push(...(await lockOpenApprovals(tx, id)));
    }
    const locked = await lockRows(tx, withdrawals, ids);
    if (await isVoid(tx, file.id)) {
      throw refuseFunding('payout_file_void');
    }
    const answers = await answersOf(tx, locked, outcomes);
    const report = await keepReport(tx, ctx, file, said, sha256(input.bytes), answers);
    await lockPayoutWallets(tx, ctx, file.asset, locked);
    for (const answer of answers) {
      await settle(tx, ctx, report.id, answer);
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

/** What the report says of each withdrawal it speaks of, by name or as part of the whole; each once, and no other. */
function outcomesOf(
  file: PayoutFile,
  said: PaymentReport,
  known: readonly Withdrawal[],
): ReadonlyMap<Id, Said> {
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

type Answer = { readonly row: Withdrawal; readonly said: Said; readonly contradicts: boolean };

async function answersOf(
  tx: Tx,
  locked: readonly Withdrawal[],
  outcomes: ReadonlyMap<Id, Said>,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const row of locked) {
    const said = present(outcomes.get(row.id), 'what was locked was spoken of');
    answers.push({ row, said, contradicts: await contradicts(tx, row, said.outcome) });
  }
  return answers;
}

/**
 * Whether an answer cannot be true of a payout as it stands. Of one that completed an earlier step says nothing new;
 * of one whose money was set free it says that it may be paid all the same.
 */
async function contradicts(tx: Tx, row: Withdrawal, outcome: Said['outcome']): Promise<boolean> {
  switch (row.status) {
    case 'processing':
    case 'unknown':
      return outcome === 'failed' && (await isShown(tx, row));
    case 'completed':
      return outcome === 'failed';
    default:
      return outcome !== 'failed';
  }
}

/** What a statement that nobody confirmed yet says is decided first; the report is sent again then. */
async function isShown(tx: Tx, { id }: Withdrawal): Promise<boolean> {
  if (await isDebited(tx, id, 'bank')) {
    return true;
  }
  if (await isNamedByWaiting(tx, id)) {
    throw refuseFunding('payout_on_statement', {
      detail: `A statement that waits to be confirmed names withdrawal ${id}: confirm or reject it first.`,
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

async function settle(tx: Tx, ctx: Ctx, payoutReportId: Id, answer: Answer): Promise<void> {
  const { row, said, contradicts: isConflict } = answer;
  if (isConflict) {
    await openConflict(tx, ctx, row, { reportId: payoutReportId, outcome: said.outcome });
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
