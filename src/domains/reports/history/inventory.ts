import { inventoryOf, type TableInventory } from '../../../platform/db/inventory.ts';
import { portfolioDays, portfolioSnapshots } from './schema.ts';

/** What each column holds. */
export const historyInventory: readonly TableInventory[] = [
  inventoryOf(portfolioDays, 'reference', {
    day: 'public',
    beginsAt: 'public',
    endsAt: 'public',
    commissionsSince: 'internal',
    snapshots: 'internal',
    gaps: 'internal',
    completedAt: 'internal',
  }),
  inventoryOf(portfolioSnapshots, 'transactions', {
    accountId: 'internal',
    userId: 'internal',
    day: 'internal',
    currency: 'internal',
    opening: 'internal',
    equity: 'internal',
    cashValue: 'internal',
    holdingsValue: 'internal',
    contractsValue: 'internal',
    realised: 'internal',
    income: 'internal',
    unrealised: 'internal',
    fees: 'internal',
    transfers: 'internal',
    missing: 'internal',
    basis: 'internal',
    takenAt: 'internal',
  }),
];
