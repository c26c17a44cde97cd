import { isDeepStrictEqual } from 'node:util';
import { iso31661 } from 'iso-3166';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { profilesOf } from '../../identity/index.ts';
import { type Party, screenedByLists } from '../../kyc/index.ts';
import type { EntityIdentifier } from '../lists/entity.ts';
import type { ScreeningSubject } from '../score.ts';

/** Whom one customer stands for. */
export type Subjects = {
  /** Everybody they say they are themselves; there is always one. */
  readonly own: readonly [ScreeningSubject, ...ScreeningSubject[]];
  /** The legal person they act for and everybody behind it, by a name of their own each. */
  readonly parties: readonly { readonly party: string; readonly subject: ScreeningSubject }[];
};

const ALPHA_2 = new Map(iso31661.map((country) => [country.alpha3, country.alpha2]));

/**
 * Whom people say they are: in the newest declaration, in the one that was approved last and in the profile, each
 * where it says something else, with the numbers of their documents. What was handed in and sent back can be edited
 * unseen; what was approved cannot. Reads many at once.
 * @shape one entry per person who is there and was not erased
 */
export async function subjectsOfMany(
  tx: Tx,
  ctx: Ctx,
  userIds: readonly Id[],
): Promise<ReadonlyMap<Id, Subjects>> {
  const profiles = await profilesOf(tx, ctx, userIds);
  const handedIn = await screenedByLists(tx, ctx, [...profiles.keys()]);
  return new Map(
    [...profiles].map(([userId, known]): [Id, Subjects] => {
      const said = handedIn.get(userId);
      const identifiers = (said?.documents ?? []).map(identifierOf);
      const parties = (said?.parties ?? []).map(partySubject);
      const profile = subjectFrom(known, identifiers);
      if (said?.declaration === undefined) {
        return [userId, { own: [profile], parties }];
      }
      const newest = subjectFrom(said.declaration, identifiers);
      const approved = said.approved === undefined ? newest : subjectFrom(said.approved, identifiers);
      const own: Subjects['own'] = isDeepStrictEqual(approved, newest) ? [newest] : [newest, approved];
      return [userId, { own: own.some((one) => saysAll(one, profile)) ? own : [...own, profile], parties }];
    }),
  );
}

/** What somebody says of themselves wherever they say it; what they say in two ways is left out. */
export function undisputed([first, ...others]: Subjects['own']): ScreeningSubject {
  const { birthDate, countries, gender, ...rest } = first;
  const stands = (member: Qualifier) =>
    others.every((other) => other[member] === undefined || isDeepStrictEqual(other[member], first[member]));
  return {
    ...rest,
    ...(birthDate !== undefined && stands('birthDate') ? { birthDate } : {}),
    ...(countries !== undefined && stands('countries') ? { countries } : {}),
    ...(gender !== undefined && stands('gender') ? { gender } : {}),
  };
}

/** Every subject of a customer, their own first. */
export function everySubject({ own, parties }: Subjects): readonly ScreeningSubject[] {
  return [...own, ...parties.map(({ subject }) => subject)];
}

/** The same for one person. @errors not_found where they were erased */
export async function subjectsOf(tx: Tx, ctx: Ctx, userId: Id): Promise<Subjects> {
  const subjects = (await subjectsOfMany(tx, ctx, [userId])).get(userId);
  if (subjects === undefined) {
    throw refuse('not_found');
  }
  return subjects;
}

const QUALIFIERS = ['birthDate', 'countries', 'gender'] as const;
type Qualifier = (typeof QUALIFIERS)[number];

/** Whether a declaration says all that a profile does, which may leave out all but the name. */
function saysAll(declared: ScreeningSubject, profile: ScreeningSubject): boolean {
  return (
    declared.name === profile.name &&
    QUALIFIERS.every(
      (member) => profile[member] === undefined || isDeepStrictEqual(profile[member], declared[member]),
    )
  );
}

type Person = {
  readonly firstName: string;
  readonly lastName: string;
  readonly birthDate?: string | undefined;
  readonly nationality?: string | undefined;
  readonly gender?: string | undefined;
};

function subjectFrom(person: Person, identifiers: readonly EntityIdentifier[]): ScreeningSubject {
  const { firstName, lastName, birthDate, nationality, gender } = person;
  const country = ALPHA_2.get(nationality ?? '');
  return {
    name: `${firstName} ${lastName}`,
    kind: 'person',
    ...(birthDate === undefined ? {} : { birthDate }),
    ...(country === undefined ? {} : { countries: [country] }),
    ...(gender === 'male' || gender === 'female' ? { gender } : {}),
    ...(identifiers.length === 0 ? {} : { identifiers }),
  };
}

function partySubject({ id, kind, name, birthDate, gender, countries, identifiers }: Party) {
  const known = countries.flatMap((country) => ALPHA_2.get(country) ?? []);
  const subject: ScreeningSubject = {
    name,
    kind,
    ...(birthDate === undefined ? {} : { birthDate }),
    ...(gender === undefined ? {} : { gender }),
    ...(known.length === 0 ? {} : { countries: known }),
    ...(identifiers.length === 0 ? {} : { identifiers: identifiers.map(identifierOf) }),
  };
  return { party: `party:${id}`, subject };
}

function identifierOf(document: {
  readonly type: string;
  readonly number: string;
  readonly country: string | null;
}): EntityIdentifier {
  const country = ALPHA_2.get(document.country ?? '');
  return { type: document.type, number: document.number, ...(country === undefined ? {} : { country }) };
}
