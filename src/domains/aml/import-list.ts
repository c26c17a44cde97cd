import { and, desc, eq } from 'drizzle-orm';
import { actorIdOf, personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { raiseAlarm } from '../../platform/alarms/raise-alarm.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import { equalSecrets, sha256 } from '../../platform/crypto/keyring.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { openAlert } from './alerts/open-alert.ts';
import { AML_EVENTS } from './audit.ts';
import { caseLogin } from './case-login.ts';
import { refuseAml } from './errors.ts';
import { diffOf, type ListDiff } from './lists/diff.ts';
import { type HeldBack, holdBack } from './lists/hold-back.ts';
import { ListFormatError } from './lists/list-format-error.ts';
import { formatOf, type ListFiles, parserVersionOf, refuseWrongParts } from './lists/parse-list.ts';
import { type ReadEntity, readList } from './lists/read-list.ts';
import { type Amounts, type ListSource, planImport } from './lists/rules.ts';
import {
  activateVersion,
  type ContentCounts,
  contentCountsOf,
  countsOf,
  entitiesOfSources,
  entityHashesOf,
  type ListVersion,
  type ScreeningList,
  storeChanges,
  storeVersion,
  supersedeWaiting,
} from './lists/store-version.ts';
import { listVersions, screeningLists } from './schema.ts';
import { refreshScreener } from './screener.ts';

/** What became of an import. */
export type ListImported = {
  /** The version that is active now; null where nothing of the file may be active yet. */
  readonly active: ListVersion | null;
  /** The version that waits, with the approval it waits for. */
  readonly waiting: { readonly version: ListVersion; readonly approval: Approval } | null;
};

type Publication = {
  readonly fileHash: Uint8Array;
  readonly bytes: number;
  readonly source: ListSource;
  readonly sourceUrls: Readonly<Record<string, string>> | null;
};

type Refused = { readonly refused: ListVersion; readonly detail: string };

/**
 * Imports a version of a list and makes it active in one step. A file that cannot be read, or that
 * lost too much, is kept as a refused version, raises an alarm, and the old one stays active. What a file that
 * came from no publisher's address has lost stays until a second person agreed; what it brings does not wait.
 * @effects `list_versions`, `list_entities`, `list_version_entities`, `list_version_changes`, `screening_lists`,
 *   perhaps `approvals`, `aml_alerts`; audit; event `aml.list_activated`
 * @errors not_found, list_retired, list_files_missing, list_unreadable, list_moved_on, list_unchanged,
 *   list_too_small, list_shrunk
 */
export async function importListVersion(
  ctx: Ctx,
  listId: Id,
  files: ListFiles,
  sourceUrls: Readonly<Record<string, string>> | null = null,
): Promise<ListImported> {
  const login = caseLogin(ctx);
  const list = await transact(ctx, login, (tx) => usableList(tx, listId));
  const format = formatOf(list);
  refuseWrongParts(format, files);
  const publication: Publication = {
    fileHash: publicationHash(files),
    bytes: Object.values(files).reduce((total, file) => total + file.byteLength, 0),
    source: sourceOf(ctx, sourceUrls),
    sourceUrls,
  };
  let entities: readonly ReadEntity[];
  try {
    entities = await readList(format, files);
  } catch (error) {
    if (error instanceof ListFormatError) {
      await transact(ctx, login, (tx) => keepUnreadable(tx, ctx, list, publication, error.message));
      throw refuseAml('list_unreadable', { detail: error.message });
    }
    throw error;
  }
  const outcome = await transact(ctx, login, (tx) => takeIn(tx, ctx, list, publication, entities));
  if ('refused' in outcome) {
    const { refused, detail } = outcome;
    throw refused.refusal === 'list_too_small'
      ? refuseAml('list_too_small', { detail: `It has ${refused.entityCount} entries.` })
      : refuseAml('list_shrunk', { detail });
  }
  await refreshScreener(ctx);
  return outcome;
}

/**
 * The same for callers who only need the version that came of it.
 * @errors those of `importListVersion`
 */
export async function importList(ctx: Ctx, listId: Id, files: ListFiles): Promise<ListVersion> {
  const { active, waiting } = await importListVersion(ctx, listId, files);
  return present(active ?? waiting?.version, 'an import that is not refused leaves a version');
}

/** @shape SHA-256 over the hashes of the parts in the order of their names */
export function publicationHash(files: ListFiles): Uint8Array {
  const names = Object.keys(files).sort();
  return sha256(Buffer.concat(names.map((name) => sha256(files[name] ?? new Uint8Array()))));
}

function sourceOf(ctx: Ctx, sourceUrls: Readonly<Record<string, string>> | null): ListSource {
  if (sourceUrls !== null) {
    return 'fetch';
  }
  return personOf(ctx.actor) === null ? 'command' : 'upload';
}

/** @errors not_found, list_retired */
async function usableList(tx: Tx, listId: Id): Promise<ScreeningList> {
  const [list] = await tx.select().from(screeningLists).where(eq(screeningLists.id, listId));
  if (list === undefined) {
    throw refuse('not_found');
  }
  if (list.status === 'retired') {
    throw refuseAml('list_retired');
  }
  return list;
}

async function takeIn(
  tx: Tx,
  ctx: Ctx,
  seen: ScreeningList,
  publication: Publication,
  entities: readonly ReadEntity[],
): Promise<ListImported | Refused> {
  const list = present(await lockRow(tx, screeningLists, seen.id), 'the list exists');
  if (list.version !== seen.version) {
    throw refuseAml('list_moved_on', { detail: 'The list was set up otherwise while its file was read.' });
  }
  await refuseKnown(tx, list, publication);
  const before = await entityHashesOf(tx, list.activeVersionId);
  const diff = diffOf(before, entities);
  const held = await heldBackOf(tx, list, publication, entities, diff);
  const counts = countsOf(entities);
  const countsBefore = await contentCountsOf(tx, list.activeVersionId);
  const contents = publication.source === 'fetch' ? amountsOf(countsBefore, counts) : [];
  const plan = planImport(list, before.size, entities.length, diff.removed.length, held.count, contents);
  const version = {
    ...versionOf(ctx, list, publication),
    entityCount: entities.length,
    ...counts,
    addedCount: diff.added,
    changedCount: diff.changed.length,
    removedCount: diff.removed.length,
    diffHash: diff.hash,
  };
  switch (plan.kind) {
    case 'refuse': {
      const detail = `${diff.removed.length} entries are gone; there are ${counts.nameCount} names and ${counts.identifierCount} numbers, and were ${countsBefore?.nameCount ?? 0} and ${countsBefore?.identifierCount ?? 0}.`;
      const known = await knownRefusal(tx, list, publication, plan.refusal);
      if (known !== undefined) {
        return { refused: known, detail };
      }
      const refused = { ...version, status: 'refused', refusal: plan.refusal } as const;
      const kept = await storeVersion(tx, ctx, refused, entities);
      await storeChanges(tx, kept);
      await tellRefused(tx, ctx, list, kept);
      return { refused: kept, detail };
    }
    case 'activate':
      return { active: await putInForce(tx, ctx, list, version, entities), waiting: null };
    case 'hold':
      return hold(tx, ctx, list, { version, entities, before, held });
    default:
      return plan satisfies never;
  }
}

/** What its own publisher's address takes off a list is off it. */
async function heldBackOf(
  tx: Tx,
  list: ScreeningList,
  { source }: Publication,
  entities: readonly ReadEntity[],
  diff: ListDiff,
): Promise<HeldBack> {
  if (source === 'fetch' || list.activeVersionId === null) {
    return { entities, count: 0 };
  }
  const concerned = [...diff.changed, ...diff.removed];
  return holdBack(entities, await entitiesOfSources(tx, list.activeVersionId, concerned));
}

type NewVersion = Omit<typeof listVersions.$inferInsert, 'id' | 'status'>;

async function putInForce(
  tx: Tx,
  ctx: Ctx,
  list: ScreeningList,
  version: NewVersion,
  entities: readonly ReadEntity[],
): Promise<ListVersion> {
  await supersedeWaiting(tx, list.id);
  const stored = await storeVersion(tx, ctx, { ...version, status: 'importing' }, entities);
  await storeChanges(tx, stored);
  await tellUnreadable(tx, ctx, list, stored);
  return activateVersion(tx, ctx, list, stored);
}

/** Whoever stands on a list under a name that nobody can be compared with is found by nobody: people have to know. */
async function tellUnreadable(tx: Tx, ctx: Ctx, list: ScreeningList, version: ListVersion): Promise<void> {
  const before = await contentCountsOf(tx, list.activeVersionId);
  if ((version.unreadableCount ?? 0) > (before?.unreadableCount ?? 0)) {
    await openAlert(tx, ctx, {
      userId: null,
      kind: 'list',
      dedupKey: `list:${list.id}:names`,
      severity: 'medium',
      effect: 'review',
      sourceRef: version.id,
    });
  }
}

function amountsOf(before: ContentCounts | null, now: ContentCounts): readonly Amounts[] {
  return [
    { before: before?.nameCount ?? 0, now: now.nameCount ?? 0 },
    { before: before?.identifierCount ?? 0, now: now.identifierCount ?? 0 },
  ];
}

type Held = {
  readonly version: NewVersion;
  readonly entities: readonly ReadEntity[];
  readonly before: ReadonlyMap<string, string>;
  readonly held: HeldBack;
};

/** What the file brings is in force at once; what it takes off the list is put before a second person. */
async function hold(
  tx: Tx,
  ctx: Ctx,
  list: ScreeningList,
  { version, entities, before, held }: Held,
): Promise<ListImported> {
  const union = diffOf(before, held.entities);
  const brings = union.added + union.changed.length > 0;
  if (version.source === 'command' && !brings) {
    throw refuseAml('list_unchanged', {
      detail: 'An officer has to upload a file that only drops something.',
    });
  }
  const active = brings
    ? await putInForce(
        tx,
        ctx,
        list,
        {
          ...version,
          entityCount: held.entities.length,
          ...countsOf(held.entities),
          addedCount: union.added,
          changedCount: union.changed.length,
          removedCount: 0,
          heldCount: held.count,
        },
        held.entities,
      )
    : null;
  if (version.source === 'command') {
    return { active, waiting: null };
  }
  await supersedeWaiting(tx, list.id);
  const base = active?.id ?? list.activeVersionId;
  const rest = diffOf(
    new Map(active === null ? before : held.entities.map((one) => [one.sourceId, one.hash])),
    entities,
  );
  const file = await storeVersion(
    tx,
    ctx,
    {
      ...version,
      status: 'importing',
      baseVersionId: base,
      addedCount: rest.added,
      changedCount: rest.changed.length,
      removedCount: rest.removed.length,
      diffHash: rest.hash,
    },
    entities,
  );
  await storeChanges(tx, file);
  return { active, waiting: { version: file, approval: await askToActivate(tx, ctx, file) } };
}

async function askToActivate(tx: Tx, ctx: Ctx, version: ListVersion): Promise<Approval> {
  return requestApproval(tx, ctx, {
    action: 'list_version.activate',
    subjectType: 'list_version',
    subjectId: version.id,
    subjectUserId: null,
    payload: {
      listId: version.listId,
      diffHash: Buffer.from(present(version.diffHash, 'a version has its difference')).toString('hex'),
      entityCount: version.entityCount,
      changedCount: version.changedCount,
      removedCount: version.removedCount,
    },
    quorum: 1,
    checkerRoles: ['compliance_officer', 'mlro'],
    reason: `${version.removedCount} entries leave the list, ${version.changedCount} lose something`,
  });
}

/** @errors list_unchanged */
async function refuseKnown(tx: Tx, list: ScreeningList, { fileHash }: Publication): Promise<void> {
  const waiting = await tx
    .select()
    .from(listVersions)
    .where(and(eq(listVersions.listId, list.id), eq(listVersions.status, 'importing')));
  if (waiting.some((version) => equalSecrets(version.fileHash, fileHash))) {
    throw refuseAml('list_unchanged', { detail: 'It waits for a second person.' });
  }
  if (list.activeVersionId === null) {
    return;
  }
  const [active] = await tx.select().from(listVersions).where(eq(listVersions.id, list.activeVersionId));
  if (active !== undefined && active.heldCount === 0 && equalSecrets(active.fileHash, fileHash)) {
    throw refuseAml('list_unchanged');
  }
}

function versionOf(ctx: Ctx, list: ScreeningList, publication: Publication) {
  return {
    listId: list.id,
    ...publication,
    baseVersionId: list.activeVersionId,
    parserVersion: parserVersionOf(formatOf(list)),
    importedBy: actorIdOf(ctx.actor),
    importedAt: ctx.deps.clock.now(),
  };
}

async function keepUnreadable(
  tx: Tx,
  ctx: Ctx,
  list: ScreeningList,
  publication: Publication,
  refusal: string,
): Promise<void> {
  if ((await knownRefusal(tx, list, publication, refusal)) !== undefined) {
    return;
  }
  const counts = { entityCount: 0, addedCount: 0, changedCount: 0, removedCount: 0 };
  const version = { ...versionOf(ctx, list, publication), ...counts, status: 'refused', refusal } as const;
  await tellRefused(tx, ctx, list, await storeVersion(tx, ctx, version, []));
}

/** A publisher that keeps on sending what was refused is evidence once, and calls nobody again. */
async function knownRefusal(
  tx: Tx,
  list: ScreeningList,
  { fileHash }: Publication,
  refusal: string,
): Promise<ListVersion | undefined> {
  const [newest] = await tx
    .select()
    .from(listVersions)
    .where(eq(listVersions.listId, list.id))
    .orderBy(desc(listVersions.id))
    .limit(1);
  const same =
    newest?.status === 'refused' &&
    newest.refusal === refusal &&
    newest.baseVersionId === list.activeVersionId &&
    equalSecrets(newest.fileHash, fileHash);
  return same ? newest : undefined;
}

/** A refused version is evidence, and somebody has to look why. */
async function tellRefused(tx: Tx, ctx: Ctx, list: ScreeningList, version: ListVersion): Promise<void> {
  await raiseAlarm(tx, ctx, {
    event: AML_EVENTS['list_version.refused'],
    resource: { type: 'list_version', id: version.id },
    subjectUserId: null,
    after: version,
  });
  await openAlert(tx, ctx, {
    userId: null,
    kind: 'list',
    dedupKey: `list:${list.id}`,
    severity: 'high',
    effect: 'review',
    sourceRef: version.id,
  });
}
