import { eq } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import { amlAlerts } from '../schema.ts';
import { type AmlAlert, addAlertStep } from './alert-events.ts';
import { lockOpenAlert } from './lock-alert.ts';
import { refuseUnsuitable } from './refuse-unsuitable.ts';

/**
 * Gives an alert to somebody who works on alerts.
 * @effects `aml_alerts`, `aml_alert_events`; audit `aml_alert.assigned`
 * @errors not_found, alert_resolved, self_review, assignee_unsuitable
 */
export async function assignAlert(ctx: Ctx, alertId: Id, assigneeId: Id): Promise<AmlAlert> {
  return transact(ctx, 'staff', async (tx) => {
    const { alert } = await lockOpenAlert(tx, alertId);
    if (alert.userId !== null && (alert.userId === assigneeId || alert.userId === personOf(ctx.actor))) {
      throw refuseAml('self_review');
    }
    await refuseUnsuitable(tx, assigneeId);
    const [after] = await tx
      .update(amlAlerts)
      .set({ status: 'assigned', assigneeId, version: alert.version + 1 })
      .where(eq(amlAlerts.id, alertId))
      .returning();
    const assigned = present(after, 'the alert was locked');
    await addAlertStep(tx, ctx, assigned, { type: 'assigned', data: { assigneeId } });
    await record(tx, ctx, {
      event: AML_EVENTS['aml_alert.assigned'],
      resource: { type: 'aml_alert', id: alertId },
      subjectUserId: alert.userId,
      before: alert,
      after: assigned,
    });
    return assigned;
  });
}
