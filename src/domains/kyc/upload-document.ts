import { count, eq } from 'drizzle-orm';
import { assert, present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { type DataKey, sealText } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { files } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { writeSealedFile } from '../../platform/files/sealed-file.ts';
import { refuse } from '../../platform/http/refuse.ts';
import type { UploadInput } from './api.ts';
import { standingParties } from './applications/parties-of.ts';
import { KYC_EVENTS } from './audit.ts';
import { documentFileName, documentPlace, mrzPlace, numberPlace } from './document-file.ts';
import { type Inspected, inspectContent } from './documents/inspect-content.ts';
import { readMrz } from './documents/read-mrz.ts';
import { refuseKyc } from './errors.ts';
import { comparableNumber, dayOf, isEditable, MAX_DOCUMENTS } from './rules.ts';
import { kycApplications, kycDocuments } from './schema.ts';
import type { KycDocument } from './store.ts';

const COUNTRY = /^[A-Z]{3}$/;

/**
 * Adds a document to a draft. The type is read from the content, not from the name, and a file that is more than
 * one picture or one inert PDF is refused; the file is sealed under the person's key before it touches a disk.
 * @effects a sealed file, rows of `files` and `kyc_documents`; audit `kyc_document.uploaded`
 * @errors document_type_unsupported, document_content_refused, mrz_invalid, not_found, application_not_editable,
 *   document_limit_reached, document_party_unknown
 */
export async function uploadDocument(ctx: Ctx, applicationId: Id, input: UploadInput): Promise<KycDocument> {
  const inspected = inspect(new Uint8Array(await input.file.arrayBuffer()));
  const said = saidOf(input, dayOf(ctx.deps.clock.now()));
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
    await refuseTooMany(tx, applicationId);
    await refuseUnknownParty(tx, applicationId, input.partyId);
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
      contentType: inspected.contentType,
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
        ...sealedNumber(ctx, key, id, said.number),
        issuingCountry: said.issuingCountry ?? null,
        issuedOn: input.issuedOn ?? null,
        expiresOn: said.expiresOn ?? null,
        side: input.side ?? null,
        partyId: input.partyId ?? null,
        mrz: input.mrz === undefined ? null : sealText(key, mrzPlace(id), input.mrz),
        contentIndex: ctx.deps.keyring.blindIndex('kyc_documents.content', written.sha256),
        width: inspected.width,
        height: inspected.height,
        pageCount: inspected.pageCount,
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

/** The number as the applicant wrote it, and what finds it again on another application. */
export function sealedNumber(ctx: Ctx, key: DataKey, documentId: Id, number: string | undefined) {
  if (number === undefined) {
    return { number: null, numberIndex: null };
  }
  return {
    number: sealText(key, numberPlace(documentId), number),
    numberIndex: ctx.deps.keyring.blindIndex('kyc_documents.number', comparableNumber(number)),
  };
}

/** @errors document_type_unsupported, document_content_refused */
function inspect(bytes: Uint8Array): Inspected {
  const inspection = inspectContent(bytes);
  if (!('fault' in inspection)) {
    return inspection;
  }
  throw inspection.fault === 'unsupported'
    ? refuseKyc('document_type_unsupported')
    : refuseKyc('document_content_refused', { detail: inspection.fault });
}

type Said = Pick<UploadInput, 'number' | 'issuingCountry' | 'expiresOn'>;

/** What is said of a document; the zone says what was not entered. @errors mrz_invalid */
function saidOf({ number, issuingCountry, expiresOn, mrz }: UploadInput, today: string): Said {
  if (mrz === undefined) {
    return { number, issuingCountry, expiresOn };
  }
  const reading = readMrz(mrz.split('\n'), today);
  if (!reading.valid) {
    throw refuseKyc('mrz_invalid', { detail: reading.fault });
  }
  const { data } = reading;
  const issuer = COUNTRY.test(data.issuingState) ? data.issuingState : undefined;
  return {
    number: number ?? data.documentNumber,
    issuingCountry: issuingCountry ?? issuer,
    expiresOn: expiresOn ?? data.expiresOn ?? undefined,
  };
}

/** @errors document_party_unknown */
async function refuseUnknownParty(tx: Tx, applicationId: Id, partyId: Id | undefined): Promise<void> {
  if (partyId === undefined) {
    return;
  }
  const parties = await standingParties(tx, applicationId);
  if (!parties.some(({ id, kind }) => id === partyId && kind === 'person')) {
    throw refuseKyc('document_party_unknown');
  }
}

/** What was taken back counts too: its file is kept. @errors document_limit_reached */
async function refuseTooMany(tx: Tx, applicationId: Id): Promise<void> {
  const [held] = await tx
    .select({ documents: count() })
    .from(kycDocuments)
    .where(eq(kycDocuments.applicationId, applicationId));
  if ((held?.documents ?? 0) >= MAX_DOCUMENTS) {
    throw refuseKyc('document_limit_reached');
  }
}
