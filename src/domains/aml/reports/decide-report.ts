import { eq } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { writeSealedFile } from '../../../platform/files/sealed-file.ts';
import { addCaseStep, caseKey } from '../cases/case-events.ts';
import { refuseAml } from '../errors.ts';
import { documentOf, type ReportFinding } from './report-document.ts';
import { changeReport, lockReport, reportPlace, type SuspiciousReport, wroteReport } from './report-store.ts';
import { suspiciousReports } from './schema.ts';

/**
 * Puts the document of a report together, reads it back and says what is wrong with it. One that is whole may be
 * decided on until somebody changes the report.
 * @effects `suspicious_reports`, `suspicious_report_events`; audit `aml_report.validated`
 * @errors not_found, report_decided, report_too_long, report_activity_unknown
 */
export async function validateReport(
  ctx: Ctx,
  reportId: Id,
): Promise<{ readonly report: SuspiciousReport; readonly findings: readonly ReportFinding[] }> {
  return transact(ctx, 'staff', async (tx) => {
    const before = await lockReport(tx, ctx, reportId);
    refuseDecided(before);
    const { findings, transactionCount } = await documentOf(tx, ctx, before);
    const isWhole = findings.length === 0;
    const report = await changeReport(tx, ctx, before, {
      set: {
        status: isWhole ? 'ready' : 'draft',
        validatedAt: isWhole ? ctx.deps.clock.now() : null,
        transactionCount: isWhole ? transactionCount : null,
      },
      step: 'validated',
      data: { findings: findings.length },
    });
    return { report, findings };
  });
}

/**
 * The MLRO's decision: to file a report that is whole, as it then stands, or, with reasons, not to file it.
 * Whoever wrote any of it does not decide; whoever formed the suspicion does not decide to drop it.
 * @effects a sealed file, `suspicious_reports`, `suspicious_report_events`; audit `aml_report.approved` or
 *   `aml_report.declined`
 * @errors not_found, report_decided, report_own_work, report_not_ready
 */
export async function decideReport(
  ctx: Ctx,
  reportId: Id,
  { decision, reason }: { readonly decision: 'file' | 'decline'; readonly reason: string },
): Promise<SuspiciousReport> {
  const deciderId = present(personOf(ctx.actor), 'a report is decided on by a person');
  return transact(ctx, 'staff', async (tx) => {
    const before = await lockReport(tx, ctx, reportId);
    refuseDecided(before);
    const isMine = decision === 'decline' && before.createdBy === deciderId;
    if (isMine || (await wroteReport(tx, ctx, reportId))) {
      throw refuseAml('report_own_work');
    }
    const key = await caseKey(tx, ctx, before.userId);
    const decided = {
      decidedBy: deciderId,
      decidedAt: ctx.deps.clock.now(),
      decisionReason: sealText(key, reportPlace(reportId, 'decision_reason'), reason),
    };
    if (decision === 'decline') {
      const set = { status: 'declined' as const, ...decided };
      return changeReport(tx, ctx, before, { set, step: 'declined' });
    }
    const document = await wholeDocument(tx, ctx, before);
    // A stray sealed file after a rollback is harmless; a decision without its file is not.
    const path = await ctx.deps.files.pathOf(reportFileName(reportId));
    const written = await writeSealedFile(path, key, reportPlace(reportId, 'document'), once(document.bytes));
    return changeReport(tx, ctx, before, {
      set: {
        status: 'approved',
        ...decided,
        xmlSha256: new Uint8Array(Buffer.from(written.sha256, 'hex')),
        xmlBytes: written.sizeBytes,
        transactionCount: document.transactionCount,
      },
      step: 'approved',
      data: { sha256: written.sha256 },
    });
  });
}

/**
 * Says that a report was filed, when, and what the FIU calls it. Filing stays a human act.
 * @effects `suspicious_reports`, `suspicious_report_events`, `aml_case_events`; audit `aml_report.filed`
 * @errors not_found, report_not_approved, sent_at_invalid, reference_taken
 */
export async function fileReport(
  ctx: Ctx,
  reportId: Id,
  filing: { readonly fiuReference: string; readonly filedAt: Instant },
): Promise<SuspiciousReport> {
  const filedBy = present(personOf(ctx.actor), 'a report is filed by a person');
  return transact(ctx, 'staff', async (tx) => {
    const before = await lockReport(tx, ctx, reportId);
    if (before.status !== 'approved') {
      throw refuseAml('report_not_approved');
    }
    const decidedAt = present(before.decidedAt, 'it was decided to file it');
    if (filing.filedAt > ctx.deps.clock.now() || filing.filedAt < decidedAt) {
      throw refuseAml('sent_at_invalid');
    }
    await refuseTaken(tx, filing.fiuReference);
    const set = { status: 'filed' as const, ...filing, filedBy };
    const after = await changeReport(tx, ctx, before, { set, step: 'filed' });
    const { caseId: id, userId } = before;
    await addCaseStep(tx, ctx, { id, userId }, { type: 'reported', data: { reportId } });
    return after;
  });
}

/** Where the document of a report rests, sealed. */
export function reportFileName(reportId: Id): string {
  return `aml/str/${reportId}`;
}

/** @errors report_not_ready */
async function wholeDocument(tx: Tx, ctx: Ctx, before: SuspiciousReport) {
  if (before.status !== 'ready') {
    throw refuseAml('report_not_ready');
  }
  // What is known may have changed since it was found whole: what is filed is what is checked.
  const document = await documentOf(tx, ctx, before);
  if (document.findings.length > 0) {
    throw refuseAml('report_not_ready');
  }
  return document;
}

/** @errors report_decided */
function refuseDecided({ status }: SuspiciousReport): void {
  if (status !== 'draft' && status !== 'ready') {
    throw refuseAml('report_decided');
  }
}

/** @errors reference_taken */
async function refuseTaken(tx: Tx, fiuReference: string): Promise<void> {
  await lockExclusive(tx, ['aml.fiu_references']);
  const [known] = await tx
    .select({ id: suspiciousReports.id })
    .from(suspiciousReports)
    .where(eq(suspiciousReports.fiuReference, fiuReference));
  if (known !== undefined) {
    throw refuseAml('reference_taken');
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
