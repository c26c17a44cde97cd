import { sql } from 'drizzle-orm';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { chosenMonitoringVendor } from './chosen-vendor.ts';
import type { Span } from './compare-vendors.ts';

type Row = {
  readonly vendor: string;
  readonly asked: number;
  readonly waiting: number;
  readonly abandoned: number;
  readonly answered: number;
  readonly skipped: number;
  readonly neither: number;
  readonly both: number;
  readonly only_vendor: number;
  readonly only_we: number;
  readonly agreed_bps: number | null;
  readonly open: number;
  readonly true_match: number;
  readonly false_positive: number;
  readonly inconclusive: number;
  readonly median_ms: number | null;
  readonly max_ms: number | null;
};

/**
 * How often each vendor and our own rules find the same, over what was asked about since `from` and before `to`.
 * Counts only.
 */
export async function compareAssessments(ctx: Ctx, { from, to }: Span) {
  const rows = await transact(ctx, 'staff', (tx) =>
    tx.execute<Row>(sql`
      select q.vendor, count(*)::int as asked,
        count(*) filter (where q.status = 'waiting')::int as waiting,
        count(*) filter (where q.status = 'abandoned')::int as abandoned,
        count(r.id)::int as answered,
        count(*) filter (where r.verdict = 'skipped')::int as skipped,
        count(*) filter (where r.verdict = 'pass' and r.own_verdict = 'none')::int as neither,
        count(*) filter (where r.verdict in ('review', 'stop') and r.own_verdict <> 'none')::int as both,
        count(*) filter (where r.verdict in ('review', 'stop') and r.own_verdict = 'none')::int as only_vendor,
        count(*) filter (where r.verdict = 'pass' and r.own_verdict <> 'none')::int as only_we,
        (count(*) filter (where r.agreed) * 10000
          / nullif(count(*) filter (where r.agreed is not null), 0))::int as agreed_bps,
        count(distinct a.id) filter (where a.status <> 'resolved')::int as open,
        count(distinct a.id) filter (where a.disposition = 'true_match')::int as true_match,
        count(distinct a.id) filter (where a.disposition = 'false_positive')::int as false_positive,
        count(distinct a.id) filter (where a.disposition = 'inconclusive')::int as inconclusive,
        (percentile_disc(0.5) within group (order by r.latency_ms))::int as median_ms,
        max(r.latency_ms)::int as max_ms
      from monitoring_vendor_requests q
        left join monitoring_vendor_results r on r.request_id = q.id
        left join aml_alerts a on a.id = q.alert_id
      where (${from ?? null}::timestamptz is null or q.created_at >= ${from ?? null}::timestamptz)
        and (${to ?? null}::timestamptz is null or q.created_at < ${to ?? null}::timestamptz)
      group by q.vendor order by q.vendor`),
  );
  const vendor = chosenMonitoringVendor(ctx.deps);
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
    skipped: row.skipped,
    neitherFound: row.neither,
    bothFound: row.both,
    onlyVendorFound: row.only_vendor,
    onlyWeFound: row.only_we,
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
