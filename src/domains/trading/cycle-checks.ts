import { sql } from 'drizzle-orm';
import type { Check } from '../../platform/domain.ts';
import { look } from '../../platform/look.ts';

/** What reconcile holds settlement cycles to: what fills brought after their day is what the ledger keeps. */
export const cycleChecks: readonly Check[] = [
  {
    name: 'trading.obligations_are_of_fills',
    invariant: 'I2',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from fills) + (select count(*) from settlement_obligations))::int as seen`,
        sql`
        select 'fill ' || f.id as object,
          'brought ' || b.amount || ', which settles on ' || f.settles_on || '; its obligation says ' ||
          coalesce(o.amount || ' on ' || o.settles_on, 'nothing') as detail
        from fills f
          cross join lateral (select case f.side when 'buy' then f.quantity else f.amount - f.fee end as amount) b
          left join settlement_obligations o on o.fill_id = f.id
        where f.settles_on > f.trade_day and b.amount > 0 and (o.amount, o.settles_on, o.account_id, o.trade_id)
          is distinct from (b.amount, f.settles_on, f.account_id, f.trade_id)
      union all
        select 'obligation of fill ' || o.fill_id, 'is of no fill that settles later'
        from settlement_obligations o left join fills f on f.id = o.fill_id and f.settles_on > f.trade_day
        where f.id is null
      union all
        select 'fill ' || f.id, 'settles on ' || f.settles_on || ', before the value date ' || j.value_date
        from fills f join journals j on j.reference_id = f.trade_id and j.kind = 'trade'
        where f.settles_on < j.value_date`,
      ),
  },
];
