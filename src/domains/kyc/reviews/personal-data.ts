import type { PersonalData } from '../../../platform/domain.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { kycReviews } from './schema.ts';

/** When and why the firm looked at a person again: some reasons are not theirs to know. */
export const personalReviews: PersonalData = {
  name: 'kyc_reviews',
  recordClass: 'kyc_file',
  tables: ['kyc_reviews'],
  restricted: true,
  sections: { reviews: personalRows(kycReviews, { keys: ['id'] }) },
};
