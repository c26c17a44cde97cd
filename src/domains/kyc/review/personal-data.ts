import { openText } from '../../../platform/crypto/seal.ts';
import type { PersonalData } from '../../../platform/domain.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { notePlace } from '../applications/application-events.ts';
import { kycApplicationEvents } from '../applications/schema.ts';
import { kycDecisions } from '../schema.ts';

/** Why the firm decided as it did, in reviewers' words: part of the firm's own supervision. */
export const personalKycReview: PersonalData = {
  name: 'kyc_review',
  recordClass: 'kyc_file',
  tables: ['kyc_decisions', 'kyc_application_events'],
  restricted: true,
  sections: {
    decisions: personalRows(kycDecisions, { keys: ['id'] }),
    history: personalRows(kycApplicationEvents, {
      keys: ['id'],
      more: (rows, { key }) =>
        rows.map(({ id, note }) => ({
          note: key === undefined || note === null ? null : openText(key, notePlace(id), note),
        })),
    }),
  },
};
