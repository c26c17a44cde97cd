import type { Domain } from '../../platform/domain.ts';
import { kycChecks } from './checks.ts';
import { kycObstacles } from './closing-obstacles.ts';
import { personalKyc, personalKycReview } from './personal-data.ts';
import { kycEndpoints } from './routes.ts';

export { createApplication } from './create-application.ts';
export { decideApplication } from './decide-application.ts';
export { acceptedIdentityDocument } from './identity-document.ts';
export { submittedDeclaration } from './store.ts';
export { submitApplication } from './submit-application.ts';
export { uploadDocument } from './upload-document.ts';

/** The front door of KYC. */
export const kycDomain: Domain = {
  name: 'kyc',
  endpoints: kycEndpoints,
  checks: kycChecks,
  consumers: [],
  approvalActions: [],
  jobs: [],
  personalData: [personalKyc, personalKycReview],
  closingObstacles: kycObstacles,
  personReads: ['kyc_application.read', 'kyc_document.read'],
};
