import { and, eq, lt } from 'drizzle-orm';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { auditExports } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { AUDIT_EVENTS } from './audit.ts';
import { storedExport } from './exports.ts';

const BATCH = 100;

/**
 * Removes files whose time is over; what was exported, when and for whom stays on record.
 * @effects files; status of exports; audit `audit_export.expired`
 */
export async function expireExports(ctx: Ctx): Promise<void> {
  const now = ctx.deps.clock.realNow();
  const over = and(eq(auditExports.status, 'completed'), lt(auditExports.expiresAt, now));
  const rows = await transact(ctx, 'engine', (tx) => tx.select().from(auditExports).where(over).limit(BATCH));
  for (const row of rows) {
    // The file first: a row that says expired promises that there is none.
    if (row.fileName !== null) {
      await ctx.deps.files.remove(row.fileName);
    }
    await transact(ctx, 'engine', async (tx) => {
      const [expired] = await tx
        .update(auditExports)
        .set({ status: 'expired' })
        .where(and(over, eq(auditExports.id, row.id)))
        .returning();
      if (expired === undefined) {
        return;
      }
      const stored = storedExport(expired);
      await record(tx, ctx, {
        event: AUDIT_EVENTS['audit_export.expired'],
        resource: { type: 'audit_export', id: row.id },
        subjectUserId: null,
        after: { ...stored, ...stored.period },
      });
    });
  }
}
