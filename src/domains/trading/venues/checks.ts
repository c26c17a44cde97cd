/**
 * What reconcile holds trading at venues to: every execution is booked once, and what the house owes venues, or is owed, is
 * the sum of what they executed.
 */
import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

export const venueChecks: readonly Check[] = [
  {
    name: 'trading.venue_executions_are_booked',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from venue_orders`,
        sql`
        select 'venue report ' || r.id as object, 'became no trade of its order that says the same' as detail
        from venue_reports r left join trades t on t.id = r.trade_id
        left join fills f on f.trade_id = t.id and f.order_id = r.order_id
        where r.standing = 'booked' and (t.id is null or f.id is null or t.venue is distinct from r.venue
          or f.price <> r.price or f.quantity <> r.quantity)
      union all
        select 'trade ' || t.id, 'says ' || t.venue || ' executed it, and ' || count(r.id) || ' reports say so'
        from trades t left join venue_reports r on r.trade_id = t.id
        where t.venue is not null and t.venue <> 'firm' group by t.id, t.venue having count(r.id) <> 1
      union all
        select 'venue report ' || r.id, 'is contested, and nobody is asked about it'
        from venue_reports r join venue_orders v on v.order_id = r.order_id
        where r.standing = 'contested' and v.state not in ('unknown', 'done')
      union all
        select 'order ' || o.id, 'is closed and still at ' || v.venue
        from venue_orders v join orders o on o.id = v.order_id
        where o.closed_at is not null and v.state in ('sending', 'working')
      union all
        select 'order ' || o.id, 'is open and no longer at ' || v.venue
        from venue_orders v join orders o on o.id = v.order_id
        where o.closed_at is null and v.state = 'done'
      union all
        select 'venue order ' || v.order_id, 'names no order of its book and instrument'
        from venue_orders v left join orders o on o.id = v.order_id and o.book = v.book
          and o.instrument_id = v.instrument_id
        where o.id is null`,
      ),
  },
  {
    name: 'trading.clearing_equals_executions',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from venue_orders`,
        sql`
        with executed as (
          select t.book, t.venue, i.base_asset, i.quote_asset,
            sum(case f.side when 'buy' then -f.quantity else f.quantity end) as base,
            sum(case f.side when 'buy' then f.amount else -f.amount end) as quote
          from trades t join fills f on f.trade_id = t.id join instruments i on i.id = t.instrument_id
          where t.venue is not null and i.kind = 'spot' group by 1, 2, 3, 4
        ), due as (
          select book, 'venue:' || venue as reference, asset, sum(amount) as amount from (
            select book, venue, base_asset as asset, base as amount from executed
            union all select book, venue, quote_asset, quote from executed) legs
          group by 1, 2, 3
        ), booked as (
          select w.book, w.house_reference as reference, w.asset, sum(e.amount) as amount
          from wallets w join ledger_entries e on e.wallet_id = w.id
          where w.house_role = 'clearing' and w.house_reference like 'venue:%' and e.kind = 'trade'
          group by 1, 2, 3
        )
        select 'clearing of ' || coalesce(d.reference, b.reference) || ' in ' || coalesce(d.asset, b.asset) as object,
          'trades booked ' || coalesce(b.amount, 0) || ', executions say ' || coalesce(d.amount, 0) as detail
        from due d full join booked b on b.book = d.book and b.reference = d.reference and b.asset = d.asset
        where coalesce(d.amount, 0) <> coalesce(b.amount, 0)`,
      ),
  },
];
