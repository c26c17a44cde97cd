import { and, eq, notExists } from 'drizzle-orm';
import type { Amount } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { journalReversals, ledgerEntries } from './schema.ts';

/**
 * What a journal of this id moved in a wallet by exactly this amount; undefined where it did not, or where it was
 * reversed since: what was undone explains nothing.
 */
export async function findEntry(
  tx: Tx,
  leg: { readonly journalId: Id; readonly walletId: Id; readonly amount: Amount },
): Promise<{ readonly referenceType: string } | undefined> {
  const [entry] = await tx
    .select({ referenceType: ledgerEntries.referenceType })
    .from(ledgerEntries)
    .where(
      and(
        eq(ledgerEntries.journalId, leg.journalId),
        eq(ledgerEntries.walletId, leg.walletId),
        eq(ledgerEntries.amount, leg.amount),
        notExists(
          tx.select().from(journalReversals).where(eq(journalReversals.journalId, ledgerEntries.journalId)),
        ),
      ),
    );
  return entry;
}
