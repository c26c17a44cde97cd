import { sql } from 'drizzle-orm';
import { readStoredAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant, readStoredInstant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral, arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { NEWEST_CANDLE_FIRST } from '../prices/candles.ts';
import { type CandleInterval, candleOpening } from '../prices/fold-ticks.ts';
import { AHEAD_MS } from '../prices/rules.ts';
import { FEED_NAMES } from '../prices/settings.ts';
import type { Reading } from './alert-book.ts';
import { emaSide, percentChange, rsi, smaSide, volumeMultiple } from './indicators.ts';
import { candlesFor, type Metric, metricName } from './rules.ts';

/** Which prints of an instrument were looked at. */
export type LookedAt = {
  /** By source and sequence, with the time each happened. */
  readonly prints: ReadonlyMap<string, Instant>;
  readonly newest: Instant;
  /** When that was. */
  readonly at: Instant;
  /** How far each feed had come: what is before that was left out then and brought in since, and moves no price. */
  readonly through: ReadonlyMap<string, bigint>;
  /** When the newest candle of each interval opened: it may be seen before the prints it was made of. */
  readonly opened: ReadonlyMap<CandleInterval, Instant>;
};

/** An instrument whose figures are wanted, with its last price and what was looked at of it before. */
export type Wanted = {
  readonly instrumentId: Id;
  readonly last: bigint;
  readonly known: LookedAt | undefined;
  readonly metrics: readonly Metric[];
};

/** The figures of an instrument by name, and what is looked at with them; one for which there is too little is missing. */
export type Figures = { readonly readings: ReadonlyMap<string, Reading>; readonly looked: LookedAt };

/** Prints may be committed this long after they happened, own trades in any order. */
const LATE_MS = 5_000;
const FEEDS: ReadonlySet<string> = new Set(FEED_NAMES);

/** The last prices. @shape by instrument; one that never had a price is missing */
export async function lastPrices(tx: Tx, instrumentIds: readonly Id[]): Promise<ReadonlyMap<Id, bigint>> {
  const rows = await executePrepared<{ id: Id; last: string }>(
    tx,
    sql`select instrument_id as id, last from quotes where instrument_id = any (${idsOf(instrumentIds)}::uuid[])`,
  );
  return new Map(rows.map(({ id, last }) => [id, readStoredAmount(last)]));
}

/**
 * The figures of instruments, each in one statement of a kind for all of them: however many moved at once, the last of
 * them waits for as few round trips as the first.
 * @shape by instrument
 */
export async function readFigures(
  tx: Tx,
  ctx: Ctx,
  wanted: readonly Wanted[],
): Promise<ReadonlyMap<Id, Figures>> {
  const prints = await readPrints(tx, ctx, wanted);
  const series = await readSeries(tx, ctx, wanted);
  const past = await readPast(tx, ctx, wanted);
  return new Map(
    wanted.map((one) => {
      const { instrumentId, last, metrics } = one;
      const { reading, looked } = pricesOf(ctx, one, prints.get(instrumentId) ?? []);
      const readings = new Map<string, Reading>();
      for (const metric of metrics) {
        const value =
          metric.name === 'change'
            ? changeSince(past.get(`${instrumentId} ${metric.minutes}`), last)
            : figureOf(metric, series.get(seriesName(instrumentId, metric)));
        if (value !== null) {
          const before = metric.name === 'volume' ? spikesBefore(metric, series, instrumentId) : [];
          const high = before.reduce<bigint>((most, each) => (each > most ? each : most), value);
          readings.set(metricName(metric), { low: value, high, last: value });
        }
      }
      const opened = openedOf(one, series);
      return [instrumentId, { readings: readings.set('price', reading), looked: { ...looked, opened } }];
    }),
  );
}

type Print = {
  readonly source: string;
  readonly sequence: bigint;
  readonly price: bigint;
  readonly occurredAt: Instant;
};

/** The prints since each instrument was last looked at; of one with a feed only the feed's, as for its quote. */
async function readPrints(
  tx: Tx,
  ctx: Ctx,
  wanted: readonly Wanted[],
): Promise<ReadonlyMap<Id, readonly Print[]>> {
  const sinces = wanted.map(({ known }) => addMs(known?.newest ?? ctx.deps.clock.now(), -LATE_MS));
  // No tick is believed that is further ahead of its arrival: months that were over by then are not looked into.
  const received = addMs(earliestOf(sinces, ctx.deps.clock.now()), -AHEAD_MS);
  const rows = await executePrepared<{
    id: Id;
    source: string;
    sequence: string;
    price: string;
    occurred_at: string;
  }>(
    tx,
    sql`select wanted.id, t.source, t.sequence::text, t.price, t.occurred_at
      from unnest(${idsOf(wanted.map(({ instrumentId }) => instrumentId))}::uuid[],
        ${sql.param(arrayLiteral(sinces))}::timestamptz[]) as wanted (id, since)
      left join price_settings s on s.instrument_id = wanted.id
      cross join lateral (select source, sequence, price, occurred_at from price_ticks
        where instrument_id = wanted.id and occurred_at > wanted.since
          and received_at > ${sql.param(received)}::text::timestamptz
        -- Each instrument by itself, along its index: together they would be looked for in all ticks of the month.
        offset 0) t
      where s.feed is null or t.source = s.feed::text`,
  );
  const prints = rows.map(({ id, source, sequence, price, occurred_at }) => ({
    id,
    source,
    sequence: BigInt(sequence),
    price: readStoredAmount(price),
    occurredAt: readStoredInstant(occurred_at),
  }));
  return Map.groupBy(prints, ({ id }) => id);
}

function earliestOf(instants: readonly Instant[], latest: Instant): Instant {
  return instants.reduce((earliest, instant) => (instant < earliest ? instant : earliest), latest);
}

/**
 * The prices since an instrument was last looked at, with its last among them, so that a spike between two looks is
 * seen. What is looked at first counts from now on.
 */
function pricesOf(ctx: Ctx, { known, last }: Wanted, rows: readonly Print[]) {
  const prints = new Map<string, Instant>();
  const through = new Map<string, bigint>();
  let newest = known?.newest ?? ctx.deps.clock.now();
  let [low, high] = [last, last];
  for (const { source, sequence, price, occurredAt } of rows) {
    const print = `${source} ${sequence}`;
    prints.set(print, occurredAt);
    newest = occurredAt > newest ? occurredAt : newest;
    if (FEEDS.has(source) && sequence > (through.get(source) ?? -1n)) {
      through.set(source, sequence);
    }
    const isNew = known !== undefined && !known.prints.has(print);
    if (isNew && sequence >= (known.through.get(source) ?? sequence)) {
      low = price < low ? price : low;
      high = price > high ? price : high;
    }
  }
  return { reading: { low, high, last }, looked: { prints, newest, at: ctx.deps.clock.now(), through } };
}

/** `recent`: how many of the candles were under way when the instrument was last looked at, or begun since. */
type Series = {
  readonly closes: readonly bigint[];
  readonly volumes: readonly bigint[];
  readonly recent: number;
  /** When the newest of them opened. */
  readonly opened: Instant;
};

type SeriesWish = {
  readonly instrumentId: Id;
  readonly interval: CandleInterval;
  readonly count: number;
  /** When the candle opened that was under way at the last look. */
  readonly since: Instant;
};

/** Of so many candles that ended between two looks each is looked at. */
const ENDED_MAX = 5;

/** Up to when an instrument was seen: its newest print, which is not waited for longer than a late one may take. */
function seenTo(known: LookedAt | undefined): Instant | undefined {
  const late = known === undefined ? undefined : addMs(known.at, -LATE_MS);
  return late === undefined || known === undefined || late < known.newest ? known?.newest : late;
}

/** Oldest first, by instrument and interval, as many candles as the most demanding figure needs, and those that ended. */
async function readSeries(tx: Tx, ctx: Ctx, wanted: readonly Wanted[]): Promise<ReadonlyMap<string, Series>> {
  const wishes = new Map<string, SeriesWish>();
  const now = ctx.deps.clock.now();
  for (const { instrumentId, metrics, known } of wanted) {
    for (const metric of metrics) {
      const wish = candlesFor(metric);
      const name = seriesName(instrumentId, metric);
      if (wish !== null && wish.count > (wishes.get(name)?.count ?? 0)) {
        const since = candleOpening(wish.interval, seenTo(known) ?? now);
        const seen = known?.opened.get(wish.interval) ?? since;
        wishes.set(name, { instrumentId, ...wish, since: seen > since ? seen : since });
      }
    }
  }
  if (wishes.size === 0) {
    return new Map();
  }
  const column = (pick: (wish: SeriesWish) => string) =>
    sql.param(arrayLiteral([...wishes.values()].map(pick)));
  type Row = Readonly<Record<'interval' | 'closes' | 'volumes' | 'opened', string>>;
  const rows = await executePrepared<Row & { readonly id: Id; readonly recent: number }>(
    tx,
    sql`select wanted.id, wanted.interval::text, string_agg(c.close::text, ' ' order by c.opened_at) as closes,
        string_agg(c.volume::text, ' ' order by c.opened_at) as volumes,
        (count(*) filter (where c.opened_at >= wanted.since))::int as recent, max(c.opened_at) as opened
      from unnest(${column((wish) => wish.instrumentId)}::uuid[], ${column((wish) => wish.interval)}::candle_interval[],
        ${column((wish) => String(wish.count + ENDED_MAX))}::int[], ${column((wish) => wish.since)}::timestamptz[])
        as wanted (id, interval, count, since)
      cross join lateral (select opened_at, close, volume from candles
        where instrument_id = wanted.id and interval = wanted.interval
        order by ${NEWEST_CANDLE_FIRST} limit wanted.count) c
      group by wanted.id, wanted.interval, wanted.since`,
  );
  return new Map(
    rows.map(({ id, interval, closes, volumes, recent, opened }) => [
      `${id} ${interval}`,
      {
        closes: closes.split(' ').map(readStoredAmount),
        volumes: volumes.split(' ').map(readStoredAmount),
        recent,
        opened: readStoredInstant(opened),
      },
    ]),
  );
}

/** What is known of intervals that no alert asks for any more is not kept. */
function openedOf({ instrumentId, metrics }: Wanted, all: ReadonlyMap<string, Series>) {
  const opened = new Map<CandleInterval, Instant>();
  for (const metric of metrics) {
    const [interval, series] = [candlesFor(metric)?.interval, all.get(seriesName(instrumentId, metric))];
    if (interval !== undefined && series !== undefined) {
      opened.set(interval, series.opened);
    }
  }
  return opened;
}

function seriesName(instrumentId: Id, metric: Metric): string {
  return `${instrumentId} ${candlesFor(metric)?.interval ?? ''}`;
}

/** Each figure reckons with its own count of candles, whatever others need. */
function figureOf(metric: Metric, series: Series | undefined): bigint | null {
  const wanted = candlesFor(metric);
  if (wanted === null || series === undefined) {
    return null;
  }
  const closes = series.closes.slice(-wanted.count);
  switch (metric.name) {
    case 'rsi':
      return rsi(closes, metric.period);
    case 'sma':
      return smaSide(closes, metric.fast, metric.slow);
    case 'ema':
      return emaSide(closes, metric.fast, metric.slow);
    case 'volume':
      return volumeMultiple(series.volumes.slice(-wanted.count), metric.candles);
    case 'price':
    case 'change':
      return null;
  }
}

/**
 * What the candles had come to that ended since the last look: a spike in the last moment of one is seen, whenever the next
 * begins. Those before were looked at while they were under way.
 */
function spikesBefore(
  metric: Extract<Metric, { readonly name: 'volume' }>,
  all: ReadonlyMap<string, Series>,
  instrumentId: Id,
): readonly bigint[] {
  const { volumes, recent } = all.get(seriesName(instrumentId, metric)) ?? { volumes: [], recent: 0 };
  const ended = Math.min(recent - 1, ENDED_MAX);
  return Array.from({ length: Math.max(ended, 0) }, (_, index) => {
    const upTo = volumes.slice(0, volumes.length - 1 - index);
    return volumeMultiple(upTo.slice(-metric.candles - 1), metric.candles);
  }).filter((multiple) => multiple !== null);
}

/** The close of the last minute that was over by then. @shape by the instrument and the minutes of the window */
async function readPast(tx: Tx, ctx: Ctx, wanted: readonly Wanted[]): Promise<ReadonlyMap<string, bigint>> {
  const windows = wanted.flatMap(({ instrumentId, metrics }) =>
    metrics.flatMap((metric) =>
      metric.name === 'change' ? [{ instrumentId, minutes: metric.minutes }] : [],
    ),
  );
  if (windows.length === 0) {
    return new Map();
  }
  const minutes = sql.param(arrayLiteral(windows.map((window) => String(window.minutes))));
  const rows = await executePrepared<{ id: Id; minutes: number; close: string }>(
    tx,
    sql`select wanted.id, wanted.minutes, past.close
      from unnest(${idsOf(windows.map(({ instrumentId }) => instrumentId))}::uuid[], ${minutes}::int[])
        as wanted (id, minutes)
      cross join lateral (select close from candles where instrument_id = wanted.id and interval = '1m'
        and opened_at <= ${sql.param(ctx.deps.clock.now())}::text::timestamptz - make_interval(mins => wanted.minutes + 1)
        order by ${NEWEST_CANDLE_FIRST} limit 1) past`,
  );
  return new Map(rows.map(({ id, minutes: window, close }) => [`${id} ${window}`, readStoredAmount(close)]));
}

function changeSince(past: bigint | undefined, last: bigint): bigint | null {
  return past === undefined ? null : percentChange(past, last);
}

function idsOf(ids: readonly Id[]) {
  return sql.param(arrayParameter('uuid', ids));
}
