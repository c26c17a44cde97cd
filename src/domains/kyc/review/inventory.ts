import { inventoryOf, type TableInventory } from '../../../platform/db/inventory.ts';
import { kycDecisions } from '../schema.ts';

/** What each column holds. */
export const reviewInventory: readonly TableInventory[] = [
  inventoryOf(kycDecisions, 'kyc_file', {
    id: 'internal',
    applicationId: 'internal',
    userId: 'internal',
    outcome: 'internal',
    reason: 'personal',
    evidence: 'personal',
    decidedBy: 'internal',
    decidedAt: 'internal',
    reasonCode: 'internal',
    approvalId: 'internal',
    explanation: 'internal',
  }),
];
