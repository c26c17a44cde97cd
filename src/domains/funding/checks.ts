/**
 * What reconcile holds funding to: every credit and payout has its journal and every such journal its
 * deposit or withdrawal; what waits to leave is reserved, and nothing else is; money that was freed or
 * moved by hand went past other people than its owner.
 */
import { sql } from 'drizzle-orm';
import type { Check } from '../../platform/domain.ts';
import { look } from '../../platform/look.ts';
import { DISPUTED } from './follow-payment.ts';
import { OPEN_WITHDRAWAL_STATUSES } from './rules.ts';

const open = sql`any (${sql.param([...OPEN_WITHDRAWAL_STATUSES])}::text[])`;

export const fundingChecks: readonly Check[] = [
  {
    name: 'funding.deposits_match_journals',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select (select count(*) from deposits)::int as seen`,
        sql`select 'deposit ' || d.id as object, d.status || ' without a journal that credits its wallet' as detail
            from deposits d
            where d.status in ('cleared', 'refunded', 'charged_back') and not exists (
              select 1 from journals j join ledger_entries e on e.journal_id = j.id
              where j.id = d.journal_id and j.kind = 'deposit' and j.reference_type = 'deposit'
                and j.reference_id = d.id and e.wallet_id = d.wallet_id and e.amount = d.amount)
          union all
            select 'deposit ' || id, status || ' and yet it has a journal' from deposits
            where status in ('pending', 'processing', 'failed') and journal_id is not null
          union all
            select 'deposit ' || d.id, d.status || ' without a journal that takes its fee' from deposits d
            where d.journal_id is not null and d.fee > 0 and not exists (
              select 1 from journals j join ledger_entries e on e.journal_id = j.id
              where j.id = d.fee_journal_id and j.kind = 'fee' and j.reference_id = d.id
                and e.wallet_id = d.wallet_id and e.amount = -d.fee)
          union all
            select 'journal ' || j.id, 'credits a deposit that does not cite it' from journals j
            where j.reference_type = 'deposit' and j.kind = 'deposit' and not exists (
              select 1 from deposits d where d.id = j.reference_id and d.journal_id = j.id)
              and not exists (
                select 1 from journal_reversals r join journals u on u.id = r.reversal_id
                  join bank_statement_lines l on l.id = u.reference_id join bank_statements s on s.id = l.statement_id
                where r.journal_id = j.id and u.reference_type = 'bank_statement_line' and s.standing = 'void'
                  and s.void_id::text = u.metadata ->> 'voidId')`,
      ),
  },
  {
    name: 'funding.withdrawals_match_journals',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select (select count(*) from withdrawals)::int as seen`,
        sql`select 'withdrawal ' || w.id as object, 'completed without a journal that debits its wallet' as detail
            from withdrawals w
            where w.status = 'completed' and not exists (
              select 1 from journals j join ledger_entries e on e.journal_id = j.id
              where j.id = w.journal_id and j.kind = 'withdrawal' and j.reference_type = 'withdrawal'
                and j.reference_id = w.id and e.wallet_id = w.wallet_id and e.amount = -(w.amount + w.fee))
          union all
            select 'journal ' || j.id, 'pays a withdrawal that does not cite it' from journals j
            where j.reference_type = 'withdrawal' and j.kind = 'withdrawal' and not exists (
              select 1 from withdrawals w where w.id = j.reference_id and w.journal_id = j.id)`,
      ),
  },
  {
    name: 'funding.open_withdrawals_are_reserved',
    invariant: 'I3',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from withdrawals) +
              (select count(*) from holds where reason = 'withdrawal'))::int as seen`,
        sql`select 'withdrawal ' || w.id as object, w.status || ' without an active hold of amount and fee' as detail
            from withdrawals w
            where w.status::text = ${open} and not exists (
              select 1 from holds h
              where h.id = w.hold_id and h.status = 'active' and h.reason = 'withdrawal'
                and h.reference_id = w.id and h.wallet_id = w.wallet_id and h.remaining = w.amount + w.fee)
          union all
            select 'hold ' || h.id, 'reserves for a withdrawal that is not open' from holds h
            where h.reason = 'withdrawal' and h.status = 'active' and not exists (
              select 1 from withdrawals w where w.hold_id = h.id and w.status::text = ${open})`,
      ),
  },
  {
    name: 'funding.disputes_are_held',
    invariant: 'I3',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from deposits) + (select count(*) from holds where reason = 'system'))::int as seen`,
        sql`select 'hold ' || h.id as object, 'reserves for a dispute that is not open' as detail from holds h
            where h.reason = 'system' and h.status = 'active' and not exists (
              select 1 from inbound_events i join deposits d on d.id = i.deposit_id
                join inbound_events o on o.deposit_id = d.id and o.state = 'kept' and o.reason = ${DISPUTED}
              where i.id = h.reference_id and d.wallet_id = h.wallet_id)
          union all
            select 'deposit ' || d.id, 'has more held for disputes than can be called back' from deposits d
              join inbound_events i on i.deposit_id = d.id
              join holds h on h.reason = 'system' and h.reference_id = i.id and h.status = 'active'
            group by d.id having sum(h.remaining) > d.amount - d.taken_back
          union all
            select 'payment event ' || i.id, 'disputes a deposit that is ' || d.status
            from inbound_events i join deposits d on d.id = i.deposit_id
            where i.state = 'kept' and i.reason = ${DISPUTED} and d.status <> 'cleared'`,
      ),
  },
  {
    name: 'funding.money_passed_four_eyes',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from deposits) + (select count(*) from withdrawals))::int as seen`,
        sql`select 'deposit ' || d.id as object, 'cleared without a statement line, a provider event or an executed approval' as detail
            from deposits d
            where d.status in ('cleared', 'refunded', 'charged_back') and d.statement_line_id is null
              and not exists (
                select 1 from inbound_events i where i.id = d.provider_event_id and i.deposit_id = d.id
                  and i.state = 'processed')
              and not exists (
                select 1 from approvals a where a.id = d.approval_id and a.action = 'deposit.clear'
                  and a.subject_id = d.id and a.status = 'executed')
          union all
            select 'deposit ' || d.id, 'was given by hand to an account, and no executed approval says so' from deposits d
            where d.metadata ->> 'inboundEventId' is not null and d.journal_id is not null and not exists (
              select 1 from approvals a where a.id = d.approval_id and a.action = 'inbound_event.allocate'
                and a.subject_id = d.provider_event_id and a.status = 'executed'
                and a.payload ->> 'accountId' = d.account_id::text and (a.payload ->> 'amount')::numeric = d.amount
                and a.payload ->> 'asset' = d.asset and coalesce((a.payload ->> 'fee')::numeric, 0) = d.fee)
          union all
            select 'deposit ' || d.id, 'was given by hand to an account, and no executed approval says so' from deposits d
            where d.metadata ->> 'receiptId' is not null and d.journal_id is not null and not exists (
              select 1 from approvals a where a.id = d.approval_id and a.action = 'unallocated_receipt.allocate'
                and a.subject_id::text = d.metadata ->> 'receiptId' and a.status = 'executed'
                and a.payload ->> 'accountId' = d.account_id::text and (a.payload ->> 'amount')::numeric = d.amount
                and a.payload ->> 'asset' = d.asset and coalesce((a.payload ->> 'fee')::numeric, 0) = d.fee)
          union all
            select 'withdrawal ' || w.id, 'was settled after an unknown outcome without a second person'
            from withdrawals w
            where w.resolution_id is not null and not exists (
              select 1 from approvals a where a.id = w.resolution_id and a.action = 'withdrawal.resolve'
                and a.subject_id = w.id and a.status = 'executed' and a.payload ->> 'outcome' = w.status::text)
          union all
            select 'withdrawal ' || w.id, 'failed without the evidence that sets its money free' from withdrawals w
            where w.status = 'failed' and w.resolution_id is null
              and not exists (select 1 from payout_reports r join payout_file_items i on i.file_id = r.file_id
                where r.id = w.payout_report_id and i.withdrawal_id = w.id and r.failed_count > 0)
              and not exists (select 1 from inbound_events e
                join payout_submissions s on s.withdrawal_id = e.withdrawal_id and s.provider = e.provider
                where e.withdrawal_id = w.id and e.type = 'payout.rejected' and e.state = 'processed')
              and not exists (
                select 1 from approvals a where a.action = 'withdrawal.fail' and a.subject_id = w.id
                  and a.status = 'executed')
          union all
            select 'withdrawal ' || w.id, w.status || ' without an executed approval' from withdrawals w
            where w.status in ('approved', 'processing', 'completed', 'failed', 'unknown') and not exists (
              select 1 from approvals a where a.id = w.approval_id and a.action = 'withdrawal.approve'
                and a.subject_id = w.id and a.status = 'executed' and a.quorum <= (
                  select count(*) from approval_votes v where v.approval_id = a.id and v.vote = 'approve'
                    and v.checker_id <> w.user_id))`,
      ),
  },
];
