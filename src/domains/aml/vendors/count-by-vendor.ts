/** What comparing a vendor with ourselves counts alike, of screenings and of activities. */
import { type SQL, sql } from 'drizzle-orm';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import type {
  monitoringVendorRequests,
  monitoringVendorResults,
  vendorRequests,
  vendorResults,
} from './schema.ts';

export type Span = { readonly from?: Instant | undefined; readonly to?: Instant | undefined };

/** What was asked and answered, and what of each answer is counted: columns of `r`, the results. */
type Asked = {
  readonly requests: typeof vendorRequests | typeof monitoringVendorRequests;
  readonly results: typeof vendorResults | typeof monitoringVendorResults;
  readonly found: SQL;
  /** Who is asked now. */
  readonly current: { readonly name: string; readonly mode: string } | undefined;
};

type Row = {
  readonly vendor: string;
  readonly asked: number;
  readonly waiting: number;
  readonly abandoned: number;
  readonly answered: number;
  readonly agreed_bps: number | null;
  readonly open: number;
  readonly true_match: number;
  readonly false_positive: number;
  readonly inconclusive: number;
  readonly median_ms: number | null;
  readonly max_ms: number | null;
};

/**
 * Counts, by vendor, what was asked since `from` and before `to`; where nobody can say whether an answer agrees, it is
 * left out of the share that does.
 */
export async function countByVendor<Found extends object, View extends object>(
  ctx: Ctx,
  { from, to }: Span,
  { requests, results, found, current }: Asked,
  viewOf: (row: Found) => View,
) {
  const [since, before] = [from ?? null, to ?? null];
  const rows = await transact(ctx, 'staff', (tx) =>
    tx.execute<Row>(sql`
      select q.vendor, count(*)::int as asked,
        count(*) filter (where q.status = 'waiting')::int as waiting,
        count(*) filter (where q.status = 'abandoned')::int as abandoned,
        count(r.id)::int as answered,
        ${found},
        (count(*) filter (where r.agreed) * 10000
          / nullif(count(*) filter (where r.agreed is not null), 0))::int as agreed_bps,
        count(distinct a.id) filter (where a.status <> 'resolved')::int as open,
        count(distinct a.id) filter (where a.disposition = 'true_match')::int as true_match,
        count(distinct a.id) filter (where a.disposition = 'false_positive')::int as false_positive,
        count(distinct a.id) filter (where a.disposition = 'inconclusive')::int as inconclusive,
        (percentile_disc(0.5) within group (order by r.latency_ms))::int as median_ms,
        max(r.latency_ms)::int as max_ms
      from ${requests} q
        left join ${results} r on r.request_id = q.id
        left join aml_alerts a on a.id = q.alert_id
      where (${since}::timestamptz is null or q.created_at >= ${since}::timestamptz)
        and (${before}::timestamptz is null or q.created_at < ${before}::timestamptz)
      group by q.vendor order by q.vendor`),
  );
  return {
    from: since,
    to: before,
    current: current === undefined ? null : { vendor: current.name, mode: current.mode },
    // `found` names the columns that `viewOf` reads.
    vendors: rows.map((row) => ({ ...countsOf(row), ...viewOf(row as unknown as Found) })),
  };
}

function countsOf(row: Row) {
  return {
    vendor: row.vendor,
    asked: row.asked,
    waiting: row.waiting,
    abandoned: row.abandoned,
    answered: row.answered,
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
