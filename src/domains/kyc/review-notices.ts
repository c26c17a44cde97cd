import { and, eq, inArray, isNotNull, ne } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { openText } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { personNameOf, readGates } from '../identity/index.ts';
import type { DeclarationInput } from './api.ts';
import { mrzNotices } from './documents/mrz-notices.ts';
import { readMrz } from './documents/read-mrz.ts';
import { dayOf, isExpired, isSameName, type REVIEW_NOTICES } from './rules.ts';
import { kycApplications, kycDocuments } from './schema.ts';
import type { KycApplication, KycDocument } from './store.ts';
import { mrzPlace, numberPlace } from './upload-document.ts';

const MAX_SHARED = 200;

/** A picture whose shorter side has less can hardly be read. @units pixels */
const SMALL_PICTURE = 300;

export type NoticeCode = (typeof REVIEW_NOTICES)[number];

export type ReviewNotice = {
  readonly code: NoticeCode;
  readonly documentId?: Id;
  readonly applicationId?: Id;
};

/** What one reviewer may not pass over alone. */
const CRITICAL: ReadonlySet<NoticeCode> = new Set([
  'document_number_seen_elsewhere',
  'barred_person_seen_elsewhere',
]);

/** Whether a notice is grave enough for a second person. */
export function isCritical(code: NoticeCode): boolean {
  return CRITICAL.has(code);
}

/**
 * What a reviewer should look at before deciding. It compares across customers, so it is for staff only.
 * @shape in a fixed order: name, expiry, machine-readable zone, numbers, files, persons, quality
 */
export async function reviewNotices(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  declaration: DeclarationInput,
  documents: readonly KycDocument[],
): Promise<readonly ReviewNotice[]> {
  const known = await personNameOf(tx, ctx, application.userId);
  const today = dayOf(ctx.deps.clock.now());
  const numbers = await sharedNumbers(tx, application.userId, documents);
  const files = await sharedFiles(tx, application.userId, documents);
  const people = await samePeople(tx, application);
  const others = [...numbers, ...files, ...people].flatMap(({ applicationId }) => applicationId ?? []);
  return [
    ...(isSameName(known, declaration) ? [] : [{ code: 'name_differs_from_profile' } as const]),
    ...documents
      .filter((document) => isExpired(document, today))
      .map(({ id }) => ({ code: 'document_expired', documentId: id }) as const),
    ...(await zoneNotices(tx, ctx, application, declaration, documents)),
    ...numbers,
    ...files,
    ...people,
    ...(await barredPeople(tx, others)),
    ...documents.flatMap(qualityNotices),
  ];
}

async function zoneNotices(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  declaration: DeclarationInput,
  documents: readonly KycDocument[],
): Promise<readonly ReviewNotice[]> {
  const key = await ctx.deps.personKeys.find(tx, application.userId);
  if (key === undefined) {
    return [];
  }
  return documents.flatMap((document) => {
    if (document.mrz === null) {
      return [];
    }
    const lines = openText(key, mrzPlace(document.id), document.mrz).split('\n');
    const reading = readMrz(lines, dayOf(document.uploadedAt));
    const number = document.number === null ? null : openText(key, numberPlace(document.id), document.number);
    const codes = reading.valid ? mrzNotices(reading.data, declaration, { ...document, number }) : [];
    return codes.map((code) => ({ code, documentId: document.id }));
  });
}

function qualityNotices(document: KycDocument): readonly ReviewNotice[] {
  const { id: documentId, width, height } = document;
  const small = width !== null && height !== null && Math.min(width, height) < SMALL_PICTURE;
  const undated = document.type === 'proof_of_address' && document.issuedOn === null;
  return [
    ...(small ? [{ code: 'image_small', documentId } as const] : []),
    ...(undated ? [{ code: 'issue_date_unknown', documentId } as const] : []),
  ];
}

