import { eq } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { changeGate, type Gate, lockGateExclusively, lockGates } from '../identity/index.ts';
import { AML_EVENTS } from './audit.ts';
import { refuseAml } from './errors.ts';
import { gateAfterClearing } from './rules.ts';
import { amlAlerts } from './schema.ts';
import { countOpenAlerts, newestResult } from './screen.ts';

export type AmlAlert = typeof amlAlerts.$inferSelect;
export type AlertResolution = {
  readonly disposition: 'true_match' | 'false_positive';
  readonly reason: string;
};

/**
 * Decides what an alert was. A true match takes effect at once: the gate is confirmed and frozen in
 * the same transaction. A false positive frees money, so it waits for a second person.
 * @effects `aml_alerts` and `customer_gates`, or one row of `approvals`; audit
 * @errors not_found, self_review, alert_resolved, approval_pending_exists
 * @shape the resolved alert, or the approval it waits for
 */
export async function resolveAlert(
  ctx: Ctx,
  alertId: Id,
  resolution: AlertResolution,
): Promise<{ readonly alert: AmlAlert } | { readonly approval: Approval }> {
  const resolverId = present(personOf(ctx.actor), 'an alert is resolved by a person');
  return transact(ctx, 'staff', async (tx) => {
    const { alert } = await lockOpenAlert(tx, alertId);
    if (alert.userId === resolverId) {
      throw refuseAml('self_review');
    }
    if (resolution.disposition === 'true_match') {
      return { alert: await confirm(tx, ctx, alert, resolution.reason) };
    }
    const approval = await requestApproval(tx, ctx, {
      action: clearAlertAction.action,
      subjectType: 'aml_alert',
      subjectId: alert.id,
      subjectUserId: alert.userId,
      payload: { disposition: resolution.disposition, screeningId: alert.screeningId },
      quorum: 1,
      checkerRoles: ['compliance_officer', 'mlro'],
      reason: resolution.reason,
    });
    return { approval };
  });
}

/** Runs when a second person agrees that an alert was a false positive. */
export const clearAlertAction: ApprovalAction = {
  action: 'aml_alert.clear',
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'approved actions run in the transaction of the vote');
    const { alert, gate } = await lockOpenAlert(tx, approved.subjectId);
    const { userId } = alert;
    const reason = 'Agreed by a second person to be a false positive';
    await close(tx, ctx, alert, 'false_positive', reason, approved.makerId);
    const openAlerts = await countOpenAlerts(tx, userId);
    const next = gateAfterClearing(gate.screening, openAlerts, await newestResult(tx, userId));
    if (next !== null) {
      await changeGate(tx, ctx, userId, { screening: next });
    }
  },
};

/**
 * Gives an alert to somebody.
 * @effects `aml_alerts`; audit `aml_alert.assigned`
 * @errors not_found, alert_resolved, self_review
 */
export async function assignAlert(ctx: Ctx, alertId: Id, assigneeId: Id): Promise<AmlAlert> {
  return transact(ctx, 'staff', async (tx) => {
    const { alert } = await lockOpenAlert(tx, alertId);
    if (alert.userId === assigneeId || alert.userId === personOf(ctx.actor)) {
      throw refuseAml('self_review');
    }
    const [after] = await tx
      .update(amlAlerts)
      .set({ status: 'assigned', assigneeId, version: alert.version + 1 })
      .where(eq(amlAlerts.id, alertId))
      .returning();
    const assigned = present(after, 'the alert was locked');
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

/** The gate's lock comes before the alert's, as everywhere. @errors not_found, alert_resolved */
async function lockOpenAlert(
  tx: Tx,
  alertId: Id,
): Promise<{ readonly alert: AmlAlert; readonly gate: Gate }> {
  const [known] = await tx
    .select({ userId: amlAlerts.userId })
    .from(amlAlerts)
    .where(eq(amlAlerts.id, alertId));
  if (known === undefined) {
    throw refuse('not_found');
  }
  await lockGateExclusively(tx, known.userId);
  const alert = present(await lockRow(tx, amlAlerts, alertId), 'the alert exists');
  if (alert.status === 'resolved') {
    throw refuseAml('alert_resolved');
  }
  const gate = (await lockGates(tx, [known.userId])).get(known.userId);
  return { alert, gate: present(gate, 'every user has a gate') };
}

async function confirm(tx: Tx, ctx: Ctx, alert: AmlAlert, reason: string): Promise<AmlAlert> {
  await changeGate(tx, ctx, alert.userId, { screening: 'confirmed', restriction: 'frozen' });
  return close(tx, ctx, alert, 'true_match', reason, present(personOf(ctx.actor), 'resolved by a person'));
}

async function close(
  tx: Tx,
  ctx: Ctx,
  alert: AmlAlert,
  disposition: 'true_match' | 'false_positive',
  reason: string,
  resolvedBy: Id,
): Promise<AmlAlert> {
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
  await record(tx, ctx, {
    event: AML_EVENTS['aml_alert.resolved'],
    resource: { type: 'aml_alert', id: alert.id },
    subjectUserId: alert.userId,
    before: alert,
    after: resolved,
  });
  return resolved;
}
