import type { Domain } from '../../platform/domain.ts';
import { AML_EVENTS } from './audit.ts';
import { amlChecks } from './checks.ts';
import { amlObstacles } from './closing-obstacles.ts';
import { screenApplicants } from './consumers.ts';
import { amlInventory } from './inventory.ts';
import { personalScreenings } from './personal-data.ts';
import { clearAlertAction } from './resolve-alert.ts';
import { amlEndpoints } from './routes.ts';
import { amlSealedColumns } from './sealed-columns.ts';

export { createList } from './create-list.ts';
export { importList, type ListVersion } from './import-list.ts';
export { LIST_PARTS, type ListKind } from './lists/parse-list.ts';
export { clearedScreenings, everMatched, screenPayee, screenUser } from './screen.ts';
export { refreshScreener, startScreener } from './screener.ts';
export { openThirdPartyAlert } from './third-party-payer.ts';

/** The front door of AML. Nothing of it is in a customer's export (no tipping off). */
export const amlDomain: Domain = {
  name: 'aml',
  auditEvents: Object.values(AML_EVENTS),
  endpoints: amlEndpoints,
  checks: amlChecks,
  consumers: [screenApplicants],
  approvalActions: [clearAlertAction],
  jobs: [],
  inventory: amlInventory,
  personalData: [personalScreenings],
  sealedColumns: amlSealedColumns,
  closingObstacles: amlObstacles,
  personReads: ['screening.read'],
};
