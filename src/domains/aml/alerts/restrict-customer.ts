import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { lockGateExclusively, placeRestriction, restrictionsOf } from '../../identity/index.ts';
import { AML_EVENTS } from '../audit.ts';
import { type AmlCase, addCaseStep, findOpenCase } from '../cases/case-events.ts';
import { linkAlert, openCase } from '../cases/open-case.ts';
import { amlCases } from '../cases/schema.ts';
import type { AmlAlert } from './alert-events.ts';
import { graver } from './rules.ts';

/**
 * Keeps the money of a customer in, in the caller's transaction: what they do was found to be what a rule looks for,
 * and that is no match with a list. Trading and money in go on. No screening ends it. The caller holds the gate
 * exclusively and has locked the alert.
 * @effects `gate_restrictions`, `customer_gates`, `aml_cases`, `aml_case_events`; audit `gate_restriction.placed`,
 *   `gate.changed`, `aml_case.opened`, the alarm `aml_customer.restricted`; event `identity.gate_restricted`
 * @shape the alert, which is part of the case now
 */
export async function restrictCustomer(
  tx: Tx,
  ctx: Ctx,
  alert: AmlAlert & { readonly userId: Id },
): Promise<AmlAlert> {
  const { userId } = alert;
  await lockGateExclusively(tx, userId);
  const into = await caseOf(tx, ctx, alert);
  const linked = await linkAlert(tx, ctx, into, alert);
  const standing = await restrictionsOf(tx, userId);
  if (standing.some(({ cause, referenceId }) => cause === 'aml_case' && referenceId === into.id)) {
    return linked;
  }
  const reference = { type: 'aml_case', id: into.id };
  await placeRestriction(tx, ctx, userId, { restriction: 'no_out', cause: 'aml_case', reference });
  await addCaseStep(tx, ctx, into, { type: 'restricted', data: { alertId: alert.id } });
  await record(tx, ctx, {
    event: AML_EVENTS['aml_case.changed'],
    resource: { type: 'aml_case', id: into.id },
    subjectUserId: into.userId,
    after: { ...into, step: 'restricted', alertId: alert.id },
  });
  await raiseAlarm(tx, ctx, {
    event: AML_EVENTS['aml_customer.restricted'],
    resource: { type: 'aml_case', id: into.id },
    subjectUserId: userId,
    after: { alertId: alert.id, caseId: into.id },
  });
  return linked;
}

/** The case the alert is in already, the open one of its kind, or a new one: a restriction stands for a case. */
async function caseOf(tx: Tx, ctx: Ctx, alert: AmlAlert & { readonly userId: Id }): Promise<AmlCase> {
  const { userId, caseId, severity } = alert;
  const own = caseId === null ? undefined : present(await lockRow(tx, amlCases, caseId), 'cases stay');
  if (own !== undefined && own.status !== 'closed') {
    return own;
  }
  const kind = alert.kind === 'market_abuse' ? 'market_abuse' : 'aml';
  return (
    (await findOpenCase(tx, userId, kind)) ??
    (await openCase(tx, ctx, { userId, kind, severity: graver(severity, 'high') }))
  );
}
