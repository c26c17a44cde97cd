import { inventoryOf, type TableInventory } from '../../platform/db/inventory.ts';
import { accounts } from './schema.ts';

/** What each column holds. */
export const accountsInventory: readonly TableInventory[] = [
  inventoryOf(accounts, 'customer_file', {
    id: 'internal',
    userId: 'internal',
    type: 'internal',
    name: 'personal, cleared at erasure',
    baseCurrency: 'internal',
    status: 'internal',
    isDefault: 'internal',
    marginEnabled: 'internal',
    maxLeverage: 'internal',
    marginCallThreshold: 'internal',
    liquidationThreshold: 'internal',
    autoLiquidation: 'internal',
    marginApprovalId: 'internal',
    lotMethod: 'internal',
    version: 'internal',
    createdAt: 'internal',
    updatedAt: 'internal',
    closedAt: 'internal',
  }),
];
