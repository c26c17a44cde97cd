import { inventoryOf } from '../../../platform/db/inventory.ts';
import type { PersonalData } from '../../../platform/domain.ts';
import type { DomainPart } from '../../../platform/domain-part.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { takeoverChecks } from './checks.ts';
import { takeoverEndpoints } from './routes.ts';
import { liquidationTakeovers } from './schema.ts';
import { positionTakeover } from './take-over.ts';

const personalTakeovers: PersonalData = {
  name: 'liquidation_takeovers',
  recordClass: 'orders',
  tables: ['liquidation_takeovers'],
  internal: true,
  sections: { liquidationTakeovers: personalRows(liquidationTakeovers, { keys: ['id'] }) },
};

/** What takeovers hand to the front door of trading. */
export const takeoverPart: DomainPart = {
  endpoints: takeoverEndpoints,
  checks: takeoverChecks,
  approvalActions: [positionTakeover],
  personalData: [personalTakeovers],
  inventory: [
    inventoryOf(liquidationTakeovers, 'orders', {
      id: 'internal',
      approvalId: 'internal',
      liquidationId: 'internal',
      positionId: 'internal',
      userId: 'internal',
      accountId: 'internal',
      instrumentId: 'internal',
      symbol: 'internal',
      book: 'internal',
      side: 'internal',
      quantity: 'internal',
      price: 'internal',
      amount: 'internal',
      settlementAsset: 'internal',
      mark: 'internal',
      orderId: 'internal',
      tradeId: 'internal',
      takenAt: 'internal',
    }),
  ],
};
