import { and, asc, desc, eq, gt, lt } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { listVersions, screeningLists } from '../schema.ts';
import { listFetches, listVersionChanges } from './schema.ts';

/** The versions of a list, newest first, those that were refused too. @errors not_found, invalid_cursor */
export async function listVersionsOf(ctx: Ctx, listId: Id, page: PageRequest) {
  const key = ctx.deps.keyring.cursorKey;
  const listing = `list_versions ${listId}`;
  return transact(ctx, 'staff', async (tx) => {
    const [list] = await tx.select().from(screeningLists).where(eq(screeningLists.id, listId));
    if (list === undefined) {
      throw refuse('not_found');
    }
    const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select()
      .from(listVersions)
      .where(
        and(eq(listVersions.listId, listId), before === undefined ? undefined : lt(listVersions.id, before)),
      )
      .orderBy(desc(listVersions.id))
      .limit(page.limit + 1);
    return cutPage(key, listing, rows, page.limit, (row) => [row.id]);
  });
}

/** What a version changed, in the order of the publisher's ids. @errors not_found, invalid_cursor */
export async function listChangesOf(ctx: Ctx, versionId: Id, page: PageRequest) {
  const key = ctx.deps.keyring.cursorKey;
  const listing = `list_version_changes ${versionId}`;
  return transact(ctx, 'staff', async (tx) => {
    const [version] = await tx.select().from(listVersions).where(eq(listVersions.id, versionId));
    if (version === undefined) {
      throw refuse('not_found');
    }
    const [after] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select()
      .from(listVersionChanges)
      .where(
        and(
          eq(listVersionChanges.versionId, versionId),
          after === undefined ? undefined : gt(listVersionChanges.sourceId, after),
        ),
      )
      .orderBy(asc(listVersionChanges.sourceId))
      .limit(page.limit + 1);
    return cutPage(key, listing, rows, page.limit, (row) => [row.sourceId]);
  });
}

/** Every attempt to fetch a list, newest first. @errors not_found, invalid_cursor */
export async function listFetchesOf(ctx: Ctx, listId: Id, page: PageRequest) {
  const key = ctx.deps.keyring.cursorKey;
  const listing = `list_fetches ${listId}`;
  return transact(ctx, 'staff', async (tx) => {
    const [list] = await tx.select().from(screeningLists).where(eq(screeningLists.id, listId));
    if (list === undefined) {
      throw refuse('not_found');
    }
    const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select()
      .from(listFetches)
      .where(
        and(eq(listFetches.listId, listId), before === undefined ? undefined : lt(listFetches.id, before)),
      )
      .orderBy(desc(listFetches.id))
      .limit(page.limit + 1);
    return cutPage(key, listing, rows, page.limit, (row) => [row.id]);
  });
}
