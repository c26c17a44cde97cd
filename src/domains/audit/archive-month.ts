import { and, count, eq, gte, lt } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { type Instant, parseInstant } from '../../kernel/time.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { auditArchives } from '../../platform/audit/archives/schema.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuseHeld } from '../../platform/privacy/legal-holds.ts';
import { keptUntil } from '../../platform/privacy/retention-clock.ts';
import { readKeptMonths } from '../../platform/privacy/retention-policies.ts';
import { AUDIT_EVENTS } from './audit.ts';
import { refuseAudit } from './errors.ts';
import { KEEPERS } from './legal-holds.ts';

export const ARCHIVE_ACTION = 'audit_partition.archive';

export type MonthPeriod = { readonly from: Instant; readonly to: Instant };

/**
 * Asks for a month of the log to be archived: exported, verified and taken out. It is another person who
 * decides; a job does it then.
 * @units month `2026-01`
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors month_archived, month_not_due, legal_hold
 */
export async function requestArchive(
  ctx: Ctx,
  { month, reason }: { readonly month: string; readonly reason: string },
): Promise<Approval> {
  return transact(ctx, 'engine', async (tx) => {
    await requireDue(tx, ctx, month);
    return requestApproval(tx, ctx, {
      action: ARCHIVE_ACTION,
      subjectType: 'audit_archive',
      subjectId: newId(),
      subjectUserId: null,
      payload: { month, rows: await rowsOf(tx, month) },
      quorum: 1,
      checkerRoles: KEEPERS,
      reason,
    });
  });
}

/** What the vote on a month does: a job may archive it now. */
export const archiveAction: ApprovalAction = {
  action: ARCHIVE_ACTION,
  execute: async (ctx, { approvalId, subjectId, payload }) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { month, rows } = payload as { readonly month: string; readonly rows: number };
    // Of two votes on one month the second finds what the first wrote.
    await lockExclusive(tx, [`${ARCHIVE_ACTION}:${month}`]);
    await requireDue(tx, ctx, month);
    if ((await rowsOf(tx, month)) !== rows) {
      throw refuseAudit('month_changed');
    }
    const [archive] = await tx
      .insert(auditArchives)
      .values({
        id: subjectId,
        month,
        status: 'approved',
        approvalId,
        rowCount: rows,
        approvedAt: ctx.deps.clock.realNow(),
      })
      .returning();
    await record(tx, ctx, {
      event: AUDIT_EVENTS['audit_archive.approved'],
      resource: { type: 'audit_archive', id: subjectId },
      subjectUserId: null,
      after: present(archive, 'the archive was written'),
    });
  },
};

/** A month that its policy no longer keeps, that is still there, and that no hold keeps. */
async function requireDue(tx: Tx, ctx: Ctx, month: string): Promise<void> {
  const [known] = await tx
    .select({ id: auditArchives.id })
    .from(auditArchives)
    .where(eq(auditArchives.month, month));
  if (known !== undefined) {
    throw refuseAudit('month_archived');
  }
  if ((await rowsOf(tx, month)) === 0) {
    throw refuseAudit('month_not_due');
  }
  await refuseKept(tx, ctx, month);
}

/** @errors month_not_due (its policy keeps it), legal_hold */
export async function refuseKept(tx: Tx, ctx: Ctx, month: string): Promise<void> {
  const period = periodOf(month);
  const kept = (await readKeptMonths(tx, ctx.deps))('audit_log');
  if (keptUntil([period.to], kept) > ctx.deps.clock.now()) {
    throw refuseAudit('month_not_due');
  }
  await refuseHeld(tx, period);
}

/** @units from inclusive, to exclusive */
export function periodOf(month: string): MonthPeriod {
  const next = Temporal.PlainYearMonth.from(month).add({ months: 1 }).toString();
  return { from: parseInstant(`${month}-01T00:00:00Z`), to: parseInstant(`${next}-01T00:00:00Z`) };
}

/** How many rows the month holds. */
export async function rowsOf(tx: Tx, month: string): Promise<number> {
  const { from, to } = periodOf(month);
  const [counted] = await tx
    .select({ rows: count() })
    .from(auditLogs)
    .where(and(gte(auditLogs.recordedAt, from), lt(auditLogs.recordedAt, to)));
  return counted?.rows ?? 0;
}

export type StoredArchive = typeof auditArchives.$inferSelect & { readonly id: Id };
