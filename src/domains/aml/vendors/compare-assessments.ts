import { sql } from 'drizzle-orm';
import type { Ctx } from '../../../platform/context.ts';
import { chosenMonitoringVendor } from './chosen-vendor.ts';
import { countByVendor, type Span } from './count-by-vendor.ts';
import { monitoringVendorRequests, monitoringVendorResults } from './schema.ts';

type Found = {
  readonly skipped: number;
  readonly neither: number;
  readonly both: number;
  readonly only_vendor: number;
  readonly only_we: number;
};

/**
 * How often each vendor and our own rules find the same, over what was asked about since `from` and before `to`.
 * Counts only.
 */
export async function compareAssessments(ctx: Ctx, span: Span) {
  const found = sql`
    count(*) filter (where r.verdict = 'skipped')::int as skipped,
    count(*) filter (where r.verdict = 'pass' and r.own_verdict = 'none')::int as neither,
    count(*) filter (where r.verdict in ('review', 'stop') and r.own_verdict <> 'none')::int as both,
    count(*) filter (where r.verdict in ('review', 'stop') and r.own_verdict = 'none')::int as only_vendor,
    count(*) filter (where r.verdict = 'pass' and r.own_verdict <> 'none')::int as only_we`;
  const asked = {
    requests: monitoringVendorRequests,
    results: monitoringVendorResults,
    found,
    current: chosenMonitoringVendor(ctx.deps),
  };
  return countByVendor(ctx, span, asked, (row: Found) => ({
    skipped: row.skipped,
    neitherFound: row.neither,
    bothFound: row.both,
    onlyVendorFound: row.only_vendor,
    onlyWeFound: row.only_we,
  }));
}
