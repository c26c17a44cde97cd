import { and, eq, inArray } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { auditExports } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { AUDIT_EVENTS } from './audit.ts';
import { refuseAudit } from './errors.ts';
import { findReadableExport, storedExport, viewsOf } from './exports.ts';

/**
 * Calls an export off that is not written yet; whoever writes it stops within a second and keeps nothing.
 * @effects status of the export; audit `audit_export.cancelled`
 * @errors not_found, export_finished
 */
export async function cancelExport(ctx: Ctx, exportId: Id) {
  return transact(ctx, ctx.login, async (tx) => {
    const before = await findReadableExport(tx, ctx, exportId);
    const [row] = await tx
      .update(auditExports)
      .set({ status: 'cancelled', completedAt: ctx.deps.clock.realNow() })
      .where(and(eq(auditExports.id, exportId), inArray(auditExports.status, ['pending', 'running'])))
      .returning();
    if (row === undefined) {
      throw refuseAudit('export_finished', { detail: `The export is ${before.status}.` });
    }
    const stored = storedExport(row);
    await record(tx, ctx, {
      event: AUDIT_EVENTS['audit_export.cancelled'],
      resource: { type: 'audit_export', id: exportId },
      subjectUserId: null,
      before: { status: before.status },
      after: { ...stored, ...stored.period },
    });
    const [view] = await viewsOf(tx, [stored]);
    return present(view, 'one view for one export');
  });
}
