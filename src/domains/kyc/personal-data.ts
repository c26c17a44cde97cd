import { randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { openJson, openText } from '../../platform/crypto/seal.ts';
import { files } from '../../platform/db/schema.ts';
import { onCommit } from '../../platform/db/transact.ts';
import type { PersonalData } from '../../platform/domain.ts';
import { personalRows } from '../../platform/privacy/personal-rows.ts';
import type { DeclarationInput } from './api.ts';
import { documentFileName } from './document-file.ts';
import { kycApplications, kycDecisions, kycDocuments } from './schema.ts';
import { declarationPlace } from './store.ts';
import { numberPlace } from './upload-document.ts';

/** What KYC holds on a person; documents are named, their content is fetched apart. */
export const personalKyc: PersonalData = {
  name: 'kyc',
  recordClass: 'kyc_file',
  tables: ['kyc_applications', 'kyc_documents', 'files'],
  sections: {
    applications: personalRows(kycApplications, {
      keys: ['id'],
      more: (rows, { key }) =>
        rows.map(({ id, declaration }) => ({
          declaration:
            key === undefined ? null : openJson<DeclarationInput>(key, declarationPlace(id), declaration),
        })),
    }),
    documents: personalRows(kycDocuments, {
      keys: ['id'],
      more: (rows, { key }) =>
        rows.map(({ id, number }) => ({
          number: key === undefined || number === null ? null : openText(key, numberPlace(id), number),
        })),
    }),
    files: personalRows(files, { keys: ['id'] }),
  },
  erase: async (tx, ctx, userId) => {
    await tx
      .update(kycDocuments)
      .set({ numberIndex: null, issuingCountry: null, issuedOn: null, expiresOn: null })
      .where(eq(kycDocuments.userId, userId));
    const kept = await tx
      .update(files)
      .set({ sha256: new Uint8Array(randomBytes(32)) })
      .where(eq(files.userId, userId))
      .returning({ id: files.id });
    // Without the key they are noise already; what fails to go is no breach.
    onCommit(tx, () => {
      for (const { id } of kept) {
        ctx.deps.files.remove(documentFileName(id)).catch(() => {
          ctx.deps.log.error({ object: id, failure: 'remove' }, 'an erased file could not be removed');
        });
      }
    });
  },
};

/** Why the firm decided as it did, in reviewers' words: part of the firm's own supervision. */
export const personalKycReview: PersonalData = {
  name: 'kyc_review',
  recordClass: 'kyc_file',
  tables: ['kyc_decisions'],
  restricted: true,
  sections: { decisions: personalRows(kycDecisions, { keys: ['id'] }) },
};
