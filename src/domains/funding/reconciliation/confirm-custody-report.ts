/**
 * That a report is the custodian's: external reconciliation agrees by it, so that a second person compares it with what
 * the custodian itself shows before custody is held against it (`../confirm-file.ts`).
 */
import { asc, eq } from 'drizzle-orm';
import { formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { canonicalJson } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import type { Approval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sha256 } from '../../../platform/crypto/keyring.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive, lockRow } from '../../../platform/db/locks.ts';
import { askAboutFile, type FileKind, type FilePayload, fileVote, stand } from '../confirm-file.ts';
import { RECONCILIATION_EVENTS } from './audit.ts';
import { custodyReportLines, custodyReports } from './schema.ts';

type ReportRow = typeof custodyReports.$inferSelect;
type ReportHead = Pick<ReportRow, 'id' | 'legalEntity' | 'houseRole' | 'custodian' | 'asOf' | 'fileHash'>;
type Holding = Pick<typeof custodyReportLines.$inferSelect, 'asset' | 'quantity'>;

/** A report as it is kept, with what it says is held. */
export type HeldReport = { readonly report: ReportRow; readonly holdings: readonly Holding[] };

/** How reports of custodians wait for a second person. */
export const CUSTODY_FILES: FileKind = {
  type: 'custody_report',
  table: custodyReports,
  confirmed: RECONCILIATION_EVENTS['custody_report.confirmed'],
  voided: RECONCILIATION_EVENTS['custody_report.voided'],
};

/** Asks another person whether a report that is being taken is the custodian's. @effects those of `requestApproval` */
export function requestCustodyConfirmation(
  tx: Tx,
  ctx: Ctx,
  report: ReportHead,
  holdings: readonly Holding[],
): Promise<Approval> {
  return askAboutFile(tx, ctx, CUSTODY_FILES, {
    to: 'confirm',
    id: report.id,
    payload: custodyPayload({ report, holdings }),
    reason: `Report of ${report.custodian} of ${report.asOf}`,
  });
}

/** What the vote on a report does: custody is held against it from the next reconciliation on. */
export const custodyConfirmation: ApprovalAction = fileVote(CUSTODY_FILES, {
  to: 'confirm',
  lock: (tx, _ctx, reportId) => lockReport(tx, reportId),
  payloadOf: custodyPayload,
  agreed: (tx, ctx, { report }) => stand(tx, ctx, CUSTODY_FILES, report, 'confirmed'),
  declined: (tx, ctx, { report }) => stand(tx, ctx, CUSTODY_FILES, report, 'void'),
});

/** A taken report; nobody else takes, confirms or gives up one of that custodian meanwhile. */
export async function lockReport(tx: Tx, reportId: Id): Promise<HeldReport> {
  const [known] = await tx.select().from(custodyReports).where(eq(custodyReports.id, reportId));
  await lockCustodian(tx, present(known, 'a report that was taken is kept'));
  const report = present(await lockRow(tx, custodyReports, reportId), 'reports are never deleted');
  return { report, holdings: await holdingsOf(tx, reportId) };
}

/** One import, vote or end of a custodian's report at a time. */
export async function lockCustodian(
  tx: Tx,
  { legalEntity, custodian }: Pick<ReportRow, 'legalEntity' | 'custodian'>,
): Promise<void> {
  await lockExclusive(tx, [`custody_reports:${legalEntity}:${custodian}`]);
}

/** What a report says is held. */
export function holdingsOf(tx: Tx, reportId: Id): Promise<Holding[]> {
  return tx
    .select({ asset: custodyReportLines.asset, quantity: custodyReportLines.quantity })
    .from(custodyReportLines)
    .where(eq(custodyReportLines.reportId, reportId))
    .orderBy(asc(custodyReportLines.asset));
}

/** What the second person compares with the custodian's own word; the hash binds it to each holding that is kept. */
export function custodyPayload({
  report,
  holdings,
}: {
  readonly report: Omit<ReportHead, 'id'>;
  readonly holdings: readonly Holding[];
}): FilePayload {
  const held = Object.fromEntries(holdings.map(({ asset, quantity }) => [asset, formatAmount(quantity)]));
  return {
    legalEntity: report.legalEntity,
    // What was asked of clients' units before the firm's own were reported reads the same.
    ...(report.houseRole === 'custody' ? {} : { houseRole: report.houseRole }),
    custodian: report.custodian,
    asOf: report.asOf,
    lineCount: holdings.length,
    holdingsHash: Buffer.from(sha256(canonicalJson(held))).toString('hex'),
    fileHash: Buffer.from(report.fileHash).toString('hex'),
  };
}
