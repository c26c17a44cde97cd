import { and, eq, isNull } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealJson } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { lockGateExclusively } from '../../identity/index.ts';
import { openAlert } from '../alerts/open-alert.ts';
import { AML_EVENTS } from '../audit.ts';
import { ruleHitAlerts, ruleHits } from '../monitoring/schema.ts';
import { amlAlerts } from '../schema.ts';
import type { Assessment, MonitoringVendor, OwnVerdict } from './monitoring-vendor.ts';
import { pauseAfter } from './pause-after.ts';
import { type ComparedAssessment, compareAssessment } from './rules.ts';
import { monitoringVendorRequests, monitoringVendorResults } from './schema.ts';
import type { VendorFailure } from './vendor.ts';

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
  const request = await lockWaiting(tx, assessed.requestId);
  if (request === undefined) {
    return;
  }
  const key = await ctx.deps.personKeys.find(tx, userId);
  if (key === undefined) {
    await abandonAssessment(tx, ctx, request.id, 'erased');
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

/**
 * Has something asked again later, or gives it up, as `pauseAfter` says.
 * @effects `monitoring_vendor_requests`; perhaps audit `monitoring_vendor_request.abandoned`
 */
export async function postponeAssessment(
  tx: Tx,
  ctx: Ctx,
  requestId: Id,
  failure: VendorFailure | 'unreadable',
  retryAfterMs = 0,
): Promise<void> {
  const request = await lockWaiting(tx, requestId);
  if (request === undefined) {
    return;
  }
  const failures = request.failures + 1;
  const pauseMs = pauseAfter(failures, failure, retryAfterMs);
  if (pauseMs === null) {
    await abandonAssessment(tx, ctx, requestId, failure);
    return;
  }
  await tx
    .update(monitoringVendorRequests)
    .set({ failures, lastFailure: failure, nextAt: addMs(ctx.deps.clock.realNow(), pauseMs) })
    .where(eq(monitoringVendorRequests.id, requestId));
}

/**
 * Asks no more: our own rules stand by themselves.
 * @effects `monitoring_vendor_requests`; audit `monitoring_vendor_request.abandoned`
 */
export async function abandonAssessment(tx: Tx, ctx: Ctx, requestId: Id, failure: string): Promise<void> {
  const before = await lockWaiting(tx, requestId);
  if (before === undefined) {
    return;
  }
  const [updated] = await tx
    .update(monitoringVendorRequests)
    .set({
      status: 'abandoned',
      failures: before.failures + 1,
      lastFailure: failure,
      nextAt: null,
      settledAt: ctx.deps.clock.now(),
    })
    .where(eq(monitoringVendorRequests.id, requestId))
    .returning();
  const after = present(updated, 'the request was locked');
  await record(tx, ctx, {
    event: AML_EVENTS['monitoring_vendor_request.abandoned'],
    resource: { type: 'monitoring_vendor_request', id: requestId },
    subjectUserId: after.userId,
    before,
    after,
  });
}

async function lockWaiting(tx: Tx, requestId: Id): Promise<Request | undefined> {
  const request = present(
    await lockRow(tx, monitoringVendorRequests, requestId),
    'requests are never deleted',
  );
  return request.status === 'waiting' ? request : undefined;
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
