import { eq } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction, ApprovedAction } from '../../platform/approvals/actions.ts';
import { cancelApprovals, lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { changeGate, type Gate } from '../identity/index.ts';
import { type AmlAlert, addAlertStep } from './alerts/alert-events.ts';
import { evidenceDigest } from './alerts/alert-evidence.ts';
import { itemsOf } from './alerts/alert-items.ts';
import { type AlertDisposition, closeAlert } from './alerts/close-alert.ts';
import { confirmCustomer } from './alerts/confirm-customer.ts';
import { lockOpenAlert } from './alerts/lock-alert.ts';
import { releaseWhatItCaused } from './alerts/release-what-it-caused.ts';
import { restrictCustomer } from './alerts/restrict-customer.ts';
import { closesAlone, freezesWhenTrue, restrictsWhenTrue } from './alerts/rules.ts';
import { AML_EVENTS } from './audit.ts';
import { refuseAml } from './errors.ts';
import { gateAfterClearing } from './rules.ts';
import { amlAlerts } from './schema.ts';
import { countOpenAlerts, newestResult } from './screen.ts';
import { whitelistItems } from './whitelist/whitelist-items.ts';

export type AlertResolution = {
  readonly disposition: AlertDisposition;
  readonly reason: string;
  /** For how long a false positive keeps what was looked at from being raised again; 0 for not at all. */
  readonly whitelistDays: number;
};

const CHECKERS = ['compliance_officer', 'mlro'] as const;

/**
 * Decides what an alert is. A true match that stops freezes at once, or keeps money in where rules found it, in the
 * same transaction, and a second person closes the alert; what frees money waits for a second person altogether. One
 * person alone closes only what stops nobody and is not grave.
 * @effects `aml_alerts`, and what freezing does or one row of `approvals`; audit
 * @errors not_found, alert_resolved, self_review, case_required, approval_pending_exists
 * @shape the alert, or the approval that it waits for
 */
export async function resolveAlert(
  ctx: Ctx,
  alertId: Id,
  resolution: AlertResolution,
): Promise<{ readonly alert: AmlAlert } | { readonly approval: Approval }> {
  const resolverId = present(personOf(ctx.actor), 'an alert is resolved by a person');
  return transact(ctx, 'staff', async (tx) => {
    const waiting = await lockOpenApprovals(tx, alertId);
    const { alert, gate } = await lockOpenAlert(tx, alertId);
    if (alert.userId === resolverId) {
      throw refuseAml('self_review');
    }
    if (resolution.disposition === 'true_match') {
      // Nothing that waits keeps a freeze from being made.
      const pending = waiting.filter(
        ({ action }) => action !== confirmAlertAction.action || gate?.screening !== 'confirmed',
      );
      await cancelApprovals(tx, ctx, pending);
      return { alert: await confirm(tx, ctx, alert, resolution) };
    }
    if (resolution.disposition === 'inconclusive' && alert.caseId === null) {
      throw refuseAml('case_required');
    }
    if (closesAlone(alert, resolution.disposition)) {
      return { alert: await closeAlert(tx, ctx, alert, { ...resolution, resolvedBy: resolverId }) };
    }
    const { approval } = await ask(tx, ctx, alert, clearAlertAction.action, resolution);
    return { approval };
  });
}

/** Runs when a second person agrees that an alert was nothing, or that it stays unclear. */
export const clearAlertAction: ApprovalAction = {
  action: 'aml_alert.clear',
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'approved actions run in the transaction of the vote');
    const { alert, gate } = await lockOpenAlert(tx, approved.subjectId);
    if (approved.payload.evidence !== (await evidenceDigest(tx, alert))) {
      throw refuseAml('alert_changed');
    }
    const items = await itemsOf(tx, alert.id);
    const disposition = approved.payload.disposition === 'inconclusive' ? 'inconclusive' : 'false_positive';
    if (disposition === 'false_positive') {
      await whitelistItems(tx, ctx, alert, items, approved);
    }
    const reason = 'Agreed by a second person';
    const closed = await closeAlert(tx, ctx, alert, { disposition, reason, resolvedBy: approved.makerId });
    if (disposition === 'false_positive') {
      await releaseWhatItCaused(tx, ctx, closed, approved.approvalId);
    }
    await followScreening(tx, ctx, gate);
  },
  refused: reopen,
};

