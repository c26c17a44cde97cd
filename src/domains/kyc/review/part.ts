import type { DomainPart } from '../../../platform/domain-part.ts';
import { approveApplicationAction } from './ask-senior.ts';
import { reviewChecks } from './checks.ts';
import { reviewInventory } from './inventory.ts';
import { personalKycReview } from './personal-data.ts';
import { reviewEndpoints } from './routes.ts';

/** What the review of applications hands to KYC's front door. */
export const reviewPart: DomainPart = {
  endpoints: reviewEndpoints,
  checks: reviewChecks,
  inventory: reviewInventory,
  approvalActions: [approveApplicationAction],
  personalData: [personalKycReview],
  personReads: ['kyc_application.compared'],
};
