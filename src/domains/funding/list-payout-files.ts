import { desc, eq, getTableColumns, lt } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { FILE_HISTORY } from './payouts/file-history.ts';
import { payoutFileItems, payoutFiles } from './schema.ts';

const { fileHash: _, ...COLUMNS } = getTableColumns(payoutFiles);

const SHOWN = { ...COLUMNS, ...FILE_HISTORY };

type Listed = Omit<typeof payoutFiles.$inferSelect, 'fileHash'> & {
  readonly downloadedAt: Instant | null;
  readonly voidedAt: Instant | null;
};

/** The payout files there are, newest first. */
export async function listPayoutFiles(ctx: Ctx, query: PageRequest): Promise<Page<Listed>> {
  const key = ctx.deps.keyring.cursorKey;
  const listing = 'payout files';
  const [before] = query.cursor === undefined ? [] : readCursor(key, listing, query.cursor);
  const rows = await transact(ctx, 'staff', (tx) =>
    tx
      .select(SHOWN)
      .from(payoutFiles)
      .where(before === undefined ? undefined : lt(payoutFiles.id, before))
      .orderBy(desc(payoutFiles.id))
      .limit(query.limit + 1),
  );
  return cutPage(key, listing, rows, query.limit, (row) => [row.id]);
}

/** One payout file with the withdrawals it pays. @errors not_found */
export async function getPayoutFile(
  ctx: Ctx,
  fileId: Id,
): Promise<Listed & { readonly withdrawalIds: readonly string[] }> {
  return transact(ctx, 'staff', async (tx) => {
    const [file] = await tx.select(SHOWN).from(payoutFiles).where(eq(payoutFiles.id, fileId));
    if (file === undefined) {
      throw refuse('not_found');
    }
    const items = await tx
      .select({ id: payoutFileItems.withdrawalId })
      .from(payoutFileItems)
      .where(eq(payoutFileItems.fileId, fileId))
      .orderBy(payoutFileItems.withdrawalId);
    return { ...file, withdrawalIds: items.map(({ id }) => id) };
  });
}
