import { eq, inArray } from 'drizzle-orm';
import type { Amount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { instruments, quotes } from '../schema.ts';
import { priceSettings } from './schema.ts';
import { isStale } from './staleness.ts';

/** What an instrument is quoted at, with the steps it trades in. */
export type TradableQuote = {
  readonly instrumentId: Id;
  readonly last: Amount;
  readonly bid: Amount | null;
  readonly ask: Amount | null;
  /** Differs from that of every quote before. */
  readonly key: string;
  readonly stale: boolean;
  readonly tick: Amount;
  readonly lot: Amount;
  readonly maxQuantity: Amount;
  readonly quoteAsset: string;
};

/** The quotes of instruments; one that never had a price is missing. @shape by instrument */
export async function tradableQuotes(
  tx: Tx,
  instrumentIds: readonly Id[],
): Promise<ReadonlyMap<Id, TradableQuote>> {
  const rows = await tx
    .select({ quote: quotes, instrument: instruments, stale: isStale })
    .from(quotes)
    .innerJoin(instruments, eq(instruments.id, quotes.instrumentId))
    .leftJoin(priceSettings, eq(priceSettings.instrumentId, quotes.instrumentId))
    .where(inArray(quotes.instrumentId, [...new Set(instrumentIds)]));
  return new Map(
    rows.map(({ quote, instrument, stale }) => [
      quote.instrumentId,
      {
        instrumentId: quote.instrumentId,
        last: quote.last,
        bid: quote.bid,
        ask: quote.ask,
        key: `${quote.pricedAt ?? quote.quotedAt} ${quote.quotedAt}`,
        stale,
        tick: instrument.tick,
        lot: instrument.lot,
        maxQuantity: instrument.maxQuantity,
        quoteAsset: instrument.quoteAsset,
      },
    ]),
  );
}
