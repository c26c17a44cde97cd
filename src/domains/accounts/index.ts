import type { Domain } from '../../platform/domain.ts';
import { peopleBehind } from '../../platform/privacy/people-behind.ts';
import { ACCOUNT_EVENTS } from './audit.ts';
import { accountChecks } from './checks.ts';
import { accountsInventory } from './inventory.ts';
import { personalAccounts } from './personal-data.ts';
import { accountFacts } from './report-facts.ts';
import { accountEndpoints } from './routes.ts';
import { accounts } from './schema.ts';
import { setMarginAction } from './set-margin.ts';
import { unfreezeAction } from './unfreeze-account.ts';

export { Account as AccountBody } from './api.ts';
export { createAccount } from './create-account.ts';
export { ACCOUNT_PROBLEMS } from './errors.ts';
export { ACCOUNT_LOT_METHODS, accountAllows } from './rules.ts';
export { setMargin } from './set-margin.ts';
export { type Account, accountsAfter, accountsByIds, accountsOfUsers, findAccount } from './store.ts';

/** The front door of accounts. */
export const accountsDomain: Domain = {
  name: 'accounts',
  auditEvents: Object.values(ACCOUNT_EVENTS),
  endpoints: accountEndpoints,
  checks: accountChecks,
  consumers: [],
  approvalActions: [unfreezeAction, setMarginAction],
  jobs: [],
  peopleBehind: [peopleBehind(accounts, accounts.id, accounts.userId)],
  inventory: accountsInventory,
  reportFacts: accountFacts,
  personalData: [personalAccounts],
};
