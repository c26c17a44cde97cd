import { and, eq, inArray } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealJson } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { AML_EVENTS } from '../audit.ts';
import { type AmlCase, caseKey } from '../cases/case-events.ts';
import { refuseAml } from '../errors.ts';
import { reportDueAt } from './holidays.ts';
import { OPEN_REPORTS } from './report-rules.ts';
import {
  addReportStep,
  changeReport,
  findReport,
  keyOf,
  lockReport,
  NO_CONTENT,
  openContent,
  reportPlace,
  type SuspiciousReport,
} from './report-store.ts';
import { suspiciousReports } from './schema.ts';

/**
 * Begins the report of a suspicion in the transaction that forms it: from then on its time runs, whoever writes it.
 * @effects `suspicious_reports`, `suspicious_report_events`; audit `aml_report.drafted`
 */
export async function draftReport(tx: Tx, ctx: Ctx, found: AmlCase): Promise<SuspiciousReport> {
  const suspicionAt = present(found.suspicionAt, 'a suspicion was formed');
  const { id: caseId, userId } = found;
  return begin(tx, ctx, { caseId, userId, suspicionAt, dueAt: await reportDueAt(tx, suspicionAt) });
}

/**
 * Begins a report that corrects or adds to one that was filed, and says what that one said.
 * @effects as `draftReport`
 * @errors not_found, report_not_filed, report_open
 */
export async function amendReport(ctx: Ctx, reportId: Id): Promise<SuspiciousReport> {
  return transact(ctx, 'staff', async (tx) => {
    const original = await findReport(tx, ctx, reportId);
    if (original.status !== 'filed') {
      throw refuseAml('report_not_filed');
    }
    await refuseOpen(tx, original.caseId);
    const dueAt = await reportDueAt(tx, ctx.deps.clock.now());
    return begin(tx, ctx, { ...copied(original), dueAt, amendsId: original.id }, original);
  });
}

/**
 * Takes a report back that the FIU did not take, and begins one in its place; its time goes on running.
 * @effects as `draftReport`, and of the old one audit `aml_report.withdrawn`
 * @errors not_found, report_not_approved
 */
export async function replaceReport(ctx: Ctx, reportId: Id): Promise<SuspiciousReport> {
  return transact(ctx, 'staff', async (tx) => {
    const before = await lockReport(tx, ctx, reportId);
    if (before.status !== 'approved') {
      throw refuseAml('report_not_approved');
    }
    await changeReport(tx, ctx, before, { set: { status: 'withdrawn' }, step: 'withdrawn' });
    const { dueAt, amendsId } = before;
    return begin(tx, ctx, { ...copied(before), dueAt, amendsId }, before);
  });
}

/**
 * Gives an amendment up that nobody decided on. A first report is never given up: it is filed or declined.
 * @effects `suspicious_reports`, `suspicious_report_events`; audit `aml_report.withdrawn`
 * @errors not_found, report_decided, report_only_amendments_withdrawn
 */
export async function withdrawReport(ctx: Ctx, reportId: Id): Promise<SuspiciousReport> {
  return transact(ctx, 'staff', async (tx) => {
    const before = await lockReport(tx, ctx, reportId);
    if (before.status !== 'draft' && before.status !== 'ready') {
      throw refuseAml('report_decided');
    }
    if (before.amendsId === null) {
      throw refuseAml('report_only_amendments_withdrawn');
    }
    return changeReport(tx, ctx, before, { set: { status: 'withdrawn' }, step: 'withdrawn' });
  });
}

type NewReport = Pick<SuspiciousReport, 'caseId' | 'userId' | 'suspicionAt' | 'dueAt'> &
  Partial<Pick<SuspiciousReport, 'amendsId' | 'reportCode' | 'reasons' | 'indicators' | 'selection'>>;

async function begin(
  tx: Tx,
  ctx: Ctx,
  report: NewReport,
  from?: SuspiciousReport,
): Promise<SuspiciousReport> {
  const id = newId();
  const key = await caseKey(tx, ctx, report.userId);
  const old = from === undefined ? undefined : await keyOf(tx, ctx, from);
  const said = from === undefined || old === undefined ? NO_CONTENT : openContent(old, from);
  const [inserted] = await tx
    .insert(suspiciousReports)
    .values({
      reportCode: 'STR',
      reasons: [],
      indicators: [],
      selection: {},
      ...report,
      id,
      status: 'draft',
      content: sealJson(key, reportPlace(id, 'content'), said),
      createdBy: present(personOf(ctx.actor), 'a suspicion is formed by a person'),
      createdAt: ctx.deps.clock.now(),
    })
    .returning();
  const begun = present(inserted, 'the report was inserted');
  await addReportStep(tx, ctx, id, 'drafted', from === undefined ? {} : { copiedFrom: from.id });
  await record(tx, ctx, {
    event: AML_EVENTS['aml_report.drafted'],
    resource: { type: 'aml_report', id },
    subjectUserId: begun.userId,
    after: begun,
  });
  return begun;
}

function copied({
  caseId,
  userId,
  suspicionAt,
  reportCode,
  reasons,
  indicators,
  selection,
}: SuspiciousReport) {
  return { caseId, userId, suspicionAt, reportCode, reasons, indicators, selection };
}

/** @errors report_open */
async function refuseOpen(tx: Tx, caseId: Id): Promise<void> {
  // Of two at once the second sees the first.
  await lockExclusive(tx, [`aml.report_of:${caseId}`]);
  const [open] = await tx
    .select({ id: suspiciousReports.id })
    .from(suspiciousReports)
    .where(and(eq(suspiciousReports.caseId, caseId), inArray(suspiciousReports.status, OPEN_REPORTS)));
  if (open !== undefined) {
    throw refuseAml('report_open');
  }
}
