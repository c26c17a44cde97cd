import { desc, eq, lt } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import { auditArchives } from '../../platform/audit/archives/schema.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';

type Archive = typeof auditArchives.$inferSelect;

const LISTING = 'audit-archives';

/** The months that were archived or are about to be, the newest first. @errors invalid_cursor */
export async function listArchives(ctx: Ctx, { limit, cursor }: PageRequest): Promise<Page<Archive>> {
  const key = ctx.deps.keyring.cursorKey;
  const [after] = cursor === undefined ? [] : readCursor(key, LISTING, cursor);
  return transact(ctx, ctx.login, async (tx) => {
    const rows = await tx
      .select()
      .from(auditArchives)
      .where(after === undefined ? undefined : lt(auditArchives.month, after))
      .orderBy(desc(auditArchives.month))
      .limit(limit + 1);
    return cutPage(key, LISTING, rows, limit, (row) => [row.month]);
  });
}

/** @errors not_found */
export async function getArchive(ctx: Ctx, archiveId: Id): Promise<Archive> {
  return transact(ctx, ctx.login, async (tx) => {
    const [archive] = await tx.select().from(auditArchives).where(eq(auditArchives.id, archiveId));
    if (archive === undefined) {
      throw refuse('not_found');
    }
    return archive;
  });
}
