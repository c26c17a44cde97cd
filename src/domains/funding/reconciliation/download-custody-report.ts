import { and, eq, isNotNull } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { type EvidenceFile, openEvidenceFile } from '../evidence/evidence-file.ts';
import { RECONCILIATION_EVENTS } from './audit.ts';
import { custodyReportPlace } from './import-custody-report.ts';
import { custodyReports } from './schema.ts';

/**
 * The file of a custody report as it was handed in, refused ones too.
 * @effects audit `custody_report.file_read`
 * @errors not_found, evidence_changed
 */
export async function downloadCustodyReport(ctx: Ctx, reportId: Id): Promise<EvidenceFile> {
  return transact(ctx, 'staff', async (tx) => {
    const [report] = await tx.select().from(custodyReports).where(eq(custodyReports.id, reportId));
    if (report === undefined) {
      throw refuse('not_found');
    }
    // A file that came again is kept once.
    const [kept] =
      report.content === null
        ? await tx
            .select()
            .from(custodyReports)
            .where(and(eq(custodyReports.fileHash, report.fileHash), isNotNull(custodyReports.content)))
            .limit(1)
        : [report];
    const file = openEvidenceFile(ctx, kept, custodyReportPlace, report.fileHash);
    await record(tx, ctx, {
      event: RECONCILIATION_EVENTS['custody_report.file_read'],
      resource: { type: 'custody_report', id: report.id },
      subjectUserId: null,
      after: { ...report, sha256: file.sha256 },
    });
    return file;
  });
}
