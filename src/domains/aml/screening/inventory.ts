import { inventoryOf, type TableInventory } from '../../../platform/db/inventory.ts';
import { screeningMatches, screenings } from '../schema.ts';
import { screeningConfigs } from './schema.ts';

/** What each column holds. */
export const screeningInventory: readonly TableInventory[] = [
  inventoryOf(screeningConfigs, 'supervision', {
    id: 'internal',
    version: 'internal',
    status: 'internal',
    origin: 'internal',
    content: 'internal',
    contentHash: 'internal',
    algorithm: 'internal',
    reason: 'internal',
    simulation: 'internal',
    approvalId: 'internal',
    createdBy: 'internal',
    createdAt: 'internal',
    activatedAt: 'internal',
    retiredAt: 'internal',
  }),
  inventoryOf(screeningMatches, 'supervision', {
    id: 'internal',
    screeningId: 'internal',
    entityId: 'internal',
    rank: 'internal',
    scoreBps: 'internal',
    matchedName: 'personal',
    suppressedBy: 'internal',
    explanation: 'personal, sealed under the person key',
  }),
  inventoryOf(screenings, 'supervision', {
    id: 'internal',
    userId: 'internal',
    checkType: 'internal',
    trigger: 'internal',
    provider: 'internal',
    subject: 'personal, sealed under the person key',
    result: 'internal',
    riskScore: 'internal',
    listVersions: 'internal',
    algorithmVersion: 'internal',
    configHash: 'internal',
    matchCount: 'internal',
    requestedBy: 'internal',
    checkedAt: 'internal',
    nextCheckDueAt: 'internal',
  }),
];
