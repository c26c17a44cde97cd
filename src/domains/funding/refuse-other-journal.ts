import { and, eq, ne, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { findEntry } from '../ledger/index.ts';
import { refuseFunding } from './errors.ts';
import type { StatementDebit } from './statement-debits.ts';
import { statementDebits } from './work/schema.ts';

/** What moves a bank by hand, what takes that back, a sweep of fees, and what two people took back of a deposit. */
const BOOKED_BY = ['approval', 'journal', 'hold_capture', 'fee_sweep', 'deposit'];

/**
 * Keeps a debit from being explained by a journal that does not have this very amount leave its bank account, or that has
 * a reason of its own: one explains one debit, and what corrected or undid another line explains none.
 * @errors debit_not_explained
 */
export async function refuseOtherJournal(tx: Tx, debit: StatementDebit, journalId: Id): Promise<void> {
  const { walletId, amount } = debit;
  const entry = await findEntry(tx, { journalId, walletId, amount });
  const isByHand = entry !== undefined && BOOKED_BY.includes(entry.referenceType);
  const [other] = await tx
    .select({ id: statementDebits.id })
    .from(statementDebits)
    .where(and(eq(statementDebits.journalId, journalId), ne(statementDebits.id, debit.id)));
  const fits = isByHand || (entry !== undefined && (await returnsReceipt(tx, journalId)));
  // Money sent back is explained as its repayment: by itself, and never twice.
  if (!fits || other !== undefined || (await isRepaid(tx, journalId))) {
    throw refuseFunding('debit_not_explained');
  }
}

/** A return of before repayments were kept; what else a receipt booked out of the bank undid its own line. */
async function returnsReceipt(tx: Tx, journalId: Id): Promise<boolean> {
  const rows = await tx.execute(sql`
    select 1 from journals j join unallocated_receipts r on r.id = j.reference_id and r.closing_journal_id = j.id
    where j.id = ${journalId} and j.reference_type = 'unallocated_receipt' and r.status = 'returned'`);
  return rows.length > 0;
}

async function isRepaid(tx: Tx, journalId: Id): Promise<boolean> {
  const rows = await tx.execute(sql`
    select 1 from repayments where journal_id = ${journalId} or debt_journal_id = ${journalId}`);
  return rows.length > 0;
}
