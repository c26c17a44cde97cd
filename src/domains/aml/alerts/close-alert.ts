import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { AML_EVENTS } from '../audit.ts';
import { amlAlerts } from '../schema.ts';
import { type AmlAlert, addAlertStep } from './alert-events.ts';

export type AlertDisposition = 'true_match' | 'false_positive' | 'inconclusive';

export type AlertClosing = {
  readonly disposition: AlertDisposition;
  readonly reason: string;
  /** Who decided it; another person agreed where that was wanted. */
  readonly resolvedBy: Id;
};

/**
 * Closes an alert that the caller has locked.
 * @effects `aml_alerts`, `aml_alert_events`; audit `aml_alert.resolved`; event `aml.alert_closed`, and
 *   `aml.pep_found` for a confirmed office
 */
export async function closeAlert(
  tx: Tx,
  ctx: Ctx,
  alert: AmlAlert,
  closing: AlertClosing,
): Promise<AmlAlert> {
  const { disposition, reason, resolvedBy } = closing;
  const [after] = await tx
    .update(amlAlerts)
    .set({
      status: 'resolved',
      disposition,
      reason,
      resolvedBy,
      resolvedAt: ctx.deps.clock.now(),
      version: alert.version + 1,
    })
    .where(eq(amlAlerts.id, alert.id))
    .returning();
  const resolved = present(after, 'the alert was locked');
  await addAlertStep(tx, ctx, resolved, { type: 'closed', data: { disposition } });
  await record(tx, ctx, {
    event: AML_EVENTS['aml_alert.resolved'],
    resource: { type: 'aml_alert', id: alert.id },
    subjectUserId: alert.userId,
    before: alert,
    after: resolved,
  });
  const { userId, kind, points } = alert;
  const told = { userId, customerVisible: false };
  await publish(tx, ctx, [
    { ...told, type: 'aml.alert_closed', data: { alertId: alert.id, kind, disposition, points } },
    ...(kind === 'pep' && disposition === 'true_match'
      ? [{ ...told, type: 'aml.pep_found', data: { alertId: alert.id } }]
      : []),
  ]);
  return resolved;
}
