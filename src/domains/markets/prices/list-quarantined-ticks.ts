import { and, desc, eq, lt } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import type { QuarantineReason } from './rules.ts';
import { quarantinedTicks } from './schema.ts';
import type { FeedName } from './settings.ts';

export type QuarantineFilter = PageRequest & {
  readonly instrumentId?: Id | undefined;
  readonly feed?: FeedName | undefined;
  readonly reason?: QuarantineReason | undefined;
};

/** What feeds said and nobody believed, newest first. @errors invalid_cursor */
export async function listQuarantinedTicks(
  ctx: Ctx,
  { instrumentId, feed, reason, ...page }: QuarantineFilter,
): Promise<Page<typeof quarantinedTicks.$inferSelect>> {
  const listing = `quarantined-ticks ${instrumentId ?? ''} ${feed ?? ''} ${reason ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select()
      .from(quarantinedTicks)
      .where(
        and(
          instrumentId === undefined ? undefined : eq(quarantinedTicks.instrumentId, instrumentId),
          feed === undefined ? undefined : eq(quarantinedTicks.feed, feed),
          reason === undefined ? undefined : eq(quarantinedTicks.reason, reason),
          before === undefined ? undefined : lt(quarantinedTicks.id, before),
        ),
      )
      .orderBy(desc(quarantinedTicks.id))
      .limit(page.limit + 1);
    return cutPage(key, listing, rows, page.limit, (row) => [row.id]);
  });
}
