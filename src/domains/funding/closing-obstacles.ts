import { type SQL, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { ClosingObstacle } from '../../platform/domain.ts';
import { readReceivables } from '../ledger/index.ts';
import { DISPUTED } from './follow-payment.ts';
import { repaymentOwner } from './repayments/repayment-owner.ts';
import { OPEN_WITHDRAWAL_STATUSES } from './rules.ts';
import { GIVEN_UP_REFERENCE } from './settings.ts';

/**
 * Money on its way in or out, or owed, keeps a relationship open; so does what was to go back to them and was given up,
 * and what came in their name and nobody allocated yet, or left in it and nobody explained: it may be their money, or their
 * debt.
 */
export async function fundingObstacles(tx: Tx, userId: Id): Promise<readonly ClosingObstacle[]> {
  const [found] = await tx.execute<{
    deposits: boolean;
    withdrawals: boolean;
    repayments: boolean;
    receipts: boolean;
    disputes: boolean;
    debits: boolean;
  }>(sql`
    select exists (select 1 from inbound_events i join deposits d on d.id = i.deposit_id
                     where d.user_id = ${userId} and i.state = 'kept' and i.reason = ${DISPUTED}) as disputes,
      exists (select 1 from deposits
                     where user_id = ${userId} and status in ('pending', 'processing')) as deposits,
      exists (select 1 from withdrawals where user_id = ${userId}
                and status::text = any(${sql.param([...OPEN_WITHDRAWAL_STATUSES])}::text[])) as withdrawals,
      exists (select 1 from repayments
                where ${repaymentOwner} = ${userId} and status not in ('completed', 'given_up'))
        or exists (${heldInSuspense(userId)}) as repayments,
      exists (select 1 from unallocated_receipts u join bank_statement_lines l on l.id = u.statement_line_id
                left join deposits d on d.id = u.deposit_id
                left join withdrawals w on w.payout_reference = l.end_to_end_id
                left join repayments on repayments.payout_reference = l.end_to_end_id
              where u.status = 'open'
                and ${userId}::uuid in (d.user_id, w.user_id, ${repaymentOwner})) as receipts,
      exists (select 1 from statement_debits s join withdrawals w on w.id = s.named_withdrawal_id
              where s.status = 'open' and w.user_id = ${userId}) as debits`);
  const debts = await readReceivables(tx, userId, { limit: 1 });
  return [
    ...(debts.length > 0 ? [{ code: 'debts_open', detail: 'Money that was taken back is still owed' }] : []),
    ...(found?.deposits
      ? [{ code: 'deposits_pending', detail: 'Deposits are neither cleared nor failed' }]
      : []),
    ...(found?.disputes ? [{ code: 'disputes_open', detail: 'Who paid a deposit disputes it' }] : []),
    ...(found?.withdrawals ? [{ code: 'withdrawals_pending', detail: 'Withdrawals are not finished' }] : []),
    ...(found?.repayments
      ? [{ code: 'repayments_pending', detail: 'Money that goes back is not paid yet' }]
      : []),
    ...(found?.receipts
      ? [{ code: 'receipts_open', detail: 'Money that came in is not allocated yet' }]
      : []),
    ...(found?.debits
      ? [
          {
            code: 'debits_open',
            detail: 'What left the bank in the name of a withdrawal is not explained yet',
          },
        ]
      : []),
  ];
}

/**
 * Refunds that were given up, until as much was booked out of suspense, or nothing is left there: to their own wallets, to
 * what they owe, or by a journal that names the refund, for as much as that was, however it left. What such a journal did, its reversal undoes.
 * Where one journal ends several refunds, of each person counts what reached them.
 */
function heldInSuspense(userId: Id): SQL {
  return sql`
    select 1 from (
      select r.asset, sum(r.amount) as amount, array_agg(r.id::text) as ids
      from repayments r join deposits d on d.id = r.deposit_id
      where d.user_id = ${userId} and r.status = 'given_up' group by r.asset) given
    join wallets s on s.house_role = 'suspense' and s.house_reference = ${GIVEN_UP_REFERENCE} and s.book = 'live'
      and s.asset = given.asset
    where s.total > 0 and given.amount > coalesce((
      select sum(sign(booked.taken) * least(abs(booked.taken), greatest(booked.named,
          case when sign(booked.reached) = sign(booked.taken) then abs(booked.reached) else 0 end)))
      from (
        select out.taken,
          coalesce((select r.amount from repayments r where r.id::text = any (given.ids)
            and r.id::text = coalesce(undone.metadata, j.metadata) ->> 'repaymentId'), 0) as named,
          coalesce((
            select sum(own.amount) from ledger_entries own join wallets w on w.id = own.wallet_id
            where own.journal_id = j.id and own.asset = s.asset and (w.user_id = ${userId}
              or w.house_role = 'receivable' and w.house_reference = ${userId}::text)), 0) as reached
        from (
            select journal_id, -sum(amount) as taken from ledger_entries where wallet_id = s.id group by journal_id
          ) out join journals j on j.id = out.journal_id left join journals undone on undone.id = j.reverses_id
        ) booked), 0)`;
}
