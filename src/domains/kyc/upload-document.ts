import { fileTypeFromBuffer } from 'file-type';
import { assert, present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { type DataKey, sealText } from '../../platform/crypto/seal.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { files } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { writeSealedFile } from '../../platform/files/sealed-file.ts';
import { refuse } from '../../platform/http/refuse.ts';
import type { UploadInput } from './api.ts';
import { KYC_EVENTS } from './audit.ts';
import { documentFileName, documentPlace } from './document-file.ts';
import { refuseKyc } from './errors.ts';
import { comparableNumber, isEditable, MAX_DOCUMENTS } from './rules.ts';
import { kycApplications, kycDocuments } from './schema.ts';
import { documentsOf, type KycDocument } from './store.ts';

/** What tells the type of a file is at its beginning. */
const SNIFFED_BYTES = 4_100;

const ACCEPTED = new Set(['application/pdf', 'image/jpeg', 'image/png']);

/**
 * Adds a document to a draft. The type is read from the content, not from the name; the file is
 * sealed under the person's key before it touches a disk.
 * @effects a sealed file, rows of `files` and `kyc_documents`; audit `kyc_document.uploaded`
 * @errors document_type_unsupported, not_found, application_not_editable, document_limit_reached
 */
export async function uploadDocument(ctx: Ctx, applicationId: Id, input: UploadInput): Promise<KycDocument> {
  const beginning = new Uint8Array(await input.file.slice(0, SNIFFED_BYTES).arrayBuffer());
  const contentType = (await fileTypeFromBuffer(beginning))?.mime;
  if (contentType === undefined || !ACCEPTED.has(contentType)) {
    throw refuseKyc('document_type_unsupported');
  }
  return transact(ctx, 'app', async (tx) => {
    // Locked, so that nothing is added to what was handed in meanwhile, nor more than is allowed.
    const application = await lockRow(tx, kycApplications, applicationId);
    if (application === undefined) {
      throw refuse('not_found');
    }
    assert(
      'userId' in ctx.actor && application.userId === ctx.actor.userId,
      'row-level security shows own rows',
    );
    if (!isEditable(application.status)) {
      throw refuseKyc('application_not_editable');
    }
    if ((await documentsOf(tx, applicationId)).length >= MAX_DOCUMENTS) {
      throw refuseKyc('document_limit_reached');
    }
    const key = await ctx.deps.personKeys.of(tx, application.userId);
    const [fileId, id] = [newId(), newId()];
    // A stray sealed file after a rollback is harmless; a row without its file is not.
    const written = await writeSealedFile(
      await ctx.deps.files.pathOf(documentFileName(fileId)),
      key,
      documentPlace(fileId),
      input.file.stream(),
    );
    await tx.insert(files).values({
      id: fileId,
      userId: application.userId,
      contentType,
      sizeBytes: written.sizeBytes,
      sha256: new Uint8Array(Buffer.from(written.sha256, 'hex')),
      createdAt: ctx.deps.clock.now(),
    });
    const [document] = await tx
      .insert(kycDocuments)
      .values({
        id,
        applicationId,
        userId: application.userId,
        type: input.type,
        status: 'uploaded',
        fileId,
        ...sealedNumber(ctx, key, id, input.number),
        issuingCountry: input.issuingCountry ?? null,
        issuedOn: input.issuedOn ?? null,
        expiresOn: input.expiresOn ?? null,
        uploadedAt: ctx.deps.clock.now(),
      })
      .returning();
    const uploaded = present(document, 'the document was inserted');
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_document.uploaded'],
      resource: { type: 'kyc_document', id },
      subjectUserId: application.userId,
      after: uploaded,
    });
    return uploaded;
  });
}

/** What a document's sealed number is bound to. */
export function numberPlace(documentId: Id) {
  return { table: 'kyc_documents', column: 'number', rowId: documentId };
}

/** The number as the applicant wrote it, and what finds it again on another application. */
function sealedNumber(ctx: Ctx, key: DataKey, documentId: Id, number: string | undefined) {
  if (number === undefined) {
    return { number: null, numberIndex: null };
  }
  return {
    number: sealText(key, numberPlace(documentId), number),
    numberIndex: ctx.deps.keyring.blindIndex('kyc_documents.number', comparableNumber(number)),
  };
}
