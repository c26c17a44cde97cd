import { eq, inArray } from 'drizzle-orm';
import { type Amount, formatAmount } from '../../../kernel/amount.ts';
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
  /** What is quoted, in words: one that is only confirmed, or told again, has the same. */
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
        key: [quote.last, quote.bid, quote.ask]
          .map((price) => (price === null ? '-' : formatAmount(price)))
          .join(' '),
        stale,
        tick: instrument.tick,
        lot: instrument.lot,
        maxQuantity: instrument.maxQuantity,
        quoteAsset: instrument.quoteAsset,
      },
    ]),
  );
}
