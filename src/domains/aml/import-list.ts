import { eq, sql } from 'drizzle-orm';
import { actorIdOf } from '../../kernel/actor.ts';
import { assert, present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { equalSecrets, sha256 } from '../../platform/crypto/keyring.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { AML_EVENTS } from './audit.ts';
import { caseLogin } from './case-login.ts';
import { refuseAml } from './errors.ts';
import { entityHash, type ListEntity } from './lists/entity.ts';
import { ListFormatError } from './lists/list-format-error.ts';
import { type ListFiles, parseListFiles } from './lists/parse-list.ts';
import { losesTooMuch } from './rules.ts';
import { listEntities, listVersionEntities, listVersions, screeningLists } from './schema.ts';
import { refreshScreener } from './screener.ts';

export type ListVersion = typeof listVersions.$inferSelect;
type List = typeof screeningLists.$inferSelect;
type HashedEntity = { readonly entity: ListEntity; readonly hash: string };

type Changes = Readonly<Record<'addedCount' | 'changedCount' | 'removedCount', number>>;
type RefusedFile = Changes & Pick<ListVersion, 'fileHash' | 'entityCount' | 'refusal'>;

const CHUNK = 1_000;
const NO_CHANGES: Changes = { addedCount: 0, changedCount: 0, removedCount: 0 };

/**
 * Imports a version of a list and makes it active in one step. A file that cannot be read, or that
 * lost too much, is kept as a refused version and the old one stays active.
 * @effects `list_versions`, `list_entities`, `list_version_entities`, `screening_lists`; audit
 * @errors not_found, list_files_missing, list_kind_unsupported, list_unreadable, list_unchanged, list_shrunk
 */
export async function importList(ctx: Ctx, listId: Id, files: ListFiles): Promise<ListVersion> {
  const login = caseLogin(ctx);
  const list = await transact(ctx, login, async (tx) => {
    const [found] = await tx.select().from(screeningLists).where(eq(screeningLists.id, listId));
    return found;
  });
  if (list === undefined) {
    throw refuse('not_found');
  }
  const fileHash = sha256(
    Buffer.concat(
      Object.keys(files)
        .sort()
        .map((name) => sha256(files[name] ?? new Uint8Array())),
    ),
  );
  let entities: readonly HashedEntity[];
  try {
    entities = parseListFiles(list.kind, files).map((entity) => ({ entity, hash: entityHash(entity) }));
  } catch (error) {
    if (error instanceof ListFormatError) {
      await keepRefusal(ctx, list, { fileHash, entityCount: 0, ...NO_CHANGES, refusal: error.message });
      throw refuseAml('list_unreadable', { detail: error.message });
    }
    throw error;
  }
  const outcome = await transact(ctx, login, (tx) => activate(tx, ctx, listId, fileHash, entities));
  if ('refused' in outcome) {
    const { refused } = outcome;
    await keepRefusal(ctx, list, {
      fileHash,
      entityCount: entities.length,
      ...refused,
      refusal: 'list_shrunk',
    });
    throw refuseAml('list_shrunk', { detail: `${refused.removedCount} entries are gone.` });
  }
  await refreshScreener(ctx);
  return outcome.version;
}

async function activate(
  tx: Tx,
  ctx: Ctx,
  listId: Id,
  fileHash: Uint8Array,
  entities: readonly HashedEntity[],
): Promise<{ readonly version: ListVersion } | { readonly refused: Changes }> {
  const list = present(await lockRow(tx, screeningLists, listId), 'the list exists');
  const active = await versionOf(tx, list.activeVersionId);
  if (active !== undefined && equalSecrets(active.fileHash, fileHash)) {
    throw refuseAml('list_unchanged');
  }
  const before = await entitiesOf(tx, list.activeVersionId);
  const changes = countChanges(before, entities);
  if (losesTooMuch(before.size, changes.removedCount)) {
    return { refused: changes };
  }
  const versionId = newId();
  const [version] = await tx
    .insert(listVersions)
    .values({
      id: versionId,
      listId,
      status: 'active',
      fileHash,
      entityCount: entities.length,
      ...changes,
      importedBy: actorIdOf(ctx.actor),
      importedAt: ctx.deps.clock.now(),
    })
    .returning();
  await storeEntities(tx, ctx, listId, versionId, entities);
  if (active !== undefined) {
    await tx.update(listVersions).set({ status: 'superseded' }).where(eq(listVersions.id, active.id));
  }
  await tx.update(screeningLists).set({ activeVersionId: versionId }).where(eq(screeningLists.id, listId));
  const activated = present(version, 'the version was inserted');
  await record(tx, ctx, {
    event: AML_EVENTS['list_version.activated'],
    resource: { type: 'list_version', id: versionId },
    subjectUserId: null,
    after: activated,
  });
  return { version: activated };
}

async function versionOf(tx: Tx, versionId: Id | null): Promise<ListVersion | undefined> {
  if (versionId === null) {
    return undefined;
  }
  const [version] = await tx.select().from(listVersions).where(eq(listVersions.id, versionId));
  return version;
}

/** @shape source id to entity hash (hex) of a version */
async function entitiesOf(tx: Tx, versionId: Id | null): Promise<ReadonlyMap<string, string>> {
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

function countChanges(before: ReadonlyMap<string, string>, entities: readonly HashedEntity[]): Changes {
  const now = new Set(entities.map(({ entity }) => entity.sourceId));
  let addedCount = 0;
  let changedCount = 0;
  for (const { entity, hash } of entities) {
    const known = before.get(entity.sourceId);
    addedCount += known === undefined ? 1 : 0;
    changedCount += known !== undefined && known !== hash ? 1 : 0;
  }
  const removedCount = [...before.keys()].filter((sourceId) => !now.has(sourceId)).length;
  return { addedCount, changedCount, removedCount };
}

/** Keeps each distinct state of an entity once and links the version to it. */
async function storeEntities(
  tx: Tx,
  ctx: Ctx,
  listId: Id,
  versionId: Id,
  entities: readonly HashedEntity[],
): Promise<void> {
  const createdAt = ctx.deps.clock.now();
  for (let start = 0; start < entities.length; start += CHUNK) {
    const chunk = entities.slice(start, start + CHUNK);
    const column = (pick: (hashed: HashedEntity) => string) => sql`${sql.param(chunk.map(pick))}::text[]`;
    const sourceIds = column(({ entity }) => entity.sourceId);
    const hashes = column(({ hash }) => hash);
    await tx.execute(sql`
      insert into list_entities (id, list_id, source_id, entity_hash, kind, record, created_at)
      select id::uuid, ${listId}::uuid, source_id, decode(hash, 'hex'), kind, record::jsonb, ${createdAt}::timestamptz
      from unnest(${column(() => newId())}, ${sourceIds}, ${hashes}, ${column(({ entity }) => entity.kind)},
        ${column(({ entity }) => JSON.stringify(entity))}) as batch (id, source_id, hash, kind, record)
      on conflict do nothing`);
    const linked = await tx.execute(sql`
      insert into list_version_entities (version_id, entity_id)
      select ${versionId}::uuid, e.id
      from unnest(${sourceIds}, ${hashes}) as batch (source_id, hash)
      join list_entities e
        on e.list_id = ${listId}::uuid and e.source_id = batch.source_id and e.entity_hash = decode(batch.hash, 'hex')
      returning entity_id`);
    assert(linked.length === chunk.length, 'a version holds every entity of its file');
  }
}

/** A refused version is evidence too, in a transaction of its own. */
async function keepRefusal(ctx: Ctx, list: List, refused: RefusedFile): Promise<void> {
  await transact(ctx, caseLogin(ctx), async (tx) => {
    const [version] = await tx
      .insert(listVersions)
      .values({
        id: newId(),
        listId: list.id,
        status: 'refused',
        ...refused,
        importedBy: actorIdOf(ctx.actor),
        importedAt: ctx.deps.clock.now(),
      })
      .returning();
    const kept = present(version, 'the version was inserted');
    await record(tx, ctx, {
      event: AML_EVENTS['list_version.refused'],
      resource: { type: 'list_version', id: kept.id },
      subjectUserId: null,
      after: kept,
    });
  });
}
