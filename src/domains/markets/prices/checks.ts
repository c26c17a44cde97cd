import { sql } from 'drizzle-orm';
import type { Check } from '../../../platform/domain.ts';
import { look } from '../../../platform/look.ts';

/**
 * The days whose ticks are surely all there still, and few enough to be counted each time. A minute's
 * candles and the day's are held against the ticks, so that what lies between cannot be wrong by itself.
 */
export const pricesChecks: readonly Check[] = [
  {
    name: 'markets.candles_hold_their_ticks',
    invariant: 'I15',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from candles where interval = '1d'`,
        sql`
        with days as (
          select instrument_id, date_bin('1 day', occurred_at, 'epoch') as day, count(*) as ticks,
            least(sum(size), 999999999999.99999999) as volume, max(price) as high, min(price) as low
          from price_ticks where occurred_at >= date_trunc('day', now(), 'UTC') - interval '1 day' group by 1, 2
        ), minutes as (
          select instrument_id, date_bin('1 day', opened_at, 'epoch') as day, sum(ticks) as ticks,
            least(sum(volume), 999999999999.99999999) as volume, max(high) as high, min(low) as low
          from candles where interval = '1m'
            and opened_at >= date_trunc('day', now(), 'UTC') - interval '1 day' group by 1, 2
        )
        select 'instrument ' || coalesce(d.instrument_id, c.instrument_id) as object,
          'on ' || coalesce(d.day, c.opened_at)::date || ' ' || coalesce(d.ticks, 0) || ' ticks of ' ||
          coalesce(d.volume, 0) || ', the day has ' || coalesce(c.ticks, 0) || ' of ' || coalesce(c.volume, 0) as detail
        from days d full join (
          select * from candles where interval = '1d'
            and opened_at >= date_trunc('day', now(), 'UTC') - interval '1 day'
        ) c on c.instrument_id = d.instrument_id and c.opened_at = d.day
        left join minutes m on m.instrument_id = d.instrument_id and m.day = d.day
        where (d.ticks, d.volume, d.high, d.low) is distinct from (c.ticks, c.volume, c.high, c.low)
          or (d.ticks, d.volume, d.high, d.low) is distinct from (m.ticks, m.volume, m.high, m.low)`,
      ),
  },
  {
    name: 'markets.filled_gaps_have_their_ticks',
    invariant: 'I15',
    run: (tx) =>
      look(
        tx,
        sql`select count(*)::int as seen from feed_gaps where filled_at is not null`,
        sql`
        select 'instrument ' || g.instrument_id as object, g.feed || ' ' || g.from_sequence || ' to ' ||
          g.through_sequence || ' counts as filled and has ' || t.ticks as detail
        from feed_gaps g cross join lateral (
          select count(distinct sequence) as ticks from price_ticks where instrument_id = g.instrument_id
            and source = g.feed::text and sequence between g.from_sequence and g.through_sequence) t
        where g.filled_at is not null and g.found_at >= date_trunc('day', now(), 'UTC') - interval '1 day'
          and t.ticks <> g.through_sequence - g.from_sequence + 1`,
      ),
  },
];
