import type { Ctx } from '../../../platform/context.ts';
import { openJson } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { KycApplication } from '../store.ts';
import type { PartyDetailsInput } from './company.ts';
import { partyPlace, standingParties } from './parties-of.ts';
import { effectiveShareBps } from './party-rules.ts';
import type { PersonBehind } from './requirements.ts';

/**
 * The natural persons behind a legal one who have to be identified: who directs it, and who owns enough of it. Who is
 * named twice is one, by name and birth date.
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
  const named = parties.filter(
    ({ id, role, kind }) =>
      kind === 'person' &&
      (role === 'director' ||
        (role === 'beneficial_owner' && (effectiveShareBps(id, parties) ?? 0) >= thresholdBps)),
  );
  const people = Map.groupBy(named, ({ id, identityIndex }) => textOf(identityIndex) ?? id);
  return [...people].flatMap(([identity, [first, ...more]]) => {
    const details = first && openJson<PartyDetailsInput>(key, partyPlace(first.id), first.details);
    return first === undefined || details?.person === undefined
      ? []
      : [
          {
            partyIds: [first.id, ...more.map(({ id }) => id)],
            nationality: details.person.nationality,
            isApplicant: identity === textOf(application.identityIndex),
          },
        ];
  });
}

function textOf(index: Uint8Array | null): string | null {
  return index === null ? null : Buffer.from(index).toString('hex');
}
