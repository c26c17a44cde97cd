import type { Domain } from '../../platform/domain.ts';
import { joinParts } from '../../platform/domain-part.ts';
import { applicationsPart } from './applications/part.ts';
import { KYC_EVENTS } from './audit.ts';
import { documentsPart } from './documents/part.ts';
import { providersPart } from './providers/part.ts';
import { reviewPart } from './review/part.ts';
import { reviewsPart } from './reviews/part.ts';
import { riskPart } from './risk/part.ts';

export { declare } from './applications/declare.ts';
export type { Party } from './applications/parties-of.ts';
export { createApplication } from './create-application.ts';
export { decideApplication } from './decide-application.ts';
export { type Declared, declaredBy } from './declared.ts';
export { customerFigures, type Figure, type FigureSpan, kycYearFigures } from './figures.ts';
export { acceptedIdentityDocument } from './identity-document.ts';
export { ratingsOf } from './risk/standing.ts';
export { screenedByLists } from './screened-by-lists.ts';
export { lastSubmittedAt, noteScreened } from './store.ts';
export { submitApplication } from './submit-application.ts';
export { uploadDocument } from './upload-document.ts';

/** The front door of KYC. */
export const kycDomain: Domain = {
  name: 'kyc',
  auditEvents: Object.values(KYC_EVENTS),
  ...joinParts([applicationsPart, documentsPart, reviewPart, riskPart, providersPart, reviewsPart]),
};
