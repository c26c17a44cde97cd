import { and, asc, desc, eq, exists, type InferSelectModel, lt, type SQL, sql } from 'drizzle-orm';
import { actorIdOf, personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Json } from '../../../kernel/canonical-json.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { type DataKey, openJson, openText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { recordReads } from '../../identity/index.ts';
import { AML_EVENTS } from '../audit.ts';
import { caseNotAboutSelf } from '../cases/lock-case.ts';
import { amlCases } from '../cases/schema.ts';
import { reportReference } from './report-rules.ts';
import { suspiciousReportEvents, suspiciousReports } from './schema.ts';

export type SuspiciousReport = InferSelectModel<typeof suspiciousReports>;

/** Which of the watched activities of the people of a case are told of. */
export type Selection = {
  readonly activityIds?: readonly Id[] | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
};

/** What a report says in words, and what staff say an activity was worth. */
export type ReportContent = {
  readonly narrative: string;
  readonly action: string;
  /** @units decimal strings of rupees, by activity */
  readonly localAmounts: Readonly<Record<string, string>>;
};

export const NO_CONTENT: ReportContent = { narrative: '', action: '', localAmounts: {} };

type ReportStep = 'drafted' | 'edited' | 'validated' | 'approved' | 'declined' | 'withdrawn' | 'filed';

export type ReportFilter = PageRequest & {
  readonly status?: SuspiciousReport['status'] | undefined;
  readonly caseId?: Id | undefined;
};

/** Reports, newest first; none of a case that the reader is part of. @errors invalid_cursor */
export async function listReports(ctx: Ctx, filter: ReportFilter) {
  const key = ctx.deps.keyring.cursorKey;
  const { status, caseId } = filter;
  const listing = `aml_reports:${status ?? ''}:${caseId ?? ''}`;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select()
      .from(suspiciousReports)
      .where(
        and(
          notAboutSelf(tx, ctx),
          status === undefined ? undefined : eq(suspiciousReports.status, status),
          caseId === undefined ? undefined : eq(suspiciousReports.caseId, caseId),
          before === undefined ? undefined : lt(suspiciousReports.id, before),
        ),
      )
      .orderBy(desc(suspiciousReports.id))
      .limit(filter.limit + 1);
    const page = cutPage(key, listing, rows, filter.limit, (row) => [row.id]);
    return { ...page, data: page.data.map(reportView) };
  });
}

/**
 * A report with what it says and what happened to it.
 * @effects audit `aml_report.read`
 * @errors not_found
 */
export async function getReport(ctx: Ctx, reportId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const report = await findReport(tx, ctx, reportId);
    const key = await keyOf(tx, ctx, report);
    const history = await tx
      .select()
      .from(suspiciousReportEvents)
      .where(eq(suspiciousReportEvents.reportId, reportId))
      .orderBy(asc(suspiciousReportEvents.at), asc(suspiciousReportEvents.id));
    await recordReads(tx, ctx, [
      {
        event: AML_EVENTS['aml_report.read'],
        resource: { type: 'aml_report', id: reportId },
        subjectUserId: report.userId,
        after: report,
      },
    ]);
    const { decisionReason } = report;
    return {
      ...reportView(report),
      content: key === undefined ? null : openContent(key, report),
      decisionReason:
        key === undefined || decisionReason === null
          ? null
          : openText(key, reportPlace(reportId, 'decision_reason'), decisionReason),
      history: history.map(({ reportId: _own, ...step }) => step),
    };
  });
}

/** One report; none of a case that the reader is part of. @errors not_found */
export async function findReport(tx: Tx, ctx: Ctx, reportId: Id): Promise<SuspiciousReport> {
  const [found] = await tx
    .select()
    .from(suspiciousReports)
    .where(and(eq(suspiciousReports.id, reportId), notAboutSelf(tx, ctx)));
  if (found === undefined) {
    throw refuse('not_found');
  }
  return found;
}

