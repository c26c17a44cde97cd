import { and, desc, eq, gte, inArray, lt } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, readCursor } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import type { JournalFilter } from './api.ts';
import { shownRate } from './conversions/rules.ts';
import { journals, ledgerEntries } from './schema.ts';

/** Journals with their entries, newest first; staff only. @errors invalid_cursor */
export async function listJournals(ctx: Ctx, { kind, from, to, ...page }: JournalFilter) {
  const listing = `journals ${kind ?? ''} ${from ?? ''} ${to ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select()
      .from(journals)
      .where(
        and(
          kind === undefined ? undefined : eq(journals.kind, kind),
          from === undefined ? undefined : gte(journals.bookedAt, from),
          to === undefined ? undefined : lt(journals.bookedAt, to),
          before === undefined ? undefined : lt(journals.id, before),
        ),
      )
      // Of all orders the ids’ alone has an index in every month.
      .orderBy(desc(journals.id))
      .limit(page.limit + 1);
    const cut = cutPage(key, listing, rows, page.limit, (row) => [row.id]);
    return { ...cut, data: await withEntries(tx, cut.data) };
  });
}

/** One journal with its entries. @errors not_found */
export async function getJournal(ctx: Ctx, journalId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const rows = await tx.select().from(journals).where(eq(journals.id, journalId));
    const [journal] = await withEntries(tx, rows);
    if (journal === undefined) {
      throw refuse('not_found');
    }
    return journal;
  });
}

async function withEntries(tx: Tx, rows: readonly (typeof journals.$inferSelect)[]) {
  const entries =
    rows.length === 0
      ? []
      : await tx
          .select()
          .from(ledgerEntries)
          .where(
            inArray(
              ledgerEntries.journalId,
              rows.map((row) => row.id),
            ),
          )
          .orderBy(ledgerEntries.id);
  return rows.map((row) => ({
    ...row,
    metadata: row.metadata as Record<string, unknown>,
    rate: row.rate === null ? null : shownRate(row.rate),
    entries: entries.filter((entry) => entry.journalId === row.id),
  }));
}
