import { assert, present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { auditExports } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { AUDIT_EVENTS } from './audit.ts';
import { requireKnownType } from './event-type.ts';
import { type ExportFilters, type ExportFormat, type ExportPeriod, findExport, viewsOf } from './exports.ts';
import { peopleNamed, tellReads } from './tell-reads.ts';

/** The event that the exporter waits for. */
export const EXPORT_REQUESTED = 'audit.export_requested';

/**
 * Asks for an export; a worker writes it.
 * @effects one row of `audit_exports`; audit `audit_export.requested`, and `audit_log.person_read` where its
 * filters name a person; event `audit.export_requested`
 * @errors forbidden (about oneself), validation_failed (an event that there is not)
 */
export async function requestExport(
  ctx: Ctx,
  input: ExportPeriod & {
    readonly format: ExportFormat;
    readonly filters?: ExportFilters | undefined;
    readonly recipient?: string | undefined;
  },
) {
  const { actor } = ctx;
  assert('userId' in actor, 'an examiner is a person');
  const { from, to, format, filters = {}, recipient = null } = input;
  if (filters.userId === actor.userId) {
    throw refuse('forbidden');
  }
  return transact(ctx, ctx.login, async (tx) => {
    await requireKnownType(tx, ctx, filters.eventType, '/filters/eventType');
    const id = newId();
    await tx.insert(auditExports).values({
      id,
      requestedBy: actor.userId,
      format,
      filters: { from, to, ...filters },
      restricted: true,
      status: 'pending',
      recipient,
      createdAt: ctx.deps.clock.realNow(),
    });
    await record(tx, ctx, {
      event: AUDIT_EVENTS['audit_export.requested'],
      resource: { type: 'audit_export', id },
      subjectUserId: null,
      after: { from, to, format, recipient, status: 'pending' },
    });
    const { userId, actorId, resourceId } = filters;
    await tellReads(tx, ctx, await peopleNamed(tx, ctx, [userId, actorId, resourceId]), {
      resource: { type: 'audit_export', id },
      after: { filters },
    });
    await publish(tx, ctx, [
      { type: EXPORT_REQUESTED, userId: actor.userId, customerVisible: false, data: { exportId: id } },
    ]);
    const [view] = await viewsOf(tx, [await findExport(tx, id)]);
    return present(view, 'what was written is there');
  });
}
