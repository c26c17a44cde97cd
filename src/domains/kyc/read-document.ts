import { and, eq } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { open } from '../../platform/crypto/seal.ts';
import type { Ciphertext } from '../../platform/db/columns.ts';
import { files } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { recordReads } from '../identity/index.ts';
import { KYC_EVENTS } from './audit.ts';
import { documentFileName, documentPlace } from './document-file.ts';
import { kycDocuments } from './schema.ts';

export type DocumentContent = { readonly contentType: string; readonly content: Uint8Array };

/**
 * Opens a document for a reviewer; each look is recorded.
 * @effects audit `kyc_document.read`
 * @errors not_found, also where the person was erased
 */
export async function readDocument(ctx: Ctx, applicationId: Id, documentId: Id): Promise<DocumentContent> {
  return transact(ctx, 'staff', async (tx) => {
    const [row] = await tx
      .select({ document: kycDocuments, file: files })
      .from(kycDocuments)
      .innerJoin(files, eq(files.id, kycDocuments.fileId))
      .where(and(eq(kycDocuments.id, documentId), eq(kycDocuments.applicationId, applicationId)));
    if (row === undefined) {
      throw refuse('not_found');
    }
    const key = await ctx.deps.personKeys.find(tx, row.document.userId);
    if (key === undefined) {
      throw refuse('not_found');
    }
    const sealed = (await ctx.deps.files.get(documentFileName(row.file.id))) as Ciphertext;
    const content = open(
      (id) => (Buffer.from(id).equals(key.id) ? key : undefined),
      documentPlace(row.file.id),
      sealed,
    );
    await recordReads(tx, ctx, [
      {
        event: KYC_EVENTS['kyc_document.read'],
        resource: { type: 'kyc_document', id: documentId },
        subjectUserId: row.document.userId,
        after: row.document,
      },
    ]);
    return { contentType: row.file.contentType, content };
  });
}
