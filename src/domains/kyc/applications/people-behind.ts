import type { Ctx } from '../../../platform/context.ts';
import { openJson } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { KycApplication } from '../store.ts';
import type { PartyDetailsInput } from './company.ts';
import { partyPlace, standingParties } from './parties-of.ts';
import { effectiveShareBps, type PartyFacts } from './party-rules.ts';
import type { PersonBehind } from './requirements.ts';

/**
 * The natural persons behind a legal one who have to be identified.
 * @shape in the order they were named; none for a natural person and where the key was destroyed
 */
export async function peopleToIdentify(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  thresholdBps: number,
): Promise<readonly PersonBehind[]> {
  const key =
    application.applicantKind === 'legal'
      ? await ctx.deps.personKeys.find(tx, application.userId)
      : undefined;
  if (key === undefined) {
    return [];
  }
  const parties = await standingParties(tx, application.id);
  const people = identifiedPeople(parties, thresholdBps);
  return people.flatMap(([first, ...more]) => {
    const details = openJson<PartyDetailsInput>(key, partyPlace(first.id), first.details);
    return details?.person === undefined
      ? []
      : [
          {
            partyIds: [first.id, ...more.map(({ id }) => id)],
            nationality: details.person.nationality,
            isApplicant:
              first.identityIndex !== null &&
              textOf(first.identityIndex) === textOf(application.identityIndex),
          },
        ];
  });
}

/**
 * Whose identity has to be shown, each with all of their parties: who directs, who has a part in a trust, and who owns
 * enough in all, through however many parties. Who is named twice is one, by name and birth date.
 * @units thresholdBps 1–10,000
 * @shape in the order they were first named
 */
export function identifiedPeople<Named extends PartyFacts & { readonly identityIndex: Uint8Array | null }>(
  parties: readonly Named[],
  thresholdBps: number,
): readonly (readonly [Named, ...Named[]])[] {
  const persons = parties.filter(({ kind }) => kind === 'person');
  const people = Map.groupBy(persons, ({ id, identityIndex }) => textOf(identityIndex) ?? id);
  return [...people.values()].flatMap(([first, ...more]) => {
    const all = first === undefined ? [] : [first, ...more];
    const owned = all
      .filter(({ role }) => role === 'beneficial_owner')
      .map(({ id }) => effectiveShareBps(id, parties) ?? 0);
    const isOwner = owned.length > 0 && owned.reduce((sum, share) => sum + share, 0) >= thresholdBps;
    const isNamed = all.some(({ role }) => ALWAYS_IDENTIFIED.has(role));
    return first !== undefined && (isNamed || isOwner) ? [[first, ...more] as const] : [];
  });
}

const ALWAYS_IDENTIFIED: ReadonlySet<string> = new Set([
  'director',
  'trustee',
  'settlor',
  'beneficiary',
  'protector',
]);

function textOf(index: Uint8Array | null): string | null {
  return index === null ? null : Buffer.from(index).toString('hex');
}
