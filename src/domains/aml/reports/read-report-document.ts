import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { readSealedFile } from '../../../platform/files/sealed-file.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { recordReads } from '../../identity/index.ts';
import { AML_EVENTS } from '../audit.ts';
import { reportFileName } from './decide-report.ts';
import { documentOf } from './report-document.ts';
import { findReport, keyOf, reportPlace, type SuspiciousReport } from './report-store.ts';

/**
 * The document of a report: the very bytes that were decided on, or what would be filed as it stands now.
 * @effects audit `aml_report.document_read`
 * @errors not_found, also where the person was erased; report_too_long, report_activity_unknown
 */
export async function readReportDocument(ctx: Ctx, reportId: Id): Promise<Uint8Array<ArrayBuffer>> {
  return transact(ctx, 'staff', async (tx) => {
    const report = await findReport(tx, ctx, reportId);
    const bytes = await bytesOf(tx, ctx, report);
    await recordReads(tx, ctx, [
      {
        event: AML_EVENTS['aml_report.document_read'],
        resource: { type: 'aml_report', id: reportId },
        subjectUserId: report.userId,
        after: report,
      },
    ]);
    return bytes;
  });
}

async function bytesOf(tx: Tx, ctx: Ctx, report: SuspiciousReport): Promise<Uint8Array<ArrayBuffer>> {
  if (report.xmlSha256 === null) {
    return (await documentOf(tx, ctx, report)).bytes;
  }
  const key = await keyOf(tx, ctx, report);
  if (key === undefined) {
    throw refuse('not_found');
  }
  const path = await ctx.deps.files.pathOf(reportFileName(report.id));
  const chunks: Uint8Array[] = [];
  for await (const chunk of readSealedFile(path, key, reportPlace(report.id, 'document'))) {
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