/** The blind index finds a number again without opening it. */
async function sharedNumbers(
  tx: Tx,
  userId: Id,
  documents: readonly KycDocument[],
): Promise<readonly ReviewNotice[]> {
  const numbered = documents.filter((document) => document.numberIndex !== null);
  if (numbered.length === 0) {
    return [];
  }
  const others = await tx
    .select({ applicationId: kycDocuments.applicationId, index: kycDocuments.numberIndex })
    .from(kycDocuments)
    .where(
      and(
        ne(kycDocuments.userId, userId),
        isNotNull(kycDocuments.numberIndex),
        inArray(
          kycDocuments.numberIndex,
          numbered.map((document) => document.numberIndex as Uint8Array),
        ),
      ),
    )
    .orderBy(kycDocuments.id)
    .limit(MAX_SHARED);
  return numbered.flatMap((document) =>
    seenElsewhere('document_number_seen_elsewhere', document.id, document.numberIndex, others),
  );
}

/** The same bytes on somebody else's application. */
async function sharedFiles(
  tx: Tx,
  userId: Id,
  documents: readonly KycDocument[],
): Promise<readonly ReviewNotice[]> {
  const indexed = documents.filter((document) => document.contentIndex !== null);
  if (indexed.length === 0) {
    return [];
  }
  const others = await tx
    .select({ applicationId: kycDocuments.applicationId, index: kycDocuments.contentIndex })
    .from(kycDocuments)
    .where(
      and(
        ne(kycDocuments.userId, userId),
        inArray(
          kycDocuments.contentIndex,
          indexed.map((document) => document.contentIndex as Uint8Array),
        ),
      ),
    )
    .orderBy(kycDocuments.id)
    .limit(MAX_SHARED);
  return indexed.flatMap((document) =>
    seenElsewhere('document_file_seen_elsewhere', document.id, document.contentIndex, others),
  );
}

type Indexed = { readonly applicationId: Id | string; readonly index: Uint8Array | null };

function seenElsewhere(
  code: NoticeCode,
  documentId: Id | string,
  index: Uint8Array | null,
  others: readonly Indexed[],
): readonly ReviewNotice[] {
  const same = others.filter((other) => textOf(other.index) === textOf(index));
  return [...new Set(same.map((other) => other.applicationId))].map((applicationId) => ({
    code,
    documentId: documentId as Id,
    applicationId: applicationId as Id,
  }));
}

/** Others who say they have this name and were born that day. */
async function samePeople(tx: Tx, application: KycApplication): Promise<readonly ReviewNotice[]> {
  if (application.identityIndex === null) {
    return [];
  }
  const others = await tx
    .select({ id: kycApplications.id })
    .from(kycApplications)
    .where(
      and(
        ne(kycApplications.userId, application.userId),
        eq(kycApplications.identityIndex, application.identityIndex),
      ),
    )
    .orderBy(kycApplications.id)
    .limit(MAX_SHARED);
  return others.map(({ id }) => ({ code: 'person_seen_elsewhere', applicationId: id as Id }));
}

/** Those of them whom the firm rejected, or who are on a list. */
async function barredPeople(tx: Tx, applicationIds: readonly Id[]): Promise<readonly ReviewNotice[]> {
  if (applicationIds.length === 0) {
    return [];
  }
  const people = await tx
    .select({ id: kycApplications.id, userId: kycApplications.userId })
    .from(kycApplications)
    .where(inArray(kycApplications.id, [...new Set(applicationIds)]))
    .orderBy(kycApplications.id);
  const rejected = await tx
    .selectDistinct({ userId: kycApplications.userId })
    .from(kycApplications)
    .where(
      and(
        eq(kycApplications.status, 'rejected'),
        inArray(
          kycApplications.userId,
          people.map(({ userId }) => userId),
        ),
      ),
    );
  const gates = await readGates(
    tx,
    people.map(({ userId }) => userId as Id),
  );
  return people
    .filter(
      ({ userId }) =>
        gates.get(userId as Id)?.screening === 'confirmed' || rejected.some((one) => one.userId === userId),
    )
    .map(({ id }) => ({ code: 'barred_person_seen_elsewhere', applicationId: id as Id }));
}

function textOf(index: Uint8Array | null): string {
  return Buffer.from(index ?? []).toString('hex');
}
