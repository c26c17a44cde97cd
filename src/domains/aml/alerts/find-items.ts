import { eq, inArray } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { ListEntity } from '../lists/entity.ts';
import { holdMeaning } from '../lists/look-again.ts';
import { effectOf, purposeOf } from '../lists/rules.ts';
import type { ScreeningMatch } from '../match.ts';
import { listEntities, screeningLists } from '../schema.ts';
import type { AlertItem } from './alert-items.ts';
import type { AlertEffect, AlertKind } from './rules.ts';

/** What was found for one of those a customer stands for. */
export type PartyMatches = {
  /** Empty for themselves. */
  readonly party: string;
  /** What screening read of them, keyed. */
  readonly subjectDigest: Uint8Array;
  readonly matches: readonly ScreeningMatch[];
};

/** A resemblance with what its list makes of it. */
export type FoundItem = AlertItem & { readonly kind: AlertKind; readonly effect: AlertEffect };

const KIND_OF = {
  sanctions: 'sanctions',
  pep: 'pep',
  adverse_media: 'adverse_media',
  internal: 'internal_list',
} as const satisfies Readonly<Record<string, AlertKind>>;

/** Looks up what each match is of, so that it can be told from others of the same person. */
export async function findItems(tx: Tx, parties: readonly PartyMatches[]): Promise<readonly FoundItem[]> {
  const keys = [...new Set(parties.flatMap(({ matches }) => matches.map(({ key }) => key)))];
  if (keys.length === 0) {
    return [];
  }
  await holdMeaning(tx);
  const rows = await tx
    .select({ entity: listEntities, purpose: screeningLists.purpose, effect: screeningLists.effect })
    .from(listEntities)
    .innerJoin(screeningLists, eq(screeningLists.id, listEntities.listId))
    .where(inArray(listEntities.id, keys));
  const known = new Map(rows.map((row) => [row.entity.id, row]));
  return parties.flatMap(({ party, subjectDigest, matches }) =>
    matches.map((match) => {
      const { entity, purpose, effect } = present(known.get(match.key), 'what is in the index is stored');
      const entry = entity.record as ListEntity;
      return {
        listId: entity.listId,
        sourceId: entity.sourceId,
        entityId: entity.id,
        party,
        // What was imported before screening's own hash was kept is told by the whole record.
        screeningHash: entity.screeningHash ?? entity.entityHash,
        subjectDigest,
        bestScoreBps: Math.round(match.score * 10_000),
        kind: KIND_OF[purposeOf({ purpose }, entry)],
        effect: effectOf({ effect, purpose }, entry),
      };
    }),
  );
}
