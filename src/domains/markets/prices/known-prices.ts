import { eq, sql } from 'drizzle-orm';
import { type Amount, readStoredAmount } from '../../../kernel/amount.ts';
import { addMs } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { instrumentPricesAt } from '../prices-at.ts';
import { quotes } from '../schema.ts';
import type { Instrument, Quote } from '../store.ts';
import { candleOpening } from './fold-ticks.ts';

export type KnownPrices = {
  /** The price that stands; null where there never was one. */
  readonly quote: Quote | null;
  /** What a price that is set by hand is measured by; empty where nothing is known. */
  readonly prices: readonly Amount[];
};

const DAY_MS = 86_400_000;
/** As a rate between currencies: what others last said within so long says something of now. */
const OTHERS_MAX_AGE_MS = 4 * DAY_MS;

/**
 * What is known of an instrument's price: the one that stands, those of the last day and the one before it, so that a
 * large move is none of many small ones, and what other instruments say of the same two assets.
 */
export async function knownPrices(tx: Tx, ctx: Ctx, instrument: Instrument): Promise<KnownPrices> {
  const { id, baseAsset, quoteAsset } = instrument;
  const since = candleOpening('1m', addMs(ctx.deps.clock.now(), -DAY_MS));
  const young = addMs(ctx.deps.clock.realNow(), -OTHERS_MAX_AGE_MS);
  const [quote] = await tx.select().from(quotes).where(eq(quotes.instrumentId, id));
  const past = (await instrumentPricesAt(tx, [id], since)).get(id);
  const rows = await tx.execute<{ price: string }>(sql`
    select price from (
      select unnest(array[min(low), max(high)]) as price from candles
        where instrument_id = ${id} and interval = '1m' and opened_at >= ${since}::timestamptz
      union all
      select case when i.base_asset = ${baseAsset} then q.last else round(1 / q.last, 8) end
        from instruments i join quotes q on q.instrument_id = i.id
        where i.kind = 'spot' and i.id <> ${id} and coalesce(q.priced_at, q.quoted_at) >= ${young}::timestamptz
          and ((i.base_asset = ${baseAsset} and i.quote_asset = ${quoteAsset})
            or (i.base_asset = ${quoteAsset} and i.quote_asset = ${baseAsset}))
    ) known where price is not null`);
  const own = [quote?.last, past?.last].filter((price) => price !== undefined);
  return { quote: quote ?? null, prices: [...own, ...rows.map((row) => readStoredAmount(row.price))] };
}
