import { and, desc, eq, gte, inArray, lt, not, or, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { findAccount } from '../accounts/index.ts';
import { holds, ledgerEntries, lots, reconciliations, wallets } from './schema.ts';
import { settledFunds, unsettledFunds } from './settled-funds.ts';
import { settlingIn } from './settlements/read-obligations.ts';

export type AccountPage = PageRequest & { readonly accountId: Id };

/** The wallets of an account the caller may see. @errors not_found */
export async function listWallets(ctx: Ctx, accountId: Id) {
  return transact(ctx, ctx.login, async (tx) => {
    await findAccount(tx, ctx, accountId);
    const rows = await tx
      .select()
      .from(wallets)
      .where(eq(wallets.accountId, accountId))
      .orderBy(wallets.asset);
    const settling = await settlingIn(
      tx,
      rows.filter(({ unsettled }) => unsettled > 0n).map(({ id }) => id),
    );
    return rows.map((wallet) => ({
      ...wallet,
      unsettled: unsettledFunds(wallet),
      settling: settling.get(wallet.id) ?? [],
      withdrawable: settledFunds(wallet),
    }));
  });
}

/** The legs booked in an account, newest first. @errors not_found, invalid_cursor */
export async function listEntries(
  ctx: Ctx,
  page: AccountPage,
): Promise<Page<typeof ledgerEntries.$inferSelect>> {
  const listing = `entries ${page.accountId}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    await findAccount(tx, ctx, page.accountId);
    const after = page.cursor === undefined ? undefined : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select()
      .from(ledgerEntries)
      // By its wallets, by which entries are indexed: nothing is by account.
      .where(and(inArray(ledgerEntries.walletId, walletsOf(tx, page.accountId)), bookedBefore(after)))
      .orderBy(desc(ledgerEntries.bookedAt), desc(ledgerEntries.id))
      .limit(page.limit + 1);
    return cutPage(key, listing, rows, page.limit, (row) => [row.bookedAt, row.id]);
  });
}

/** The holds of an account, newest first. @errors not_found, invalid_cursor */
export async function listHolds(ctx: Ctx, page: AccountPage): Promise<Page<typeof holds.$inferSelect>> {
  const listing = `holds ${page.accountId}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    await findAccount(tx, ctx, page.accountId);
    const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select()
      .from(holds)
      .where(
        and(eq(holds.accountId, page.accountId), before === undefined ? undefined : lt(holds.id, before)),
      )
      .orderBy(desc(holds.id))
      .limit(page.limit + 1);
    return cutPage(key, listing, rows, page.limit, (row) => [row.id]);
  });
}

/** The lots of an account, newest first, with the method they go by. @errors not_found, invalid_cursor */
export async function listLots(
  ctx: Ctx,
  {
    asset,
    open,
    ...page
  }: AccountPage & { readonly asset?: string | undefined; readonly open?: boolean | undefined },
) {
  const listing = `lots ${page.accountId} ${asset ?? ''} ${open ?? ''}`;
  const isOpen = sql`${lots.quantityOpen} > 0`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const { lotMethod } = await findAccount(tx, ctx, page.accountId);
    const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select()
      .from(lots)
      .where(
        and(
          eq(lots.accountId, page.accountId),
          asset === undefined ? undefined : eq(lots.asset, asset),
          open === undefined ? undefined : open ? isOpen : not(isOpen),
          before === undefined ? undefined : lt(lots.id, before),
        ),
      )
      .orderBy(desc(lots.id))
      .limit(page.limit + 1);
    const cut = cutPage(key, listing, rows, page.limit, (row) => [row.id]);
    return { ...cut, data: cut.data.map((lot) => ({ ...lot, lotMethod })) };
  });
}

/** The reports of reconcile, newest first. @units `to` exclusive @errors invalid_cursor */
export async function listReconciliations(
  ctx: Ctx,
  page: PageRequest & { readonly from?: Instant | undefined; readonly to?: Instant | undefined },
) {
  const { from, to } = page;
  const key = ctx.deps.keyring.cursorKey;
  const listing = `reconciliations ${from ?? ''} ${to ?? ''}`;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select()
      .from(reconciliations)
      .where(
        and(
          from === undefined ? undefined : gte(reconciliations.startedAt, from),
          to === undefined ? undefined : lt(reconciliations.startedAt, to),
          before === undefined ? undefined : lt(reconciliations.id, before),
        ),
      )
      .orderBy(desc(reconciliations.id))
      .limit(page.limit + 1);
    return cutPage(key, listing, rows, page.limit, (row) => [row.id]);
  });
}

/** One report of reconcile. @errors not_found */
export async function getReconciliation(ctx: Ctx, reconciliationId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const [row] = await tx.select().from(reconciliations).where(eq(reconciliations.id, reconciliationId));
    if (row === undefined) {
      throw refuse('not_found');
    }
    return row;
  });
}

function walletsOf(tx: Tx, accountId: Id) {
  return tx.select({ id: wallets.id }).from(wallets).where(eq(wallets.accountId, accountId));
}

function bookedBefore(after: readonly string[] | undefined) {
  const [bookedAt, id] = after ?? [];
  return bookedAt === undefined || id === undefined
    ? undefined
    : or(
        lt(ledgerEntries.bookedAt, bookedAt as Instant),
        and(eq(ledgerEntries.bookedAt, bookedAt as Instant), lt(ledgerEntries.id, id)),
      );
}
