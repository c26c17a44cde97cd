import { and, desc, eq, inArray, isNotNull, isNull, ne, or } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { openJson, openText } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { personNameOf, readGates, shutOutOf } from '../identity/index.ts';
import type { DeclarationInput } from './api.ts';
import type { PartyDetailsInput } from './applications/company.ts';
import { formsOf } from './applications/forms-of.ts';
import { companyOf, partyFactsOf, partyPlace, standingParties } from './applications/parties-of.ts';
import { kycParties } from './applications/schema.ts';
import { mrzPlace, numberPlace } from './document-file.ts';
import { mrzNotices } from './documents/mrz-notices.ts';
import { readMrz } from './documents/read-mrz.ts';
import { providerNotices } from './providers/answered-sessions.ts';
import { formNotices } from './review/form-notices.ts';
import { dayOf, isExpired, isIdentity, isSameName, type REVIEW_NOTICES } from './rules.ts';
import { kycApplications, kycDocuments } from './schema.ts';
import type { KycApplication, KycDocument } from './store.ts';
import { areSidesOfOne, wholeUntil } from './whole-paper.ts';

const MAX_SHARED = 200;

/** A picture whose shorter side has less can hardly be read. @units pixels */
const SMALL_PICTURE = 300;

export type NoticeCode = (typeof REVIEW_NOTICES)[number];

export type ReviewNotice = {
  readonly code: NoticeCode;
  readonly documentId?: Id;
  readonly applicationId?: Id;
  readonly sessionId?: Id;
  readonly partyId?: Id;
};

/** What one reviewer may not pass over alone. */
const CRITICAL: ReadonlySet<NoticeCode> = new Set([
  'document_number_seen_elsewhere',
  'barred_person_seen_elsewhere',
  'rejected_before',
  'number_unknown',
  'expiry_unknown',
  'provider_declined',
  'provider_name_differs',
  'provider_birth_date_differs',
]);

/** Whether a notice is grave enough for a second person. */
export function isCritical(code: NoticeCode): boolean {
  return CRITICAL.has(code);
}

/**
 * What a reviewer should look at before deciding. It compares across customers, so it is for staff only.
 * @shape in a fixed order: name, forms, expiry, machine-readable zone, numbers, files, persons, quality, providers
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
  const forms = await formsOf(tx, ctx, application);
  const company = await companyOf(tx, ctx, application);
  const parties = await partyFactsOf(tx, ctx, application);
  const people = await samePeople(tx, application);
  const others = [...numbers, ...files, ...people].flatMap(({ applicationId }) => applicationId ?? []);
  return [
    ...(isSameName(known, declaration) ? [] : [{ code: 'name_differs_from_profile' } as const]),
    ...formNotices(forms, declaration, company, parties).map((code) => ({ code })),
    ...documents
      .filter((document) => isExpired(document, today))
      .map(({ id }) => ({ code: 'document_expired', documentId: id }) as const),
    ...(await zoneNotices(tx, ctx, application, declaration, documents)),
    ...numbers,
    ...files,
    ...people,
    ...(await barredPeople(tx, others)),
    ...(await rejectedBefore(tx, application)),
    ...documents.flatMap((document) => qualityNotices(document, documents)),
    ...(await providerNotices(tx, ctx, application, declaration)),
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
  const parties = new Map(
    (await standingParties(tx, application.id)).map(({ id, details }) => [
      id as string,
      openJson<PartyDetailsInput>(key, partyPlace(id), details).person,
    ]),
  );
  return documents.flatMap((document) => {
    const person = document.partyId === null ? declaration : parties.get(document.partyId);
    if (document.mrz === null || person === undefined) {
      return [];
    }
    const lines = openText(key, mrzPlace(document.id), document.mrz).split('\n');
    const reading = readMrz(lines, dayOf(document.uploadedAt));
    const number = document.number === null ? null : openText(key, numberPlace(document.id), document.number);
    const codes = reading.valid ? mrzNotices(reading.data, person, { ...document, number }) : [];
    return codes.map((code) => ({ code, documentId: document.id }));
  });
}

function qualityNotices(document: KycDocument, all: readonly KycDocument[]): readonly ReviewNotice[] {
  const { id: documentId, width, height } = document;
  const small = width !== null && height !== null && Math.min(width, height) < SMALL_PICTURE;
  const counts = document.status === 'uploaded' || document.status === 'accepted';
  // The other side of a card that is there says neither.
  const isBack = document.side === 'back' && all.some((other) => areSidesOfOne(document, other));
  const names = counts && isIdentity(document.type) && !isBack;
  const undated = document.type === 'proof_of_address' && document.issuedOn === null;
  return [
    ...(names && document.numberIndex === null ? [{ code: 'number_unknown', documentId } as const] : []),
    ...(names && wholeUntil(document, all) === null ? [{ code: 'expiry_unknown', documentId } as const] : []),
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

/**
 * Others who are the same person by name and birth date, or the same legal person by country and number, or who stand
 * behind this one or have it behind them.
 */
