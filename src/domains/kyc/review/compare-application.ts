import { and, desc, eq, ne } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { type DataKey, openText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { profileOf, recordReads } from '../../identity/index.ts';
import { KYC_EVENTS } from '../audit.ts';
import { readMrz } from '../documents/read-mrz.ts';
import { dayOf } from '../rules.ts';
import { kycApplications } from '../schema.ts';
import {
  declarationOf,
  documentsOf,
  findApplication,
  type KycApplication,
  type KycDocument,
} from '../store.ts';
import { mrzPlace, numberPlace } from '../upload-document.ts';
import { agreeOn } from './agree.ts';

type Said = { readonly source: string; readonly said: Readonly<Record<string, string | null | undefined>> };

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
  'occupation',
  'taxResidence',
  'documentNumber',
  'issuingCountry',
  'expiresOn',
] as const;

/**
 * What the declaration, the profile, the documents, their machine-readable zones and the application that was
 * approved before say, side by side.
 * @effects audit `kyc_application.compared`
 * @errors not_found, also for one's own (no tipping off)
 * @shape one row per thing that any source tells
 */
export async function compareApplication(ctx: Ctx, applicationId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const application = await findApplication(tx, applicationId);
    if (application.userId === personOf(ctx.actor)) {
      throw refuse('not_found');
    }
    const sources = await sourcesOf(tx, ctx, application);
    await recordReads(tx, ctx, [
      {
        event: KYC_EVENTS['kyc_application.compared'],
        resource: { type: 'kyc_application', id: applicationId },
        subjectUserId: application.userId,
        after: application,
      },
    ]);
    return { applicationId, rows: FIELDS.flatMap((field) => comparedOn(field, sources)) };
  });
}

function comparedOn(field: string, sources: readonly Said[]): readonly Compared[] {
  const values = sources.flatMap(({ source, said }) => {
    const value = said[field];
    return value === null || value === undefined || value === '' ? [] : [{ source, value }];
  });
  return values.length === 0 ? [] : [{ field, agree: agreeOn(field, values), values }];
}

async function sourcesOf(tx: Tx, ctx: Ctx, application: KycApplication): Promise<readonly Said[]> {
  const key = await ctx.deps.personKeys.find(tx, application.userId);
  const declared = await declarationOf(tx, ctx, application);
  if (key === undefined || declared === null) {
    return [];
  }
  const profile = await profileOf(tx, ctx, application.userId);
  const documents = await documentsOf(tx, application.id);
  const before = await approvedBefore(tx, application);
  const approved = before === undefined ? null : await declarationOf(tx, ctx, before);
  return [
    { source: 'declared', said: personSaid(declared) },
    ...(profile === undefined ? [] : [{ source: 'profile', said: personSaid(profile) }]),
    ...documents.flatMap((document) => documentSaid(key, document)),
    ...(approved === null ? [] : [{ source: 'approved_before', said: personSaid(approved) }]),
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
  readonly address?: { readonly country: string } | undefined;
};

function personSaid({ firstName, lastName, address, ...rest }: PersonSaid): Said['said'] {
  return {
    name: `${firstName} ${lastName}`,
    birthDate: rest.birthDate,
    nationality: rest.nationality,
    gender: rest.gender,
    country: address?.country,
    occupation: rest.occupation,
    taxResidence: rest.taxResidence,
  };
}

/** What was entered with a document, and what its zone says. */
function documentSaid(key: DataKey, document: KycDocument): readonly Said[] {
  const { id, type, number, mrz, issuingCountry, expiresOn } = document;
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
    name: `${data.givenNames} ${data.surname}`,
    birthDate: data.birthDate,
    nationality: data.nationality,
    gender: data.sex,
    documentNumber: data.documentNumber,
    issuingCountry: data.issuingState,
    expiresOn: data.expiresOn,
  };
  return [entered, { source: `mrz ${id}`, said: zone }];
}
