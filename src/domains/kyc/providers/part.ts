import type { DomainPart } from '../../../platform/domain-part.ts';
import { fetchDecisionsJob, fetchOnEvent } from './fetch-session.ts';
import { providerInventory } from './inventory.ts';
import { personalProviderSessions } from './personal-data.ts';
import { providerEndpoints } from './routes.ts';
import { providerSealedColumns } from './sealed-columns.ts';

/** What providers of identity checks hand to KYC's front door. */
export const providersPart: DomainPart = {
  endpoints: providerEndpoints,
  consumers: [fetchOnEvent],
  jobs: [fetchDecisionsJob],
  inventory: providerInventory,
  sealedColumns: providerSealedColumns,
  personalData: [personalProviderSessions],
  personReads: ['kyc_provider_session.read'],
};