/** The same, locked. @errors not_found */
export async function lockReport(tx: Tx, ctx: Ctx, reportId: Id): Promise<SuspiciousReport> {
  await findReport(tx, ctx, reportId);
  return present(await lockRow(tx, suspiciousReports, reportId), 'reports are never deleted');
}

/**
 * Changes a report that the caller has locked, writes the step into its history and records it.
 * @effects `suspicious_reports`, `suspicious_report_events`; audit `aml_report.` and the step
 */
export async function changeReport(
  tx: Tx,
  ctx: Ctx,
  before: SuspiciousReport,
  change: {
    readonly set: Partial<typeof suspiciousReports.$inferInsert>;
    readonly step: Exclude<ReportStep, 'drafted'>;
    readonly data?: { readonly [key: string]: Json };
  },
): Promise<SuspiciousReport> {
  const [updated] = await tx
    .update(suspiciousReports)
    .set({ ...change.set, version: before.version + 1 })
    .where(eq(suspiciousReports.id, before.id))
    .returning();
  const after = present(updated, 'the report was locked');
  await addReportStep(tx, ctx, before.id, change.step, change.data);
  await record(tx, ctx, {
    event: AML_EVENTS[`aml_report.${change.step}`],
    resource: { type: 'aml_report', id: before.id },
    subjectUserId: before.userId,
    before,
    after: { ...after, ...change.data },
  });
  return after;
}

/** @effects a row of `suspicious_report_events` */
export async function addReportStep(
  tx: Tx,
  ctx: Ctx,
  reportId: Id,
  type: ReportStep,
  data: { readonly [key: string]: Json } = {},
): Promise<void> {
  await tx.insert(suspiciousReportEvents).values({
    id: newId(),
    reportId,
    type,
    actor: actorIdOf(ctx.actor),
    at: ctx.deps.clock.now(),
    data,
  });
}

/** Whether somebody wrote any of what a report says, also before it was copied from another one. */
export async function wroteReport(tx: Tx, ctx: Ctx, reportId: Id): Promise<boolean> {
  const me = actorIdOf(ctx.actor);
  for (let id: Id | undefined = reportId; id !== undefined; ) {
    const steps = await tx
      .select()
      .from(suspiciousReportEvents)
      .where(eq(suspiciousReportEvents.reportId, id));
    if (steps.some(({ type, actor }) => type === 'edited' && actor === me)) {
      return true;
    }
    id = steps.find(({ type }) => type === 'drafted')?.data.copiedFrom as Id | undefined;
  }
  return false;
}

/** The key a report is sealed with; undefined where its person was erased. */
export async function keyOf(
  tx: Tx,
  ctx: Ctx,
  { userId }: Pick<SuspiciousReport, 'userId'>,
): Promise<DataKey | undefined> {
  return userId === null ? ctx.deps.keyring.house : ctx.deps.personKeys.find(tx, userId);
}

/** What a report says. */
export function openContent(key: DataKey, { id, content }: SuspiciousReport): ReportContent {
  return openJson<ReportContent>(key, reportPlace(id, 'content'), content);
}

/** What the sealed parts of a report are bound to. */
export function reportPlace(reportId: Id, column: 'content' | 'decision_reason' | 'document') {
  return { table: 'suspicious_reports', column, rowId: reportId };
}

/** A report as it is answered. */
export function reportView(report: SuspiciousReport) {
  const { xmlSha256, selection, reasons, indicators } = report;
  return {
    ...report,
    reference: reportReference(report),
    reasons: [...reasons],
    indicators: [...indicators],
    selection: selection as Record<string, unknown>,
    xmlSha256: xmlSha256 === null ? null : Buffer.from(xmlSha256).toString('hex'),
  };
}

/** Staff who are part of the case must not learn that it is reported (no tipping off). */
function notAboutSelf(tx: Tx, ctx: Ctx): SQL | undefined {
  if (personOf(ctx.actor) === null) {
    return undefined;
  }
  const mine = and(eq(amlCases.id, suspiciousReports.caseId), caseNotAboutSelf(tx, ctx));
  return exists(tx.select({ one: sql`1` }).from(amlCases).where(mine));
}
