import { and, desc, eq, gte, inArray, lt, lte, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, readCursor } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import type { WalletEntryFilter } from './api.ts';
import { journals, ledgerEntries, wallets } from './schema.ts';

type EntryRow = typeof ledgerEntries.$inferSelect;

/** The history of one wallet, newest first, with what each journal says; staff only. @errors not_found, invalid_cursor */
export async function listWalletEntries(
  ctx: Ctx,
  { walletId, kind, referenceId, from, to, ...page }: WalletEntryFilter & { readonly walletId: Id },
) {
  const listing = `wallet entries ${walletId} ${kind ?? ''} ${referenceId ?? ''} ${from ?? ''} ${to ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, 'staff', async (tx) => {
    const [wallet] = await tx.select({ id: wallets.id }).from(wallets).where(eq(wallets.id, walletId));
    if (wallet === undefined) {
      throw refuse('not_found');
    }
    const after = page.cursor === undefined ? undefined : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select()
      .from(ledgerEntries)
      .where(
        and(
          eq(ledgerEntries.walletId, walletId),
          kind === undefined ? undefined : eq(ledgerEntries.kind, kind),
          referenceId === undefined ? undefined : eq(ledgerEntries.referenceId, referenceId),
          from === undefined ? undefined : gte(ledgerEntries.bookedAt, from),
          to === undefined ? undefined : lt(ledgerEntries.bookedAt, to),
          ...behind(after),
        ),
      )
      .orderBy(desc(ledgerEntries.bookedAt), desc(ledgerEntries.walletVersion))
      .limit(page.limit + 1);
    const cut = cutPage(key, listing, rows, page.limit, (row) => [row.bookedAt, String(row.walletVersion)]);
    return { ...cut, data: await withJournals(tx, cut.data) };
  });
}

/** What follows a row: one step into the index. The instant by itself says which months are not looked at. */
function behind(after: readonly string[] | undefined) {
  const [bookedAt, version] = after ?? [];
  return bookedAt === undefined || version === undefined
    ? []
    : [
        lte(ledgerEntries.bookedAt, bookedAt as Instant),
        sql`(${ledgerEntries.bookedAt}, ${ledgerEntries.walletVersion}) < (${bookedAt}::text::timestamptz, ${version}::text::bigint)`,
      ];
}

async function withJournals(tx: Tx, rows: readonly EntryRow[]) {
  const [newest, oldest] = [rows[0], rows.at(-1)];
  if (newest === undefined || oldest === undefined) {
    return [];
  }
  const found = await tx
    .select({ id: journals.id, valueDate: journals.valueDate, description: journals.description })
    .from(journals)
    .where(
      and(
        inArray(
          journals.id,
          rows.map(({ journalId }) => journalId),
        ),
        // A journal is booked with its entries: only their months are looked into.
        gte(journals.bookedAt, oldest.bookedAt),
        lte(journals.bookedAt, newest.bookedAt),
      ),
    );
  const said = new Map(found.map(({ id, ...journal }) => [id, journal]));
  return rows.map((row) => ({
    ...row,
    ...present(said.get(row.journalId), 'an entry has its journal'),
    number: row.walletVersion,
  }));
}
