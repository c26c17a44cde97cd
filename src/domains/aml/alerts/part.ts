import type { DomainPart } from '../../../platform/domain-part.ts';
import { clearAlertAction, confirmAlertAction } from '../resolve-alert.ts';
import { alertChecks } from './checks.ts';
import { alertObstacles } from './closing-obstacles.ts';
import { escalateOverdueJob } from './escalate-overdue.ts';
import { alertExposures } from './exposures.ts';
import { alertInventory } from './inventory.ts';
import { liftCustomerAction, releaseCustomerAction, screenLifted } from './lift-customer.ts';
import { alertEndpoints } from './routes.ts';
import { alertSealedColumns } from './sealed-columns.ts';

/** What the work on alerts hands to AML's front door. */
export const alertsPart: DomainPart = {
  endpoints: alertEndpoints,
  checks: alertChecks,
  approvalActions: [clearAlertAction, confirmAlertAction, liftCustomerAction, releaseCustomerAction],
  consumers: [screenLifted],
  jobs: [escalateOverdueJob],
  sealedColumns: alertSealedColumns,
  inventory: alertInventory,
  closingObstacles: alertObstacles,
  exposures: alertExposures,
};
