/** What reconcile holds positions and margin to. */
import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

export const positionChecks: readonly Check[] = [
  {
    name: 'trading.positions_follow_fills',
    invariant: 'I4',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from positions`,
        sql`select 'account ' || coalesce(p.account_id, f.account_id) || ' in ' || coalesce(p.instrument_id, f.instrument_id) as object,
              'has ' || coalesce(p.net, 0) || ' open, ' || coalesce(p.realised, 0) || ' realised, ' || coalesce(p.fees, 0) ||
              ' fees, its fills say ' || coalesce(f.net, 0) || ', ' || coalesce(f.realised, 0) || ' and ' || coalesce(f.fees, 0) as detail
            from (
              select account_id, instrument_id, sum(realised_pnl) as realised, sum(fees) as fees,
                sum(case side when 'long' then quantity else -quantity end) as net,
                sum(case side when 'long' then opened_quantity else closed_quantity end) as bought,
                sum(case side when 'long' then opened_value else closed_value end) as paid,
                sum(case side when 'long' then closed_value else opened_value end) as fetched
              from positions group by account_id, instrument_id) p
            full join (
              select f.account_id, t.instrument_id, sum(coalesce(f.realised_pnl, 0)) as realised, sum(f.fee) as fees,
                sum(case f.side when 'buy' then f.quantity else -f.quantity end) as net,
                sum(case f.side when 'buy' then f.quantity else 0 end) as bought,
                sum(case f.side when 'buy' then f.amount else 0 end) as paid,
                sum(case f.side when 'buy' then 0 else f.amount end) as fetched
              from fills f join trades t on t.id = f.trade_id join instruments i on i.id = t.instrument_id
              where i.kind = 'contract' group by f.account_id, t.instrument_id) f
              on f.account_id = p.account_id and f.instrument_id = p.instrument_id
            where (p.net, p.realised, p.fees, p.bought, p.paid, p.fetched)
              is distinct from (f.net, f.realised, f.fees, f.bought, f.paid, f.fetched)
          union all
            select 'position ' || id, 'entered at ' || entry_value || ' and realised ' || realised_pnl || ', its trades say otherwise'
            from positions where realised_pnl <> case side when 'long' then closed_value - opened_value + entry_value
              else opened_value - closed_value - entry_value end`,
      ),
  },
  {
    // Who trades with another customer is long what the other is short, or the firm is where it took a position over;
    // with a venue the house stands there.
    name: 'trading.positions_have_two_sides',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from positions`,
        sql`select p.book || ' ' || i.symbol as object,
              'is long ' || p.long || ' and short ' || p.short || ', entered at ' || p.entered || ', realised ' || p.realised
                || ', the firm took over ' || coalesce(f.long, 0) || ' long and ' || coalesce(f.short, 0) || ' short at '
                || coalesce(f.entered, 0) as detail
            from (
              select book, instrument_id, sum(realised_pnl) as realised,
                sum(case side when 'long' then quantity else 0 end) as long,
                sum(case side when 'short' then quantity else 0 end) as short,
                sum(case side when 'long' then entry_value else -entry_value end) as entered
              from positions group by book, instrument_id) p
            join instruments i on i.id = p.instrument_id
            left join (
              select book, instrument_id, sum(case side when 'long' then quantity else 0 end) as long,
                sum(case side when 'short' then quantity else 0 end) as short,
                sum(case side when 'long' then amount else -amount end) as entered
              from liquidation_takeovers group by book, instrument_id) f
              on f.book = p.book and f.instrument_id = p.instrument_id
            where (p.long + coalesce(f.long, 0) <> p.short + coalesce(f.short, 0)
                or p.realised <> p.entered + coalesce(f.entered, 0)) and not exists (
              select from trades t where t.instrument_id = p.instrument_id and t.book = p.book
                and t.venue is not null and t.venue <> 'firm')`,
      ),
  },
  {
    name: 'trading.margin_follows_positions',
    invariant: 'I3',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from margin_holds`,
        sql`select 'wallet ' || coalesce(h.wallet_id, p.wallet_id) as object,
              'says margin ' || coalesce(h.initial_margin, 0) || ', unrealised ' || coalesce(h.unrealised_pnl, 0) || ' and holds ' ||
              coalesce(h.held, 0) || ', its positions need ' || coalesce(p.initial, 0) || ' and ' || coalesce(p.loss, 0) as detail
            from margin_holds h full join (
              select wallet_id, sum(initial_margin) as initial, sum(maintenance_margin) as maintenance,
                sum(unrealised_pnl) as pnl, sum(greatest(-unrealised_pnl, 0)) as loss
              from positions where closed_at is null group by wallet_id) p on p.wallet_id = h.wallet_id
            where coalesce(h.initial_margin, 0) <> coalesce(p.initial, 0)
              or coalesce(h.maintenance_margin, 0) <> coalesce(p.maintenance, 0)
              or coalesce(h.unrealised_pnl, 0) <> coalesce(p.pnl, 0)
              or coalesce(h.unrealised_loss, 0) <> coalesce(p.loss, 0)
              or coalesce(h.held, 0) > coalesce(p.initial, 0) + coalesce(p.loss, 0)`,
      ),
  },
  {
    // Whatever a client won or lost stands against the house, and what the firm bore is its own debt.
    name: 'trading.profits_are_booked',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from fills where realised_pnl is not null`,
        sql`select 'fill ' || f.id as object,
              'realised ' || coalesce(f.realised_pnl, 0) || ' and cost ' || f.fee || ', booked were ' || coalesce(b.pnl, 0) ||
              ' and ' || coalesce(b.fee, 0) as detail
            from fills f join trades t on t.id = f.trade_id join instruments i on i.id = t.instrument_id and i.kind = 'contract'
            left join (
              select e.reference_id, sum(e.amount) filter (where e.kind = 'pnl' and w.house_role = 'clearing') as pnl,
                sum(e.amount) filter (where e.kind = 'fee' and w.house_role = 'fees_earned') as fee
              from ledger_entries e join wallets w on w.id = e.wallet_id
              where e.reference_type = 'fill' and e.kind in ('pnl', 'fee') group by e.reference_id) b on b.reference_id = f.id
            where coalesce(f.realised_pnl, 0) + coalesce(b.pnl, 0) <> 0 or f.fee <> coalesce(b.fee, 0)
          union all
            select 'account ' || p.account_id || ' in ' || p.settlement_asset,
              'positions say the firm bore ' || p.borne || ', journals say ' || coalesce(b.borne, 0)
            from (
              select account_id, settlement_asset, sum(loss_borne) as borne from positions group by account_id, settlement_asset) p
            left join (
              select b.account_id, b.asset, -sum(e.amount) as borne
              from ledger_entries e join wallets w on w.id = e.wallet_id and w.house_role = 'receivable'
              join (select id, account_id, fee_asset as asset from fills) b on b.id = e.reference_id
              where e.kind = 'pnl' and e.reference_type = 'fill' group by b.account_id, b.asset) b
              on b.account_id = p.account_id and b.asset = p.settlement_asset
            where p.borne < coalesce(b.borne, 0)`,
      ),
  },
  {
    // What is armed could close what is not there; what is over would leave its owner unprotected.
    name: 'trading.exits_end_with_their_position',
    invariant: 'I5',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from position_exits`,
        sql`select 'exits of position ' || e.position_id as object,
              case when p.closed_at is null then 'are over and the position is open' else 'stand and the position is closed' end as detail
            from position_exits e join positions p on p.id = e.position_id
            where (e.ended_at is null) <> (p.closed_at is null)
          union all
            select 'exits of position ' || e.position_id, 'were triggered at ' || e.trigger_mark || ', which reaches none'
            from position_exits e where e.triggered_at is not null and (case
              when (e.triggered = 'stop_loss') = (e.side = 'long')
                then e.trigger_mark <= case e.triggered when 'stop_loss' then e.stop_loss else e.take_profit end
              else e.trigger_mark >= case e.triggered when 'stop_loss' then e.stop_loss else e.take_profit end
            end) is not true
          union all
            select 'exits of position ' || e.position_id, 'were triggered, and nobody has tried to close it since ' || e.next_try_at
            from position_exits e where e.triggered_at is not null and e.ended_at is null and e.held_back is null
              and e.next_try_at < now() - interval '5 minutes' and not exists (
                select from position_exit_orders t join orders o on o.id = t.order_id
                where t.position_id = e.position_id and o.closed_at is null)`,
      ),
  },
  {
    name: 'trading.closed_by_an_exit',
    invariant: 'I5',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from orders where origin = 'position_exit'`,
        sql`select 'order ' || o.id as object, 'closes a position without an exit that says so' as detail
            from orders o left join position_exit_orders e on e.order_id = o.id and e.account_id = o.account_id
              and e.user_id = o.user_id and e.symbol = o.symbol and e.side = o.side and e.quantity = o.quantity
            where o.origin = 'position_exit' and (e.id is null or not o.reduce_only)
          union all
            select 'position ' || p.id, 'has ' || count(*) || ' orders of its exits open at once'
            from position_exit_orders e join orders o on o.id = e.order_id and o.closed_at is null
            join positions p on p.id = e.position_id group by p.id having count(*) > 1`,
      ),
  },
];
