import { eq } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { msOfInstant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sha256 } from '../../../platform/crypto/keyring.ts';
import { transact } from '../../../platform/db/transact.ts';
import { getReconciliation } from '../../ledger/index.ts';
import { refuseFunding } from '../errors.ts';
import { RECONCILIATION_EVENTS } from './audit.ts';
import { type ReportCheck, reportContent } from './report-content.ts';
import { reportCsv } from './report-csv.ts';
import { reportPdf } from './report-pdf.ts';
import { reconciliationRuns } from './schema.ts';
import { findSignOff, hex } from './store.ts';

export type ReportFormat = 'csv' | 'pdf';

/**
 * The report of a run, the same bytes each time until it is signed and the same for good from then on.
 * @effects audit `reconciliation.report_downloaded` with the SHA-256 of the bytes
 * @errors not_found, reconciliation_without_position
 */
export async function downloadReport(
  ctx: Ctx,
  input: { readonly runId: Id; readonly format: ReportFormat },
): Promise<{ readonly bytes: Uint8Array; readonly name: string; readonly sha256: string }> {
  return transact(ctx, 'staff', async (tx) => {
    const { checks } = await getReconciliation({ ...ctx, tx }, input.runId);
    const [run] = await tx.select().from(reconciliationRuns).where(eq(reconciliationRuns.id, input.runId));
    if (run === undefined) {
      throw refuseFunding('reconciliation_without_position');
    }
    const signOff = await findSignOff(tx, run.id);
    const content = reportContent(run, checks as readonly ReportCheck[], signOff);
    const madeAt = new Date(msOfInstant(signOff?.signedAt ?? run.completedAt));
    const bytes = input.format === 'csv' ? reportCsv(content) : await reportPdf(content, madeAt);
    const hash = hex(sha256(bytes));
    const { businessDate } = run;
    await record(tx, ctx, {
      event: RECONCILIATION_EVENTS['reconciliation.report_downloaded'],
      resource: { type: 'reconciliation', id: run.id },
      subjectUserId: null,
      after: { businessDate, format: input.format, sha256: hash, signed: signOff !== undefined },
    });
    const state = signOff === undefined ? 'unsigned' : 'signed';
    return { bytes, sha256: hash, name: `reconciliation-${businessDate}-${state}-${run.id}.${input.format}` };
  });
}
