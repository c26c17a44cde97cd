import type { DomainPart } from '../../../platform/domain-part.ts';
import { screeningChecks } from './checks.ts';
import { configEndpoints } from './config-routes.ts';
import { screenApplicants } from './consumers.ts';
import { activateConfigAction } from './draft-config.ts';
import { screeningInventory } from './inventory.ts';
import { screeningEndpoints } from './routes.ts';
import { screeningSealedColumns } from './sealed-columns.ts';

/** What screening hands to AML's front door. */
export const screeningPart: DomainPart = {
  endpoints: [...screeningEndpoints, ...configEndpoints],
  approvalActions: [activateConfigAction],
  checks: screeningChecks,
  consumers: [screenApplicants],
  inventory: screeningInventory,
  sealedColumns: screeningSealedColumns,
  personReads: ['screening.read'],
};
