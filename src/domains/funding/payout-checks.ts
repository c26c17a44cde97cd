/**
 * What reconcile holds the terms and the evidence of payouts to: a fee is what its row of the schedule makes
 * of the amount; a debit that settled a payout is the payout's; coins have what travels with them; terms and
 * accounts were set by two people, or seeded.
 */
import { sql } from 'drizzle-orm';
import { formatAmount } from '../../kernel/amount.ts';
import type { Check } from '../../platform/domain.ts';
import { look } from '../../platform/look.ts';
import { VOID_WITHDRAWAL_STATUSES } from './rules.ts';
import { TRAVEL_RULE_ABOVE } from './settings.ts';

const agreedLimits = sql`select a.id, a.payload, a.executed_at from approvals a
  where a.action = 'funding_limit.set' and a.status = 'executed'`;

/** What the bank paid of another amount is corrected, and what it booked as one file is all of it, and paid. */
const paidOtherwise = sql`
  select 'withdrawal ' || w.id, 'was paid ' || w.paid_amount || ', and its debit or the correction of its books does not say so'
  from withdrawals w
  where w.paid_amount is not null and not exists (
    select 1 from statement_debits d join approvals p on p.id = d.approval_id
    where d.withdrawal_id = w.id and d.status = 'explained' and payout_debits_sum(d) = w.paid_amount
      and p.action = 'statement_debit.explain' and p.subject_id = d.id and p.status = 'executed'
      and w.paid_amount - w.amount = payout_debits_booked(d))
union all
  select 'debit ' || d.id, 'is a payout file that is not of its sum, or of which a payment is not known as paid'
  from statement_debits d join payout_files f on f.id = d.payout_file_id
    left join approvals p on p.id = d.approval_id,
    lateral (select coalesce(p.payload -> 'refused', '[]') as ids) refused
  where d.status <> 'explained' or d.amount <> payout_file_sum(f.id, refused.ids) or d.asset <> f.asset
    or exists (select 1 from payout_file_items i join withdrawals w on w.id = i.withdrawal_id
      where i.file_id = f.id
        and w.status::text <> case when jsonb_exists(refused.ids, w.id::text) then 'failed' else 'completed' end)
    or exists (select 1 from payout_file_repayments i join repayments r on r.id = i.repayment_id
      where i.file_id = f.id and r.status <> 'completed' and not jsonb_exists(refused.ids, r.id::text))`;

