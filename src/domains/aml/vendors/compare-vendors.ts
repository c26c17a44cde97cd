import { sql } from 'drizzle-orm';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { chosenVendor } from './chosen-vendor.ts';

export type Span = { readonly from?: Instant | undefined; readonly to?: Instant | undefined };

type Row = {
  readonly vendor: string;
  readonly asked: number;
  readonly waiting: number;
  readonly abandoned: number;
  readonly answered: number;
  readonly both_clear: number;
  readonly both_found: number;
  readonly only_vendor: number;
  readonly only_we: number;
  readonly own_failed: number;
  readonly agreed_bps: number | null;
  readonly open: number;
  readonly true_match: number;
  readonly false_positive: number;
  readonly inconclusive: number;
  readonly median_ms: number | null;
  readonly max_ms: number | null;
};

/** How often each vendor and we find the same, over what was asked since `from` and before `to`. Counts only. */
export async function compareVendors(ctx: Ctx, { from, to }: Span) {
  const rows = await transact(ctx, 'staff', (tx) =>
    tx.execute<Row>(sql`
      select q.vendor, count(*)::int as asked,
        count(*) filter (where q.status = 'waiting')::int as waiting,
        count(*) filter (where q.status = 'abandoned')::int as abandoned,
        count(r.id)::int as answered,
        count(*) filter (where r.result = 'clear' and r.own_result = 'clear')::int as both_clear,
        count(*) filter (where r.result = 'match' and r.own_result in ('warning', 'alert'))::int as both_found,
        count(*) filter (where r.result = 'match' and r.own_result = 'clear')::int as only_vendor,
        count(*) filter (where r.result = 'clear' and r.own_result in ('warning', 'alert'))::int as only_we,
        count(*) filter (where r.own_result = 'error')::int as own_failed,
        (count(*) filter (where r.agreed) * 10000 / nullif(count(r.id), 0))::int as agreed_bps,
        count(distinct a.id) filter (where a.status <> 'resolved')::int as open,
        count(distinct a.id) filter (where a.disposition = 'true_match')::int as true_match,
        count(distinct a.id) filter (where a.disposition = 'false_positive')::int as false_positive,
        count(distinct a.id) filter (where a.disposition = 'inconclusive')::int as inconclusive,
        (percentile_disc(0.5) within group (order by r.latency_ms))::int as median_ms,
        max(r.latency_ms)::int as max_ms
      from vendor_requests q
        left join vendor_results r on r.request_id = q.id
        left join aml_alerts a on a.id = q.alert_id
      where (${from ?? null}::timestamptz is null or q.created_at >= ${from ?? null}::timestamptz)
        and (${to ?? null}::timestamptz is null or q.created_at < ${to ?? null}::timestamptz)
      group by q.vendor order by q.vendor`),
  );
  const vendor = chosenVendor(ctx.deps);
  return {
    from: from ?? null,
    to: to ?? null,
    current: vendor === undefined ? null : { vendor: vendor.name, mode: vendor.mode },
    vendors: rows.map(countsOf),
  };
}

function countsOf(row: Row) {
  return {
    vendor: row.vendor,
    asked: row.asked,
    waiting: row.waiting,
    abandoned: row.abandoned,
    answered: row.answered,
    bothClear: row.both_clear,
    bothFound: row.both_found,
    onlyVendorFound: row.only_vendor,
    onlyWeFound: row.only_we,
    ownFailed: row.own_failed,
    agreedBps: row.agreed_bps,
    alerts: {
      open: row.open,
      trueMatch: row.true_match,
      falsePositive: row.false_positive,
      inconclusive: row.inconclusive,
    },
    medianLatencyMs: row.median_ms,
    maxLatencyMs: row.max_ms,
  };
}
