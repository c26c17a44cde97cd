import { and, asc, eq, inArray, isNull } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRows } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { AML_EVENTS } from '../audit.ts';
import { OFFICERS } from '../operation.ts';
import { reportDueAt } from './holidays.ts';
import { businessHolidays, suspiciousReports } from './schema.ts';

export type HolidayDecision = {
  /** @units YYYY-MM-DD */
  readonly day: string;
  readonly name: string;
  /** False where a day that was entered is worked on after all. */
  readonly observed: boolean;
  readonly reason: string;
};

/**
 * Asks that a day is, or is not, one to work on: it moves the time to report, so another person decides.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors approval_pending_exists
 */
export async function setHoliday(ctx: Ctx, { reason, ...decision }: HolidayDecision): Promise<Approval> {
  return transact(ctx, 'staff', (tx) =>
    requestApproval(tx, ctx, {
      action: setHolidayAction.action,
      subjectType: 'business_holiday',
      subjectId: dayId(decision.day),
      subjectUserId: null,
      payload: decision,
      quorum: 1,
      checkerRoles: OFFICERS,
      reason,
    }),
  );
}

/** Runs when a second person agrees; what is not decided yet is due by the new calendar. */
export const setHolidayAction: ApprovalAction = {
  action: 'business_holiday.set',
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'approved actions run in the transaction of the vote');
    const { day, name, observed } = approved.payload as HolidayDecision;
    const row = {
      name,
      observed,
      source: 'staff' as const,
      approvalId: approved.approvalId,
      changedAt: ctx.deps.clock.now(),
    };
    const [before] = await tx.select().from(businessHolidays).where(eq(businessHolidays.day, day));
    const [after] = await tx
      .insert(businessHolidays)
      .values({ day, ...row })
      .onConflictDoUpdate({ target: businessHolidays.day, set: row })
      .returning();
    await record(tx, ctx, {
      event: AML_EVENTS['business_holiday.set'],
      resource: { type: 'business_holiday', id: approved.subjectId },
      subjectUserId: null,
      before,
      after: present(after, 'the day was written'),
    });
    await moveDeadlines(tx, ctx);
  },
};

/** Reports that are still worked on are due by the calendar as it is now; an amendment counts from when it began. */
async function moveDeadlines(tx: Tx, ctx: Ctx): Promise<void> {
  const open = await tx
    .select({ id: suspiciousReports.id })
    .from(suspiciousReports)
    .where(and(inArray(suspiciousReports.status, ['draft', 'ready']), isNull(suspiciousReports.overdueAt)))
    .orderBy(asc(suspiciousReports.id));
  for (const before of await lockRows(
    tx,
    suspiciousReports,
    open.map(({ id }) => id),
  )) {
    const dueAt = await reportDueAt(tx, before.amendsId === null ? before.suspicionAt : before.createdAt);
    if (dueAt === before.dueAt || !['draft', 'ready'].includes(before.status)) {
      continue;
    }
    const [after] = await tx
      .update(suspiciousReports)
      .set({ dueAt, dueSoonAt: null, version: before.version + 1 })
      .where(eq(suspiciousReports.id, before.id))
      .returning();
    await record(tx, ctx, {
      event: AML_EVENTS['aml_report.due_moved'],
      resource: { type: 'aml_report', id: before.id },
      subjectUserId: before.userId,
      before,
      after: present(after, 'the report was locked'),
    });
  }
}

/** An approval is about an id: a day has one of its own, so that two people do not decide on it at once. */
function dayId(day: string): Id {
  return `00000000-0000-7000-8000-0000${day.replaceAll('-', '')}` as Id;
}
