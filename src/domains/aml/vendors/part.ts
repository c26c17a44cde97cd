import type { DomainPart } from '../../../platform/domain-part.ts';
import { askVendorJob } from './ask-vendor.ts';
import { vendorInventory } from './inventory.ts';
import { personalVendorResults } from './personal-data.ts';
import { vendorEndpoints } from './routes.ts';
import { vendorSealedColumns } from './sealed-columns.ts';

/** What outside vendors hand to AML's front door. */
export const vendorsPart: DomainPart = {
  endpoints: vendorEndpoints,
  jobs: [askVendorJob],
  inventory: vendorInventory,
  sealedColumns: vendorSealedColumns,
  personalData: [personalVendorResults],
  personReads: ['vendor_result.read'],
};
