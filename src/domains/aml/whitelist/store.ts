import { and, desc, eq, isNull, lt } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { notAboutSelf } from '../not-about-self.ts';
import { whitelistEntries } from './schema.ts';

export type WhitelistFilter = PageRequest & {
  readonly userId?: Id | undefined;
  readonly standing?: 'true' | undefined;
};

/** Entries, newest first; none about oneself. @errors invalid_cursor */
export async function listWhitelist(ctx: Ctx, filter: WhitelistFilter) {
  const key = ctx.deps.keyring.cursorKey;
  const listing = ['whitelist_entries', filter.userId ?? '', filter.standing ?? ''].join(' ').trim();
  return transact(ctx, 'staff', async (tx) => {
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select()
      .from(whitelistEntries)
      .where(
        and(
          notAboutSelf(ctx, whitelistEntries.userId),
          filter.userId === undefined ? undefined : eq(whitelistEntries.userId, filter.userId),
          filter.standing === undefined ? undefined : isNull(whitelistEntries.endedAt),
          before === undefined ? undefined : lt(whitelistEntries.id, before),
        ),
      )
      .orderBy(desc(whitelistEntries.id))
      .limit(filter.limit + 1);
    return cutPage(key, listing, rows, filter.limit, (row) => [row.id]);
  });
}
