import type { Domain } from '../../platform/domain.ts';
import { accountChecks } from './checks.ts';
import { personalAccounts } from './personal-data.ts';
import { accountEndpoints } from './routes.ts';
import { unfreezeAction } from './unfreeze-account.ts';

export { createAccount } from './create-account.ts';
export { ACCOUNT_PROBLEMS } from './errors.ts';
export { accountAllows } from './rules.ts';
export { type Account, accountsByIds, findAccount } from './store.ts';

/** The front door of accounts. */
export const accountsDomain: Domain = {
  name: 'accounts',
  endpoints: accountEndpoints,
  checks: accountChecks,
  consumers: [],
  approvalActions: [unfreezeAction],
  jobs: [],
  personalData: [personalAccounts],
};
