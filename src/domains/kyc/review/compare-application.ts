import { and, desc, eq, ne } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { type DataKey, openJson, openText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { profileOf, recordReads } from '../../identity/index.ts';
import type { DeclarationInput } from '../api.ts';
import type { PartyDetailsInput } from '../applications/company.ts';
import { formsOf } from '../applications/forms-of.ts';
import { companyOf, partyPlace, standingParties } from '../applications/parties-of.ts';
import { KYC_EVENTS } from '../audit.ts';
import { mrzPlace, numberPlace } from '../document-file.ts';
import { readMrz } from '../documents/read-mrz.ts';
import { type AnsweredSession, answeredSessions } from '../providers/answered-sessions.ts';
import { dayOf } from '../rules.ts';
import { kycApplications } from '../schema.ts';
import {
  declarationOf,
  documentsOf,
  findApplication,
  type KycApplication,
  type KycDocument,
} from '../store.ts';
import { agreeOn } from './agree.ts';
import {
  addressLine,
  companySaid,
  formsSaid,
  partySaid,
  partyZoneSaid,
  type Said,
  wordOf,
} from './said-besides.ts';

export type Compared = {
  readonly field: string;
  readonly agree: boolean;
  readonly values: readonly { readonly source: string; readonly value: string }[];
};

const FIELDS = [
  'name',
  'birthDate',
  'nationality',
  'gender',
  'country',
  'address',
  'occupation',
  'taxResidence',
  'usPerson',
  'exposed',
  'exposure',
  'documentNumber',
  'issuingCountry',
  'expiresOn',
  'providerStatus',
  'companyName',
  'registrationNumber',
  'incorporatedOn',
  'companyCountry',
  'legalForm',
  'registeredAddress',
  'natureOfBusiness',
  'companyTaxResidence',
  'partyName',
  'partyRole',
  'partyShare',
  'partyBirthDate',
  'partyNationality',
  'partyAddress',
] as const;

/**
 * What the declaration, the forms, the profile, the documents, their machine-readable zones, the provider and the
 * application that was approved before say, side by side; of a legal person and everybody behind it too.
 * @effects audit `kyc_application.compared`, and `kyc_provider_session.read` for each session
 * @errors not_found, also for one's own (no tipping off)
 * @shape one row per thing that any source tells
 */
export async function compareApplication(ctx: Ctx, applicationId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const application = await findApplication(tx, applicationId);
    if (application.userId === personOf(ctx.actor)) {
      throw refuse('not_found');
    }
    const declared = await declarationOf(tx, ctx, application);
    const sessions = await answeredSessions(tx, ctx, application, declared);
    const sources = await sourcesOf(tx, ctx, application, declared);
    await recordReads(tx, ctx, [
      {
        event: KYC_EVENTS['kyc_application.compared'],
        resource: { type: 'kyc_application', id: applicationId },
        subjectUserId: application.userId,
        after: application,
      },
      ...sessions.map(({ session }) => ({
        event: KYC_EVENTS['kyc_provider_session.read'],
        resource: { type: 'kyc_provider_session', id: session.id },
        subjectUserId: application.userId,
        after: session,
      })),
    ]);
    const all = sources.length === 0 ? [] : [...sources, ...sessions.flatMap(sessionSaid)];
    return { applicationId, rows: FIELDS.flatMap((field) => comparedOn(field, all)) };
  });
}

function comparedOn(field: string, sources: readonly Said[]): readonly Compared[] {
  const values = sources.flatMap(({ source, said }) => {
    const value = said[field];
    return value === null || value === undefined || value === '' ? [] : [{ source, value }];
  });
  return values.length === 0 ? [] : [{ field, agree: agreeOn(field, values), values }];
}

