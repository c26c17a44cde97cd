/**
 * What reconcile holds fees and volumes to. Fills of before tiers were known say neither day nor listed fee and
 * are passed over.
 */
import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

/** What a fee of this rate is, rounded up. */
const exactFee = sql`ceil(f.amount * f.fee_bps * 10000) / 100000000`;

export const feeChecks: readonly Check[] = [
  {
    name: 'trading.volumes_are_of_fills',
    invariant: 'I14',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from trading_volumes) + (select count(*) from fills))::int as seen`,
        sql`select 'volume of ' || coalesce(v.user_id, f.user_id) || ' on ' || coalesce(v.day, f.day) as object,
              'is ' || coalesce(v.volume, 0) || ', fills say ' || coalesce(f.volume, 0) as detail
            from trading_volumes v full join (
              select user_id, trade_day as day, sum(volume) as volume from fills where volume is not null group by 1, 2
            ) f on f.user_id = v.user_id and f.day = v.day
            where coalesce(v.volume, 0) <> least(coalesce(f.volume, 0), 999999999999.99999999)
          union all
            select 'fill ' || f.id, 'is of a paper account and counts as volume'
            from fills f join trades t on t.id = f.trade_id where f.volume is not null and t.book <> 'live'`,
      ),
  },
  {
    name: 'trading.fees_are_of_schedule',
    invariant: 'I7',
    run: (tx) =>
      look(
        tx,
        sql`select ((select count(*) from fills) + (select count(*) from fee_standings)
          + (select count(*) from fee_tier_schedules))::int as seen`,
        sql`select 'fill ' || f.id as object, 'is charged ' || f.fee_bps || ' bps, its tier and instrument say ' ||
              least(f.listed_fee_bps, case f.liquidity when 'maker' then t.maker_fee_bps else t.taker_fee_bps end) as detail
            from fills f left join fee_tiers t on t.id = f.fee_tier_id
            where f.listed_fee_bps is not null and f.fee_bps is distinct from
              least(f.listed_fee_bps, case f.liquidity when 'maker' then t.maker_fee_bps else t.taker_fee_bps end)
          union all
            -- The last unit of a buy is the house's to give, never to take.
            select 'fill ' || f.id, 'is charged ' || f.fee || ', ' || f.fee_bps || ' bps are ' || ${exactFee} from fills f
            join trades t on t.id = f.trade_id join instruments i on i.id = t.instrument_id
            where f.fee > ${exactFee} or (f.side = 'sell' and i.kind = 'spot' and f.fee <> ${exactFee})
          union all
            select 'fill ' || f.id, 'is of another tier than its owner was on that day' from fills f
            left join fee_standings s on s.user_id = f.user_id and s.day = f.trade_day
            where f.trade_day is not null and f.fee_tier_id is distinct from s.tier_id
          union all
            select 'standing of ' || s.user_id || ' on ' || s.day, 'is not of the tier that its volume reaches'
            from fee_standings s
            where s.tier_id is distinct from (select t.id from fee_tiers t
              where t.schedule_id = s.schedule_id and t.min_volume <= s.volume order by t.min_volume desc limit 1)
          union all
            select 'standing of ' || s.user_id || ' on ' || s.day, 'is not of the schedule in force' from fee_standings s
            where s.schedule_id is distinct from (select c.id from fee_tier_schedules c
              where c.effective_on <= s.day order by c.effective_on desc, c.id desc limit 1)
          union all
            -- What another process was settling as the day began may have been counted after it was looked.
            select 'standing of ' || s.user_id || ' on ' || s.day, 'says ' || s.volume || ', volumes say ' || v.volume
            from fee_standings s cross join lateral (
              select least(coalesce(sum(volume), 0), 999999999999.99999999) as volume from trading_volumes v
              where v.user_id = s.user_id and v.day >= s.day - 30 and v.day < s.day) v
            where s.volume <> v.volume and s.volume not between (
              select coalesce(sum(f.volume), 0) from fills f where f.user_id = s.user_id and f.trade_day >= s.day - 30
                and f.trade_day < s.day and f.executed_at <= s.created_at - interval '1 minute') and v.volume
          union all
            select 'schedule ' || c.id, 'is in force without an executed approval' from fee_tier_schedules c
            where not exists (select 1 from approvals a where a.id = c.approval_id and a.action = 'fee_tiers.set'
              and a.status = 'executed')`,
      ),
  },
];
