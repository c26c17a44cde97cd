import { inventoryOf, type TableInventory } from '../../../platform/db/inventory.ts';
import { kycReviews } from './schema.ts';

/** What each column holds. */
export const customerReviewInventory: readonly TableInventory[] = [
  inventoryOf(kycReviews, 'kyc_file', {
    id: 'internal',
    userId: 'internal',
    kind: 'internal',
    referenceId: 'internal',
    status: 'internal',
    openedAt: 'internal',
    dueAt: 'internal',
    reminded: 'internal',
    escalatedTo: 'internal',
    escalatedAt: 'internal',
    assigneeId: 'internal',
    outcome: 'internal',
    evidenceId: 'internal',
    approvalId: 'internal',
    closedBy: 'internal',
    closedAt: 'internal',
    version: 'internal',
  }),
];