async function sourcesOf(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  declared: DeclarationInput | null,
): Promise<readonly Said[]> {
  const key = await ctx.deps.personKeys.find(tx, application.userId);
  if (key === undefined || declared === null) {
    return [];
  }
  const profile = await profileOf(tx, ctx, application.userId);
  const documents = await documentsOf(tx, application.id);
  const before = await approvedBefore(tx, application);
  const approved = before === undefined ? null : await declarationOf(tx, ctx, before);
  const forms = await formsOf(tx, ctx, application);
  return [
    { source: 'declared', said: { ...personSaid(declared), exposed: wordOf(declared.politicallyExposed) } },
    ...(await companySources(tx, ctx, key, application, before)),
    ...formsSaid(forms, application.applicantKind === 'legal'),
    ...(profile === undefined ? [] : [{ source: 'profile', said: personSaid(profile) }]),
    ...documents.flatMap((document) => documentSaid(key, document)),
    ...(approved === null ? [] : [{ source: 'approved_before', said: personSaid(approved) }]),
  ];
}

async function companySources(
  tx: Tx,
  ctx: Ctx,
  key: DataKey,
  application: KycApplication,
  before: KycApplication | undefined,
): Promise<readonly Said[]> {
  const company = await companyOf(tx, ctx, application);
  const approved = before === undefined ? null : await companyOf(tx, ctx, before);
  const parties = await standingParties(tx, application.id);
  return [
    ...(company === null ? [] : [{ source: 'declared', said: companySaid(company) }]),
    ...(approved === null ? [] : [{ source: 'approved_before', said: companySaid(approved) }]),
    ...parties.map(({ id, role, shareBps, details }) =>
      partySaid({
        id,
        role,
        shareBps,
        details: openJson<PartyDetailsInput>(key, partyPlace(id), details),
      }),
    ),
  ];
}

async function approvedBefore(tx: Tx, application: KycApplication): Promise<KycApplication | undefined> {
  const [approved] = await tx
    .select()
    .from(kycApplications)
    .where(
      and(
        eq(kycApplications.userId, application.userId),
        eq(kycApplications.status, 'approved'),
        ne(kycApplications.id, application.id),
      ),
    )
    .orderBy(desc(kycApplications.decidedAt))
    .limit(1);
  return approved;
}

type PersonSaid = {
  readonly firstName: string;
  readonly lastName: string;
  readonly birthDate?: string | undefined;
  readonly nationality?: string | undefined;
  readonly gender?: string | undefined;
  readonly occupation?: string | undefined;
  readonly taxResidence?: string | undefined;
  readonly address?: { readonly country: string } | null | undefined;
};

function personSaid({ firstName, lastName, address, ...rest }: PersonSaid): Said['said'] {
  return {
    name: `${firstName} ${lastName}`,
    birthDate: rest.birthDate,
    nationality: rest.nationality,
    gender: rest.gender,
    country: address?.country,
    address: addressLine(address),
    occupation: rest.occupation,
    taxResidence: rest.taxResidence,
  };
}

/** What a provider made of somebody, and what it read off each document they showed it. */
function sessionSaid({ session, claims }: AnsweredSession): readonly Said[] {
  const { id, provider, status } = session;
  return [
    { source: `${provider} ${id}`, said: { providerStatus: status } },
    ...claims.map((claim, at) => ({
      source: `${provider} ${id}/${at + 1}`,
      said: { ...claim, name: [claim.firstName, claim.lastName].filter(Boolean).join(' ') },
    })),
  ];
}

/** What was entered with a document, and what its zone says. */
function documentSaid(key: DataKey, document: KycDocument): readonly Said[] {
  const { id, type, number, mrz, issuingCountry, expiresOn, partyId } = document;
  const documentNumber = number === null ? null : openText(key, numberPlace(id), number);
  const entered = { source: `${type} ${id}`, said: { documentNumber, issuingCountry, expiresOn } };
  const reading =
    mrz === null
      ? undefined
      : readMrz(openText(key, mrzPlace(id), mrz).split('\n'), dayOf(document.uploadedAt));
  if (reading?.valid !== true) {
    return [entered];
  }
  const { data } = reading;
  const zone = {
    documentNumber: data.documentNumber,
    issuingCountry: data.issuingState,
    expiresOn: data.expiresOn,
  };
  if (partyId !== null) {
    return [entered, { source: `mrz ${id}`, said: zone }, partyZoneSaid(id, partyId, data)];
  }
  const person = {
    name: `${data.givenNames} ${data.surname}`,
    birthDate: data.birthDate,
    nationality: data.nationality,
    gender: data.sex,
  };
  return [entered, { source: `mrz ${id}`, said: { ...person, ...zone } }];
}
