import { eq, inArray, type SQL, sql } from 'drizzle-orm';
import { type Amount, amountOf, ONE, readStoredAmount, ZERO } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { divideRounded } from '../../../kernel/rounding.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { instruments, quotes } from '../schema.ts';
import { instrumentOf } from '../store.ts';
import { candleOpening } from './fold-ticks.ts';
import { priceSettings } from './schema.ts';
import { isStale } from './staleness.ts';

/** What an instrument costs now and what it did within a day. @units quote asset; volume in the base asset */
export type QuoteView = {
  readonly instrumentId: Id;
  readonly symbol: string;
  readonly currency: string;
  readonly last: Amount;
  readonly bid: Amount | null;
  readonly ask: Amount | null;
  readonly mid: Amount | null;
  readonly spread: Amount | null;
  readonly volume24h: Amount;
  readonly high24h: Amount | null;
  readonly low24h: Amount | null;
  readonly change24h: Amount | null;
  /** @units percent, rounded half even to eight decimals */
  readonly changePercent24h: Amount | null;
  readonly stale: boolean;
  readonly source: string;
  readonly quotedAt: Instant;
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The latest price. @errors not_found, also where the instrument never had a price */
export async function getQuote(ctx: Ctx, symbol: string): Promise<QuoteView> {
  return transact(ctx, ctx.login, async (tx) => {
    const instrument = await instrumentOf(tx, symbol);
    const [quote] = await quotesOf(tx, ctx, [instrument.id]);
    if (quote === undefined) {
      throw refuse('not_found');
    }
    return quote;
  });
}

/**
 * The quotes of instruments; one that never had a price is missing. The figures of a day are those of the
 * last 1440 whole minutes and the one under way, from the candles: of minutes up to the first whole hour, then of hours,
 * which are stored with them.
 */
export async function quotesOf(tx: Tx, ctx: Ctx, instrumentIds: readonly Id[]): Promise<QuoteView[]> {
  const rows = await tx
    .select({
      quote: quotes,
      symbol: instruments.symbol,
      currency: instruments.quoteAsset,
      stale: isStale,
    })
    .from(quotes)
    .innerJoin(instruments, eq(instruments.id, quotes.instrumentId))
    .leftJoin(priceSettings, eq(priceSettings.instrumentId, quotes.instrumentId))
    .where(inArray(quotes.instrumentId, [...instrumentIds]));
  const days = await daysOf(tx, ctx, instrumentIds);
  return rows.map(({ quote, symbol, currency, stale }) => {
    const { instrumentId, last, bid, ask, source, quotedAt } = quote;
    const day = days.get(instrumentId);
    const two = bid !== null && ask !== null;
    const change = day === undefined ? null : amountOf(last - day.open);
    return {
      instrumentId,
      symbol,
      currency,
      last,
      bid,
      ask,
      mid: two ? amountOf(divideRounded(bid + ask, 2n, 'half_even')) : null,
      spread: two ? amountOf(ask - bid) : null,
      volume24h: day?.volume ?? ZERO,
      high24h: day?.high ?? null,
      low24h: day?.low ?? null,
      change24h: change,
      changePercent24h: day === undefined || change === null ? null : percentOf(change, day.open),
      stale,
      source,
      quotedAt,
    };
  });
}

type Day = {
  readonly open: Amount;
  readonly high: Amount;
  readonly low: Amount;
  readonly volume: Amount;
};

async function daysOf(tx: Tx, ctx: Ctx, instrumentIds: readonly Id[]): Promise<ReadonlyMap<Id, Day>> {
  const since = addMs(ctx.deps.clock.now(), -DAY_MS);
  const hour = sql`${sql.param(addMs(candleOpening('1h', since), HOUR_MS))}::text::timestamptz`;
  const ids = sql.param(arrayParameter('uuid', instrumentIds));
  const part = (interval: '1m' | '1h', within: SQL) =>
    sql`select opened_at, open, high, low, volume from candles
      where instrument_id = wanted.id and interval = ${sql.raw(`'${interval}'`)} and ${within}`;
  const rows = await executePrepared<{ id: Id; open: string; high: string; low: string; volume: string }>(
    tx,
    sql`select wanted.id, day.* from unnest(${ids}::uuid[]) as wanted (id) cross join lateral (
      select (array_agg(open order by opened_at))[1] as open, max(high) as high, min(low) as low,
        least(sum(volume), 999999999999.99999999)::numeric(20, 8) as volume
      from (${part('1m', sql`opened_at > ${sql.param(since)}::text::timestamptz and opened_at < ${hour}`)}
        union all ${part('1h', sql`opened_at >= ${hour}`)}) part
      having count(*) > 0) day`,
  );
  return new Map(
    rows.map((row) => [
      row.id,
      {
        open: readStoredAmount(row.open),
        high: readStoredAmount(row.high),
        low: readStoredAmount(row.low),
        volume: readStoredAmount(row.volume),
      },
    ]),
  );
}

/** Null where it is beyond what an amount can say. */
function percentOf(change: Amount, open: Amount): Amount | null {
  const percent = divideRounded(change * 100n * ONE, open, 'half_even');
  try {
    return amountOf(percent);
  } catch {
    return null;
  }
}
