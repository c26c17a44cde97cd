import { and, asc, eq, inArray, isNull, lte, ne, or } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import type { Ctx } from '../../../platform/context.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Job } from '../../../platform/domain.ts';
import { AML_EVENTS } from '../audit.ts';
import { contentOf } from './notice-store.ts';
import { OPEN_REPORTS } from './report-rules.ts';
import { sanctionsNotices, suspiciousReports } from './schema.ts';

/** How long before its hour a notice calls. @units ms */
const NOTICE_WARNING_MS = 4 * 3_600_000;

/** How long before its end the time to report calls. @units ms */
const REPORT_WARNING_MS = 48 * 3_600_000;

/** How many are called for in one run; the next goes on. */
const BATCH = 200;

/** Calls, once each, for what is due soon and for what is late. */
export const watchClocksJob: Job = { name: 'aml.watch-clocks', cron: '*/5 * * * *', run: watchClocks };

/**
 * @effects `sanctions_notices`, `suspicious_reports`; the alarms `sanctions_notice.due_soon` and `.overdue`,
 *   `aml_report.due_soon` and `.overdue`
 */
export async function watchClocks(ctx: Ctx): Promise<void> {
  const now = ctx.deps.clock.now();
  const notices = await transact(ctx, 'engine', (tx) =>
    tx
      .select({ id: sanctionsNotices.id })
      .from(sanctionsNotices)
      .where(
        and(
          ne(sanctionsNotices.status, 'sent'),
          or(
            and(lte(sanctionsNotices.dueAt, now), isNull(sanctionsNotices.overdueAt)),
            and(
              lte(sanctionsNotices.dueAt, addMs(now, NOTICE_WARNING_MS)),
              isNull(sanctionsNotices.dueSoonAt),
            ),
          ),
        ),
      )
      .orderBy(asc(sanctionsNotices.dueAt))
      .limit(BATCH),
  );
  for (const { id } of notices) {
    await callForNotice(ctx, id);
  }
  const reports = await transact(ctx, 'engine', (tx) =>
    tx
      .select({ id: suspiciousReports.id })
      .from(suspiciousReports)
      .where(
        and(
          inArray(suspiciousReports.status, OPEN_REPORTS),
          or(
            and(lte(suspiciousReports.dueAt, now), isNull(suspiciousReports.overdueAt)),
            and(
              lte(suspiciousReports.dueAt, addMs(now, REPORT_WARNING_MS)),
              isNull(suspiciousReports.dueSoonAt),
            ),
          ),
        ),
      )
      .orderBy(asc(suspiciousReports.dueAt))
      .limit(BATCH),
  );
  for (const { id } of reports) {
    await callForReport(ctx, id);
  }
}

async function callForNotice(ctx: Ctx, noticeId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const before = await lockRow(tx, sanctionsNotices, noticeId);
    const call = before === undefined || before.status === 'sent' ? null : callOf(ctx, before);
    if (before === undefined || call === null) {
      return;
    }
    const [after] = await tx
      .update(sanctionsNotices)
      .set({ ...call.marks, version: before.version + 1 })
      .where(eq(sanctionsNotices.id, noticeId))
      .returning();
    await raiseAlarm(tx, ctx, {
      event: AML_EVENTS[`sanctions_notice.${call.name}`],
      resource: { type: 'sanctions_notice', id: noticeId },
      subjectUserId: contentOf(ctx, before).userId ?? null,
      after: present(after, 'the notice was locked'),
    });
  });
}

async function callForReport(ctx: Ctx, reportId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const before = await lockRow(tx, suspiciousReports, reportId);
    const isOpen = before !== undefined && OPEN_REPORTS.some((status) => status === before.status);
    const call = isOpen ? callOf(ctx, before) : null;
    if (before === undefined || call === null) {
      return;
    }
    const [after] = await tx
      .update(suspiciousReports)
      .set({ ...call.marks, version: before.version + 1 })
      .where(eq(suspiciousReports.id, reportId))
      .returning();
    await raiseAlarm(tx, ctx, {
      event: AML_EVENTS[`aml_report.${call.name}`],
      resource: { type: 'aml_report', id: reportId },
      subjectUserId: before.userId,
      after: present(after, 'the report was locked'),
    });
  });
}

type Clocked = Pick<typeof sanctionsNotices.$inferSelect, 'dueAt' | 'dueSoonAt' | 'overdueAt'>;

/** What is late does not also call for being due soon. */
function callOf(ctx: Ctx, { dueAt, dueSoonAt, overdueAt }: Clocked) {
  const now = ctx.deps.clock.now();
  if (dueAt <= now) {
    return overdueAt === null
      ? { name: 'overdue' as const, marks: { dueSoonAt: dueSoonAt ?? now, overdueAt: now } }
      : null;
  }
  return dueSoonAt === null ? { name: 'due_soon' as const, marks: { dueSoonAt: now } } : null;
}
