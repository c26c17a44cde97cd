/**
 * What reconcile holds the evidence of deposits to: statements add up, each credit on them is somebody's or
 * is waiting, what waits lies in its house wallet, what was taken back went past a provider or two people,
 * and what cannot be withdrawn yet is some deposit's or some trade's.
 */
import { sql } from 'drizzle-orm';
import type { Check } from '../../platform/domain.ts';
import { look } from '../../platform/look.ts';

/** From when its lines are booked. */
const sinceConfirmed = sql`coalesce((select a.executed_at from approvals a where a.id = s.confirmation_id), s.imported_at)`;

/** Lines of a statement are booked one after the other; for an hour they may be on their way. */
const beingBooked = sql`exists (select 1 from bank_statements s
  where s.id = l.statement_id and ${sinceConfirmed} >= now() - interval '1 hour'
    and not exists (select 1 from bank_statement_bookings b where b.statement_id = s.id))`;

export const evidenceChecks: readonly Check[] = [
  {
    name: 'funding.statements_add_up',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from bank_accounts) + (select count(*) from bank_statements))::int as seen`,
        sql`select 'statement ' || s.id as object, 'its lines do not lead from opening to closing balance' as detail
            from bank_statements s
            where s.status = 'imported' and s.closing_balance <> s.opening_balance + coalesce((
              select sum(case l.direction when 'credit' then l.amount else -l.amount end)
              from bank_statement_lines l where l.statement_id = s.id), 0)
          union all
            select 'statement ' || s.id, 'counts, and the second person who confirmed it is not to be found'
            from bank_statements s
            where s.standing = 'confirmed' and s.confirmation_id is not null and not exists (
              select 1 from approvals a join approval_votes v on v.approval_id = a.id and v.vote = 'approve'
              where a.id = s.confirmation_id and a.action = 'bank_statement.confirm' and a.subject_id = s.id
                and a.status = 'executed' and v.checker_id::text <> s.imported_by)
          union all
            select 'statement ' || s.id, 'was given up without an executed approval' from bank_statements s
            where s.void_id is not null and not exists (
              select 1 from approvals a where a.id = s.void_id and a.action = 'bank_statement.void'
                and a.subject_id = s.id and a.status = 'executed')
          union all
            select 'statement ' || s.id, s.standing || ', and yet line ' || l.id || ' has booked something'
            from bank_statements s join bank_statement_lines l on l.statement_id = s.id
            where s.standing <> 'confirmed' and (
              exists (select 1 from deposits d where d.statement_line_id = l.id)
              or exists (select 1 from withdrawals w where w.statement_line_id = l.id)
              or exists (select 1 from unallocated_receipts r where r.statement_line_id = l.id and r.status <> 'void')
              or exists (select 1 from statement_debits d where d.statement_line_id = l.id and d.status <> 'void'))`,
      ),
  },
  {
    name: 'funding.statement_lines_are_somebodys',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from bank_accounts) + (select count(*) from bank_statement_lines))::int as seen`,
        sql`select 'statement line ' || l.id as object, 'a credit that is neither a deposit nor a receipt' as detail
            from bank_statement_lines l join bank_statements c on c.id = l.statement_id and c.standing = 'confirmed'
              join bank_accounts b on b.id = c.bank_account_id and b.house_role = 'client_money_bank'
            where l.direction = 'credit'
              and not ${beingBooked}
              and not exists (select 1 from deposits d where d.statement_line_id = l.id and d.amount = l.amount)
              and not exists (select 1 from unallocated_receipts r
                where r.statement_line_id = l.id and r.amount = l.amount)
          union all
            select 'statement line ' || l.id, 'credits a deposit and waits as a receipt'
            from bank_statement_lines l
              join deposits d on d.statement_line_id = l.id
              join unallocated_receipts r on r.statement_line_id = l.id
            where (r.status <> 'allocated' or r.deposit_id is distinct from d.id)
              and r.explained_journal_id is distinct from d.journal_id
              and not exists (select 1 from unallocated_receipts x where x.rest_of = r.id and x.deposit_id = d.id)
          union all
            select 'statement line ' || l.id, 'is of the firm''s own account, and yet was taken for client money'
            from bank_statement_lines l join bank_statements c on c.id = l.statement_id
              join bank_accounts b on b.id = c.bank_account_id and b.house_role <> 'client_money_bank'
            where exists (select from deposits d where d.statement_line_id = l.id)
              or exists (select from unallocated_receipts r where r.statement_line_id = l.id)
              or exists (select from statement_debits d where d.statement_line_id = l.id)
              or exists (select from withdrawals w where w.statement_line_id = l.id)
              or exists (select from repayments r where l.id in (r.statement_line_id, r.paid_line_id))
          union all
            select 'statement ' || s.id, 'is not booked yet, and was confirmed over an hour ago'
            from bank_statements s
            where s.standing = 'confirmed' and ${sinceConfirmed} < now() - interval '1 hour'
              and not exists (select 1 from bank_statement_bookings b where b.statement_id = s.id)
          union all
            select 'deposit ' || d.id, 'cites a line that is no credit' from deposits d
              join bank_statement_lines l on l.id = d.statement_line_id where l.direction <> 'credit'`,
      ),
  },
  {
    name: 'funding.receipts_match_journals',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from bank_accounts) + (select count(*) from unallocated_receipts))::int as seen`,
        sql`select 'receipt ' || r.id as object, 'no journal booked it' as detail from unallocated_receipts r
            where not exists (select 1 from ledger_entries e where e.journal_id = r.journal_id
              and e.wallet_id = r.wallet_id and e.amount = r.amount)
          union all
            select 'receipt ' || r.id, r.status || ' without a journal that moved it on' from unallocated_receipts r
            where r.status <> 'open' and not exists (select 1 from ledger_entries e
              where e.journal_id = r.closing_journal_id and e.wallet_id = r.wallet_id and e.amount = -r.amount)
          union all
            select 'wallet ' || w.id, 'holds ' || w.total || ', open receipts say ' || coalesce(r.open, 0)
            from wallets w left join (
              select wallet_id, sum(amount) as open from unallocated_receipts where status = 'open' group by wallet_id
            ) r on r.wallet_id = w.id
            where w.house_role = 'unallocated_receipts' and w.total <> coalesce(r.open, 0)
          union all
            select 'receipt ' || r.id, r.status || ' without an executed approval' from unallocated_receipts r
            where (r.status in ('returned', 'explained') or r.account_id is not null) and not exists (
              select 1 from approvals a where a.id = r.approval_id and a.subject_id = r.id and a.status = 'executed')
          union all
            select 'receipt ' || r.id, r.status || ' by ' || coalesce(r.explanation::text, 'nothing')
            from unallocated_receipts r where (r.status = 'explained') <> (r.explanation is not null)
          union all
            select 'receipt ' || r.id, 'explained by a journal that does not have it reach the bank'
            from unallocated_receipts r join wallets u on u.id = r.wallet_id
            where r.explanation = 'booked' and not exists (select 1 from ledger_entries e
              join wallets w on w.id = e.wallet_id and w.house_role = 'client_money_bank'
                and w.house_reference = u.house_reference
              where e.journal_id = r.explained_journal_id and e.asset = r.asset and e.amount = -r.amount
                and (not exists (select 1 from journal_reversals v where v.journal_id = e.journal_id)
                  or exists (select 1 from deposits d where d.journal_id = e.journal_id)))
          union all
            select 'receipt ' || r.id, 'paid ' || coalesce(c.amount, 0) || ' of what a provider had, its deposits say ' ||
              coalesce(p.amount, 0)
            from unallocated_receipts r
              left join lateral (select sum(amount) as amount from provider_settlements
                where receipt_id = r.id) p on true
              left join lateral (select sum(e.amount) as amount from ledger_entries e join wallets w on w.id = e.wallet_id
                where e.journal_id = r.closing_journal_id and w.house_role = 'clearing'
                  and w.house_reference like 'payments-%') c on true
            where coalesce(c.amount, 0) <> coalesce(p.amount, 0)
              and (p.amount is not null or r.explanation = 'provider_settlement')`,
      ),
  },
  {
    name: 'funding.taken_back_deposits_have_evidence',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select (select count(*) from deposits)::int as seen`,
        sql`select 'deposit ' || d.id as object, d.status || ' without a provider event or an executed approval' as detail
            from deposits d
            where d.status in ('refunded', 'charged_back')
              and not exists (select 1 from inbound_events i
                where i.id = d.reversal_event_id and i.deposit_id = d.id and i.state = 'processed')
              and not exists (select 1 from approvals a
                where a.id = d.reversal_approval_id and a.subject_id = d.id and a.status = 'executed'
                  and a.action in ('deposit.refund', 'deposit.charge_back'))
          union all
            select 'deposit ' || d.id, 'took back ' || d.taken_back || ', journals that undo its credit say ' ||
              coalesce(r.back, 0)
            from deposits d left join lateral (
              select sum(e.amount) as back from journals j join ledger_entries e on e.journal_id = j.id
                join wallets w on w.id = e.wallet_id
              where j.reference_type = 'deposit' and j.reference_id = d.id and j.kind in ('reversal', 'adjustment')
                and j.metadata ->> 'takesBack' = d.journal_id::text and w.house_role in ('client_money_bank', 'clearing')
            ) r on true
            where d.taken_back > 0 and coalesce(r.back, 0) <> d.taken_back
          union all
            select 'journal ' || j.id, 'takes a deposit back without a provider event or an executed approval'
            from journals j
            where j.reference_type = 'deposit' and (j.kind = 'reversal' or j.metadata ->> 'takesBack' is not null)
              and not exists (select 1 from inbound_events i where i.deposit_id = j.reference_id
                and i.state = 'processed' and i.id::text = j.metadata ->> 'reversalEventId')
              and not exists (select 1 from approvals a where a.subject_id = j.reference_id
                and a.status = 'executed' and a.id::text = j.metadata ->> 'reversalApprovalId')
          union all
            select 'wallet ' || id, 'the debt of ' || house_reference || ' is below nothing' from wallets
            where house_role = 'receivable' and total > 0`,
      ),
  },
  {
    name: 'funding.statement_debits_are_explained',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from bank_accounts) + (select count(*) from statement_debits))::int as seen`,
        sql`select 'statement line ' || l.id as object, 'a debit that nobody is asked to explain' as detail
            from bank_statement_lines l join bank_statements s on s.id = l.statement_id and s.standing = 'confirmed'
              join bank_accounts b on b.id = s.bank_account_id and b.house_role = 'client_money_bank'
            where l.direction = 'debit' and not exists (
              select 1 from statement_debits d where d.statement_line_id = l.id and d.amount = l.amount)
          union all
            select 'debit ' || d.id, 'explained by a payout that does not fit or did not take place'
            from statement_debits d
            where d.explanation = 'payout' and not exists (select 1 from withdrawals w
              where w.id = d.withdrawal_id and w.asset = d.asset and coalesce(w.paid_amount, w.amount) = payout_debits_sum(d)
                and w.status in ('processing', 'unknown', 'completed'))
          union all
            select 'debit ' || d.id, 'explained by a journal that does not have it leave the bank'
            from statement_debits d
            where d.journal_id is not null and not exists (select 1 from ledger_entries e
              where e.journal_id = d.journal_id and e.wallet_id = d.wallet_id and e.amount = d.amount
                and not exists (select 1 from journal_reversals v where v.journal_id = e.journal_id))
          union all
            select 'debit ' || d.id, 'explained by hand without an executed approval' from statement_debits d
            where d.status = 'explained' and d.reason <> 'payout' and d.withdrawal_id is null
              and (d.reason <> 'payout_file' or d.payout_file_id is distinct from d.named_payout_file_id)
              and not exists (
              select 1 from approvals a where a.id = d.approval_id
                and a.action = 'statement_debit.explain' and a.status = 'executed'
                -- A part of a payout was explained with the debit that two people said it was.
                and (a.subject_id = d.id or exists (select 1 from statement_debits whole
                  where whole.id = a.subject_id and whole.approval_id = a.id
                    and whole.withdrawal_id = d.named_withdrawal_id)))`,
      ),
  },
  {
    name: 'funding.unsettled_is_of_deposits_and_trades',
    invariant: 'I2',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from wallets`,
        sql`select 'wallet ' || w.id as object,
              w.unsettled || ' is unsettled, deposits say ' || coalesce(d.unsettled, 0) || ' and trades ' ||
              coalesce(o.unsettled, 0) as detail
            from wallets w left join (
              select wallet_id, sum(unsettled) as unsettled from deposits group by wallet_id
            ) d on d.wallet_id = w.id left join (
              select wallet_id, sum(amount - used) as unsettled from settlement_obligations
              where settled_at is null group by wallet_id
            ) o on o.wallet_id = w.id
            where w.unsettled <> coalesce(d.unsettled, 0) + coalesce(o.unsettled, 0)`,
      ),
  },
];
