import type { DomainPart } from '../../../platform/domain-part.ts';
import { documentInventory } from './inventory.ts';
import { documentEndpoints } from './routes.ts';
import { documentSealedColumns } from './sealed-columns.ts';

/** What documents hand to KYC's front door. */
export const documentsPart: DomainPart = {
  endpoints: documentEndpoints,
  inventory: documentInventory,
  sealedColumns: documentSealedColumns,
  personReads: ['kyc_document.read'],
};
