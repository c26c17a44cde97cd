/**
 * The active lists in memory. SQL stays the truth: before each use the active versions are compared
 * with those the index was built from; whoever meets new ones waits for their index.
 */
import { asc, eq, inArray, isNotNull } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { type Ctx, type Deps, perDeps } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { buildCandidateIndexInTurns, type CandidateIndex, type IndexedEntity } from './candidate-index.ts';
import { caseLogin } from './case-login.ts';
import type { ScreeningConfig } from './config.ts';
import type { ListEntity } from './lists/entity.ts';
import { effectOf } from './lists/rules.ts';
import { type ListIndexes, type ScreeningResult, screenLists } from './match.ts';
import { keepReleasedRules } from './monitoring/rule-store.ts';
import { listEntities, listVersionEntities, screeningLists } from './schema.ts';
import type { ScreeningSubject } from './score.ts';
import { activeConfig, keepReleasedConfig } from './screening/config-store.ts';

export type ActiveLists = {
  /** Entries that stop whoever resembles them. */
  readonly stopping: CandidateIndex;
  /** Entries that only ask for a look. */
  readonly reviewing: CandidateIndex;
  /** What was screened against: list id to version id. */
  readonly versions: Readonly<Record<string, Id>>;
  /** What screens now, and the hash that stands for it. */
  readonly config: ScreeningConfig;
  readonly configHash: string;
};

type Indexed = Pick<ActiveLists, 'stopping' | 'reviewing' | 'versions'>;

/** The index of these versions and what they mean, whole or being built: one build, whoever asks. */
type Build = Active & { readonly lists: Promise<Indexed> };

type Active = {
  readonly versions: ActiveLists['versions'];
  /** What a hit on each list does. */
  readonly meaning: string;
};

const state = perDeps((_deps: Deps): { build: Build | undefined } => ({ build: undefined }));

/** The index of the versions that are active in this transaction's view. */
export async function activeLists(deps: Deps, tx: Tx): Promise<ActiveLists> {
  const { build } = await currentBuild(deps, tx);
  return { ...(await build.lists), ...(await activeConfig(tx)) };
}

/**
 * Builds the index before the first request needs it; its transaction is over before the building begins.
 * @effects perhaps rows of `screening_configs`
 */
export async function startScreener(deps: Deps): Promise<void> {
  await keepReleasedConfig(deps);
  await keepReleasedRules(deps);
  const { build } = await deps.db.engine.transaction((tx) => currentBuild(deps, tx));
  await build.lists;
}

/**
 * Makes sure that the index of the active versions is built. The transaction only reads: it is over before
 * the seconds of building begin, so that nobody's locks wait for them.
 */
export async function refreshScreener(ctx: Ctx): Promise<void> {
  const { build } = await transact(ctx, caseLogin(ctx), (tx) => currentBuild(ctx.deps, tx));
  await build.lists;
}

/** Compares one subject with the lists, and with what was found on them already. */
export function screenAgainst(
  lists: Pick<ActiveLists, 'stopping' | 'reviewing' | 'config'>,
  subject: ScreeningSubject,
  found?: ListIndexes['found'],
): ScreeningResult {
  return screenLists({ ...lists, found }, subject, lists.config);
}

/** Whether two sets of versions are the same. */
export function sameVersions(left: Versions, right: Versions): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

type Versions = ActiveLists['versions'];

async function currentBuild(deps: Deps, tx: Tx): Promise<{ readonly build: Build }> {
  const rows = await activeRows(tx);
  const meaning = rows.map(({ listId, purpose, effect }) => `${listId} ${purpose} ${effect}`).join('\n');
  const active = { versions: versionsOf(rows), meaning };
  return {
    build: knownBuild(deps, active) ?? startBuild(deps, active, await entriesOf(tx, active.versions)),
  };
}

function knownBuild(deps: Deps, { versions, meaning }: Active): Build | undefined {
  const { build } = state(deps);
  const isSame = build?.meaning === meaning && sameVersions(build.versions, versions);
  return isSame ? build : undefined;
}

/** A build that fails is forgotten, so that the next screening tries again. */
function startBuild(deps: Deps, active: Active, entries: readonly Entry[]): Build {
  const known = knownBuild(deps, active);
  if (known !== undefined) {
    return known;
  }
  const lists = indexesOf(active.versions, entries);
  const build = { ...active, lists };
  const current = state(deps);
  current.build = build;
  lists.catch(() => {
    current.build = current.build === build ? undefined : current.build;
  });
  return build;
}

async function indexesOf(versions: Versions, entries: readonly Entry[]): Promise<Indexed> {
  const stopping = await buildCandidateIndexInTurns(entries.filter(({ stops }) => stops));
  const reviewing = await buildCandidateIndexInTurns(entries.filter(({ stops }) => !stops));
  return { stopping, reviewing, versions };
}

/** The versions that are active in this transaction’s view: list id to version id. */
export async function activeVersions(tx: Tx): Promise<Versions> {
  return versionsOf(await activeRows(tx));
}

async function activeRows(tx: Tx) {
  const { id: listId, activeVersionId: versionId, purpose, effect } = screeningLists;
  return tx
    .select({ listId, versionId, purpose, effect })
    .from(screeningLists)
    .where(isNotNull(versionId))
    .orderBy(listId);
}

function versionsOf(rows: Awaited<ReturnType<typeof activeRows>>): Versions {
  return Object.fromEntries(rows.map((row) => [row.listId, String(row.versionId)]));
}

type Entry = IndexedEntity & { readonly stops: boolean };

/** In one order, so that the same lists give the same answers on every machine. */
async function entriesOf(tx: Tx, versions: Versions): Promise<readonly Entry[]> {
  const { id, record } = listEntities;
  const { purpose, effect } = screeningLists;
  const rows = await tx
    .select({ id, record, purpose, effect })
    .from(listVersionEntities)
    .innerJoin(listEntities, eq(id, listVersionEntities.entityId))
    .innerJoin(screeningLists, eq(screeningLists.id, listEntities.listId))
    .where(inArray(listVersionEntities.versionId, Object.values(versions)))
    .orderBy(asc(id));
  return rows.map((row) => {
    const entity = row.record as ListEntity;
    return { key: row.id, entity, stops: effectOf(row, entity) === 'stop' };
  });
}
