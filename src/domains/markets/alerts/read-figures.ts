import { and, desc, eq, gt, inArray, sql } from 'drizzle-orm';
import { parseAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { readCandles } from '../prices/candles.ts';
import type { CandleInterval } from '../prices/fold-ticks.ts';
import { candles, priceSettings, priceTicks } from '../prices/schema.ts';
import { quotes } from '../schema.ts';
import type { Reading } from './alert-book.ts';
import { emaSide, percentChange, rsi, smaSide, volumeMultiple } from './indicators.ts';
import { candlesFor, type Metric, metricName } from './rules.ts';

/** Which prints of an instrument were looked at. */
export type LookedAt = {
  /** By source and sequence, with the time each happened. */
  readonly prints: ReadonlyMap<string, Instant>;
  readonly newest: Instant;
};

/** Prints may be committed this long after they happened, in any order. */
const LATE_MS = 5_000;

/** The last prices. @shape by instrument; one that never had a price is missing */
export async function lastPrices(tx: Tx, instrumentIds: readonly Id[]): Promise<ReadonlyMap<Id, bigint>> {
  const rows = await tx
    .select({ id: quotes.instrumentId, last: quotes.last })
    .from(quotes)
    .where(inArray(quotes.instrumentId, [...instrumentIds]));
  return new Map(rows.map(({ id, last }) => [id, last]));
}

/**
 * The prices since an instrument was last looked at, with `last` among them, so that a spike between two
 * looks is seen. What is looked at first counts from now on. Of an instrument with a feed only the feed's
 * prints count, as they do for its quote.
 * @shape the prices, and what is looked at with them
 */
export async function readPrices(
  tx: Tx,
  ctx: Ctx,
  instrumentId: Id,
  known: LookedAt | undefined,
  last: bigint,
): Promise<{ readonly reading: Reading; readonly looked: LookedAt }> {
  let newest = known?.newest ?? ctx.deps.clock.now();
  const since = addMs(newest, -LATE_MS);
  const rows = await tx
    .select({
      source: priceTicks.source,
      sequence: priceTicks.sequence,
      price: priceTicks.price,
      occurredAt: priceTicks.occurredAt,
    })
    .from(priceTicks)
    .leftJoin(priceSettings, eq(priceSettings.instrumentId, priceTicks.instrumentId))
    .where(
      and(
        eq(priceTicks.instrumentId, instrumentId),
        gt(priceTicks.occurredAt, since),
        sql`(${priceSettings.feed} is null or ${priceTicks.source} = ${priceSettings.feed}::text)`,
      ),
    );
  const prints = new Map<string, Instant>();
  let [low, high] = [last, last];
  for (const { source, sequence, price, occurredAt } of rows) {
    const print = `${source} ${sequence}`;
    prints.set(print, occurredAt);
    newest = occurredAt > newest ? occurredAt : newest;
    if (known !== undefined && !known.prints.has(print)) {
      low = price < low ? price : low;
      high = price > high ? price : high;
    }
  }
  return { reading: { low, high, last }, looked: { prints, newest } };
}

/** The figures but the price, by name; one for which there is too little is missing. */
export async function readFigures(
  tx: Tx,
  ctx: Ctx,
  instrumentId: Id,
  metrics: readonly Metric[],
  last: bigint,
): Promise<ReadonlyMap<string, Reading>> {
  const series = await readSeries(tx, instrumentId, metrics);
  const changes = await changesSince(tx, ctx, instrumentId, metrics, last);
  const figures = new Map<string, Reading>();
  for (const metric of metrics) {
    const value = metric.name === 'change' ? (changes.get(metric.minutes) ?? null) : figureOf(metric, series);
    if (value !== null) {
      figures.set(metricName(metric), { low: value, high: value, last: value });
    }
  }
  return figures;
}

type Series = { readonly closes: readonly bigint[]; readonly volumes: readonly bigint[] };

/** Oldest first, by interval, as many candles as the most demanding figure needs. */
async function readSeries(
  tx: Tx,
  instrumentId: Id,
  metrics: readonly Metric[],
): Promise<ReadonlyMap<CandleInterval, Series>> {
  const counts = new Map<CandleInterval, number>();
  for (const metric of metrics) {
    const wanted = candlesFor(metric);
    if (wanted !== null) {
      counts.set(wanted.interval, Math.max(wanted.count, counts.get(wanted.interval) ?? 0));
    }
  }
  const series = new Map<CandleInterval, Series>();
  for (const [interval, limit] of counts) {
    const rows = (await readCandles(tx, instrumentId, { interval, limit })).reverse();
    series.set(interval, {
      closes: rows.map(({ close }) => close),
      volumes: rows.map(({ volume }) => volume),
    });
  }
  return series;
}

/** Each figure reckons with its own count of candles, whatever others need. */
function figureOf(metric: Metric, series: ReadonlyMap<CandleInterval, Series>): bigint | null {
  const wanted = candlesFor(metric);
  const own = wanted === null ? undefined : series.get(wanted.interval);
  if (wanted === null || own === undefined) {
    return null;
  }
  const closes = own.closes.slice(-wanted.count);
  switch (metric.name) {
    case 'rsi':
      return rsi(closes, metric.period);
    case 'sma':
      return smaSide(closes, metric.fast, metric.slow);
    case 'ema':
      return emaSide(closes, metric.fast, metric.slow);
    case 'volume':
      return volumeMultiple(own.volumes.slice(-wanted.count), metric.candles);
    case 'price':
    case 'change':
      return null;
  }
}

/** Against the close of the last minute that was over by then. @shape by the minutes of the window */
async function changesSince(
  tx: Tx,
  ctx: Ctx,
  instrumentId: Id,
  metrics: readonly Metric[],
  last: bigint,
): Promise<ReadonlyMap<number, bigint>> {
  const windows = metrics.flatMap((metric) => (metric.name === 'change' ? [metric.minutes] : []));
  if (windows.length === 0) {
    return new Map();
  }
  const before = tx
    .select({ close: candles.close })
    .from(candles)
    .where(
      sql`${eq(candles.instrumentId, instrumentId)} and ${eq(candles.interval, '1m')}
        and ${candles.openedAt} <= ${ctx.deps.clock.now()}::timestamptz - make_interval(mins => wanted.minutes + 1)`,
    )
    .orderBy(desc(candles.openedAt))
    .limit(1);
  const rows = await tx.execute<{ minutes: number; close: string }>(
    sql`select wanted.minutes, past.close::text as close
      from unnest(${sql.param(windows.map(String))}::int[]) as wanted (minutes)
      cross join lateral (${before}) as past`,
  );
  return new Map(
    rows.flatMap(({ minutes, close }) => {
      const change = percentChange(parseAmount(close), last);
      return change === null ? [] : [[minutes, change] as const];
    }),
  );
}
