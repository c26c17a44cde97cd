/**
 * What things last cost at a past instant: the price of now where it is older than that, else the close of the last
 * minute candle before it. Candles stay when ticks are pruned, so that a day can be priced long after it ended.
 */
import { and, eq, inArray, or, sql } from 'drizzle-orm';
import { type Amount, readStoredAmount } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import { type Instant, readStoredInstant } from '../../kernel/time.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayParameter } from '../../platform/db/insert-rows.ts';
import type { AssetPrice } from './asset-prices.ts';
import { NEWEST_CANDLE_FIRST } from './prices/candles.ts';
import { instruments } from './schema.ts';

export type PastPrice = { readonly last: Amount; readonly quotedAt: Instant };

/**
 * The last prices of instruments before an instant, which begins a minute.
 * @shape by instrument; one of which no price from before is kept is missing
 */
export async function instrumentPricesAt(
  tx: Tx,
  instrumentIds: readonly Id[],
  at: Instant,
): Promise<ReadonlyMap<Id, PastPrice>> {
  if (instrumentIds.length === 0) {
    return new Map();
  }
  const wanted = sql.param(arrayParameter('uuid', [...new Set(instrumentIds)].sort()));
  const rows = await tx.execute<{ id: Id; last: string; quoted_at: string }>(sql`
    select wanted.id, coalesce(q.last, c.close)::text as last, coalesce(q.quoted_at, c.last_at)::text as quoted_at
    from unnest(${wanted}::uuid[]) as wanted (id)
      left join quotes q on q.instrument_id = wanted.id and q.quoted_at < ${at}::timestamptz
      left join lateral (select close, last_at from candles
        where instrument_id = wanted.id and interval = '1m' and opened_at < ${at}::timestamptz
        order by ${NEWEST_CANDLE_FIRST} limit 1) c on true
    where q.last is not null or c.close is not null`);
  return new Map(
    rows.map((row) => [
      row.id,
      { last: readStoredAmount(row.last), quotedAt: readStoredInstant(row.quoted_at) },
    ]),
  );
}

/**
 * The last prices of assets in one currency before an instant, chosen as `assetPrices` chooses those of now.
 * @shape by asset; an asset of which no price in this currency is kept from before is missing
 */
export async function assetPricesAt(
  tx: Tx,
  assets: readonly string[],
  currency: string,
  at: Instant,
): Promise<ReadonlyMap<string, AssetPrice>> {
  const wanted = [...new Set(assets)].filter((asset) => asset !== currency);
  if (wanted.length === 0) {
    return new Map();
  }
  const between = await tx
    .select({
      id: instruments.id,
      symbol: instruments.symbol,
      base: instruments.baseAsset,
      quote: instruments.quoteAsset,
    })
    .from(instruments)
    .where(
      and(
        eq(instruments.kind, 'spot'),
        or(
          and(eq(instruments.quoteAsset, currency), inArray(instruments.baseAsset, wanted)),
          and(eq(instruments.baseAsset, currency), inArray(instruments.quoteAsset, wanted)),
        ),
      ),
    )
    .orderBy(instruments.symbol);
  const past = await instrumentPricesAt(
    tx,
    between.map(({ id }) => id),
    at,
  );
  const prices = new Map<string, AssetPrice>();
  for (const { id, symbol, base, quote } of between) {
    const price = past.get(id);
    const inverse = base === currency;
    const asset = inverse ? quote : base;
    if (price !== undefined && (!inverse || !prices.has(asset))) {
      prices.set(asset, { symbol, inverse, ...price });
    }
  }
  return prices;
}
