import type { Domain } from '../../platform/domain.ts';
import { KYC_EVENTS } from './audit.ts';
import { kycChecks } from './checks.ts';
import { kycObstacles } from './closing-obstacles.ts';
import { kycInventory } from './inventory.ts';
import { personalKyc, personalKycReview } from './personal-data.ts';
import { kycEndpoints } from './routes.ts';
import { kycSealedColumns } from './sealed-columns.ts';

export { createApplication } from './create-application.ts';
export { decideApplication } from './decide-application.ts';
export { acceptedIdentityDocument } from './identity-document.ts';
export { submittedDeclaration } from './store.ts';
export { submitApplication } from './submit-application.ts';
export { uploadDocument } from './upload-document.ts';

/** The front door of KYC. */
export const kycDomain: Domain = {
  name: 'kyc',
  auditEvents: Object.values(KYC_EVENTS),
  endpoints: kycEndpoints,
  checks: kycChecks,
  consumers: [],
  approvalActions: [],
  jobs: [],
  inventory: kycInventory,
  personalData: [personalKyc, personalKycReview],
  sealedColumns: kycSealedColumns,
  closingObstacles: kycObstacles,
  personReads: ['kyc_application.read', 'kyc_document.read'],
};
