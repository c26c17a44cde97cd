import { and, eq, isNotNull, isNull } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { type DataKey, openJson, openText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { numberPlace } from '../document-file.ts';
import { type kycApplications, kycDocuments } from '../schema.ts';
import type { CompanyInput, PartyDetailsInput } from './company.ts';
import type { PartyFacts } from './party-rules.ts';
import { kycParties } from './schema.ts';

/** A number an authority gave somebody. @units country ISO 3166-1 alpha-3 */
export type PartyIdentifier = {
  readonly type: string;
  readonly number: string;
  readonly country: string | null;
};

/** Somebody behind a customer who is a legal person, the legal person itself first. */
export type Party = {
  /** The row of the party; of the application for the legal person itself. */
  readonly id: Id;
  readonly role:
    | 'applicant'
    | 'director'
    | 'beneficial_owner'
    | 'authorised_signatory'
    | 'trustee'
    | 'settlor'
    | 'beneficiary'
    | 'protector';
  readonly kind: 'person' | 'organisation';
  readonly name: string;
  /** @units YYYY-MM-DD */
  readonly birthDate?: string;
  readonly gender?: 'female' | 'male';
  /** @units ISO 3166-1 alpha-3 */
  readonly countries: readonly string[];
  readonly identifiers: readonly PartyIdentifier[];
};

/**
 * Everybody behind the legal person an application is for, the legal person itself first, as said in that
 * application; none for a natural person.
 */
export async function partiesOf(
  tx: Tx,
  key: DataKey,
  application: Pick<typeof kycApplications.$inferSelect, 'id' | 'company'>,
): Promise<readonly Party[]> {
  if (application.company === null) {
    return [];
  }
  const company = openJson<CompanyInput>(key, companyPlace(application.id), application.company);
  const rows = await standingParties(tx, application.id);
  const numbers = await numbersOf(tx, key, application.id);
  return [
    {
      id: application.id,
      role: 'applicant',
      kind: 'organisation',
      name: company.legalName,
      countries: [company.country],
      identifiers: [
        { type: 'registration', number: company.registrationNumber, country: company.country },
        ...(company.lei === undefined ? [] : [{ type: 'lei', number: company.lei, country: null }]),
      ],
    },
    ...rows.map((row) => partyFrom(key, row, numbers.get(row.id) ?? [])),
  ];
}

/** The numbers of the documents that were shown of each party. */
async function numbersOf(
  tx: Tx,
  key: DataKey,
  applicationId: Id,
): Promise<ReadonlyMap<string | null, readonly PartyIdentifier[]>> {
  const documents = await tx
    .select({
      id: kycDocuments.id,
      partyId: kycDocuments.partyId,
      type: kycDocuments.type,
      number: kycDocuments.number,
      country: kycDocuments.issuingCountry,
    })
    .from(kycDocuments)
    .where(
      and(
        eq(kycDocuments.applicationId, applicationId),
        isNotNull(kycDocuments.partyId),
        isNotNull(kycDocuments.number),
        isNull(kycDocuments.removedAt),
      ),
    )
    .orderBy(kycDocuments.id);
  const numbered = documents.flatMap(({ id, partyId, type, number, country }) =>
    number === null ? [] : [{ partyId, type, number: openText(key, numberPlace(id), number), country }],
  );
  const byParty = Map.groupBy(numbered, ({ partyId }) => partyId);
  return new Map(
    [...byParty].map(([partyId, told]) => [partyId, told.map(({ partyId: _party, ...rest }) => rest)]),
  );
}

/** Opens the legal person an application is for; null for a natural one, and where the key was destroyed. */
export async function companyOf(
  tx: Tx,
  ctx: Ctx,
  { id, userId, company }: typeof kycApplications.$inferSelect,
): Promise<CompanyInput | null> {
  const key = company === null ? undefined : await ctx.deps.personKeys.find(tx, userId);
  return company === null || key === undefined
    ? null
    : openJson<CompanyInput>(key, companyPlace(id), company);
}

/** The parties of an application that were not taken back, oldest first. */
export async function standingParties(tx: Tx, applicationId: Id) {
  return tx
    .select()
    .from(kycParties)
    .where(and(eq(kycParties.applicationId, applicationId), isNull(kycParties.removedAt)))
    .orderBy(kycParties.id);
}

/** What ownership is judged by of those behind a legal person; nothing is listed where the key was destroyed. */
export async function partyFactsOf(
  tx: Tx,
  ctx: Ctx,
  { id, userId }: Pick<typeof kycApplications.$inferSelect, 'id' | 'userId'>,
): Promise<readonly PartyFacts[]> {
  const key = await ctx.deps.personKeys.find(tx, userId);
  return (await standingParties(tx, id)).map((party) => ({
    id: party.id,
    role: party.role,
    kind: party.kind,
    shareBps: party.shareBps,
    parentId: party.parentId,
    isListed: key !== undefined && isListed(key, party),
  }));
}

/** What a sealed company is bound to. */
export function companyPlace(applicationId: Id) {
  return { table: 'kyc_applications', column: 'company', rowId: applicationId };
}

/** What a party's sealed details are bound to. */
export function partyPlace(partyId: Id) {
  return { table: 'kyc_parties', column: 'details', rowId: partyId };
}

function isListed(key: DataKey, { id, details }: typeof kycParties.$inferSelect): boolean {
  const { organisation } = openJson<PartyDetailsInput>(key, partyPlace(id), details);
  return organisation?.listing !== undefined;
}

function partyFrom(
  key: DataKey,
  row: typeof kycParties.$inferSelect,
  shown: readonly PartyIdentifier[],
): Party {
  const { person, organisation } = openJson<PartyDetailsInput>(key, partyPlace(row.id), row.details);
  const common = { id: row.id, role: row.role as Party['role'] };
  if (person !== undefined) {
    const { gender } = person;
    return {
      ...common,
      kind: 'person',
      name: `${person.firstName} ${person.lastName}`,
      birthDate: person.birthDate,
      ...(gender === 'female' || gender === 'male' ? { gender } : {}),
      countries: [person.nationality],
      identifiers: [...identifiersFrom(person.identifiers), ...shown],
    };
  }
  const number = organisation?.registrationNumber;
  const country = organisation?.country ?? '';
  return {
    ...common,
    kind: 'organisation',
    name: organisation?.legalName ?? '',
    countries: [country],
    identifiers: [
      ...(number === undefined ? [] : [{ type: 'registration', number, country }]),
      ...identifiersFrom(organisation?.identifiers),
    ],
  };
}

type SaidIdentifiers = NonNullable<PartyDetailsInput['person']>['identifiers'];

function identifiersFrom(said: SaidIdentifiers): readonly PartyIdentifier[] {
  return (said ?? []).map(({ type, number, country }) => ({ type, number, country: country ?? null }));
}
