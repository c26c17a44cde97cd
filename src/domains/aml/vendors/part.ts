import type { DomainPart } from '../../../platform/domain-part.ts';
import { peopleBehind } from '../../../platform/privacy/people-behind.ts';
import { askMonitoringVendorJob } from './ask-monitoring-vendor.ts';
import { askVendorJob } from './ask-vendor.ts';
import { vendorInventory } from './inventory.ts';
import { personalAssessments, personalVendorResults } from './personal-data.ts';
import { vendorEndpoints } from './routes.ts';
import { monitoringVendorRequests } from './schema.ts';
import { vendorSealedColumns } from './sealed-columns.ts';

/** What outside vendors hand to AML's front door. */
export const vendorsPart: DomainPart = {
  endpoints: vendorEndpoints,
  jobs: [askVendorJob, askMonitoringVendorJob],
  inventory: vendorInventory,
  sealedColumns: vendorSealedColumns,
  personalData: [personalVendorResults, personalAssessments],
  personReads: ['vendor_result.read'],
  peopleBehind: [
    peopleBehind(monitoringVendorRequests, monitoringVendorRequests.id, monitoringVendorRequests.userId),
  ],
};
