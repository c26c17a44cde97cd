import { sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { ClosingObstacle } from '../../platform/domain.ts';
import { readReceivables } from '../ledger/index.ts';
import { OPEN_WITHDRAWAL_STATUSES } from './rules.ts';

/** Money on its way in or out, or owed, keeps a relationship open. */
export async function fundingObstacles(tx: Tx, userId: Id): Promise<readonly ClosingObstacle[]> {
  const [found] = await tx.execute<{ deposits: boolean; withdrawals: boolean; repayments: boolean }>(sql`
    select exists (select 1 from deposits
                     where user_id = ${userId} and status in ('pending', 'processing')) as deposits,
      exists (select 1 from withdrawals where user_id = ${userId}
                and status::text = any(${sql.param([...OPEN_WITHDRAWAL_STATUSES])}::text[])) as withdrawals,
      exists (select 1 from repayments r join deposits d on d.id = r.deposit_id
                where d.user_id = ${userId} and r.status not in ('completed', 'given_up')) as repayments`);
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
  ];
}
