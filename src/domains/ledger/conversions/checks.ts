import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

/** Four legs: the customer's two and the position's two, each of what was quoted. */
const legsDiffer = sql`(
  select count(*) = 4 and bool_and(e.amount = case
      when w.account_id = q.account_id and e.asset = q.from_asset then -q.from_amount
      when w.account_id = q.account_id and e.asset = q.to_asset then q.to_amount
      when w.house_role = 'fx_position' and e.asset = q.from_asset then q.from_amount
      when w.house_role = 'fx_position' and e.asset = q.to_asset then -q.to_amount end)
    and count(distinct w.id) = 4
  from ledger_entries e join wallets w on w.id = e.wallet_id where e.journal_id = q.journal_id
) is not true`;

/** What reconcile holds conversions and rates to. */
export const conversionChecks: readonly Check[] = [
  {
    name: 'ledger.conversions_match_journals',
    invariant: 'I1',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from conversion_quotes`,
        sql`select 'conversion ' || q.id as object, 'its journal is not what was quoted' as detail
            from conversion_quotes q left join journals j on j.id = q.journal_id
              left join accounts a on a.id = q.account_id
            where q.executed_at is not null and (
              j.id is null or j.kind <> 'conversion' or j.reference_type <> 'conversion' or j.reference_id <> q.id
              or j.book::text <> a.type::text or j.rate is distinct from q.rate
              or j.rate_source is distinct from q.rate_source or j.rate_at is distinct from q.rate_at
              or ${legsDiffer})
          union all
            select 'journal ' || j.id, 'is a conversion that was never quoted' from journals j
            where j.kind = 'conversion'
              and not exists (select from conversion_quotes q where q.journal_id = j.id)`,
      ),
  },
  {
    name: 'ledger.conversions_follow_rates',
    invariant: 'I9',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from conversion_quotes`,
        sql`select 'quote ' || q.id as object, q.from_amount || ' ' || q.from_asset || ' for ' || q.to_amount
              || ' ' || q.to_asset || ' is not what its rate gives' as detail
            from conversion_quotes q join fx_rates r on r.id = q.rate_id
              join assets f on f.code = q.from_asset join assets t on t.code = q.to_asset
              cross join lateral (select r.base = q.from_asset as forward) way
              cross join lateral (select
                (case when forward then r.rate else 1 end) * (10000 - r.spread_bps) as gives,
                (case when forward then 1 else r.rate end) * 10000 as takes) price
              cross join lateral (select q.from_amount * gives - q.to_amount * takes as left_over,
                case q.rounding when 'to_amount_down' then takes * power(10::numeric, -t.scale)
                  else gives * power(10::numeric, -f.scale) end as one_unit) gain
            where array[r.base, r.quote] <> (case when forward then array[q.from_asset, q.to_asset]
                else array[q.to_asset, q.from_asset] end)
              or left_over < 0 or left_over >= one_unit
              or q.spread_bps <> r.spread_bps or q.rate_source <> r.source or q.rate_at <> r.as_of
              or q.rate_valid_until <> r.valid_until or q.created_at >= r.valid_until`,
      ),
  },
  {
    name: 'ledger.rates_were_approved',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from fx_rates`,
        sql`select 'rate ' || r.id as object, r.base || '/' || r.quote || ' has no executed approval of its own' as detail
            from fx_rates r left join approvals a on a.id = r.approval_id and a.subject_id = r.id
              and a.action = 'fx_rate.set' and a.status = 'executed'
              and (a.payload ->> 'rate')::numeric = r.rate and (a.payload ->> 'spreadBps')::integer = r.spread_bps
              and (a.payload ->> 'positionMax')::numeric is not distinct from r.position_max
            where a.id is null and not (r.approval_id is null and r.source = 'seed')`,
      ),
  },
];
