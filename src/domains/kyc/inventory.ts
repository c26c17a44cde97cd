import { inventoryOf, type TableInventory } from '../../platform/db/inventory.ts';
import { kycApplications, kycDecisions, kycDocuments, kycLevels } from './schema.ts';

/** What each column holds. */
export const kycInventory: readonly TableInventory[] = [
  inventoryOf(kycApplications, 'kyc_file', {
    id: 'internal',
    userId: 'internal',
    level: 'internal',
    status: 'internal',
    declaration: 'personal, sealed under the person key',
    provider: 'internal',
    version: 'internal',
    createdAt: 'internal',
    submittedAt: 'internal',
    decidedAt: 'internal',
  }),
  inventoryOf(kycDecisions, 'kyc_file', {
    id: 'internal',
    applicationId: 'internal',
    userId: 'internal',
    outcome: 'internal',
    reason: 'personal',
    evidence: 'personal',
    decidedBy: 'internal',
    decidedAt: 'internal',
  }),
  inventoryOf(kycDocuments, 'kyc_file', {
    id: 'internal',
    applicationId: 'internal',
    userId: 'internal',
    type: 'internal',
    status: 'internal',
    fileId: 'internal',
    number: 'personal, sealed under the person key',
    numberIndex: 'personal, blind index',
    issuingCountry: 'personal, cleared at erasure',
    issuedOn: 'personal, cleared at erasure',
    expiresOn: 'personal, cleared at erasure',
    rejectionReason: 'personal',
    uploadedAt: 'internal',
  }),
  inventoryOf(kycLevels, 'reference', {
    level: 'public',
    name: 'public',
    requiredDocuments: 'public',
    description: 'public',
  }),
];
