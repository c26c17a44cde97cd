import { type SQL, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { ClosingObstacle } from '../../platform/domain.ts';
import { readReceivables } from '../ledger/index.ts';
import { repaymentOwner } from './repayments/repayment-owner.ts';
import { OPEN_WITHDRAWAL_STATUSES } from './rules.ts';
import { GIVEN_UP_REFERENCE } from './settings.ts';

/**
 * Money on its way in or out, or owed, keeps a relationship open; so does what was to go back to them and was given up,
 * and what came in their name and nobody allocated yet.
 */
export async function fundingObstacles(tx: Tx, userId: Id): Promise<readonly ClosingObstacle[]> {
  const [found] = await tx.execute<{
    deposits: boolean;
    withdrawals: boolean;
    repayments: boolean;
    receipts: boolean;
  }>(sql`
    select exists (select 1 from deposits
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
                and ${userId}::uuid in (d.user_id, w.user_id, ${repaymentOwner})) as receipts`);
  const debts = await readReceivables(tx, userId, { limit: 1 });
  return [
    ...(debts.length > 0 ? [{ code: 'debts_open', detail: 'Money that was taken back is still owed' }] : []),
    ...(found?.deposits
      ? [{ code: 'deposits_pending', detail: 'Deposits are neither cleared nor failed' }]
      : []),
    ...(found?.withdrawals ? [{ code: 'withdrawals_pending', detail: 'Withdrawals are not finished' }] : []),
    ...(found?.repayments
      ? [{ code: 'repayments_pending', detail: 'Money that goes back is not paid yet' }]
      : []),
    ...(found?.receipts
      ? [{ code: 'receipts_open', detail: 'Money that came in is not allocated yet' }]
      : []),
  ];
}

/**
 * Refunds that were given up, until as much was booked out of suspense, or nothing is left there: to their own wallets, to
 * what they owe, or by a journal that names the refund, however it left. What such a journal did, its reversal undoes.
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
      select -sum(e.amount) from ledger_entries e
      where e.wallet_id = s.id and (exists (
          select 1 from ledger_entries own join wallets w on w.id = own.wallet_id
          where own.journal_id = e.journal_id and (w.user_id = ${userId}
            or w.house_role = 'receivable' and w.house_reference = ${userId}::text))
        or exists (
          select 1 from journals j left join journals undone on undone.id = j.reverses_id
          where j.id = e.journal_id
            and coalesce(undone.metadata, j.metadata) ->> 'repaymentId' = any (given.ids)))), 0)`;
}
