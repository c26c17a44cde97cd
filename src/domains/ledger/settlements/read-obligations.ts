import { and, asc, desc, eq, inArray, isNotNull, isNull, lt, sql } from 'drizzle-orm';
import { type Amount, amountOf } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { findAccount } from '../../accounts/index.ts';
import { settlementObligations } from './schema.ts';

/** What settles in a wallet on a day. */
export type Settling = { readonly settlesOn: string; readonly amount: Amount };

/** What trades brought to wallets and has not settled, by day. @shape by wallet; one without any is missing */
export async function settlingIn(
  tx: Tx,
  walletIds: readonly Id[],
): Promise<ReadonlyMap<Id, readonly Settling[]>> {
  if (walletIds.length === 0) {
    return new Map();
  }
  const left = sql<Amount>`sum(${settlementObligations.amount} - ${settlementObligations.used})`;
  const rows = await tx
    .select({
      walletId: settlementObligations.walletId,
      settlesOn: settlementObligations.settlesOn,
      amount: left.mapWith(settlementObligations.amount),
    })
    .from(settlementObligations)
    .where(
      and(
        inArray(settlementObligations.walletId, [...walletIds]),
        isNull(settlementObligations.settledAt),
        sql`${settlementObligations.used} < ${settlementObligations.amount}`,
      ),
    )
    .groupBy(settlementObligations.walletId, settlementObligations.settlesOn)
    .orderBy(asc(settlementObligations.walletId), asc(settlementObligations.settlesOn));
  return Map.groupBy(rows, ({ walletId }) => walletId);
}

export type ObligationPage = PageRequest & {
  readonly accountId: Id;
  readonly state?: 'open' | 'settled' | undefined;
};

/** What trades brought to an account after their day, newest first. @errors not_found, invalid_cursor */
export async function listObligations(ctx: Ctx, page: ObligationPage) {
  const { accountId, state } = page;
  const listing = `settlements ${accountId} ${state ?? 'all'}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    await findAccount(tx, ctx, accountId);
    const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const { settledAt } = settlementObligations;
    const rows = await tx
      .select()
      .from(settlementObligations)
      .where(
        and(
          eq(settlementObligations.accountId, accountId),
          state === undefined ? undefined : state === 'open' ? isNull(settledAt) : isNotNull(settledAt),
          before === undefined ? undefined : lt(settlementObligations.fillId, before),
        ),
      )
      .orderBy(desc(settlementObligations.fillId))
      .limit(page.limit + 1);
    const cut = cutPage(key, listing, rows, page.limit, (row) => [row.fillId]);
    return {
      ...cut,
      data: cut.data.map((row) => ({
        ...row,
        unsettled: row.settledAt === null ? amountOf(row.amount - row.used) : amountOf(0n),
      })),
    };
  });
}
