/**
 * What reconcile holds repayments to: each is what two people sent back and what the books gave away, none is in two
 * files at once, and whatever is called paid was, once. A repayment whose debit never comes is a booking without a line.
 */
import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

/** What the journals of a vote took from a bank wallet. */
const booked = sql`(select sum(e.amount) from ledger_entries e
  where e.wallet_id = r.wallet_id and e.journal_id in (r.journal_id, r.debt_journal_id))`;

export const repaymentChecks: readonly Check[] = [
  {
    name: 'funding.repayments_are_what_was_sent_back',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from repayments) + (select count(*) from bank_accounts))::int as seen`,
        sql`select 'repayment ' || r.id as object, 'is not what two people agreed to send back, or to whom' as detail
            from repayments r
            where not exists (
              select 1 from approvals a
              where a.id = r.approval_id and a.status = 'executed' and a.subject_id = coalesce(r.deposit_id, r.receipt_id)
                and a.action = case when r.deposit_id is null then 'unallocated_receipt.return' else 'deposit.refund' end
                and a.payload ->> 'asset' = r.asset
                and coalesce(a.payload ->> 'takeBack', a.payload ->> 'amount')::numeric = r.amount
                and (a.payload ->> 'statementLineId') is not distinct from r.statement_line_id::text
                and (a.payload ->> 'payerHash') is not distinct from encode(r.payer_hash, 'hex'))
          union all
            select 'repayment ' || r.id, 'is ' || r.amount || ', its journals say ' || coalesce(${booked}, 0)
            from repayments r where coalesce(${booked}, 0) <> r.amount
          union all
            select 'repayment ' || r.id, 'is in_file, and no file holds it that may leave' from repayments r
            where r.status = 'in_file' and not exists (
              select 1 from payout_file_repayments i where i.file_id = r.file_id and i.repayment_id = r.id
                and not exists (select 1 from payout_file_voids v where v.file_id = i.file_id))
          union all
            select 'repayment ' || r.id, 'is called paid without the bank''s word or two people''s' from repayments r
            where r.status = 'completed' and r.payout_report_id is null
              and not exists (select 1 from approvals a where a.id = r.resolution_id and a.action = 'repayment.resolve'
                and a.subject_id = r.id and a.status = 'executed' and a.payload ->> 'outcome' = 'completed')
              and not exists (select 1 from statement_debits d where d.statement_line_id = r.paid_line_id
                and (d.repayment_id = r.id or exists (select 1 from payout_file_repayments i
                  where i.file_id = d.payout_file_id and i.repayment_id = r.id)))
          union all
            select 'repayment ' || r.id, 'is given up without two people''s word, or its journals are not undone'
            from repayments r
            where r.status = 'given_up' and (
              not exists (select 1 from approvals a where a.id = r.resolution_id and a.action = 'repayment.give_up'
                and a.subject_id = r.id and a.status = 'executed')
              or exists (select 1 from journals j where j.id in (r.journal_id, r.debt_journal_id)
                and not exists (select 1 from journal_reversals v join journals u on u.id = v.reversal_id
                  where v.journal_id = j.id and u.reference_type = 'repayment' and u.reference_id = r.id)))
          union all
            select 'debit ' || d.id, 'is said to be a repayment that does not fit, or is not called paid'
            from statement_debits d join repayments r on r.id = d.repayment_id
            where (d.asset, d.amount, d.wallet_id) is distinct from (r.asset, r.amount, r.wallet_id)
              or r.status <> 'completed'
          union all
            select 'debit ' || d.id, 'is said to be a journal that a repayment pays' from statement_debits d
              join repayments r on d.journal_id in (r.journal_id, r.debt_journal_id)
          union all
            select 'approval ' || a.id, 'sent money back from a bank, and nothing says who is paid'
            from approvals a join journals j on j.reference_id = a.subject_id and (
                a.action = 'unallocated_receipt.return' and j.reference_type = 'unallocated_receipt' and j.kind = 'withdrawal'
                or a.action = 'deposit.refund' and j.reference_type = 'deposit'
                  and j.metadata ->> 'reversalApprovalId' = a.id::text)
              join ledger_entries e on e.journal_id = j.id
              join wallets w on w.id = e.wallet_id and w.house_role = 'client_money_bank'
            where a.action in ('unallocated_receipt.return', 'deposit.refund') and a.status = 'executed'
              and a.executed_at >= (select min(f.executed_at) from repayments r join approvals f on f.id = r.approval_id)
              and not exists (select 1 from repayments r where r.approval_id = a.id)
            group by a.id`,
      ),
  },
];
