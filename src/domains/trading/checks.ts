/**
 * What reconcile holds trading to. That open orders explain what wallets reserve is checked once, by
 * the ledger, together with holds.
 */
import { sql } from 'drizzle-orm';
import type { Check } from '../../platform/domain.ts';
import { look } from '../../platform/look.ts';

/**
 * An exit that waits for its entry; one of two that cancel each other, where the other reserves for both; what only
 * closes a position, whose fee is paid from what that sets free.
 */
const RESERVES_NOTHING = sql`(exists (select from instruments i where i.id = o.instrument_id and i.kind = 'contract')
  or (o.parent_id is not null and o.book_seq is null) or exists (
  select from orders other where other.group_id = o.group_id and other.id <> o.id and other.group_role <> 'parent'
    and other.closed_at is null and other.wallet_id = o.wallet_id and other.reservation > 0))`;

export const tradingChecks: readonly Check[] = [
  {
    name: 'trading.fills_add_up',
    invariant: 'I14',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from orders`,
        sql`select 'order ' || o.id as object,
              'says ' || o.filled_quantity || ' for ' || o.filled_amount || ' and fees of ' || o.fees ||
              ', its fills say ' || coalesce(f.quantity, 0) || ' for ' || coalesce(f.amount, 0) || ' and fees of ' ||
              coalesce(f.fees, 0) as detail
            from orders o left join (
              select order_id, sum(quantity) as quantity, sum(amount) as amount, sum(fee) as fees
              from fills group by order_id) f on f.order_id = o.id
            where o.filled_quantity <> coalesce(f.quantity, 0) or o.filled_amount <> coalesce(f.amount, 0)
              or o.fees <> coalesce(f.fees, 0)
              or (o.status = 'filled' and o.quantity is not null and (o.notional is null or o.limit_price is not null) and o.filled_quantity <> o.quantity - o.reduced_quantity)
              or (o.status = 'partially_filled' and o.filled_quantity = 0)
              or (o.status in ('held', 'open', 'pending', 'rejected') and o.filled_quantity <> 0)`,
      ),
  },
  {
    // In place of foreign keys (docs/adr/0025-orders-without-foreign-keys.md).
    name: 'trading.names_exist',
    invariant: 'I14',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from orders`,
        sql`select 'order ' || o.id as object, 'names an account, an instrument or a wallet that is not there' as detail
            from orders o left join accounts a on a.id = o.account_id and a.user_id = o.user_id
            left join instruments i on i.id = o.instrument_id and i.symbol = o.symbol
            left join wallets w on w.id = o.wallet_id and w.account_id = o.account_id and w.asset = o.reservation_asset
            where a.id is null or i.id is null or (o.wallet_id is not null and w.id is null)
          union all
            select 'order event ' || e.id, 'names an order that is not there' from order_events e
            left join orders o on o.id = e.order_id and o.account_id = e.account_id and o.user_id = e.user_id
            where o.id is null
          union all
            select 'trade ' || t.id, 'names an instrument that is not there' from trades t
            left join instruments i on i.id = t.instrument_id and i.symbol = t.symbol where i.id is null
          union all
            select 'fill ' || f.id, 'names a trade or an order that is not there' from fills f
            left join trades t on t.id = f.trade_id
            left join orders o on o.id = f.order_id and o.account_id = f.account_id and o.user_id = f.user_id
            where t.id is null or o.id is null`,
      ),
  },
  {
    name: 'trading.frozen_people_rest_nothing',
    invariant: 'I8',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from orders`,
        sql`select 'order ' || o.id as object, 'rests although its owner is frozen' as detail
            from orders o join customer_gates g on g.user_id = o.user_id
            where o.closed_at is null and o.book = 'live' and g.restriction = 'frozen'
              and g.changed_at < now() - interval '5 minutes'
          union all
            select 'order ' || o.id, 'rests although its owner is ' || u.status
            from orders o join users u on u.id = o.user_id
            where o.closed_at is null and o.book = 'live' and u.status in ('suspended', 'closed')
              and u.updated_at < now() - interval '5 minutes'
          union all
            select 'order ' || o.id, 'rests although its account is ' || a.status
            from orders o join accounts a on a.id = o.account_id
            where o.closed_at is null and a.status <> 'active' and a.updated_at < now() - interval '5 minutes'`,
      ),
  },
  {
    name: 'trading.trades_have_two_sides',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from trades`,
        sql`select 'trade ' || t.id as object, 'has ' || count(f.id) || ' fills that agree with it' as detail
            from trades t left join fills f on f.trade_id = t.id and f.price = t.price and f.quantity = t.quantity
            group by t.id, t.venue
            having case when t.venue is null
              then count(f.id) <> 2 or count(distinct f.side) <> 2 or count(distinct f.liquidity) <> 2
              else count(f.id) <> 1 end
          union all
            select 'fill ' || f.id, 'differs from its trade or order' from fills f
            join trades t on t.id = f.trade_id join orders o on o.id = f.order_id
            where f.price <> t.price or f.quantity <> t.quantity or f.side <> o.side or f.account_id <> o.account_id
              or (f.liquidity = 'taker') <> (f.side = t.taker_side)`,
      ),
  },
  {
    name: 'trading.trades_are_booked',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from trades`,
        sql`select 'trade ' || t.id as object, 'has ' || count(j.id) || ' journals' as detail
            from trades t join instruments i on i.id = t.instrument_id
            left join journals j on j.reference_id = t.id and j.kind = 'trade'
            group by t.id, i.kind having count(j.id) <> case i.kind when 'spot' then 1 else 0 end
          union all
            select 'journal ' || j.id, 'books a trade that does not exist' from journals j
            where j.kind = 'trade' and j.reference_type = 'trade'
              and not exists (select 1 from trades t where t.id = j.reference_id)`,
      ),
  },
  {
    name: 'trading.open_orders_reserve',
    invariant: 'I3',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from orders`,
        sql`select 'order ' || o.id as object,
              'is ' || o.status || ' and reserves ' || o.reservation || ' ' || o.reservation_asset as detail
            from orders o left join wallets w on w.id = o.wallet_id
            where o.closed_at is null and (w.id is null or w.account_id <> o.account_id
              or w.asset <> o.reservation_asset or w.book <> o.book
              or (o.reservation <= 0 and not ${RESERVES_NOTHING}))`,
      ),
  },
  {
    // Only one of two that cancel each other trades, and nothing leaves what was never entered.
    name: 'trading.groups_hold_together',
    invariant: 'I14',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from orders where group_id is not null`,
        sql`select 'order ' || e.id as object, case
              when e.book_seq is not null and p.filled_quantity = 0 then 'leaves an entry that never traded'
              when e.book_seq is not null and e.quantity - e.reduced_quantity > p.filled_quantity
                then 'leaves more than its entry ' || p.id || ' traded'
              else 'waits for its entry ' || p.id || ', which is ' || p.status end as detail
            from orders e join orders p on p.id = e.parent_id
            where (e.book_seq is not null and (p.filled_quantity = 0 or e.quantity - e.reduced_quantity > p.filled_quantity))
              or (e.book_seq is null and e.closed_at is null and e.status <> 'pending' and p.closed_at is not null)
          union all
            select 'order ' || p.id, 'has exits that traded ' || sum(e.filled_quantity) || ' together, it ' || p.filled_quantity
            from orders e join orders p on p.id = e.parent_id
            group by p.id, p.filled_quantity having sum(e.filled_quantity) > p.filled_quantity
          union all
            select 'group ' || o.group_id, 'traded ' || sum(o.filled_quantity) || ', each of it asked for ' || max(o.quantity)
            from orders o where o.group_role = 'oco'
            group by o.group_id having sum(o.filled_quantity) > max(o.quantity)
          union all
            select 'group ' || o.group_id, 'has ' || count(*) || ' ' || o.group_role || ' open' from orders o
            where o.closed_at is null and o.group_role is not null
            group by o.group_id, o.group_role having count(*) > case o.group_role when 'oco' then 2 else 1 end
          union all
            select 'order ' || o.id, 'is open although the other of its pair, ' || done.id || ', has ' ||
              case when done.status = 'filled' then 'traded whole' else 'been triggered' end
            from orders o join orders done on done.group_id = o.group_id and done.id <> o.id
            where o.closed_at is null and o.group_role <> 'parent' and done.group_role <> 'parent'
              and (done.status = 'filled' or done.triggered_at is not null)
          union all
            select 'order ' || o.id, 'is in a group with order ' || other.id || ' of another account or instrument'
            from orders o join orders other on other.group_id = o.group_id and other.id > o.id
            where (o.account_id, o.user_id, o.instrument_id) is distinct from
              (other.account_id, other.user_id, other.instrument_id)
          union all
            select 'group ' || o.group_id, 'reserves ' || sum(o.reservation) || ', and may sell ' ||
              max(o.quantity - o.filled_quantity - o.reduced_quantity)
            from orders o join instruments i on i.id = o.instrument_id and i.kind = 'spot'
            where o.closed_at is null and o.group_role <> 'parent' and o.side = 'sell'
              and (o.parent_id is null or o.book_seq is not null or o.status = 'pending')
            group by o.group_id having sum(o.reservation) <> max(o.quantity - o.filled_quantity - o.reduced_quantity)`,
      ),
  },
  {
    name: 'trading.triggers_were_reached',
    invariant: 'I14',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from orders where stop_price is not null or trail_amount is not null
          or trail_percent is not null`,
        sql`select 'order ' || o.id as object, 'was triggered at ' || o.trigger_price || ', which it did not wait for' as detail
            from orders o cross join lateral (
              select coalesce(o.trail_amount, ceil(o.high_water_mark * o.trail_percent * 1000000) / 100000000) as trail) t
            where o.trigger_price is not null and case
              when o.type = 'trailing_stop' and o.side = 'sell' then o.trigger_price > o.high_water_mark - t.trail
              when o.type = 'trailing_stop' then o.trigger_price < o.high_water_mark + t.trail
              when (o.side = 'buy') = (o.type <> 'take_profit') then o.trigger_price < o.stop_price
              else o.trigger_price > o.stop_price end
          union all
            select 'order ' || o.id, 'is ' || o.status || ' and was not triggered' from orders o
            where o.type not in ('market', 'limit') and o.triggered_at is null
              and (o.status in ('open', 'partially_filled', 'filled') or o.filled_quantity <> 0)`,
      ),
  },
  {
    name: 'trading.limits_were_kept',
    invariant: 'I14',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from fills`,
        sql`select 'fill ' || f.id as object, f.side || ' at ' || f.price || ' beyond ' || coalesce(o.limit_price, o.triggered_cap, o.price_cap) as detail
            from fills f join orders o on o.id = f.order_id
            where (f.side = 'buy' and f.price > coalesce(o.limit_price, o.triggered_cap, o.price_cap))
              or (f.side = 'sell' and f.price < coalesce(o.limit_price, o.triggered_cap, o.price_cap))
          union all
            select 'trade ' || m.trade_id, 'is of one person with themselves' from fills m
            join fills t on t.trade_id = m.trade_id and t.liquidity = 'taker' and m.liquidity = 'maker'
            where m.user_id = t.user_id`,
      ),
  },
];
