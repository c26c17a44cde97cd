import { and, asc, desc, eq, gt, lt } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { listVersions, screeningLists } from '../schema.ts';
import { listFetches, listVersionChanges } from './schema.ts';

/** The versions of a list, newest first, those that were refused too. @errors not_found, invalid_cursor */
export async function listVersionsOf(ctx: Ctx, listId: Id, page: PageRequest) {
  return pageOf(ctx, page, {
    listing: `list_versions ${listId}`,
    isKnown: (tx) => isList(tx, listId),
    rowsBehind: (tx, place, limit) =>
      tx
        .select()
        .from(listVersions)
        .where(
          and(eq(listVersions.listId, listId), place === undefined ? undefined : lt(listVersions.id, place)),
        )
        .orderBy(desc(listVersions.id))
        .limit(limit),
    placeOf: (row) => row.id,
  });
}

/** What a version changed, in the order of the publisher's ids. @errors not_found, invalid_cursor */
export async function listChangesOf(ctx: Ctx, versionId: Id, page: PageRequest) {
  return pageOf(ctx, page, {
    listing: `list_version_changes ${versionId}`,
    isKnown: async (tx) => {
      const versions = await tx
        .select({ id: listVersions.id })
        .from(listVersions)
        .where(eq(listVersions.id, versionId));
      return versions.length > 0;
    },
    rowsBehind: (tx, place, limit) =>
      tx
        .select()
        .from(listVersionChanges)
        .where(
          and(
            eq(listVersionChanges.versionId, versionId),
            place === undefined ? undefined : gt(listVersionChanges.sourceId, place),
          ),
        )
        .orderBy(asc(listVersionChanges.sourceId))
        .limit(limit),
    placeOf: (row) => row.sourceId,
  });
}

/** Every attempt to fetch a list, newest first. @errors not_found, invalid_cursor */
export async function listFetchesOf(ctx: Ctx, listId: Id, page: PageRequest) {
  return pageOf(ctx, page, {
    listing: `list_fetches ${listId}`,
    isKnown: (tx) => isList(tx, listId),
    rowsBehind: (tx, place, limit) =>
      tx
        .select()
        .from(listFetches)
        .where(
          and(eq(listFetches.listId, listId), place === undefined ? undefined : lt(listFetches.id, place)),
        )
        .orderBy(desc(listFetches.id))
        .limit(limit),
    placeOf: (row) => row.id,
  });
}

type History<Row> = {
  /** What cursors of it are bound to. */
  readonly listing: string;
  /** Whether there is what it is the history of. */
  readonly isKnown: (tx: Tx) => Promise<boolean>;
  /** Its rows behind a place, in order; from the first where none is given. */
  readonly rowsBehind: (tx: Tx, place: string | undefined, limit: number) => PromiseLike<Row[]>;
  readonly placeOf: (row: Row) => string;
};

/** @errors not_found, invalid_cursor */
async function pageOf<Row>(ctx: Ctx, page: PageRequest, history: History<Row>): Promise<Page<Row>> {
  const { listing, isKnown, rowsBehind, placeOf } = history;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, 'staff', async (tx) => {
    if (!(await isKnown(tx))) {
      throw refuse('not_found');
    }
    const [place] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await rowsBehind(tx, place, page.limit + 1);
    return cutPage(key, listing, rows, page.limit, (row) => [placeOf(row)]);
  });
}

async function isList(tx: Tx, listId: Id): Promise<boolean> {
  const lists = await tx
    .select({ id: screeningLists.id })
    .from(screeningLists)
    .where(eq(screeningLists.id, listId));
  return lists.length > 0;
}
