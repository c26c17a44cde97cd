import { randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { openText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { files } from '../../../platform/db/schema.ts';
import { onCommit } from '../../../platform/db/transact.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { kycParties } from '../applications/schema.ts';
import { documentFileName, mrzPlace, numberPlace } from '../document-file.ts';
import { kycApplications, kycDocuments } from '../schema.ts';

/** The documents of a person and their files; a content is fetched apart. */
export const personalDocuments = {
  documents: personalRows(kycDocuments, {
    keys: ['id'],
    // Who of the staff looked at it is not theirs to know.
    without: ['reviewedBy'],
    more: (rows, { key }) =>
      rows.map(({ id, number, mrz }) => ({
        number: key === undefined || number === null ? null : openText(key, numberPlace(id), number),
        mrz: key === undefined || mrz === null ? null : openText(key, mrzPlace(id), mrz),
      })),
  }),
  files: personalRows(files, { keys: ['id'] }),
};

/**
 * Removes what the documents of a person could be read or found by without their key.
 * @effects updates `kyc_documents`, `kyc_applications`, `kyc_parties` and `files`; removes files after the commit
 */
export async function eraseDocuments(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  await tx
    .update(kycDocuments)
    .set({ numberIndex: null, contentIndex: null, issuingCountry: null, issuedOn: null, expiresOn: null })
    .where(eq(kycDocuments.userId, userId));
  await tx
    .update(kycApplications)
    .set({ identityIndex: null, companyIndex: null })
    .where(eq(kycApplications.userId, userId));
  await tx.update(kycParties).set({ identityIndex: null }).where(eq(kycParties.userId, userId));
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
}
