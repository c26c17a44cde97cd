import { eq, type InferSelectModel } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { refuseSelfAction } from '../../identity/index.ts';
import { RISK_EVENTS } from '../audit.ts';
import { refuseRisk } from '../errors.ts';
import { riskAlerts } from '../schema.ts';

export type RiskAlert = InferSelectModel<typeof riskAlerts>;

/**
 * Notes that somebody saw to an alert, once and with what they say; nobody to one about themselves.
 * @effects one row of `risk_alerts`; audit `risk_alert.acknowledged`
 * @errors not_found, self_action, alert_acknowledged
 */
export async function acknowledgeAlert(
  ctx: Ctx,
  { alertId, note }: { readonly alertId: Id; readonly note: string },
): Promise<RiskAlert> {
  const acknowledgedBy = present(personOf(ctx.actor), 'alerts are acknowledged by people');
  return transact(ctx, 'engine', async (tx) => {
    const before = await lockRow(tx, riskAlerts, alertId);
    if (before === undefined) {
      throw refuse('not_found');
    }
    if (before.userId !== null) {
      refuseSelfAction(ctx, before.userId);
    }
    if (before.acknowledgedAt !== null) {
      throw refuseRisk('alert_acknowledged');
    }
    const [after] = await tx
      .update(riskAlerts)
      .set({ acknowledgedBy, acknowledgedAt: ctx.deps.clock.now(), note })
      .where(eq(riskAlerts.id, alertId))
      .returning();
    const acknowledged = present(after, 'the alert was locked');
    await record(tx, ctx, {
      event: RISK_EVENTS['risk_alert.acknowledged'],
      resource: { type: 'risk_alert', id: alertId },
      subjectUserId: before.userId,
      before,
      after: acknowledged,
    });
    return acknowledged;
  });
}
