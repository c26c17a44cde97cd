import type { DomainPart } from '../../../platform/domain-part.ts';
import { peopleBehind } from '../../../platform/privacy/people-behind.ts';
import { customerReviewChecks } from './checks.ts';
import { endAnsweredReviews } from './consumers.ts';
import { watchDormancyJob } from './dormancy.ts';
import { customerReviewInventory } from './inventory.ts';
import { personalReviews } from './personal-data.ts';
import { reviewCustomersJob } from './review-customers.ts';
import { customerReviewEndpoints } from './routes.ts';
import { kycReviews } from './schema.ts';
import { waiveReviewAction } from './work-on-review.ts';

/** What the reviews of customers hand to KYC's front door. */
export const reviewsPart: DomainPart = {
  endpoints: customerReviewEndpoints,
  checks: customerReviewChecks,
  consumers: [endAnsweredReviews],
  jobs: [reviewCustomersJob, watchDormancyJob],
  approvalActions: [waiveReviewAction],
  inventory: customerReviewInventory,
  personalData: [personalReviews],
  peopleBehind: [peopleBehind(kycReviews, kycReviews.id, kycReviews.userId)],
};