/** Runs when a second person agrees that it is a true match; what had to stop has stopped already. */
export const confirmAlertAction: ApprovalAction = {
  action: 'aml_alert.confirm',
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'approved actions run in the transaction of the vote');
    const { alert, gate } = await lockOpenAlert(tx, approved.subjectId);
    if (approved.payload.effect === 'review' && alert.effect === 'stop') {
      // It stopped nobody when this was asked for, and would have to now.
      throw refuseAml('alert_changed');
    }
    const reason = 'Agreed by a second person';
    await closeAlert(tx, ctx, alert, { disposition: 'true_match', reason, resolvedBy: approved.makerId });
    if (restrictsWhenTrue(alert)) {
      // What was confirmed keeps money in by itself; the gate says no more than who the person is.
      await followScreening(tx, ctx, gate);
    }
  },
  refused: reopen,
};

async function confirm(tx: Tx, ctx: Ctx, alert: AmlAlert, resolution: AlertResolution): Promise<AmlAlert> {
  return (await ask(tx, ctx, await stop(tx, ctx, alert), confirmAlertAction.action, resolution)).alert;
}

/** What a true match does at once. @shape the alert, part of a case where it did something */
async function stop(tx: Tx, ctx: Ctx, alert: AmlAlert): Promise<AmlAlert> {
  const { userId } = alert;
  if (userId === null) {
    return alert;
  }
  if (freezesWhenTrue(alert)) {
    return confirmCustomer(tx, ctx, { ...alert, userId });
  }
  return restrictsWhenTrue(alert) ? restrictCustomer(tx, ctx, { ...alert, userId }) : alert;
}

/** Once nothing keeps it open any more, the gate says what the newest screening found. */
async function followScreening(tx: Tx, ctx: Ctx, gate: Gate | null): Promise<void> {
  if (gate === null) {
    return;
  }
  const openAlerts = await countOpenAlerts(tx, gate.userId);
  const next = gateAfterClearing(gate.screening, openAlerts, await newestResult(tx, gate.userId));
  if (next !== null) {
    await changeGate(tx, ctx, gate.userId, { screening: next });
  }
}

async function ask(
  tx: Tx,
  ctx: Ctx,
  alert: AmlAlert,
  action: string,
  { disposition, reason, whitelistDays }: AlertResolution,
): Promise<{ readonly alert: AmlAlert; readonly approval: Approval }> {
  const evidence = await evidenceDigest(tx, alert);
  const approval = await requestApproval(tx, ctx, {
    action,
    subjectType: 'aml_alert',
    subjectId: alert.id,
    subjectUserId: alert.userId,
    payload: { disposition, screeningId: alert.screeningId, effect: alert.effect, evidence, whitelistDays },
    quorum: 1,
    checkerRoles: CHECKERS,
    reason,
  });
  const asked = await propose(tx, ctx, alert, 'closing_requested', {
    proposedDisposition: disposition,
    closeApprovalId: approval.id,
  });
  return { alert: asked, approval };
}

/** The second person did not agree: the alert goes on, and what was frozen stays frozen until it is lifted. */
async function reopen(ctx: Ctx, approved: ApprovedAction): Promise<void> {
  const tx = present(ctx.tx, 'an approval ends in a transaction');
  const [known] = await tx
    .select({ status: amlAlerts.status })
    .from(amlAlerts)
    .where(eq(amlAlerts.id, approved.subjectId));
  if (known?.status === 'resolved') {
    return;
  }
  const { alert } = await lockOpenAlert(tx, approved.subjectId);
  if (alert.closeApprovalId === approved.approvalId) {
    const none = { proposedDisposition: null, closeApprovalId: null };
    await propose(tx, ctx, alert, 'closing_refused', none);
  }
}

async function propose(
  tx: Tx,
  ctx: Ctx,
  alert: AmlAlert,
  step: 'closing_requested' | 'closing_refused',
  proposal: Pick<AmlAlert, 'proposedDisposition' | 'closeApprovalId'>,
): Promise<AmlAlert> {
  const [after] = await tx
    .update(amlAlerts)
    .set({ ...proposal, version: alert.version + 1 })
    .where(eq(amlAlerts.id, alert.id))
    .returning();
  const proposed = present(after, 'the alert was locked');
  await addAlertStep(tx, ctx, proposed, { type: step, data: { disposition: proposal.proposedDisposition } });
  await record(tx, ctx, {
    event: AML_EVENTS[`aml_alert.${step}`],
    resource: { type: 'aml_alert', id: alert.id },
    subjectUserId: alert.userId,
    before: alert,
    after: proposed,
  });
  return proposed;
}
