import { and, eq, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { liftRestriction } from '../../identity/index.ts';
import { AML_EVENTS } from '../audit.ts';
import { addCaseStep } from '../cases/case-events.ts';
import { amlCases } from '../cases/schema.ts';
import { amlAlerts } from '../schema.ts';
import type { AmlAlert } from './alert-events.ts';
import { restrictsWhenTrue } from './rules.ts';
import { amlAlertEvents } from './schema.ts';

/**
 * Ends what keeps the money of a customer in for the case of an alert that was called a true match once and has ended
 * as a false positive, unless another alert of theirs in that case was called one too and stays so. The approval that
 * ended the alert is what ends this. The caller holds the gate exclusively and has closed the alert.
 * @effects perhaps `gate_restrictions`, `customer_gates`, `aml_case_events`; audit `gate_restriction.lifted`,
 *   `gate.changed`, `aml_case.changed`, the alarm `aml_customer.released`
 */
export async function releaseWhatItCaused(tx: Tx, ctx: Ctx, alert: AmlAlert, approvalId: Id): Promise<void> {
  const { userId, caseId } = alert;
  if (userId === null || caseId === null || !restrictsWhenTrue(alert)) {
    return;
  }
  const causes = await calledTrue(tx, userId, caseId);
  const isOver = causes.every(({ disposition }) => disposition === 'false_positive');
  if (!(causes.some(({ id }) => id === alert.id) && isOver)) {
    return;
  }
  const of = present(await lockRow(tx, amlCases, caseId), 'cases stay');
  if (!(await liftRestriction(tx, ctx, userId, { cause: 'aml_case', referenceId: caseId, approvalId }))) {
    return;
  }
  await addCaseStep(tx, ctx, of, { type: 'released', data: { approvalId, alertId: alert.id } });
  await record(tx, ctx, {
    event: AML_EVENTS['aml_case.changed'],
    resource: { type: 'aml_case', id: caseId },
    subjectUserId: of.userId,
    after: { ...of, step: 'released', alertId: alert.id },
  });
  await raiseAlarm(tx, ctx, {
    event: AML_EVENTS['aml_customer.released'],
    resource: { type: 'user', id: userId },
    subjectUserId: userId,
    after: { caseId, alertId: alert.id, approvalId },
  });
}

/** The alerts of a person in a case that somebody called true matches of what keeps money in, whatever came then. */
async function calledTrue(tx: Tx, userId: Id, caseId: Id) {
  const alerts = await tx
    .selectDistinct({
      id: amlAlerts.id,
      kind: amlAlerts.kind,
      effect: amlAlerts.effect,
      severity: amlAlerts.severity,
      disposition: amlAlerts.disposition,
    })
    .from(amlAlerts)
    .innerJoin(amlAlertEvents, eq(amlAlertEvents.alertId, amlAlerts.id))
    .where(
      and(
        eq(amlAlerts.userId, userId),
        eq(amlAlerts.caseId, caseId),
        eq(amlAlertEvents.type, 'closing_requested'),
        sql`${amlAlertEvents.data} ->> 'disposition' = 'true_match'`,
      ),
    );
  return alerts.filter(restrictsWhenTrue);
}
