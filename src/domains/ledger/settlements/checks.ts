/**
 * What reconcile holds obligations to. That they and the deposits are all that wallets have unsettled is checked
 * by funding, which knows both; that they are what fills brought, by trading.
 */
import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

export const obligationChecks: readonly Check[] = [
  {
    name: 'ledger.obligations_are_unsettled',
    invariant: 'I2',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from wallets) + (select count(*) from settlement_obligations))::int as seen`,
        sql`
        select 'wallet ' || w.id as object,
          w.unsettled || ' is unsettled, trades alone say ' || o.left as detail
        from wallets w join (
          select wallet_id, sum(amount - used) as left from settlement_obligations
          where settled_at is null group by wallet_id) o on o.wallet_id = w.id
        where w.unsettled < o.left
      union all
        select 'obligation of fill ' || o.fill_id, 'is in a wallet of another owner, book or asset'
        from settlement_obligations o left join wallets w on w.id = o.wallet_id and w.account_id = o.account_id
          and w.user_id = o.user_id and w.asset = o.asset and w.book = o.book
        where w.id is null
      union all
        -- No zone is more than a day ahead of UTC.
        select 'obligation of fill ' || o.fill_id, 'settled at ' || o.settled_at || ', before ' || o.settles_on
        from settlement_obligations o
        where o.settled_at < o.settles_on::timestamp at time zone 'UTC' - interval '1 day'`,
      ),
  },
];
