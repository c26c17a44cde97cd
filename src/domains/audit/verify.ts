import { record } from '../../platform/audit/record.ts';
import { verifyLog } from '../../platform/audit/verify-log.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { AUDIT_EVENTS } from './audit.ts';

/**
 * Verifies the whole log where it is stored and says what does not hold.
 * @effects audit `audit_log.verified` or `audit_log.refuted`
 */
export async function verify(ctx: Ctx) {
  const report = { ...(await verifyLog(ctx)), verifiedAt: ctx.deps.clock.realNow() };
  await transact(ctx, 'engine', (tx) =>
    record(tx, ctx, {
      event: AUDIT_EVENTS[report.holds ? 'audit_log.verified' : 'audit_log.refuted'],
      resource: { type: 'audit_log', id: report.origin ?? 'unclaimed' },
      subjectUserId: null,
      after: report,
    }),
  );
  return report;
}
