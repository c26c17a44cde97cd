/**
 * Payout files as a bank may book them, in one line: which file a debit bears the name of, and which payments a debit of
 * their own shows. Reads alone; the caller holds the locks.
 */
import { inArray, or, type SQL, sql } from 'drizzle-orm';
import { type Amount, readStoredAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { BankAccount } from '../receipts.ts';
import { statementDebits } from '../work/schema.ts';

/** A file that the bank has, under the name the bank was given. */
export type NamedFile = {
  readonly id: Id;
  /** What it comes to: all that it pays, and that less what the bank refused of it. */
  readonly sums: readonly Amount[];
  /** Everything it pays is booked as paid, and no debit shows any of it: the line moves nothing any more. */
  readonly isSettled: boolean;
  readonly isExplained: boolean;
};

/** The fetched files of an account that these names are of. */
export async function filesNamed(
  tx: Tx,
  account: BankAccount,
  names: readonly string[],
): Promise<ReadonlyMap<string, NamedFile>> {
  if (names.length === 0) {
    return new Map();
  }
  const id = sql`f.id`;
  const rows = await tx.execute<{
    id: Id;
    name: string;
    sum: string;
    due: string;
    settled: boolean;
    explained: boolean;
  }>(sql`
    select f.id, f.message_id as name, f.control_sum::text as sum, ${dueOf(id)} as due,
      exists (select 1 from statement_debits d where d.payout_file_id = f.id) as explained,
      not exists (select 1 from payout_file_items i join withdrawals w on w.id = i.withdrawal_id
          where i.file_id = f.id and w.status <> 'completed')
        and not exists (select 1 from payout_file_repayments i join repayments r on r.id = i.repayment_id
          where i.file_id = f.id and (r.status <> 'completed' or r.file_id <> f.id))
        and not exists (${shownAlone(id)}) as settled
    from payout_files f join payout_accounts a on a.id = f.payout_account_id
    where f.message_id = any (${sql.param([...names])}::text[])
      and a.iban = ${account.iban} and f.asset = ${account.currency}
      and exists (select 1 from payout_file_downloads d where d.file_id = f.id)
      and not exists (select 1 from payout_file_voids v where v.file_id = f.id)`);
  return new Map(
    rows.map(({ name, settled, explained, ...row }) => [
      name,
      { id: row.id, sums: sumsOf(row), isSettled: settled, isExplained: explained },
    ]),
  );
}

/** What the files of these names pay: whoever takes in a line of one locks it. */
export async function paymentsOfFiles(tx: Tx, names: readonly string[]): Promise<readonly Id[]> {
  const rows = await tx.execute<{ id: Id }>(sql`
    select p.id from payout_files f, lateral (${paymentsOf(sql`f.id`)}) p
    where f.message_id = any (${sql.param([...names])}::text[])`);
  return rows.map(({ id }) => id);
}

/** The first payment of a file, but for these, that a debit shows by itself; undefined where none does. */
export async function firstShownAlone(tx: Tx, fileId: Id, but: readonly Id[]): Promise<Id | undefined> {
  const [row] = await tx.execute<{ id: Id }>(sql`
    ${shownAlone(sql`${fileId}::uuid`)} and p.id <> all (${sql.param([...but])}::uuid[]) order by p.id limit 1`);
  return row?.id;
}

/** Those of these payments that a bank booked with their whole file. */
export async function paidWithFile(tx: Tx, ids: readonly Id[]): Promise<readonly Id[]> {
  const rows = await tx.execute<{ id: Id }>(sql`
    select p.id from statement_debits d, lateral (${paymentsOf(sql`d.payout_file_id`)}) p
    where d.payout_file_id is not null and d.status = 'explained'
      and p.id = any (${sql.param([...ids])}::uuid[])`);
  return rows.map(({ id }) => id);
}

/** A file that pays a payment, by what a bank that books it in one line would call it. */
type FileWith = { readonly id: Id; readonly name: string; readonly sums: readonly Amount[] };

/**
 * The files with this payment, given up or not. They are read before what they are looked for in: by values alone every
 * part of such a condition has its index.
 */
export async function filesWith(tx: Tx, paymentId: Id): Promise<readonly FileWith[]> {
  const id = sql`f.id`;
  const rows = await tx.execute<{ id: Id; name: string; sum: string; due: string }>(sql`
    select f.id, f.message_id as name, f.control_sum::text as sum, ${dueOf(id)} as due
    from payout_files f
    where f.id in (
      select file_id from payout_file_items where withdrawal_id = ${paymentId}
      union all select file_id from payout_file_repayments where repayment_id = ${paymentId})`);
  return rows.map(({ name, ...row }) => ({ id: row.id, name, sums: sumsOf(row) }));
}

/**
 * Those payments of a file that the bank's own report on it refused, whatever became of them since but for this file having
 * paid them all the same: they are in no sum that the bank books of it. What people alone said had failed may be in it.
 */
export async function refusedBy(
  tx: Tx,
  fileId: Id,
): Promise<readonly { readonly id: Id; readonly amount: Amount }[]> {
  const rows = await tx.execute<{ id: Id; amount: string }>(sql`
    select p.id, p.amount::text as amount from (${refusedOf(sql`${fileId}::uuid`)}) p order by p.id`);
  return rows.map(({ id, amount }) => ({ id, amount: readStoredAmount(amount) }));
}

/** Debits that are, or bear the name of, one of these files. */
export function isOfFiles(files: readonly FileWith[]): SQL | undefined {
  const ids = files.map(({ id }) => id);
  const { payoutFileId, namedPayoutFileId } = statementDebits;
  return ids.length === 0 ? undefined : or(inArray(payoutFileId, ids), inArray(namedPayoutFileId, ids));
}

function paymentsOf(fileId: SQL): SQL {
  return sql`select i.withdrawal_id as id from payout_file_items i where i.file_id = ${fileId}
    union all select i.repayment_id from payout_file_repayments i where i.file_id = ${fileId}`;
}

/**
 * A withdrawal that failed stays so. A repayment leaves a file that was not given up when it has failed, and is tried again
 * or paid by hand: the report on the later try says nothing of this file.
 */
function refusedOf(fileId: SQL): SQL {
  return sql`select w.id, w.amount from payout_file_items i join withdrawals w on w.id = i.withdrawal_id
      join payout_reports p on p.id = w.payout_report_id and p.file_id = i.file_id and p.failed_count > 0
    where i.file_id = ${fileId} and w.status = 'failed'
      and not exists (select 1 from approvals a where a.subject_id = w.id and a.status = 'executed'
        and (a.action = 'withdrawal.fail'
          or a.action = 'withdrawal.resolve' and a.payload ->> 'outcome' = 'failed'))
    union all select r.id, r.amount from payout_file_repayments i join repayments r on r.id = i.repayment_id
    where i.file_id = ${fileId}
      and not exists (select 1 from payout_file_voids v where v.file_id = i.file_id)
      and (r.file_id is distinct from i.file_id or r.status not in ('in_file', 'unknown', 'completed')
        or ${saidOf(sql`'by_hand'`)})
      and not ${saidOf(sql`'failed'`)}`;
}

/** Whether two people said that of a repayment as it was in this file. */
function saidOf(outcome: SQL): SQL {
  return sql`exists (select 1 from approvals a
    where a.action = 'repayment.resolve' and a.subject_id = r.id and a.status = 'executed'
      and a.payload ->> 'outcome' = ${outcome} and a.payload ->> 'fileId' = i.file_id::text)`;
}

function dueOf(fileId: SQL): SQL {
  return sql`(f.control_sum - coalesce((select sum(p.amount) from (${refusedOf(fileId)}) p), 0))::text`;
}

function sumsOf({ sum, due }: { readonly sum: string; readonly due: string }): readonly Amount[] {
  return [...new Set([readStoredAmount(sum), readStoredAmount(due)])];
}

/** What the bank charged for a payment is not the payment. */
function shownAlone(fileId: SQL): SQL {
  return sql`select p.id from (${paymentsOf(fileId)}) p
    where exists (
      select 1 from statement_debits d
      where (d.withdrawal_id = p.id or d.named_withdrawal_id = p.id or d.repayment_id = p.id
          or d.named_repayment_id = p.id)
        and d.status <> 'void' and d.explanation::text is distinct from 'bank_charge')`;
}
