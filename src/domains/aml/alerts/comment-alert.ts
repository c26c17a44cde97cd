import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { AML_EVENTS } from '../audit.ts';
import { type AmlAlert, addAlertStep } from './alert-events.ts';
import { findAlert } from './store.ts';

/**
 * Writes something to an alert, also to one that is closed; what was written stays.
 * @effects `aml_alert_events`; audit `aml_alert.commented`
 * @errors not_found, also on an alert about oneself
 */
export async function commentAlert(ctx: Ctx, alertId: Id, comment: string): Promise<AmlAlert> {
  return transact(ctx, 'staff', async (tx) => {
    const alert = await findAlert(tx, ctx, alertId);
    await addAlertStep(tx, ctx, alert, { type: 'commented', comment });
    await record(tx, ctx, {
      event: AML_EVENTS['aml_alert.commented'],
      resource: { type: 'aml_alert', id: alertId },
      subjectUserId: alert.userId,
      after: alert,
    });
    return alert;
  });
}
