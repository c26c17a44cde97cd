import { and, eq, isNull } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealJson } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockGateExclusively } from '../../identity/index.ts';
import { openAlert } from '../alerts/open-alert.ts';
import { AML_EVENTS } from '../audit.ts';
import { ruleHitAlerts, ruleHits } from '../monitoring/schema.ts';
import { amlAlerts } from '../schema.ts';
import type { Assessment, MonitoringVendor, OwnVerdict } from './monitoring-vendor.ts';
import { type ComparedAssessment, compareAssessment } from './rules.ts';
import { monitoringVendorRequests, monitoringVendorResults } from './schema.ts';
import { ABOUT_ACTIVITIES, abandon, lockWaiting } from './waiting-request.ts';

type Request = typeof monitoringVendorRequests.$inferSelect;

export type Assessed = {
  readonly vendor: MonitoringVendor;
  readonly requestId: Id;
  readonly assessment: Assessment;
  readonly latencyMs: number;
};

/**
 * Keeps what a vendor made of an activity; where it finds more than our rules did, somebody looks, and where the
 * stricter of both counts, the gate shuts until two people closed the alert. It never lets anything pass.
 * @effects `monitoring_vendor_results`, `monitoring_vendor_requests`, perhaps `aml_alerts` and the gate; audit
 *   `monitoring_vendor_result.recorded`
 */
export async function keepAssessment(tx: Tx, ctx: Ctx, assessed: Assessed): Promise<void> {
  const { vendor, assessment, latencyMs } = assessed;
  const [known] = await tx
    .select({ userId: monitoringVendorRequests.userId })
    .from(monitoringVendorRequests)
    .where(eq(monitoringVendorRequests.id, assessed.requestId));
  const { userId } = present(known, 'requests are never deleted');
  if (vendor.mode === 'decide') {
    await lockGateExclusively(tx, userId);
  }
  const request = await lockWaiting(tx, ABOUT_ACTIVITIES, assessed.requestId);
  if (request === undefined) {
    return;
  }
  const key = await ctx.deps.personKeys.find(tx, userId);
  if (key === undefined) {
    await abandon(tx, ctx, ABOUT_ACTIVITIES, request.id, 'erased');
    return;
  }
  const own = await ownVerdictOf(tx, request);
  const compared = compareAssessment(own, assessment.verdict, vendor.mode);
  const id = newId();
  const { verdict, score, reference, answer } = assessment;
  const { activityId } = request;
  const [result] = await tx
    .insert(monitoringVendorResults)
    .values({
      id,
      requestId: request.id,
      activityId,
      userId,
      vendor: vendor.name,
      mode: vendor.mode,
      verdict,
      score,
      reference,
      ownVerdict: own,
      agreed: compared.agreed,
      answer: sealJson(key, assessmentPlace(id), answer),
      latencyMs,
      at: ctx.deps.clock.now(),
    })
    .returning();
  await record(tx, ctx, {
    event: AML_EVENTS['monitoring_vendor_result.recorded'],
    resource: { type: 'monitoring_vendor_result', id },
    subjectUserId: userId,
    after: present(result, 'the result was inserted'),
  });
  const alertId = await tell(tx, ctx, request, compared);
  await tx
    .update(monitoringVendorRequests)
    .set({ status: 'answered', settledAt: ctx.deps.clock.now(), nextAt: null, alertId })
    .where(eq(monitoringVendorRequests.id, request.id));
}

/** What a result's sealed answer is bound to. */
export function assessmentPlace(resultId: Id) {
  return { table: 'monitoring_vendor_results', column: 'answer', rowId: resultId };
}

/** What our rules made of the activity by now; what is snoozed for the person counts for nothing. */
async function ownVerdictOf(tx: Tx, { activityId, userId }: Request): Promise<OwnVerdict> {
  const hits = await tx
    .select({ effect: amlAlerts.effect })
    .from(ruleHits)
    .leftJoin(ruleHitAlerts, eq(ruleHitAlerts.hitId, ruleHits.id))
    .leftJoin(amlAlerts, eq(amlAlerts.id, ruleHitAlerts.alertId))
    .where(and(eq(ruleHits.activityId, activityId), eq(ruleHits.userId, userId), isNull(ruleHits.snoozeId)));
  if (hits.some(({ effect }) => effect === 'stop')) {
    return 'stop';
  }
  if (hits.some(({ effect }) => effect !== null)) {
    return 'alert';
  }
  return hits.length > 0 ? 'hit' : 'none';
}

/**
 * Of kind `monitoring`: what a vendor makes of an activity says of nobody that they are listed, so that a true match
 * is a case and no freeze.
 * @shape the alert that was raised or took it in; null where none has to be
 */
async function tell(
  tx: Tx,
  ctx: Ctx,
  { userId, vendor }: Request,
  { alert }: ComparedAssessment,
): Promise<Id | null> {
  if (alert === null) {
    return null;
  }
  const opened = await openAlert(tx, ctx, {
    userId,
    kind: 'monitoring',
    dedupKey: `monitoring_vendor:${vendor}`,
    severity: alert.severity,
    effect: alert.effect,
    sourceRef: `monitoring_vendor:${vendor}`,
  });
  return opened.id;
}
