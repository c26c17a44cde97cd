import { inventoryOf } from '../../../platform/db/inventory.ts';
import type { PersonalData } from '../../../platform/domain.ts';
import type { DomainPart } from '../../../platform/domain-part.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { feeChecks } from './checks.ts';
import { feeTierChange } from './propose-fee-tiers.ts';
import { feeEndpoints } from './routes.ts';
import { feeStandings, feeTierSchedules, feeTiers, tradingVolumes } from './schema.ts';

const personalFees: PersonalData = {
  name: 'trading_fees',
  recordClass: 'orders',
  tables: ['trading_volumes', 'fee_standings'],
  sections: {
    tradingVolumes: personalRows(tradingVolumes, { keys: ['day'] }),
    feeStandings: personalRows(feeStandings, { keys: ['day'] }),
  },
};

/** What trading fees hand to the front door of trading. */
export const feePart: DomainPart = {
  endpoints: feeEndpoints,
  checks: feeChecks,
  approvalActions: [feeTierChange],
  personalData: [personalFees],
  inventory: [
    inventoryOf(feeTierSchedules, 'reference', {
      id: 'public',
      currency: 'public',
      effectiveOn: 'public',
      approvalId: 'internal',
      createdAt: 'public',
    }),
    inventoryOf(feeTiers, 'reference', {
      id: 'public',
      scheduleId: 'public',
      name: 'public',
      minVolume: 'public',
      makerFeeBps: 'public',
      takerFeeBps: 'public',
    }),
    inventoryOf(tradingVolumes, 'orders', { userId: 'internal', day: 'internal', volume: 'internal' }),
    inventoryOf(feeStandings, 'orders', {
      userId: 'internal',
      day: 'internal',
      scheduleId: 'internal',
      tierId: 'internal',
      volume: 'internal',
      createdAt: 'internal',
    }),
  ],
};
