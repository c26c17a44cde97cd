import { z } from '@hono/zod-openapi';
import { instantInput, wireId, wireInstant, wireOf } from '../../../platform/http/wire.ts';
import { vendorRequests, vendorResults } from './schema.ts';

const count = z.number().int();

/** What a vendor was asked about a screening, and what it said. */
const VendorResult = wireOf(vendorResults)
  .pick({
    mode: true,
    result: true,
    bestScoreBps: true,
    matchCount: true,
    ownResult: true,
    agreed: true,
    latencyMs: true,
    at: true,
  })
  .extend({
    id: wireId,
    /** What the vendor answered, as it came, one member for each subject asked about; null where the person was erased. */
    answer: z.union([z.array(z.unknown()), z.null()]),
  })
  .openapi('VendorResult');

export const VendorRequestView = wireOf(vendorRequests)
  .pick({
    id: true,
    screeningId: true,
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
  .extend({ result: z.union([VendorResult, z.null()]) })
  .openapi('VendorRequest');

export const comparisonQuery = z.strictObject({
  from: instantInput.optional(),
  to: instantInput.optional(),
});

export const VendorAlertCounts = z
  .object({ open: count, trueMatch: count, falsePositive: count, inconclusive: count })
  .openapi('VendorAlertCounts');

/** The vendor that is asked, and what its word does. */
export const CurrentVendor = z
  .object({ vendor: z.string(), mode: z.enum(['compare', 'decide']) })
  .openapi('CurrentVendor');

const VendorCounts = z
  .object({
    vendor: z.string(),
    asked: count,
    waiting: count,
    /** Given up: nothing the vendor said could be used. */
    abandoned: count,
    answered: count,
    bothClear: count,
    bothFound: count,
    /** The vendor found somebody where we did not. */
    onlyVendorFound: count,
    /** We found somebody where the vendor did not. */
    onlyWeFound: count,
    /** Our own comparison failed, so that there is nothing to hold against. */
    ownFailed: count,
    /** What share of the answered ones agree; null where none was. */
    agreedBps: z.union([count, z.null()]),
    /** What came of the alerts about what only the vendor found. */
    alerts: VendorAlertCounts,
    medianLatencyMs: z.union([count, z.null()]),
    maxLatencyMs: z.union([count, z.null()]),
  })
  .openapi('VendorCounts');

export const VendorComparison = z
  .object({
    from: z.union([wireInstant, z.null()]),
    to: z.union([wireInstant, z.null()]),
    /** The vendor that is asked now; null where this program screens alone. */
    current: z.union([CurrentVendor, z.null()]),
    vendors: z.array(VendorCounts),
  })
  .openapi('VendorComparison');
