/** What reconcile holds the keeping of margin to. */
import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

export const marginChecks: readonly Check[] = [
  {
    // The price may have moved since, never the sums: what is held follows the last mark.
    name: 'trading.marks_follow_their_price',
    invariant: 'I3',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from positions`,
        sql`select 'position ' || p.id as object, 'is marked at ' || p.mark_price || ' with ' || p.unrealised_pnl || ' and '
              || p.maintenance_margin || ', which its price does not make' as detail
            from positions p join instruments i on i.id = p.instrument_id
            cross join lateral (select p.quantity * p.mark_price as exact) v
            where p.closed_at is null and (
              abs((case p.side when 'long' then 1 else -1 end) * (v.exact - p.entry_value) - p.unrealised_pnl) > 0.000000005
              or p.maintenance_margin < v.exact * i.maintenance_margin_bps / 10000 - 0.00000001)`,
      ),
  },
  {
    name: 'trading.closed_out_by_a_liquidation',
    invariant: 'I5',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from orders where origin = 'liquidation'`,
        sql`select 'order ' || o.id as object, 'liquidates without a step of a liquidation that says so' as detail
            from orders o left join liquidation_orders l on l.order_id = o.id and l.account_id = o.account_id
              and l.symbol = o.symbol and l.side = o.side and l.quantity = o.quantity
            left join liquidations q on q.id = l.liquidation_id and q.user_id = o.user_id
            -- An order is durable before its step knows it.
            where o.origin = 'liquidation' and q.id is null and o.idempotency_key not in (
              select 'liquidation-' || p.id from liquidation_orders p where p.order_id is null)
          union all
            select 'position ' || p.id, 'was liquidated by no order' from positions p
            where p.status = 'liquidated' and not exists (
              select from liquidation_orders l join fills f on f.order_id = l.order_id where l.position_id = p.id)`,
      ),
  },
  {
    name: 'trading.too_little_margin_is_seen_to',
    invariant: 'I5',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from margin_holds`,
        sql`select 'wallet ' || h.wallet_id as object, 'stands below its liquidation threshold and nobody was told' as detail
            from margin_holds h join wallets w on w.id = h.wallet_id join accounts a on a.id = h.account_id
            where h.initial_margin > 0 and h.updated_at < now() - interval '5 minutes'
              and w.total - w.reserved + h.held + h.unrealised_pnl
                < greatest(h.initial_margin * a.liquidation_threshold, h.maintenance_margin)
              and not exists (select from margin_calls c where c.wallet_id = h.wallet_id and c.ended_at is null)
              and not exists (select from liquidations l where l.wallet_id = h.wallet_id and l.ended_at is null)
          union all
            -- The one excuse is that nobody stands for the price of any of its positions.
            select 'wallet ' || h.wallet_id, 'stands below its liquidation threshold and nothing of it is closed'
            from margin_holds h join wallets w on w.id = h.wallet_id
            join accounts a on a.id = h.account_id and a.auto_liquidation
            cross join lateral (
              select bool_or(s.backed and coalesce(q.priced_at, q.quoted_at)
                  + make_interval(secs => t.stale_after_seconds) >= clock_timestamp()) as vouched,
                sum(case when s.backed then p.unrealised_pnl else 0 end) as pnl,
                sum(case when s.backed then p.maintenance_margin else least(p.maintenance_margin,
                  p.entry_value * i.maintenance_margin_bps / 10000) end) as maintenance
              from positions p join instruments i on i.id = p.instrument_id
              left join quotes q on q.instrument_id = p.instrument_id
              left join price_settings t on t.instrument_id = p.instrument_id
              cross join lateral (
                select (q.source <> 'trades' and t.stale_after_seconds is not null) is true as backed) s
              where p.wallet_id = h.wallet_id and p.closed_at is null) j
            where h.initial_margin > 0 and h.updated_at < now() - interval '5 minutes' and j.vouched
              and w.total - w.reserved + h.held + j.pnl
                < greatest(h.initial_margin * a.liquidation_threshold, j.maintenance)
              and not exists (select from liquidations l where l.wallet_id = h.wallet_id and l.ended_at is null)`,
      ),
  },
  {
    name: 'trading.funding_is_booked_once',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from position_funding`,
        sql`select 'position ' || p.id as object, 'has paid ' || p.funding_paid || ' for being held, its periods say '
              || coalesce(f.amount, 0) as detail
            from positions p left join (
              select position_id, sum(amount) as amount from position_funding group by position_id) f on f.position_id = p.id
            where p.funding_paid <> coalesce(f.amount, 0)
          union all
            select 'funding of ' || f.position_id || ' to ' || f.period_end,
              'says ' || f.amount || ', its journal took ' || coalesce(-e.amount, 0) || ' and the firm bore ' || f.borne
            from position_funding f left join ledger_entries e on e.journal_id = f.journal_id and e.wallet_id = f.wallet_id
            where f.amount - f.borne <> coalesce(-e.amount, 0)`,
      ),
  },
];