export const payoutChecks: readonly Check[] = [
  {
    name: 'funding.fees_follow_their_schedule',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from fee_schedules) + (select count(*) from withdrawals))::int as seen`,
        sql`select 'withdrawal ' || w.id as object, 'its fee is not what its row of the schedule asks' as detail
            from withdrawals w
              join funding_fees f on f.id = w.fee_id
              join fee_schedules s on s.id = f.schedule_id
              join assets a on a.code = w.asset
            where f.direction <> 'withdrawal' or f.asset <> w.asset or f.method <> w.method
              or s.effective_from > w.created_at
              or w.fee <> least(coalesce(f.maximum, 999999999999.99999999), greatest(f.minimum,
                f.fixed + ceil(w.amount * f.rate_bps / 10000 * 10 ^ a.scale::numeric) / 10 ^ a.scale::numeric))
          union all
            select 'fee schedule ' || s.id, 'was not set by two people' from fee_schedules s
            where s.approval_id is not null and not exists (
              select 1 from approvals p where p.id = s.approval_id and p.action = 'fee_schedule.set'
                and p.status = 'executed' and p.payload ->> 'tier' = s.tier)`,
      ),
  },
  {
    name: 'funding.payouts_have_their_debits',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from payout_accounts) + (select count(*) from withdrawals))::int as seen`,
        sql`select 'withdrawal ' || w.id as object, 'was settled by a line that is not its debit' as detail
            from withdrawals w
              join bank_statement_lines l on l.id = w.statement_line_id
              join bank_statements t on t.id = l.statement_id
            where w.status <> 'completed' or l.direction <> 'debit' or l.reversal or t.currency <> w.asset
              or not (coalesce(w.paid_amount, w.amount) = coalesce((select payout_debits_sum(d) from statement_debits d
                  where d.statement_line_id = l.id), l.amount) and l.end_to_end_id is not distinct from w.payout_reference)
                and not exists (
                  select 1 from statement_debits d join payout_file_items i on i.file_id = d.payout_file_id
                  where d.statement_line_id = l.id and d.status = 'explained' and i.withdrawal_id = w.id)
          union all
            ${paidOtherwise}
          union all
            select 'withdrawal ' || w.id, 'left another wallet than that of the statement''s account'
            from withdrawals w
              join bank_statement_lines l on l.id = w.statement_line_id
              join bank_statements t on t.id = l.statement_id
              join bank_accounts b on b.id = t.bank_account_id
            where not exists (
              select 1 from ledger_entries e join wallets h on h.id = e.wallet_id
              where e.journal_id = w.journal_id and h.house_role = 'client_money_bank'
                and h.house_reference = b.house_reference and e.amount = w.amount)
          union all
            select 'withdrawal ' || w.id, case
                when exists (
                  select 1 from statement_debits o
                  where o.id <> d.id and o.status = 'explained' and (o.withdrawal_id = w.id or exists (
                    select 1 from payout_file_items i where i.file_id = o.payout_file_id and i.withdrawal_id = w.id)))
                  then 'was settled by its debit, and the bank shows another of it that nobody explained: it may be paid twice'
                else 'was settled otherwise, and the bank shows a debit of it that nobody explained' end
            from statement_debits d
              join bank_statement_lines l on l.id = d.statement_line_id
              join withdrawals w on w.id = d.named_withdrawal_id
            where w.status = 'completed' and d.status = 'open' and d.amount in (w.amount, w.paid_amount) and not l.reversal
          union all
            select 'withdrawal ' || i.withdrawal_id, 'is in two payout files that may leave'
            from payout_file_items i
            where not exists (select 1 from payout_file_voids v where v.file_id = i.file_id)
            group by i.withdrawal_id having count(*) > 1
          union all
            select 'withdrawal ' || e.withdrawal_id, 'is not what its provider settled it as'
            from inbound_events e join withdrawals w on w.id = e.withdrawal_id
            where e.state = 'processed' and (e.type = 'payout.paid' and w.status <> 'completed'
              or e.type = 'payout.rejected' and w.status <> 'failed')
          union all
            select 'payout file ' || v.file_id, 'was given up after it was fetched, or not by two people'
            from payout_file_voids v
            where exists (select 1 from payout_file_downloads d where d.file_id = v.file_id)
              or not exists (
                select 1 from approvals p where p.id = v.approval_id and p.action = 'payout_file.void'
                  and p.status = 'executed' and p.subject_id = v.file_id)
          union all
            select 'payout account ' || c.id, 'was not set by two people' from payout_accounts c
            where c.approval_id is not null and not exists (
              select 1 from approvals p where p.id = c.approval_id and p.action = 'payout_account.set'
                and p.status = 'executed' and p.payload ->> 'iban' = c.iban and p.payload ->> 'asset' = c.asset)`,
      ),
  },
  {
    name: 'funding.coins_have_travel_rule_data',
    invariant: 'I10',
    // An installation asked for none before it kept its first.
    run: (tx) =>
      look(
        tx,
        sql`select (select count(*) from withdrawals)::int as seen`,
        sql`select 'withdrawal ' || w.id as object, 'takes out coins without the data that travel with them' as detail
            from withdrawals w join approvals a on a.id = w.approval_id
            where w.method = 'crypto' and w.travel_rule is null
              and w.amount > ${formatAmount(TRAVEL_RULE_ABOVE)}::numeric
              and w.status::text <> all (${sql.param([...VOID_WITHDRAWAL_STATUSES])}::text[])
              and (jsonb_exists(a.payload, 'travelRuleHash') or exists (
                select 1 from withdrawals f where f.travel_rule is not null and f.created_at <= w.created_at))
          union
            select 'withdrawal ' || w.id, 'lost the travel rule data that its checkers decided on'
            from withdrawals w join approvals a on a.id = w.approval_id
            where w.travel_rule is null and a.payload ->> 'travelRuleHash' is not null`,
      ),
  },
  {
    name: 'funding.terms_were_set_by_two',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from funding_limits) + (select count(*) from clearing_periods) +
              (select count(*) from bank_accounts) + (select count(*) from bank_holidays))::int as seen`,
        sql`select 'funding limit ' || l.id as object, 'is not what two people last agreed to' as detail
            from funding_limits l
              left join lateral (${agreedLimits} and a.payload @> jsonb_build_object('kycLevel', l.kyc_level, 'asset', l.asset,
                'direction', l.direction, 'method', l.method, 'windowHours', l.window_hours)
                order by a.executed_at desc limit 1) last on true
            where l.approval_id is not null and not exists (
                select 1 from approvals p where p.id = l.approval_id and p.action = 'funding_limit.set'
                  and p.status = 'executed' and p.executed_at = last.executed_at
                  and (p.payload ->> 'maximum')::numeric = l.maximum)
              or l.approval_id is null and last.id is not null
          union all
            select 'approval ' || a.id, 'set a limit that is not there' from (${agreedLimits}) a
            where not exists (select 1 from funding_limits l
              where a.payload @> jsonb_build_object('kycLevel', l.kyc_level, 'asset', l.asset,
                'direction', l.direction, 'method', l.method, 'windowHours', l.window_hours))
          union all
            select 'clearing period ' || c.method, 'is not what two people last agreed to' from clearing_periods c
            where c.approval_id is distinct from (
                select a.id from approvals a where a.action = 'clearing_period.set' and a.status = 'executed'
                  and a.payload ->> 'method' = c.method::text
                order by a.executed_at desc, a.id = c.approval_id desc limit 1)
              or c.approval_id is not null and not exists (
                select 1 from approvals p where p.id = c.approval_id and (p.payload ->> 'days')::integer = c.days)
          union all
            select 'bank holiday ' || h.id, 'was not set by two people' from bank_holidays h
            where not exists (
              select 1 from approvals p where p.id = h.approval_id and p.action = 'bank_holiday.set'
                and p.status = 'executed' and p.payload @> jsonb_build_object('currency', h.currency, 'day', h.day,
                  'observed', h.observed))
          union all
            select 'deposit account ' || c.id, 'was not set by two people' from deposit_accounts c
            where not exists (
              select 1 from approvals p where p.id = c.approval_id and p.action = 'deposit_account.set'
                and p.status = 'executed' and p.payload @> jsonb_build_object('asset', c.asset, 'iban', c.iban,
                  'bic', c.bic, 'holderName', c.holder_name, 'bankName', c.bank_name)
                and (p.payload ->> 'legalEntity') is not distinct from c.legal_entity)
          union all
            select 'bank account ' || b.id, 'was not set by two people' from bank_accounts b
            where b.approval_id is not null and not exists (
              select 1 from approvals p where p.id = b.approval_id and p.action = 'bank_account.add'
                and p.status = 'executed' and p.payload ->> 'iban' = b.iban
                and p.payload ->> 'currency' = b.currency and p.payload ->> 'houseReference' = b.house_reference
                and coalesce(p.payload ->> 'houseRole', 'client_money_bank') = b.house_role::text)
          union all
            select 'bank account ' || b.id, 'has a number that is of clients'' money and of the firm''s own'
            from bank_accounts b
            where b.house_role = 'firm_account' and (
              exists (select from bank_accounts o where o.iban = b.iban and o.house_role <> b.house_role)
              or exists (select from deposit_accounts d where d.iban = b.iban)
              or exists (select from payout_accounts c where c.iban = b.iban))`,
      ),
  },
];