async function samePeople(tx: Tx, application: KycApplication): Promise<readonly ReviewNotice[]> {
  const { identityIndex, companyIndex } = application;
  const parties = await standingParties(tx, application.id);
  const known = [identityIndex, companyIndex, ...parties.map((party) => party.identityIndex)];
  const indexes = known.filter((index) => index !== null);
  if (indexes.length === 0) {
    return [];
  }
  const applied = await tx
    .select({
      id: kycApplications.id,
      person: kycApplications.identityIndex,
      company: kycApplications.companyIndex,
    })
    .from(kycApplications)
    .where(
      and(
        ne(kycApplications.userId, application.userId),
        or(inArray(kycApplications.identityIndex, indexes), inArray(kycApplications.companyIndex, indexes)),
      ),
    )
    .orderBy(kycApplications.id)
    .limit(MAX_SHARED);
  const behind = await tx
    .select({ id: kycParties.applicationId, index: kycParties.identityIndex })
    .from(kycParties)
    .where(
      and(
        ne(kycParties.userId, application.userId),
        isNull(kycParties.removedAt),
        inArray(kycParties.identityIndex, indexes),
      ),
    )
    .orderBy(kycParties.id)
    .limit(MAX_SHARED);
  const found = [
    ...applied.map(({ id, person, company }) => {
      if (textOf(company) !== '' && textOf(company) === textOf(companyIndex)) {
        return { code: 'company_seen_elsewhere', applicationId: id } as const;
      }
      const isSame = textOf(person) !== '' && textOf(person) === textOf(identityIndex);
      return { code: isSame ? 'person_seen_elsewhere' : 'party_seen_elsewhere', applicationId: id } as const;
    }),
    ...behind.map(({ id }) => ({ code: 'party_seen_elsewhere', applicationId: id }) as const),
  ];
  return [...new Map(found.map((notice) => [`${notice.code} ${notice.applicationId}`, notice])).values()];
}

/** The firm's own refusal of this very login, where nothing was approved since. */
async function rejectedBefore(tx: Tx, { id, userId }: KycApplication): Promise<readonly ReviewNotice[]> {
  const [last] = await tx
    .select({ id: kycApplications.id, status: kycApplications.status })
    .from(kycApplications)
    .where(
      and(
        eq(kycApplications.userId, userId),
        ne(kycApplications.id, id),
        inArray(kycApplications.status, ['approved', 'rejected']),
      ),
    )
    .orderBy(desc(kycApplications.decidedAt), desc(kycApplications.id))
    .limit(1);
  return last?.status === 'rejected' ? [{ code: 'rejected_before', applicationId: last.id }] : [];
}

/** Those of them whom the firm rejected, shut out or restricted for what they are, or who are on a list. */
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
  const shutOut = await shutOutOf(
    tx,
    people.map(({ userId }) => userId),
  );
  return people
    .filter(
      ({ userId }) =>
        gates.get(userId)?.screening === 'confirmed' ||
        shutOut.has(userId) ||
        rejected.some((one) => one.userId === userId),
    )
    .map(({ id }) => ({ code: 'barred_person_seen_elsewhere', applicationId: id as Id }));
}

function textOf(index: Uint8Array | null): string {
  return Buffer.from(index ?? []).toString('hex');
}
