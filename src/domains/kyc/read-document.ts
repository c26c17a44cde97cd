import { and, eq } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { type DataKey, openWith } from '../../platform/crypto/seal.ts';
import type { Ciphertext } from '../../platform/db/columns.ts';
import { files } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { readSealedFile } from '../../platform/files/sealed-file.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { recordReads } from '../identity/index.ts';
import { KYC_EVENTS } from './audit.ts';
import { documentFileName, documentPlace } from './document-file.ts';
import { kycDocuments } from './schema.ts';

export type DocumentContent = {
  readonly contentType: string;
  readonly content: ReadableStream<Uint8Array>;
};

/** How a document of an earlier release begins: one ciphertext, not chunks of them. */
const WHOLE = 0x01;

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
    await recordReads(tx, ctx, [
      {
        event: KYC_EVENTS['kyc_document.read'],
        resource: { type: 'kyc_document', id: documentId },
        subjectUserId: row.document.userId,
        after: row.document,
      },
    ]);
    return { contentType: row.file.contentType, content: await contentOf(ctx, key, row.file.id) };
  });
}

/** Its first chunk is opened before anything is answered, so that a file that does not open is a refusal. */
async function contentOf(ctx: Ctx, key: DataKey, fileId: Id): Promise<ReadableStream<Uint8Array>> {
  const place = documentPlace(fileId);
  const path = await ctx.deps.files.pathOf(documentFileName(fileId));
  const [version] = new Uint8Array(await Bun.file(path).slice(0, 1).arrayBuffer());
  if (version === WHOLE) {
    const sealed = (await ctx.deps.files.get(documentFileName(fileId))) as Ciphertext;
    return new Blob([Buffer.from(openWith(key, place, sealed))]).stream();
  }
  const chunks = readSealedFile(path, key, place);
  const first = await chunks.next();
  // Read one ahead: the file of a document of one chunk is closed even where nobody takes the answer.
  let ahead = await chunks.next();
  return new ReadableStream({
    start: (controller) => {
      if (first.done !== true) {
        controller.enqueue(first.value);
      }
    },
    pull: async (controller) => {
      if (ahead.done === true) {
        controller.close();
        return;
      }
      controller.enqueue(ahead.value);
      ahead = await chunks.next();
    },
    cancel: async () => {
      await chunks.return(undefined);
    },
  });
}
