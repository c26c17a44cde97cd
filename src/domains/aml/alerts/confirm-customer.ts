import { and, eq, gte } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { raiseAlarm } from '../../../platform/alarms/raise-alarm.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import {
  changeGate,
  lockGateExclusively,
  lockGates,
  placeRestriction,
  restrictionsOf,
} from '../../identity/index.ts';
import { AML_EVENTS } from '../audit.ts';
import { type AmlCase, addCaseStep, findOpenCase } from '../cases/case-events.ts';
import { linkAlert, openCase } from '../cases/open-case.ts';
import { openSanctionsNotice } from '../reports/open-sanctions-notice.ts';
import { sanctionsNotices } from '../reports/schema.ts';
import type { AmlAlert } from './alert-events.ts';
import { isToldToAuthorities } from './rules.ts';

/**
 * Freezes a customer who is listed, in the caller's transaction: the next money transaction already obeys. What
 * rests in the books, waits to be paid out and has to be told to the authorities follows from the events. The
 * caller holds the gate exclusively and has locked the alert.
 * @effects `gate_restrictions`, `customer_gates`, `aml_cases`, `aml_case_events`, `sanctions_notices`; audit
 *   `gate_restriction.placed`, `gate.changed`, `aml_case.opened`, `sanctions_notice.opened`, the alarm
 *   `aml_customer.confirmed`; events `identity.gate_restricted`, `aml.customer_frozen`
 * @shape the alert, which is part of the case now
 */
export async function confirmCustomer(
  tx: Tx,
  ctx: Ctx,
  alert: AmlAlert & { readonly userId: Id },
): Promise<AmlAlert> {
  const { userId } = alert;
  await lockGateExclusively(tx, userId);
  const gate = present((await lockGates(tx, [userId])).get(userId), 'every user has a gate');
  const into =
    (await findOpenCase(tx, userId, 'sanctions')) ??
    (await openCase(tx, ctx, { userId, kind: 'sanctions', severity: 'critical' }));
  const linked = await linkAlert(tx, ctx, into, alert);
  if (gate.screening !== 'confirmed') {
    await freeze(tx, ctx, userId, alert.id, into);
  }
  if (isToldToAuthorities(alert.kind)) {
    await startNotice(tx, ctx, userId, into.id);
  }
  return linked;
}

async function freeze(tx: Tx, ctx: Ctx, userId: Id, alertId: Id, into: AmlCase): Promise<void> {
  const reference = { type: 'user', id: userId };
  await placeRestriction(tx, ctx, userId, { restriction: 'frozen', cause: 'sanctions', reference });
  await changeGate(tx, ctx, userId, { screening: 'confirmed' });
  await addCaseStep(tx, ctx, into, { type: 'frozen', data: { alertId } });
  await raiseAlarm(tx, ctx, {
    event: AML_EVENTS['aml_customer.confirmed'],
    resource: { type: 'aml_case', id: into.id },
    subjectUserId: userId,
    after: { alertId, caseId: into.id },
  });
  await publish(tx, ctx, [
    { type: 'aml.customer_frozen', userId, customerVisible: false, data: { caseId: into.id } },
  ]);
}

/** One notice for each time somebody is frozen, however many lists they are on; the first word starts the clock. */
async function startNotice(tx: Tx, ctx: Ctx, userId: Id, caseId: Id): Promise<void> {
  const standing = (await restrictionsOf(tx, userId)).find(({ cause }) => cause === 'sanctions');
  const frozenAt = present(standing, 'a confirmed customer is restricted').placedAt;
  const [known] = await tx
    .select({ id: sanctionsNotices.id })
    .from(sanctionsNotices)
    .where(and(eq(sanctionsNotices.caseId, caseId), gte(sanctionsNotices.confirmedAt, frozenAt)))
    .limit(1);
  if (known === undefined) {
    await openSanctionsNotice(tx, ctx, { userId, caseId, confirmedAt: ctx.deps.clock.now() });
  }
}
