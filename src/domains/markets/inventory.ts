import { inventoryOf, type TableInventory } from '../../platform/db/inventory.ts';
import { instruments, quotes } from './schema.ts';

/** What each column holds. */
export const marketsInventory: readonly TableInventory[] = [
  inventoryOf(instruments, 'reference', {
    id: 'public',
    symbol: 'public',
    name: 'public',
    type: 'public',
    kind: 'public',
    exchange: 'public',
    baseAsset: 'public',
    quoteAsset: 'public',
    isin: 'public',
    cusip: 'public',
    tick: 'public',
    lot: 'public',
    minQuantity: 'public',
    maxQuantity: 'public',
    collarBps: 'public',
    makerFeeBps: 'public',
    takerFeeBps: 'public',
    status: 'public',
    fractional: 'public',
    execution: 'public',
    settlementCycle: 'public',
    sector: 'public',
    industry: 'public',
    description: 'public',
    metadata: 'public',
    version: 'public',
    createdAt: 'public',
  }),
  inventoryOf(quotes, 'reference', {
    instrumentId: 'public',
    last: 'public',
    bid: 'public',
    ask: 'public',
    source: 'public',
    quotedAt: 'public',
  }),
];
