import type { DomainPart } from '../../../platform/domain-part.ts';
import { riskChecks } from './checks.ts';
import { rateOnChange } from './consumers.ts';
import { riskInventory } from './inventory.ts';
import { activateMatrixAction } from './matrices.ts';
import { personalRatings } from './personal-data.ts';
import { lowerRatingAction } from './raise-rating.ts';
import { rerateJob } from './rerate.ts';
import { riskEndpoints } from './routes.ts';
import { riskSealedColumns } from './sealed-columns.ts';
import { runSimulations } from './simulate.ts';

/** What risk rating hands to KYC's front door. */
export const riskPart: DomainPart = {
  endpoints: riskEndpoints,
  checks: riskChecks,
  consumers: [rateOnChange],
  jobs: [rerateJob, { name: 'kyc.simulate-risk', cron: '* * * * *', run: runSimulations }],
  approvalActions: [activateMatrixAction, lowerRatingAction],
  inventory: riskInventory,
  sealedColumns: riskSealedColumns,
  personalData: [personalRatings],
  personReads: ['kyc_risk.read'],
};
