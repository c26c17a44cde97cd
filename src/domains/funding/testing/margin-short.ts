/** What tests of an account that lacks margin do: it lacks it, and trading says that it is liquidated. */
import { newId } from '../../../kernel/id.ts';
import { openClient } from '../../../platform/db/client.ts';
import type { FundingDesk, Person } from '../../../testing/funding-desk.ts';
import { stopShortWithdrawals } from '../stop-short-withdrawals.ts';

/** As trading tells it. */
export async function liquidationBegins(desk: FundingDesk, { userId, accountId }: Person): Promise<void> {
  await stopShortWithdrawals.handle(desk.system, {
    id: newId(),
    position: 1n,
    type: 'trading.liquidation_started',
    userId,
    accountId,
    data: { accountId, asset: 'USD' },
    occurredAt: desk.deps.clock.now(),
  });
}

/** Less is held than positions need, until something comes back: there are none here. */
export async function isMarginShort(desk: FundingDesk, { accountId }: Person): Promise<void> {
  const owner = openClient(desk.database.owner, 1);
  const tables = ['wallets', 'margin_holds'];
  for (const table of tables) {
    await owner.unsafe(`ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY`);
  }
  await owner`INSERT INTO margin_holds (wallet_id, user_id, account_id, book, asset, held, initial_margin,
      maintenance_margin, unrealised_pnl, unrealised_loss, updated_at)
    SELECT id, user_id, account_id, book, asset, 0, 0, 0, 0, 0, now() FROM wallets
    WHERE account_id = ${accountId} AND asset = 'USD' ON CONFLICT DO NOTHING`;
  await owner`UPDATE wallets SET margin_short = true WHERE account_id = ${accountId} AND asset = 'USD'`;
  for (const table of tables) {
    await owner.unsafe(`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`);
  }
  await owner.end();
}
