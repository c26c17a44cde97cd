import { eq } from 'drizzle-orm';
import type { Json } from '../../../kernel/canonical-json.ts';
import { openJson } from '../../../platform/crypto/seal.ts';
import type { PersonalData } from '../../../platform/domain.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { decisionPlace } from './places.ts';
import { kycProviderImages, kycProviderSessions } from './schema.ts';

/** What providers said of a person, part of how the firm judged them; the pictures are among the documents. */
export const personalProviderSessions: PersonalData = {
  name: 'kyc_providers',
  recordClass: 'kyc_file',
  tables: ['kyc_provider_sessions', 'kyc_provider_images'],
  restricted: true,
  sections: {
    sessions: personalRows(kycProviderSessions, {
      keys: ['id'],
      more: (rows, { key }) =>
        rows.map(({ id, decision }) => ({
          decision:
            key === undefined || decision === null ? null : openJson<Json>(key, decisionPlace(id), decision),
        })),
    }),
    images: personalRows(kycProviderImages, { keys: ['id'] }),
  },
  // Nobody is asked about who is gone, and the hash of what was said could be guessed at.
  erase: async (tx, _ctx, userId) => {
    await tx
      .update(kycProviderSessions)
      .set({ nextFetchAt: null, decisionHash: null })
      .where(eq(kycProviderSessions.userId, userId));
  },
};
