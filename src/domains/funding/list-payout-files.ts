import { and, eq, getTableColumns } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import type { PageRequest } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { matching, newestFirst, type Period, within } from './newest-first.ts';
import { isRepayment, isWithdrawal, paidBy } from './payout-file.ts';
import { FILE_HISTORY } from './payouts/file-history.ts';
import { payoutFiles } from './schema.ts';

const { fileHash: _, ...COLUMNS } = getTableColumns(payoutFiles);

const SHOWN = { ...COLUMNS, ...FILE_HISTORY };

type Listed = Omit<typeof payoutFiles.$inferSelect, 'fileHash'> & {
  readonly downloadedAt: Instant | null;
  readonly voidedAt: Instant | null;
};

export type PayoutFileQuery = PageRequest & Period & { readonly asset?: string | undefined };

/** The payout files there are, newest first. @errors invalid_cursor */
export async function listPayoutFiles(ctx: Ctx, query: PayoutFileQuery): Promise<Page<Listed>> {
  const { limit, cursor, ...filters } = query;
  const listing = { name: 'payout files', id: payoutFiles.id, filters };
  return newestFirst(ctx, { limit, cursor }, listing, (tx, behind, order, count) =>
    tx
      .select(SHOWN)
      .from(payoutFiles)
      .where(and(matching(payoutFiles.asset, filters.asset), within(payoutFiles.createdAt, filters), behind))
      .orderBy(order)
      .limit(count),
  );
}

/** One payout file with the withdrawals and repayments it pays. @errors not_found */
export async function getPayoutFile(
  ctx: Ctx,
  fileId: Id,
): Promise<Listed & { readonly withdrawalIds: readonly Id[]; readonly repaymentIds: readonly Id[] }> {
  return transact(ctx, 'staff', async (tx) => {
    const [file] = await tx.select(SHOWN).from(payoutFiles).where(eq(payoutFiles.id, fileId));
    if (file === undefined) {
      throw refuse('not_found');
    }
    const paid = await paidBy(tx, file);
    const idsOf = (payments: typeof paid) => payments.map(({ id }) => id).toSorted();
    return {
      ...file,
      withdrawalIds: idsOf(paid.filter(isWithdrawal)),
      repaymentIds: idsOf(paid.filter(isRepayment)),
    };
  });
}
