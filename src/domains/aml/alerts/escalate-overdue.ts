import { and, asc, eq, isNull, lte, ne } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Job } from '../../../platform/domain.ts';
import { AML_EVENTS } from '../audit.ts';
import { amlAlerts } from '../schema.ts';
import { addAlertStep } from './alert-events.ts';

/** How many are marked in one run; the next goes on. */
const BATCH = 500;

/** Marks what is overdue, once each; a critical one raises an alarm. */
export const escalateOverdueJob: Job = {
  name: 'aml.escalate-overdue',
  cron: '*/10 * * * *',
  run: escalateOverdue,
};

/**
 * @effects `aml_alerts`, `aml_alert_events`; audit `aml_alert.overdue`, or the alarm
 *   `aml_alert.critical_overdue`
 */
export async function escalateOverdue(ctx: Ctx): Promise<void> {
  const due = await transact(ctx, 'engine', (tx) =>
    tx
      .select({ id: amlAlerts.id })
      .from(amlAlerts)
      .where(
        and(
          ne(amlAlerts.status, 'resolved'),
          lte(amlAlerts.dueAt, ctx.deps.clock.now()),
          isNull(amlAlerts.overdueAt),
        ),
      )
      .orderBy(asc(amlAlerts.dueAt))
      .limit(BATCH),
  );
  for (const { id } of due) {
    await escalate(ctx, id);
  }
}

async function escalate(ctx: Ctx, alertId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const before = await lockRow(tx, amlAlerts, alertId);
    if (before === undefined || before.status === 'resolved' || before.overdueAt !== null) {
      return;
    }
    const [marked] = await tx
      .update(amlAlerts)
      .set({ overdueAt: ctx.deps.clock.now(), version: before.version + 1 })
      .where(eq(amlAlerts.id, alertId))
      .returning();
    const alert = present(marked, 'the alert was locked');
    await addAlertStep(tx, ctx, alert, { type: 'overdue', data: { severity: alert.severity } });
    const told = { resource: { type: 'aml_alert', id: alertId }, subjectUserId: alert.userId, after: alert };
    if (alert.severity === 'critical') {
      await raiseAlarm(tx, ctx, { event: AML_EVENTS['aml_alert.critical_overdue'], ...told });
    } else {
      await record(tx, ctx, { event: AML_EVENTS['aml_alert.overdue'], ...told });
    }
  });
}
