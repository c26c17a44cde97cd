import { inventoryOf, type TableInventory } from '../../../platform/db/inventory.ts';
import { whitelistEntries } from './schema.ts';

/** What each column holds. */
export const whitelistInventory: readonly TableInventory[] = [
  inventoryOf(whitelistEntries, 'supervision', {
    id: 'internal',
    userId: 'internal',
    party: 'internal',
    listId: 'internal',
    sourceId: 'internal',
    entityId: 'internal',
    screeningHash: 'internal, hash',
    subjectDigest: 'personal, blind index',
    alertId: 'internal',
    approvalId: 'internal',
    createdBy: 'internal',
    createdAt: 'internal',
    expiresAt: 'internal',
    endedAt: 'internal',
    endedBy: 'internal',
    endCause: 'internal',
  }),
];
