import { and, eq, inArray, or } from 'drizzle-orm';
import type { Amount } from '../../kernel/amount.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Tx } from '../../platform/db/client.ts';
import { instruments, quotes } from './schema.ts';

/** What an asset last traded at against a currency. */
export type AssetPrice = {
  readonly symbol: string;
  /** @units of the instrument: its quote asset for one of its base asset */
  readonly last: Amount;
  /** True where the instrument is quoted the other way round, so that a value is divided by the price. */
  readonly inverse: boolean;
  readonly quotedAt: Instant;
};

/**
 * The last prices of assets in one currency, from the spot instruments between them: the asset's own quote
 * before one the other way round.
 * @shape by asset; an asset that never had a price in this currency is missing
 */
export async function assetPrices(
  tx: Tx,
  assets: readonly string[],
  currency: string,
): Promise<ReadonlyMap<string, AssetPrice>> {
  const wanted = [...new Set(assets)];
  if (wanted.length === 0) {
    return new Map();
  }
  const rows = await tx
    .select({ instrument: instruments, quote: quotes })
    .from(instruments)
    .innerJoin(quotes, eq(quotes.instrumentId, instruments.id))
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
  const prices = new Map<string, AssetPrice>();
  for (const { instrument, quote } of rows) {
    const inverse = instrument.baseAsset === currency;
    const asset = inverse ? instrument.quoteAsset : instrument.baseAsset;
    if (!inverse || !prices.has(asset)) {
      const { last, quotedAt } = quote;
      prices.set(asset, { symbol: instrument.symbol, last, inverse, quotedAt });
    }
  }
  return prices;
}
