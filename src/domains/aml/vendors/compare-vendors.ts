import { sql } from 'drizzle-orm';
import type { Ctx } from '../../../platform/context.ts';
import { chosenVendor } from './chosen-vendor.ts';
import { countByVendor, type Span } from './count-by-vendor.ts';
import { vendorRequests, vendorResults } from './schema.ts';

type Found = {
  readonly both_clear: number;
  readonly both_found: number;
  readonly only_vendor: number;
  readonly only_we: number;
  readonly own_failed: number;
};

/** How often each vendor and we find the same, over what was asked since `from` and before `to`. Counts only. */
export async function compareVendors(ctx: Ctx, span: Span) {
  const found = sql`
    count(*) filter (where r.result = 'clear' and r.own_result = 'clear')::int as both_clear,
    count(*) filter (where r.result = 'match' and r.own_result in ('warning', 'alert'))::int as both_found,
    count(*) filter (where r.result = 'match' and r.own_result = 'clear')::int as only_vendor,
    count(*) filter (where r.result = 'clear' and r.own_result in ('warning', 'alert'))::int as only_we,
    count(*) filter (where r.own_result = 'error')::int as own_failed`;
  const asked = {
    requests: vendorRequests,
    results: vendorResults,
    found,
    current: chosenVendor(ctx.deps),
  };
  return countByVendor(ctx, span, asked, (row: Found) => ({
    bothClear: row.both_clear,
    bothFound: row.both_found,
    onlyVendorFound: row.only_vendor,
    onlyWeFound: row.only_we,
    ownFailed: row.own_failed,
  }));
}
