import type { Domain } from '../../platform/domain.ts';
import { fundingChecks } from './checks.ts';
import { fundingObstacles } from './closing-obstacles.ts';
import { depositClearing } from './credit-deposit.ts';
import { withdrawalApproval } from './decide-withdrawal.ts';
import { withdrawalFailure } from './fail-withdrawal.ts';
import { personalFunding } from './personal-data.ts';
import { fundingEndpoints } from './routes.ts';

export { clearDeposit } from './clear-deposit.ts';
export { createDeposit } from './create-deposit.ts';
export { type FundingLimit, seedFundingLimits } from './seed-funding-limits.ts';

/** The front door of funding. */
export const fundingDomain: Domain = {
  name: 'funding',
  endpoints: fundingEndpoints,
  checks: fundingChecks,
  consumers: [],
  approvalActions: [depositClearing, withdrawalApproval, withdrawalFailure],
  jobs: [],
  personalData: [personalFunding],
  closingObstacles: fundingObstacles,
};
