import { and, eq, gte, lt, type SQL, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { instrumentOf } from '../store.ts';
import type { CandleInterval } from './fold-ticks.ts';
import { candles } from './schema.ts';

export type Candle = Pick<
  typeof candles.$inferSelect,
  'interval' | 'openedAt' | 'open' | 'high' | 'low' | 'close' | 'volume'
> & { readonly ticks: number };

export type CandleRange = {
  readonly interval: CandleInterval;
  /** The first opening, inclusive. */
  readonly from?: Instant | undefined;
  /** The last opening, exclusive. */
  readonly to?: Instant | undefined;
};

/**
 * The newest candles of an instrument and interval first, read from the end of their index. The interval is named although
 * it is one: where rows are filtered by policies, PostgreSQL does not see from a comparison of enums that it is, and would
 * read and sort all candles that there are.
 */
export const NEWEST_CANDLE_FIRST: SQL = sql`interval desc, opened_at desc`;

/** Candles of an instrument, newest first; where nothing was traded there is none. @errors not_found, invalid_cursor */
export async function listCandles(
  ctx: Ctx,
  symbol: string,
  { interval, from, to, ...page }: CandleRange & PageRequest,
): Promise<Page<Candle>> {
  const listing = `candles ${symbol} ${interval} ${from ?? ''} ${to ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    const instrument = await instrumentOf(tx, symbol);
    const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const range = { interval, from, to: (before as Instant | undefined) ?? to };
    const rows = await readCandles(tx, instrument.id, { ...range, limit: page.limit + 1 });
    return cutPage(key, listing, rows, page.limit, (row) => [row.openedAt]);
  });
}

/** The newest candles of a range, newest first. */
export async function readCandles(
  tx: Tx,
  instrumentId: Id,
  { interval, from, to, limit }: CandleRange & { readonly limit: number },
): Promise<Candle[]> {
  return tx
    .select({
      interval: candles.interval,
      openedAt: candles.openedAt,
      open: candles.open,
      high: candles.high,
      low: candles.low,
      close: candles.close,
      volume: candles.volume,
      ticks: sql<number>`least(${candles.ticks}, 2147483647)::int`,
    })
    .from(candles)
    .where(
      and(
        eq(candles.instrumentId, instrumentId),
        eq(candles.interval, interval),
        from === undefined ? undefined : gte(candles.openedAt, from),
        to === undefined ? undefined : lt(candles.openedAt, to),
      ),
    )
    .orderBy(NEWEST_CANDLE_FIRST)
    .limit(limit);
}
