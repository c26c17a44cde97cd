import { inventoryOf, type TableInventory } from '../../../platform/db/inventory.ts';
import { vendorRequests, vendorResults } from './schema.ts';

/** What each column holds. */
export const vendorInventory: readonly TableInventory[] = [
  inventoryOf(vendorRequests, 'supervision', {
    id: 'internal',
    screeningId: 'internal',
    userId: 'internal',
    vendor: 'internal',
    status: 'internal',
    failures: 'internal',
    lastFailure: 'internal',
    createdAt: 'internal',
    nextAt: 'internal',
    settledAt: 'internal',
    matchDigest: 'personal, blind index',
    alertId: 'internal',
  }),
  inventoryOf(vendorResults, 'supervision', {
    id: 'internal',
    requestId: 'internal',
    screeningId: 'internal',
    userId: 'internal',
    vendor: 'internal',
    mode: 'internal',
    result: 'internal',
    bestScoreBps: 'internal',
    matchCount: 'internal',
    ownResult: 'internal',
    agreed: 'internal',
    answer: 'personal, sealed under the person key',
    latencyMs: 'internal',
    at: 'internal',
  }),
];
