import { eq } from 'drizzle-orm';
import { actorIdOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { type AmlAlert, addAlertStep } from '../alerts/alert-events.ts';
import type { Severity } from '../alerts/rules.ts';
import { AML_EVENTS } from '../audit.ts';
import { amlAlerts } from '../schema.ts';
import { type AmlCase, addCaseStep } from './case-events.ts';
import { type CaseKind, caseDueWithinMs } from './rules.ts';
import { amlCaseSubjects, amlCases } from './schema.ts';

export type NewCase = {
  readonly userId: Id | null;
  readonly kind: CaseKind;
  readonly severity: Severity;
  readonly assigneeId?: Id | null;
};

/**
 * Opens a case in the caller's transaction.
 * @effects `aml_cases`, `aml_case_subjects`, `aml_case_events`; audit `aml_case.opened`
 */
export async function openCase(tx: Tx, ctx: Ctx, input: NewCase): Promise<AmlCase> {
  const at = ctx.deps.clock.now();
  const [inserted] = await tx
    .insert(amlCases)
    .values({
      id: newId(),
      userId: input.userId,
      kind: input.kind,
      status: 'open',
      severity: input.severity,
      assigneeId: input.assigneeId ?? null,
      openedBy: actorIdOf(ctx.actor),
      openedAt: at,
      dueAt: addMs(at, caseDueWithinMs(input.severity)),
    })
    .returning();
  const opened = present(inserted, 'the case was inserted');
  if (opened.userId !== null) {
    await tx.insert(amlCaseSubjects).values({
      caseId: opened.id,
      userId: opened.userId,
      addedBy: opened.openedBy,
      addedAt: at,
    });
  }
  await addCaseStep(tx, ctx, opened, {
    type: 'opened',
    data: { kind: opened.kind, severity: opened.severity },
  });
  await record(tx, ctx, {
    event: AML_EVENTS['aml_case.opened'],
    resource: { type: 'aml_case', id: opened.id },
    subjectUserId: opened.userId,
    after: opened,
  });
  return opened;
}

/**
 * Makes an alert part of a case; the caller has locked both.
 * @effects `aml_alerts`, `aml_alert_events`, `aml_case_events`; audit `aml_case.changed`
 */
export async function linkAlert(tx: Tx, ctx: Ctx, into: AmlCase, alert: AmlAlert): Promise<AmlAlert> {
  if (alert.caseId === into.id) {
    return alert;
  }
  const [linked] = await tx
    .update(amlAlerts)
    .set({ caseId: into.id, version: alert.version + 1 })
    .where(eq(amlAlerts.id, alert.id))
    .returning();
  await addAlertStep(tx, ctx, alert, { type: 'linked', data: { caseId: into.id } });
  await addCaseStep(tx, ctx, into, { type: 'alert_linked', data: { alertId: alert.id } });
  await record(tx, ctx, {
    event: AML_EVENTS['aml_case.changed'],
    resource: { type: 'aml_case', id: into.id },
    subjectUserId: into.userId,
    after: { ...into, step: 'alert_linked', alertId: alert.id },
  });
  return present(linked, 'the alert was locked');
}
