import type { z } from '@hono/zod-openapi';
import { and, asc, eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { type DataKey, sealText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { files } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { writeSealedFile } from '../../../platform/files/sealed-file.ts';
import { outbound } from '../../../platform/http/outbound.ts';
import { Upload } from '../api.ts';
import { KYC_EVENTS } from '../audit.ts';
import { documentFileName, documentPlace, mrzPlace } from '../document-file.ts';
import { type Inspected, inspectContent } from '../documents/inspect-content.ts';
import { readMrz } from '../documents/read-mrz.ts';
import { dayOf } from '../rules.ts';
import { kycApplications, kycDocuments } from '../schema.ts';
import { sealedNumber } from '../upload-document.ts';
import type { ProviderImage, SaidOfDocument } from './kyc-provider.ts';
import { kycProviderImages, type kycProviderSessions } from './schema.ts';

type Session = typeof kycProviderSessions.$inferSelect;
type Image = typeof kycProviderImages.$inferSelect;

/** How often a picture is tried before the applicant has to show it again. */
const ATTEMPTS_MAX = 5;
const IMAGE_BYTES = 10 * 1024 * 1024;
const IMAGE_TIMEOUT_MS = 20_000;

/**
 * Copies the pictures of a session that were not copied yet: their addresses live for an hour and are kept nowhere.
 * What the provider read off a document goes with its picture, as what is entered with an upload does.
 * @effects sealed files, rows of `files` and `kyc_documents`, `kyc_provider_images`; audit
 *   `kyc_provider_image.settled`
 * @shape how many have to be tried again
 */
export async function copyImages(
  ctx: Ctx,
  session: Session,
  images: readonly ProviderImage[],
): Promise<number> {
  const waiting = await waitingOf(ctx, session.id);
  for (const image of waiting) {
    const shown = images.find(({ name }) => name === image.name);
    const copied = shown === undefined ? 'no_longer_shown' : await download(ctx, shown);
    await transact(ctx, 'engine', async (tx) => {
      const application = present(
        await lockRow(tx, kycApplications, session.applicationId),
        'applications are never deleted',
      );
      const before = present(await lockRow(tx, kycProviderImages, image.id), 'pictures are never deleted');
      if (before.status !== 'waiting') {
        return;
      }
      const key = await ctx.deps.personKeys.find(tx, session.userId);
      const obstacle = obstacleOf(application.status, key);
      const failure = obstacle ?? copied;
      if (typeof failure === 'string') {
        await fail(tx, ctx, before, failure, obstacle !== undefined);
      } else if (shown !== undefined && key !== undefined) {
        await keep(tx, ctx, session, key, before, shown, failure);
      }
    });
  }
  return (await waitingOf(ctx, session.id)).length;
}

/** Why no picture is kept any more, whatever it shows. */
function obstacleOf(status: string, key: DataKey | undefined): string | undefined {
  if (['approved', 'rejected', 'withdrawn'].includes(status)) {
    return 'application_decided';
  }
  return key === undefined ? 'person_erased' : undefined;
}

async function waitingOf(ctx: Ctx, sessionId: Id): Promise<readonly Image[]> {
  return transact(ctx, 'engine', (tx) =>
    tx
      .select()
      .from(kycProviderImages)
      .where(and(eq(kycProviderImages.sessionId, sessionId), eq(kycProviderImages.status, 'waiting')))
      .orderBy(asc(kycProviderImages.id)),
  );
}

type Downloaded = { readonly bytes: Uint8Array; readonly inspected: Inspected };

/** The key of the provider's API does not go where its pictures are. @shape a code where it did not work */
async function download(ctx: Ctx, image: ProviderImage): Promise<Downloaded | string> {
  const answer = await outbound(ctx.deps, {
    url: image.url,
    timeoutMs: IMAGE_TIMEOUT_MS,
    maxBytes: IMAGE_BYTES,
    allow: 'loopback_in_sandbox',
  });
  if (!answer.ok) {
    return answer.failure;
  }
  if (answer.status !== 200) {
    return `status_${answer.status}`;
  }
  const inspected = inspectContent(answer.body);
  return 'fault' in inspected ? `content_${inspected.fault}` : { bytes: answer.body, inspected };
}

async function fail(tx: Tx, ctx: Ctx, before: Image, failure: string, forGood: boolean): Promise<void> {
  const attempts = before.attempts + 1;
  const isOver = forGood || attempts >= ATTEMPTS_MAX || failure.startsWith('content_');
  const [row] = await tx
    .update(kycProviderImages)
    .set({
      attempts,
      failure,
      ...(isOver ? { status: 'failed', settledAt: ctx.deps.clock.now() } : {}),
    })
    .where(eq(kycProviderImages.id, before.id))
    .returning();
  if (isOver) {
    await settled(tx, ctx, before, present(row, 'the picture was locked'));
  }
}

async function keep(
  tx: Tx,
  ctx: Ctx,
  { userId, applicationId }: Session,
  key: DataKey,
  before: Image,
  { type, said }: ProviderImage,
  { bytes, inspected }: Downloaded,
): Promise<void> {
  const [fileId, documentId] = [newId(), newId()];
  // A stray sealed file after a rollback is harmless; a row without its file is not.
  const written = await writeSealedFile(
    await ctx.deps.files.pathOf(documentFileName(fileId)),
    key,
    documentPlace(fileId),
    (async function* () {
      yield bytes;
    })(),
  );
  const now = ctx.deps.clock.now();
  await tx.insert(files).values({
    id: fileId,
    userId,
    contentType: inspected.contentType,
    sizeBytes: written.sizeBytes,
    sha256: new Uint8Array(Buffer.from(written.sha256, 'hex')),
    createdAt: now,
  });
  await tx.insert(kycDocuments).values({
    id: documentId,
    applicationId,
    userId,
    type,
    status: 'uploaded',
    fileId,
    ...saidColumns(ctx, key, documentId, said),
    contentIndex: ctx.deps.keyring.blindIndex('kyc_documents.content', written.sha256),
    width: inspected.width,
    height: inspected.height,
    pageCount: inspected.pageCount,
    uploadedAt: now,
  });
  const [row] = await tx
    .update(kycProviderImages)
    .set({ status: 'copied', documentId, attempts: before.attempts + 1, failure: null, settledAt: now })
    .where(eq(kycProviderImages.id, before.id))
    .returning();
  await settled(tx, ctx, before, present(row, 'the picture was locked'));
}

/** What is kept of what the provider says of a document: what its applicant might have entered, and no more. */
function saidColumns(ctx: Ctx, key: DataKey, documentId: Id, said: SaidOfDocument) {
  const { number, issuingCountry, issuedOn, expiresOn } = Upload.shape;
  const mrz = fitting(Upload.shape.mrz, said.mrz);
  const reading = mrz === undefined ? undefined : readMrz(mrz.split('\n'), dayOf(ctx.deps.clock.now()));
  const zone = reading?.valid === true ? reading.data : undefined;
  return {
    ...sealedNumber(ctx, key, documentId, fitting(number, said.number, zone?.documentNumber)),
    issuingCountry: fitting(issuingCountry, said.issuingCountry, zone?.issuingState) ?? null,
    issuedOn: fitting(issuedOn, said.issuedOn) ?? null,
    expiresOn: fitting(expiresOn, said.expiresOn, zone?.expiresOn) ?? null,
    side: said.side ?? null,
    mrz: mrz === undefined || zone === undefined ? null : sealText(key, mrzPlace(documentId), mrz),
  };
}

/** The first that fits: a provider's answer may hold anything, and what does not fit is not known. */
function fitting(
  shape: z.ZodType<string | undefined>,
  ...values: readonly (string | null | undefined)[]
): string | undefined {
  return values
    .map((value) => shape.safeParse(value ?? undefined))
    .flatMap((read) => (read.success && read.data !== undefined ? [read.data] : []))
    .at(0);
}

async function settled(tx: Tx, ctx: Ctx, before: Image, after: Image): Promise<void> {
  await record(tx, ctx, {
    event: KYC_EVENTS['kyc_provider_image.settled'],
    resource: { type: 'kyc_provider_image', id: after.id },
    subjectUserId: after.userId,
    before,
    after,
  });
}
