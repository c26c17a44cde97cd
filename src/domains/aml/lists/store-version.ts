import { and, eq, sql } from 'drizzle-orm';
import { assert, present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { AML_EVENTS } from '../audit.ts';
import { listEntities, listVersionEntities, listVersions, screeningLists } from '../schema.ts';
import type { ListEntity } from './entity.ts';
import type { ReadEntity } from './read-list.ts';

export type ListVersion = typeof listVersions.$inferSelect;
export type ScreeningList = typeof screeningLists.$inferSelect;

type NewVersion = Omit<typeof listVersions.$inferInsert, 'id'> & { readonly id?: Id };

const CHUNK = 1_000;

/** @shape source id to entity hash (hex) of a version; none for no version */
export async function entityHashesOf(tx: Tx, versionId: Id | null): Promise<ReadonlyMap<string, string>> {
  if (versionId === null) {
    return new Map();
  }
  const rows = await tx
    .select({ sourceId: listEntities.sourceId, hash: listEntities.entityHash })
    .from(listVersionEntities)
    .innerJoin(listEntities, eq(listEntities.id, listVersionEntities.entityId))
    .where(eq(listVersionEntities.versionId, versionId));
  return new Map(rows.map((row) => [row.sourceId, Buffer.from(row.hash).toString('hex')]));
}

/** What a version has of these entries, by their source ids. */
export async function entitiesOfSources(
  tx: Tx,
  versionId: Id,
  sourceIds: readonly string[],
): Promise<ReadonlyMap<string, ListEntity>> {
  const rows = await tx
    .select({ sourceId: listEntities.sourceId, record: listEntities.record })
    .from(listVersionEntities)
    .innerJoin(listEntities, eq(listEntities.id, listVersionEntities.entityId))
    .where(
      and(
        eq(listVersionEntities.versionId, versionId),
        sql`${listEntities.sourceId} = any(${sql.param([...sourceIds])}::text[])`,
      ),
    );
  return new Map(rows.map((row) => [row.sourceId, row.record as ListEntity]));
}

/** What is counted of a version besides its entries. */
export type ContentCounts = Pick<ListVersion, 'nameCount' | 'identifierCount' | 'unreadableCount'>;

/** @shape what was counted when it was imported, else counted now; null for no version */
export async function contentCountsOf(tx: Tx, versionId: Id | null): Promise<ContentCounts | null> {
  if (versionId === null) {
    return null;
  }
  const [row] = await tx.execute<{ names: number; identifiers: number; unreadable: number | null }>(sql`
    select v.unreadable_count as unreadable,
      coalesce(v.name_count, held.names, 0)::int as names,
      coalesce(v.identifier_count, held.identifiers, 0)::int as identifiers
    from list_versions v left join lateral (
      select sum(jsonb_array_length(e.record -> 'names')) as names,
        sum(jsonb_array_length(e.record -> 'identifiers')) as identifiers
      from list_version_entities m join list_entities e on e.id = m.entity_id
      where m.version_id = v.id and v.name_count is null
    ) held on true
    where v.id = ${versionId}::uuid`);
  return row === undefined
    ? null
    : { nameCount: row.names, identifierCount: row.identifiers, unreadableCount: row.unreadable };
}

/** What is counted of the entries of a file. */
export function countsOf(entities: readonly ReadEntity[]) {
  const counts = { nameCount: 0, identifierCount: 0, unreadableCount: 0 };
  for (const { names, identifiers, unreadable } of entities) {
    counts.nameCount += names;
    counts.identifierCount += identifiers;
    counts.unreadableCount += unreadable;
  }
  return counts;
}

/**
 * Keeps a version with every entry of its file; each distinct state of an entry is kept once.
 * @effects `list_versions`, `list_entities`, `list_version_entities`
 */
export async function storeVersion(
  tx: Tx,
  ctx: Ctx,
  version: NewVersion,
  entities: readonly ReadEntity[],
): Promise<ListVersion> {
  const stored = await insertVersion(tx, version);
  const createdAt = ctx.deps.clock.now();
  for (let start = 0; start < entities.length; start += CHUNK) {
    const chunk = entities.slice(start, start + CHUNK);
    const column = (pick: (entity: ReadEntity) => string) => sql`${sql.param(chunk.map(pick))}::text[]`;
    const sourceIds = column(({ sourceId }) => sourceId);
    const hashes = column(({ hash }) => hash);
    await tx.execute(sql`
      insert into list_entities (id, list_id, source_id, entity_hash, screening_hash, kind, record, created_at)
      select id::uuid, ${stored.listId}::uuid, source_id, decode(hash, 'hex'), decode(screening_hash, 'hex'), kind,
        record::jsonb, ${createdAt}::timestamptz
      from unnest(${column(() => newId())}, ${sourceIds}, ${hashes}, ${column((entity) => entity.screeningHash)},
        ${column(({ kind }) => kind)}, ${column((entity) => entity.record)})
        as batch (id, source_id, hash, screening_hash, kind, record)
      on conflict do nothing`);
    const linked = await tx.execute(sql`
      insert into list_version_entities (version_id, entity_id)
      select ${stored.id}::uuid, e.id
      from unnest(${sourceIds}, ${hashes}) as batch (source_id, hash)
      join list_entities e on e.list_id = ${stored.listId}::uuid and e.source_id = batch.source_id
        and e.entity_hash = decode(batch.hash, 'hex')
      returning entity_id`);
    assert(linked.length === chunk.length, 'a version holds every entity of its file');
  }
  return stored;
}

/**
 * Keeps what a version changes of the one it was compared with, entry by entry.
 * @effects `list_version_changes`
 */
export async function storeChanges(
  tx: Tx,
  version: Pick<ListVersion, 'id' | 'baseVersionId'>,
): Promise<void> {
  await tx.execute(sql`
    with now as (
      select e.id, e.source_id, e.screening_hash from list_version_entities v
        join list_entities e on e.id = v.entity_id where v.version_id = ${version.id}::uuid
    ), before as (
      select e.id, e.source_id, e.screening_hash from list_version_entities v
        join list_entities e on e.id = v.entity_id where v.version_id = ${version.baseVersionId}::uuid
    )
    insert into list_version_changes
      (version_id, source_id, change, entity_id, previous_entity_id, screening_changed)
    select ${version.id}::uuid, coalesce(now.source_id, before.source_id),
      case when before.id is null then 'added' when now.id is null then 'removed' else 'changed' end,
      now.id, before.id,
      now.screening_hash is null or before.screening_hash is null
        or now.screening_hash <> before.screening_hash
    from now full join before on before.source_id = now.source_id
    where now.id is distinct from before.id`);
}

/**
 * Makes a stored version the one that screens, in one step. The list's row is locked by the caller.
 * @effects `list_versions`, `screening_lists`; audit `list_version.activated`; event `aml.list_activated`
 */
export async function activateVersion(
  tx: Tx,
  ctx: Ctx,
  list: ScreeningList,
  version: ListVersion,
  approvalId: Id | null = null,
): Promise<ListVersion> {
  if (list.activeVersionId !== null) {
    await tx
      .update(listVersions)
      .set({ status: 'superseded' })
      .where(eq(listVersions.id, list.activeVersionId));
  }
  const [activated] = await tx
    .update(listVersions)
    .set({ status: 'active', ...(approvalId === null ? {} : { approvalId }) })
    .where(eq(listVersions.id, version.id))
    .returning();
  const active = present(activated, 'the version was stored');
  await tx
    .update(screeningLists)
    .set({ activeVersionId: active.id, confirmedAt: ctx.deps.clock.now() })
    .where(eq(screeningLists.id, list.id));
  await record(tx, ctx, {
    event: AML_EVENTS['list_version.activated'],
    resource: { type: 'list_version', id: active.id },
    subjectUserId: null,
    after: active,
  });
  const { id: versionId, baseVersionId, entityCount, addedCount, changedCount, removedCount } = active;
  await publish(tx, ctx, [
    {
      type: 'aml.list_activated',
      userId: null,
      customerVisible: false,
      data: {
        listId: list.id,
        versionId,
        baseVersionId,
        entityCount,
        addedCount,
        changedCount,
        removedCount,
      },
    },
  ]);
  return active;
}

/** Versions of a list that wait for a second person; what comes after them makes them obsolete. */
export async function supersedeWaiting(tx: Tx, listId: Id): Promise<void> {
  await tx
    .update(listVersions)
    .set({ status: 'superseded' })
    .where(and(eq(listVersions.listId, listId), eq(listVersions.status, 'importing')));
}

async function insertVersion(tx: Tx, version: NewVersion): Promise<ListVersion> {
  const [stored] = await tx
    .insert(listVersions)
    .values({ id: newId(), ...version })
    .returning();
  return present(stored, 'the version was inserted');
}
