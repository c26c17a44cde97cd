import { assert } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { auditExports } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { AUDIT_EVENTS } from './audit.ts';
import { type ExportPeriod, findExport, viewOf } from './exports.ts';

/** The event that the exporter waits for. */
export const EXPORT_REQUESTED = 'audit.export_requested';

/**
 * Asks for an export; a worker writes it.
 * @effects one row of `audit_exports`; audit `audit_export.requested`; event `audit.export_requested`
 */
export async function requestExport(ctx: Ctx, input: ExportPeriod & { readonly format: 'ndjson' }) {
  const { actor } = ctx;
  assert('userId' in actor, 'an examiner is a person');
  return transact(ctx, ctx.login, async (tx) => {
    const id = newId();
    await tx.insert(auditExports).values({
      id,
      requestedBy: actor.userId,
      format: input.format,
      filters: { from: input.from, to: input.to },
      restricted: true,
      status: 'pending',
      createdAt: ctx.deps.clock.realNow(),
    });
    await record(tx, ctx, {
      event: AUDIT_EVENTS['audit_export.requested'],
      resource: { type: 'audit_export', id },
      subjectUserId: null,
      after: { ...input, status: 'pending' },
    });
    await publish(tx, ctx, [
      { type: EXPORT_REQUESTED, userId: actor.userId, customerVisible: false, data: { exportId: id } },
    ]);
    return viewOf(tx, await findExport(tx, id));
  });
}
