/**
 * The active lists in memory. SQL stays the truth: before each use the active versions are compared
 * with those the index was built from; whoever meets new ones waits for their index.
 */
import { eq, inArray, isNotNull } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { type Ctx, type Deps, perDeps } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { buildCandidateIndexInTurns, type CandidateIndex, type IndexedEntity } from './candidate-index.ts';
import { caseLogin } from './case-login.ts';
import type { ScreeningConfig } from './config.ts';
import type { ListEntity } from './lists/entity.ts';
import { type ScreeningResult, screenName } from './match.ts';
import { keepReleasedRules } from './monitoring/rule-store.ts';
import { listEntities, listVersionEntities, screeningLists } from './schema.ts';
import type { ScreeningSubject } from './score.ts';
import { activeConfig, keepReleasedConfig } from './screening/config-store.ts';

export type ActiveLists = {
  readonly index: CandidateIndex;
  /** What was screened against: list id to version id. */
  readonly versions: Readonly<Record<string, Id>>;
  /** What screens now, and the hash that stands for it. */
  readonly config: ScreeningConfig;
  readonly configHash: string;
};

type Indexed = Pick<ActiveLists, 'index' | 'versions'>;

/** The index of these versions, whole or being built: one build, whoever asks. */
type Build = { readonly versions: ActiveLists['versions']; readonly lists: Promise<Indexed> };

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

/** Compares one subject with the lists. */
export function screenAgainst(lists: ActiveLists, subject: ScreeningSubject): ScreeningResult {
  return screenName(lists.index, subject, lists.config);
}

type Versions = ActiveLists['versions'];

async function currentBuild(deps: Deps, tx: Tx): Promise<{ readonly build: Build }> {
  const versions = await activeVersions(tx);
  return {
    build: knownBuild(deps, versions) ?? startBuild(deps, versions, await entitiesOf(tx, versions)),
  };
}

function knownBuild(deps: Deps, versions: Versions): Build | undefined {
  const { build } = state(deps);
  return build !== undefined && sameVersions(build.versions, versions) ? build : undefined;
}

/** A build that fails is forgotten, so that the next screening tries again. */
function startBuild(deps: Deps, versions: Versions, entities: readonly IndexedEntity[]): Build {
  const known = knownBuild(deps, versions);
  if (known !== undefined) {
    return known;
  }
  const lists = buildCandidateIndexInTurns(entities).then((index) => ({ index, versions }));
  const build = { versions, lists };
  const current = state(deps);
  current.build = build;
  lists.catch(() => {
    current.build = current.build === build ? undefined : current.build;
  });
  return build;
}

/** The versions that are active in this transaction’s view: list id to version id. */
export async function activeVersions(tx: Tx): Promise<Versions> {
  const rows = await tx
    .select({ listId: screeningLists.id, versionId: screeningLists.activeVersionId })
    .from(screeningLists)
    .where(isNotNull(screeningLists.activeVersionId))
    .orderBy(screeningLists.id);
  return Object.fromEntries(rows.map((row) => [row.listId, String(row.versionId)]));
}

async function entitiesOf(tx: Tx, versions: Versions): Promise<IndexedEntity[]> {
  const rows = await tx
    .select({ id: listEntities.id, record: listEntities.record })
    .from(listVersionEntities)
    .innerJoin(listEntities, eq(listEntities.id, listVersionEntities.entityId))
    .where(inArray(listVersionEntities.versionId, Object.values(versions)));
  return rows.map((row) => ({ key: row.id, entity: row.record as ListEntity }));
}

function sameVersions(left: Versions, right: Versions): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
