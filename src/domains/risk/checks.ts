import { sql } from 'drizzle-orm';
import type { Check } from '../../platform/domain.ts';
import { look } from '../../platform/look.ts';

export const riskChecks: readonly Check[] = [
  {
    name: 'risk.limits_were_approved',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from risk_limits`,
        sql`
        select 'limit ' || l.id as object, 'set by ' || l.set_by || ' without an executed approval of its own' as detail
        from risk_limits l left join approvals a
          on a.id = l.approval_id and a.subject_id = l.id and a.action = 'risk.set_limit' and a.status = 'executed'
        where a.id is null and not (l.approval_id is null and l.set_by in ('seed', 'migration'))`,
      ),
  },
  {
    name: 'risk.open_orders_are_counted',
    invariant: 'I9',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from risk_exposures`,
        sql`
        with open as (
          select account_id, instrument_id, count(*) as orders,
            coalesce(sum(value) filter (where side = 'buy'), 0) as buys,
            coalesce(sum(value) filter (where side = 'sell'), 0) as sells
          from (
            select account_id, instrument_id, side, order_open_value(quantity, notional,
              filled_quantity + reduced_quantity, filled_amount, coalesce(limit_price, price_cap, stop_price), closed_at) as value
            from orders where closed_at is null
          ) o group by account_id, instrument_id
        ), traded as (
          select f.account_id, t.instrument_id, sum(case f.side when 'buy' then f.quantity else -f.quantity end) as net
          from fills f join trades t on t.id = f.trade_id group by f.account_id, t.instrument_id
        )
        select 'account ' || account_id || ' in ' || instrument_id as object,
          'the counters say ' || concat_ws(' ', e.open_orders, e.open_buy_value, e.open_sell_value, e.net_quantity)
          || ', orders and fills ' || concat_ws(' ', o.orders, o.buys, o.sells, n.net) as detail
        from risk_exposures e full join open o using (account_id, instrument_id)
          full join traded n using (account_id, instrument_id)
        where (coalesce(e.open_orders, 0), coalesce(e.open_buy_value, 0), coalesce(e.open_sell_value, 0),
            coalesce(e.net_quantity, 0))
          <> (coalesce(o.orders, 0), coalesce(o.buys, 0), coalesce(o.sells, 0), coalesce(n.net, 0))`,
      ),
  },
  {
    name: 'risk.turnover_is_counted',
    invariant: 'I9',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from risk_turnovers`,
        sql`
        with traded as (
          select f.account_id, date_bin('15 minutes', f.executed_at, '2000-01-01T00:00:00Z') as quarter_at,
            t.instrument_id, sum(f.amount) as volume, coalesce(sum(f.realised_pnl), 0) as pnl
          from fills f join trades t on t.id = f.trade_id group by 1, 2, 3
        )
        select 'account ' || account_id || ' in ' || instrument_id as object,
          'from ' || quarter_at || ' the counters say ' || concat_ws(' ', r.volume, r.realised_pnl)
          || ', the fills ' || concat_ws(' ', f.volume, f.pnl) as detail
        from risk_turnovers r full join traded f using (account_id, quarter_at, instrument_id)
        where (coalesce(r.volume, 0), coalesce(r.realised_pnl, 0)) <> (coalesce(f.volume, 0), coalesce(f.pnl, 0))`,
      ),
  },
  {
    name: 'risk.breakers_were_lifted_by_two_or_in_time',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from circuit_breakers`,
        sql`
        select 'breaker ' || b.id as object, 'lifted by ' || b.lifted_by as detail
        from circuit_breakers b left join approvals a
          on a.id = b.lift_approval_id and a.subject_id = b.id and a.action = 'risk.lift_breaker'
            and a.status = 'executed'
        where b.lifted_at is not null and a.id is null and not exists (
            select from circuit_breakers s where s.id = b.superseded_by and s.scope = b.scope
              and s.instrument_id is not distinct from b.instrument_id
              and (s.ends_at is null or s.ends_at >= b.ends_at) and (s.lifted_at is null or s.lifted_at >= b.lifted_at))
          and (b.lift_approval_id is not null or b.ends_at is null or b.lifted_at < b.ends_at)`,
      ),
  },
];
