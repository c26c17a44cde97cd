import { inventoryOf, type TableInventory } from '../../../platform/db/inventory.ts';
import { kycDocuments } from '../schema.ts';

/** What each column holds. */
export const documentInventory: readonly TableInventory[] = [
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
    side: 'internal',
    mrz: 'personal, sealed under the person key',
    contentIndex: 'personal, blind index',
    width: 'internal',
    height: 'internal',
    pageCount: 'internal',
    removedAt: 'internal',
    reviewedBy: 'internal',
    reviewedAt: 'internal',
    partyId: 'internal',
  }),
];
