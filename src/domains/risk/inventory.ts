import { inventoryOf, type TableInventory } from '../../platform/db/inventory.ts';
import { riskLimits } from './schema.ts';

/** What each column holds. */
export const riskInventory: readonly TableInventory[] = [
  inventoryOf(riskLimits, 'customer_file', {
    id: 'internal',
    scope: 'internal',
    scopeId: 'internal',
    type: 'internal',
    value: 'internal',
    currency: 'internal',
    active: 'internal',
    effectiveFrom: 'internal',
    effectiveUntil: 'internal',
    setBy: 'internal',
    approvalId: 'internal',
    reason: 'personal',
    createdAt: 'internal',
  }),
];
