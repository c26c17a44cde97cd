import { sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { ClosingObstacle } from '../../platform/domain.ts';

/** Live money and holds keep a relationship open; paper money is none. */
export async function ledgerObstacles(tx: Tx, userId: Id): Promise<readonly ClosingObstacle[]> {
  const [found] = await tx.execute<{ balance: boolean; holds: boolean }>(sql`
    select exists (select 1 from wallets where user_id = ${userId} and book = 'live'
                     and (total <> 0 or unsettled <> 0)) as balance,
      exists (select 1 from holds h join wallets w on w.id = h.wallet_id
                where w.user_id = ${userId} and h.status = 'active') as holds`);
  return [
    ...(found?.balance
      ? [{ code: 'balance_remaining', detail: 'Money or units remain on live accounts' }]
      : []),
    ...(found?.holds ? [{ code: 'holds_active', detail: 'Funds are on hold' }] : []),
  ];
}
