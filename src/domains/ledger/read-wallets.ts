import { and, desc, eq, isNotNull, lt, sql } from 'drizzle-orm';
import { type Amount, amountOf, parseAmount, ZERO } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { type Instant, readStoredInstant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { findAccount } from '../accounts/index.ts';
import { HOUSE_CHART, type HouseRole } from './chart.ts';
import { refuseLedger } from './errors.ts';
import type { Book } from './post-journals.ts';
import { wallets } from './schema.ts';
import { settledFunds, unsettledFunds } from './settled-funds.ts';

/**
 * What had been booked in an account's wallets at an instant, from the entries: one step into each wallet's
 * history. What is booked later keeps its own instant, so the answer for a past one does not change.
 * @errors not_found, instant_in_future
 */
export async function walletsAt(ctx: Ctx, accountId: Id, at: Instant) {
  if (at > ctx.deps.clock.now()) {
    throw refuseLedger('instant_in_future');
  }
  return transact(ctx, ctx.login, async (tx) => {
    await findAccount(tx, ctx, accountId);
    const rows = await tx.execute<PastRow>(sql`
      select w.id, w.asset, e.balance_after::text as total, e.wallet_version::text as version,
        e.booked_at::text as booked_at
      from wallets w left join lateral (
        select balance_after, wallet_version, booked_at from ledger_entries
        where wallet_id = w.id and booked_at <= ${at}::text::timestamptz
        order by booked_at desc, wallet_version desc limit 1
      ) e on true
      where w.account_id = ${accountId} and (w.created_at <= ${at}::text::timestamptz or e.balance_after is not null)
      order by w.asset`);
    return rows.map((row) => ({
      id: row.id,
      accountId,
      asset: row.asset,
      total: row.total === null ? amountOf(0n) : parseAmount(row.total),
      version: Number.parseInt(row.version ?? '0', 10),
      lastEntryAt: row.booked_at === null ? null : readStoredInstant(row.booked_at),
    }));
  });
}

/** One wallet with its ETag. @errors not_found */
export async function getWallet(ctx: Ctx, walletId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const [wallet] = await tx.select().from(wallets).where(eq(wallets.id, walletId));
    if (wallet === undefined) {
      throw refuse('not_found');
    }
    return shownWallet(wallet);
  });
}

export type HouseWalletFilter = PageRequest & {
  readonly book: Book;
  readonly role?: HouseRole | undefined;
  /** Totals as they were booked by then. */
  readonly at?: Instant | undefined;
};

/**
 * The wallets of the house in one book with what the chart says of them, newest first.
 * @errors invalid_cursor, instant_in_future
 */
export async function listHouseWallets(ctx: Ctx, page: HouseWalletFilter) {
  const { at } = page;
  if (at !== undefined && at > ctx.deps.clock.now()) {
    throw refuseLedger('instant_in_future');
  }
  const key = ctx.deps.keyring.cursorKey;
  const listing = `house wallets ${page.book} ${page.role ?? ''} ${at ?? ''}`;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select()
      .from(wallets)
      .where(
        and(
          page.role === undefined ? isNotNull(wallets.houseRole) : eq(wallets.houseRole, page.role),
          eq(wallets.book, page.book),
          before === undefined ? undefined : lt(wallets.id, before),
        ),
      )
      .orderBy(desc(wallets.id))
      .limit(page.limit + 1);
    const cut = cutPage(key, listing, rows, page.limit, (row) => [row.id]);
    const past = at === undefined ? undefined : await totalsAt(tx, cut.data, at);
    const shown = cut.data.map((row) => ({
      ...row,
      total: past === undefined ? row.total : (past.get(row.id) ?? ZERO),
    }));
    return { ...cut, data: shown.map(charted) };
  });
}

/** What had been booked in wallets by an instant; one without an entry by then is missing. */
async function totalsAt(
  tx: Tx,
  rows: readonly { readonly id: Id }[],
  at: Instant,
): Promise<ReadonlyMap<Id, Amount>> {
  const ids = sql.param(rows.map(({ id }) => id));
  const found = await tx.execute<{ readonly id: Id; readonly total: string }>(sql`
    select w.id, e.balance_after::text as total from unnest(${ids}::uuid[]) as w (id) cross join lateral (
      select balance_after from ledger_entries
      where wallet_id = w.id and booked_at <= ${at}::text::timestamptz
      order by booked_at desc, wallet_version desc limit 1) e`);
  return new Map(found.map(({ id, total }) => [id, parseAmount(total)]));
}

/** A wallet as staff read it: the revision is the version that `If-Match` compares. */
export function shownWallet(wallet: typeof wallets.$inferSelect) {
  return {
    ...wallet,
    unsettled: unsettledFunds(wallet),
    withdrawable: wallet.accountId === null ? null : settledFunds(wallet),
    entries: wallet.version,
    version: wallet.revision,
  };
}

type PastRow = {
  readonly id: Id;
  readonly asset: string;
  readonly total: string | null;
  readonly version: string | null;
  readonly booked_at: string | null;
};

function charted(wallet: typeof wallets.$inferSelect) {
  const { part, what } = HOUSE_CHART[present(wallet.houseRole, 'a wallet of the house has its role')];
  return { ...wallet, part, description: what };
}
