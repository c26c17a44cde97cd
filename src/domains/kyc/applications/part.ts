import type { DomainPart } from '../../../platform/domain-part.ts';
import { applicationObstacles } from './closing-obstacles.ts';
import { applicationInventory } from './inventory.ts';
import { lapseDraftsJob } from './lapse-drafts.ts';
import { personalKyc } from './personal-data.ts';
import { activateRequirementsAction } from './requirement-sets.ts';
import { applicationEndpoints } from './routes.ts';
import { applicationSealedColumns } from './sealed-columns.ts';

/** What applications hand to KYC's front door. */
export const applicationsPart: DomainPart = {
  endpoints: applicationEndpoints,
  approvalActions: [activateRequirementsAction],
  jobs: [lapseDraftsJob],
  inventory: applicationInventory,
  personalData: [personalKyc],
  sealedColumns: applicationSealedColumns,
  closingObstacles: applicationObstacles,
  personReads: ['kyc_application.read'],
};
