import { sql } from 'drizzle-orm';
import { type Amount, readStoredAmount } from '../../kernel/amount.ts';
import { addMs } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayLiteral } from '../../platform/db/insert-rows.ts';
import { executePrepared } from '../../platform/db/prepared.ts';

/** What one unit of the base costs in the quote asset. */
export type QuotedRate = { readonly base: string; readonly quote: string; readonly price: Amount };

/** A long weekend without a price is no reason to refuse; an older price says nothing of today. */
const RATE_MAX_AGE_MS = 4 * 86_400_000;

/** The latest prices of the spot instruments that lead from one of the assets to another. */
export async function ratesBetween(
  tx: Tx,
  ctx: Ctx,
  assets: readonly string[],
): Promise<readonly QuotedRate[]> {
  const wanted = sql.param(arrayLiteral([...new Set(assets)].sort()));
  // Of the price itself, in real time like its silence: a bid or an ask makes no old price young.
  const since = addMs(ctx.deps.clock.realNow(), -RATE_MAX_AGE_MS);
  const rows = await executePrepared<{ base_asset: string; quote_asset: string; last: string }>(
    tx,
    sql`select i.base_asset, i.quote_asset, q.last from instruments i join quotes q on q.instrument_id = i.id
      where i.base_asset = any (${wanted}::text[]) and i.quote_asset = any (${wanted}::text[])
        and i.kind = 'spot' and coalesce(q.priced_at, q.quoted_at) >= ${since}::timestamptz
      order by coalesce(q.priced_at, q.quoted_at) desc`,
  );
  return rows.map((row) => ({
    base: row.base_asset,
    quote: row.quote_asset,
    price: readStoredAmount(row.last),
  }));
}
