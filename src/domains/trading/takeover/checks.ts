/** What reconcile holds the firm's own position to. */
import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

export const takeoverChecks: readonly Check[] = [
  {
    // That it is the other side of what customers hold is `trading.positions_have_two_sides`.
    name: 'trading.firm_took_over_what_was_agreed',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from liquidation_takeovers`,
        sql`
        select 'takeover ' || t.id as object, 'is not what two people agreed to' as detail
        from liquidation_takeovers t left join approvals a on a.id = t.approval_id and a.action = 'position.take_over'
          and a.subject_id = t.position_id and a.status = 'executed'
        where a.id is null or (a.payload ->> 'quantity')::numeric < t.quantity
          or a.payload ->> 'liquidationId' <> t.liquidation_id::text
      union all
        select 'takeover ' || t.id, 'names no trade of the firm that says the same'
        from liquidation_takeovers t
        left join trades d on d.id = t.trade_id and d.venue = 'firm' and d.book = t.book
          and d.instrument_id = t.instrument_id and d.price = t.price and d.quantity = t.quantity
        left join fills f on f.trade_id = d.id and f.order_id = t.order_id and f.account_id = t.account_id
          and f.amount = t.amount and (f.side = 'sell') = (t.side = 'long')
        left join liquidation_orders l on l.order_id = t.order_id and l.liquidation_id = t.liquidation_id
          and l.position_id = t.position_id
        where f.id is null or l.id is null
      union all
        select 'trade ' || d.id, 'is with the firm, and nobody took anything over' from trades d
        where d.venue = 'firm' and not exists (select from liquidation_takeovers t where t.trade_id = d.id)`,
      ),
  },
];
