import { z } from '@hono/zod-openapi';
import { idInput, wireId, wireInstant, wireOf } from '../../../platform/http/wire.ts';
import { CurrentVendor, VendorAlertCounts } from './api.ts';
import { monitoringVendorRequests, monitoringVendorResults } from './schema.ts';

const count = z.number().int();
const verdict = z.enum(['pass', 'review', 'stop', 'skipped']);

/** What a vendor made of an activity, beside what our own rules made of it. */
const Assessment = wireOf(monitoringVendorResults)
  .pick({ mode: true, score: true, reference: true, agreed: true, latencyMs: true, at: true })
  .extend({
    id: wireId,
    verdict,
    ownVerdict: z.enum(['none', 'hit', 'alert', 'stop']),
    /** What the vendor answered, as it came; null where the person was erased. */
    answer: z.union([z.record(z.string(), z.unknown()), z.null()]),
  })
  .openapi('MonitoringVendorResult');

export const AssessmentRequestView = wireOf(monitoringVendorRequests)
  .pick({
    id: true,
    activityId: true,
    userId: true,
    vendor: true,
    status: true,
    failures: true,
    lastFailure: true,
    createdAt: true,
    nextAt: true,
    settledAt: true,
    alertId: true,
  })
  .extend({ result: z.union([Assessment, z.null()]) })
  .openapi('MonitoringVendorRequest');

export const AssessmentQuery = {
  userId: idInput.optional(),
  activityId: idInput.optional(),
  alertId: idInput.optional(),
  verdict: verdict.optional(),
};

const AssessmentCounts = z
  .object({
    vendor: z.string(),
    asked: count,
    waiting: count,
    /** Given up: nothing the vendor said could be used. */
    abandoned: count,
    answered: count,
    /** What the vendor's own settings do not look at. */
    skipped: count,
    neitherFound: count,
    bothFound: count,
    /** The vendor wants somebody to look where our rules found nothing. */
    onlyVendorFound: count,
    /** Our rules found something where the vendor did not. */
    onlyWeFound: count,
    /** What share of those the vendor looked at agree; null where it looked at none. */
    agreedBps: z.union([count, z.null()]),
    /** What came of the alerts about what the vendor found. */
    alerts: VendorAlertCounts,
    medianLatencyMs: z.union([count, z.null()]),
    maxLatencyMs: z.union([count, z.null()]),
  })
  .openapi('MonitoringVendorCounts');

export const AssessmentComparison = z
  .object({
    from: z.union([wireInstant, z.null()]),
    to: z.union([wireInstant, z.null()]),
    /** The vendor that is asked now; null where this program watches alone. */
    current: z.union([CurrentVendor, z.null()]),
    vendors: z.array(AssessmentCounts),
  })
  .openapi('MonitoringVendorComparison');
