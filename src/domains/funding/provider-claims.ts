/**
 * What providers have cleared and not paid over, deposit by deposit: its credit, what went back of it, the statement
 * line that names it, and the receipts that paid for it among others.
 */
import { type SQL, sql } from 'drizzle-orm';
import { type Amount, amountOf, readStoredAmount } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayParameter } from '../../platform/db/insert-rows.ts';

/**
 * The movements of deposits in clearing wallets of the live book.
 * @shape wallet_id, deposit_id, booked_at, amount; as the wallet has it, so that a claim is below zero
 */
export function depositEntries(of: SQL): SQL {
  const inClearing = sql`w.house_role = 'clearing' and w.book = 'live' and ${of}`;
  return sql`
    select e.wallet_id, e.reference_id as deposit_id, e.booked_at, e.amount
    from wallets w join ledger_entries e on e.wallet_id = w.id
    where e.reference_type = 'deposit' and ${inClearing}
    union all
    select e.wallet_id, d.id, e.booked_at, e.amount
    from wallets w join ledger_entries e on e.wallet_id = w.id
      join deposits d on d.statement_line_id = e.reference_id
    where e.reference_type = 'bank_statement_line' and ${inClearing}
    union all
    select e.wallet_id, p.deposit_id, e.booked_at, p.amount
    from provider_settlements p join unallocated_receipts r on r.id = p.receipt_id
      join ledger_entries e on e.journal_id = r.closing_journal_id
      join wallets w on w.id = e.wallet_id
    where ${inClearing}`;
}

/** What is still to come of deposits from the provider of a clearing wallet; those that had none are missing. */
export async function openClaims(
  tx: Tx,
  walletId: Id,
  depositIds: readonly Id[],
): Promise<ReadonlyMap<Id, Amount>> {
  const ids = sql.param(arrayParameter('uuid', [...depositIds]));
  const rows = await tx.execute<{ deposit_id: Id; amount: string }>(sql`
    select deposit_id, (-sum(amount))::text as amount
    from (${depositEntries(sql`e.wallet_id = ${walletId}`)}) moved
    where deposit_id = any (${ids}::uuid[]) group by deposit_id having sum(amount) <> 0`);
  return new Map(rows.map((row) => [row.deposit_id, amountOf(readStoredAmount(row.amount))]));
}
