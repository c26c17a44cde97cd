import { inventoryOf, type TableInventory } from '../../../platform/db/inventory.ts';
import { kycProviderEvents, kycProviderImages, kycProviderSessions } from './schema.ts';

/** What each column holds. */
export const providerInventory: readonly TableInventory[] = [
  inventoryOf(kycProviderSessions, 'kyc_file', {
    id: 'internal',
    applicationId: 'internal',
    userId: 'internal',
    provider: 'internal',
    sessionRef: 'internal',
    url: 'personal, sealed under the person key',
    status: 'personal',
    decision: 'personal, sealed under the person key',
    decisionHash: 'personal, hash',
    findings: 'personal',
    createdAt: 'internal',
    nextFetchAt: 'internal',
    failures: 'internal',
    fetchedAt: 'internal',
    version: 'internal',
  }),
  inventoryOf(kycProviderEvents, 'kyc_file', {
    id: 'internal',
    provider: 'internal',
    eventId: 'internal',
    sessionRef: 'internal',
    type: 'internal',
    bodyHash: 'internal, hash',
    state: 'internal',
    receivedAt: 'internal',
  }),
  inventoryOf(kycProviderImages, 'kyc_file', {
    id: 'internal',
    sessionId: 'internal',
    userId: 'internal',
    name: 'internal',
    status: 'internal',
    documentId: 'internal',
    attempts: 'internal',
    failure: 'internal',
    createdAt: 'internal',
    settledAt: 'internal',
  }),
];
