import { sql } from 'drizzle-orm';
import { type Ctx, type Deps, perDeps } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral } from '../../../platform/db/insert-rows.ts';
import { buildCandidateIndexInTurns, type CandidateIndex } from '../candidate-index.ts';
import type { ListEntity } from '../lists/entity.ts';
import type { ActiveLists } from '../screener.ts';
import { heldBy, listSetHash } from '../screening/standings.ts';

/** What somebody is compared with to be up with the active lists; null for all that is on them. */
export type Compared = CandidateIndex | null;

/** Beyond this share of the active entries a small index saves nothing. */
const DELTA_SHARE_MAX = 0.2;

/** How many small indexes are kept: people are behind by one or two versions, seldom by more. */
const KEPT_MAX = 4;

const known = perDeps((_deps: Deps) => new Map<string, Promise<CandidateIndex | null>>());

/**
 * What to compare people with who were last held against a set of versions: the entries that are new to that
 * set or read otherwise now, or everything where that is most of the lists, nothing is known of the set or the
 * configuration is another. What was taken off the lists finds nobody and need not be compared.
 */
export async function comparedFor(
  tx: Tx,
  ctx: Ctx,
  lists: ActiveLists,
  last: { readonly listSet: string | null; readonly configHash: string | null },
): Promise<Compared> {
  if (last.listSet === null || last.configHash !== heldBy(lists.configHash)) {
    return null;
  }
  const indexes = known(ctx.deps);
  const name = `${last.listSet} ${listSetHash(lists.versions)}`;
  let index = indexes.get(name);
  if (index === undefined) {
    index = deltaIndex(tx, lists, last.listSet);
    if (indexes.size >= KEPT_MAX) {
      indexes.clear();
    }
    indexes.set(name, index);
    index.catch(() => indexes.delete(name));
  }
  return index;
}

/** How many entries are on the lists. */
export function entityCountOf({ stopping, reviewing }: ActiveLists): number {
  return stopping.entityCount + reviewing.entityCount;
}

async function deltaIndex(tx: Tx, lists: ActiveLists, listSet: string): Promise<CandidateIndex | null> {
  const versions = sql.param(arrayLiteral(Object.values(lists.versions)));
  const max = Math.floor(entityCountOf(lists) * DELTA_SHARE_MAX);
  const rows = await tx.execute<{ id: string; record: ListEntity }>(sql`
    with before as (
      select e.list_id, e.source_id, e.screening_hash
      from screening_list_sets s
        cross join lateral jsonb_each_text(s.versions) as held (list_id, version_id)
        join list_version_entities v on v.version_id = held.version_id::uuid
        join list_entities e on e.id = v.entity_id
      where s.hash = ${listSet} and held.version_id <> all (${versions}::text[])
    )
    select e.id::text as id, e.record
    from screening_list_sets s cross join list_version_entities v join list_entities e on e.id = v.entity_id
    where s.hash = ${listSet} and v.version_id = any (${versions}::uuid[])
      and v.version_id::text not in (select value from jsonb_each_text(s.versions))
      and not exists (
        select from before b where b.list_id = e.list_id and b.source_id = e.source_id
          and b.screening_hash = e.screening_hash)
    order by e.id limit ${max + 1}`);
  return rows.length > max
    ? null
    : buildCandidateIndexInTurns(rows.map(({ id, record }) => ({ key: id, entity: record })));
}
