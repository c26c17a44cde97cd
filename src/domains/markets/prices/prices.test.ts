import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, asc, eq, sql } from 'drizzle-orm';
import fc from 'fast-check';
import { formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant, msOfInstant, parseInstant } from '../../../kernel/time.ts';
import { changes } from '../../../platform/changes/changes.ts';
import { openClient } from '../../../platform/db/client.ts';
import { auditLogs, outbox } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../testing/trading-desk.ts';
import { until } from '../../../testing/until.ts';
import { createInstrument } from '../create-instrument.ts';
import { replayTicks } from '../feeds/replay-ticks.ts';
import { startFeeds } from '../feeds/start-feeds.ts';
import { instrumentPricesAt } from '../prices-at.ts';
import { instruments, quotes } from '../schema.ts';
import { setQuote } from '../set-quote.ts';
import { closeLateGaps } from './feed-gaps.ts';
import { CANDLE_INTERVALS, candleOpening, comparePlaces, type Tick } from './fold-ticks.ts';
import { PRICES_SUBJECT } from './price-changes.ts';
import { spansSince } from './price-spans.ts';
import { pruneTicks } from './prune-ticks.ts';
import { rebuildCandles, repairTicks } from './repair-ticks.ts';
import type { FeedTick } from './rules.ts';
import { candles, priceTicks, quarantinedTicks } from './schema.ts';
import { setPriceSettings } from './set-price-settings.ts';
import { storeTicks } from './store-ticks.ts';
import { takeTicks } from './take-ticks.ts';
import { watchPrices } from './watch-prices.ts';

const SETTINGS = {
  feed: 'coinbase',
  maxJumpBps: 200,
  staleAfterSeconds: 30,
  levelTicks: 3,
} as const;

let desk: TradingDesk;
let risk: Trader;
let admin: Trader;
let ether: Id;
/** Instruments that no test has used yet, each at a price of 60000. */
const unused: Market[] = [];
let market: Market;
let sequence = 1_000n;

type Market = { readonly id: Id; readonly symbol: string; readonly path: string };

const MARKETS = 21;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  for (let index = 0; index < MARKETS; index += 1) {
    unused.push(await listMarket(`BTC/USD.${index}`));
  }
  await desk.engine.start();
  [risk, admin] = [await desk.newStaff('risk_manager'), await desk.newStaff('admin')];
  const [row] = await desk.deps.db.engine.select().from(instruments).where(eq(instruments.symbol, 'ETH/BTC'));
  ether = present(row, 'the desk lists it').id;
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

async function listMarket(symbol: string): Promise<Market> {
  const listed = await createInstrument(desk.system, {
    symbol,
    name: symbol,
    type: 'crypto',
    exchange: 'CRYPTO',
    baseAsset: 'BTC',
    quoteAsset: 'USD',
    tick: parseAmount('0.01'),
    lot: parseAmount('0.0001'),
    minQuantity: parseAmount('0.0001'),
    maxQuantity: parseAmount('1000'),
    collarBps: 1000,
    makerFeeBps: 10,
    takerFeeBps: 20,
    fractional: true,
    settlementCycle: 'T+0',
    description: '',
  });
  await setQuote(desk.system, { symbol, last: parseAmount('60000'), source: 'test' });
  return { id: listed.id, symbol, path: `/v1/instruments/${encodeURIComponent(symbol)}` };
}

/** From here on the test trades and prices an instrument of its own. */
function useMarket(): void {
  market = present(unused.pop(), 'there are enough of them');
}

function place(trader: Trader, words: string) {
  return desk.place(trader, words, { symbol: market.symbol });
}

function said(price: string, changes: Partial<FeedTick> = {}): FeedTick {
  sequence += 1n;
  return {
    symbol: market.symbol,
    price,
    size: '0.5',
    sequence,
    occurredAt: desk.deps.clock.now(),
    ...changes,
  };
}

function take(...ticks: readonly FeedTick[]) {
  return takeTicks(desk.system, 'coinbase', { ticks, quotes: [], alive: [], gaps: [] });
}

const beats = () => [{ symbol: market.symbol, occurredAt: desk.deps.clock.now() }];

async function quote() {
  return (await desk.request(risk, 'GET', `${market.path}/quote`)).body;
}

async function priceByFeed(): Promise<void> {
  useMarket();
  await setPriceSettings(desk.system, market, { ...SETTINGS, feedSymbol: market.symbol });
  await take(said('60000'));
}

async function alarms(type: string): Promise<number> {
  const rows = await desk.deps.db.engine.select().from(auditLogs).where(eq(auditLogs.eventType, type));
  return rows.length;
}

/** Until somebody on this database waits for a lock. */
async function waitsForALock(): Promise<void> {
  await until(async () => {
    const [row] = await desk.deps.db.engine.execute<{ waiting: number }>(sql`
      select count(*)::int as waiting from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'
        and (query ilike '%into candles%' or query ilike '%advisory%')`);
    return (row?.waiting ?? 0) > 0;
  });
}

async function age(seconds: number): Promise<void> {
  const pricedAt = addMs(desk.deps.clock.realNow(), -seconds * 1_000);
  await desk.deps.db.engine.update(quotes).set({ pricedAt }).where(eq(quotes.instrumentId, market.id));
}

describe('candles', () => {
  const start = msOfInstant(parseInstant('2001-01-01T00:00:00Z'));
  const WEEKS_APART = 3;
  let run = 0;

  /** Filters, sorts and adds up for each candle, as slowly as it reads. */
  function model(ticks: readonly Tick[]) {
    const widths = {
      '1m': 60,
      '5m': 300,
      '15m': 900,
      '1h': 3_600,
      '4h': 14_400,
      '1d': 86_400,
      '1w': 604_800,
    };
    return CANDLE_INTERVALS.flatMap((interval) => {
      const widthMs = widths[interval] * 1_000;
      // 2001 began on a Monday.
      const opened = (tick: Tick) => Math.floor((msOfInstant(tick.occurredAt) - start) / widthMs);
      return [...new Set(ticks.map(opened))]
        .sort((left, right) => left - right)
        .map((slot) => {
          const inside = ticks.filter((tick) => opened(tick) === slot).sort(comparePlaces);
          const prices = inside.map((tick) => tick.price).sort((left, right) => (left < right ? -1 : 1));
          return {
            interval,
            openedMs: start + slot * widthMs,
            open: inside[0]?.price,
            high: prices.at(-1),
            low: prices[0],
            close: inside.at(-1)?.price,
            volume: inside.reduce((sum, tick) => sum + tick.size, 0n),
            ticks: BigInt(inside.length),
          };
        });
    });
  }

  test('are those of a slow model over all ticks, in whatever order and batches the ticks arrive', async () => {
    const drawn = fc.record({
      source: fc.constantFrom('coinbase', 'trades'),
      price: fc.bigInt({ min: 1n, max: 10n ** 13n }),
      size: fc.bigInt({ min: 0n, max: 10n ** 12n }),
      // Crowded, so that opens and closes tie in time.
      afterMs: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 900_000_000 })),
      rank: fc.nat(),
      batch: fc.nat({ max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(drawn, { minLength: 1, maxLength: 40 }), async (draws) => {
        run += 1;
        const from = start + run * WEEKS_APART * 604_800_000;
        const arriving = draws
          .map(({ afterMs, price, size, ...rest }, index) => ({
            ...rest,
            instrumentId: ether,
            sequence: BigInt(run * 1_000 + index),
            price: price as Tick['price'],
            size: size as Tick['size'],
            occurredAt: addMs(new Date(from).toISOString() as Instant, afterMs),
          }))
          .sort((left, right) => left.rank - right.rank);
        for (const batch of [0, 1, 2, 3, 4]) {
          await transact(desk.system, 'engine', (tx) =>
            storeTicks(
              tx,
              arriving.filter((tick) => tick.batch === batch),
              desk.deps.clock.now(),
            ),
          );
        }
        const stored = await desk.deps.db.engine
          .select()
          .from(candles)
          .where(eq(candles.instrumentId, ether))
          .orderBy(asc(candles.interval), asc(candles.openedAt));
        const until = from + WEEKS_APART * 604_800_000;
        const ours = stored
          .map(({ interval, openedAt, open, high, low, close, volume, ticks }) => ({
            interval,
            openedMs: msOfInstant(openedAt),
            open,
            high,
            low,
            close,
            volume,
            ticks,
          }))
          .filter(({ openedMs }) => openedMs >= from && openedMs < until);
        expect(ours).toEqual(model(arriving) as never);
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  test('hold the trades of the own book, which also make the figures of the day', async () => {
    useMarket();
    const [seller, buyer] = [await desk.newTrader({ BTC: '1' }), await desk.newTrader({ USD: '100000' })];
    await place(seller, 'sell 0.3 at 60100');
    await place(seller, 'sell 0.2 at 60300');
    await place(buyer, 'buy 0.4 at 60300');
    await desk.engine.settled();
    const page = await desk.request(buyer, 'GET', `${market.path}/candles?interval=1d`);
    expect(page.status).toBe(200);
    expect(page.body).toMatchObject({
      data: [{ open: '60100', high: '60300', low: '60100', close: '60300', volume: '0.4', ticks: 2 }],
      nextCursor: null,
    });
    expect(await quote()).toMatchObject({
      last: '60300',
      ask: '60300',
      bid: null,
      mid: null,
      volume24h: '0.4',
      high24h: '60300',
      low24h: '60100',
      change24h: '200',
      changePercent24h: '0.3327787',
      currency: 'USD',
      stale: false,
    });
    await desk.emptyTheBooks();
  });

  test('make the figures of a day to the minute, although whole hours are read as such', async () => {
    useMarket();
    const now = desk.deps.clock.now();
    // Minutes ago, price, size: what is out by minutes lies in one hour with what is in, whatever the time.
    const past = [
      [1_800, '90000', '7'],
      [1_446, '80000', '9'],
      [1_443, '10', '9'],
      [1_436, '60010', '0.1'],
      [1_434, '60500', '0.2'],
      [1_380, '59000', '0.3'],
      [700, '61000', '0.4'],
      [61, '60900', '0.5'],
      [4, '60020', '0.6'],
    ] as const;
    const ticks = past.map(([minutes, price, size], index) => ({
      instrumentId: market.id,
      source: 'trades',
      sequence: BigInt(index + 1),
      price: parseAmount(price),
      size: parseAmount(size),
      occurredAt: addMs(now, -minutes * 60_000),
    }));
    await transact(desk.system, 'engine', (tx) => storeTicks(tx, ticks, now));
    expect(await quote()).toMatchObject({
      high24h: '61000',
      low24h: '59000',
      volume24h: '2.1',
      change24h: '-10',
    });
  });

  test('of trades on paper there are none', async () => {
    useMarket();
    const funds = [{ USD: '100000' }, { BTC: '1' }] as const;
    const [buyer, seller] = [
      await desk.newTrader(funds[0], { book: 'paper' }),
      await desk.newTrader(funds[1], { book: 'paper' }),
    ];
    await place(seller, 'sell 0.3 at 60000');
    await place(buyer, 'buy 0.3 at 60000');
    await desk.engine.settled();
    expect(await quote()).toMatchObject({ volume24h: '0', high24h: null, change24h: null });
  });

  test('come in pages, newest first, within a time, and where nothing happened there is none', async () => {
    const minutes = ['10:00', '10:01', '10:07', '10:08'];
    const ticks = minutes.map((minute, index) => ({
      instrumentId: ether,
      source: 'coinbase',
      sequence: BigInt(index),
      price: parseAmount(`0.0${index + 1}`),
      size: parseAmount('1'),
      occurredAt: parseInstant(`2020-05-05T${minute}:30Z`),
    }));
    await transact(desk.system, 'engine', (tx) => storeTicks(tx, ticks, desk.deps.clock.now()));
    const path = '/v1/instruments/ETH%2FBTC/candles?interval=1m';
    const within = '&from=2020-05-05T10:01:00Z&to=2020-05-05T10:08:00Z';
    const all = (await desk.request(risk, 'GET', `${path}${within}`)).body;
    expect(all.data.map((candle: { openedAt: string }) => candle.openedAt.slice(11, 16))).toEqual([
      '10:07',
      '10:01',
    ]);
    const seen: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 4; pages += 1) {
      const { body } = await desk.request(
        risk,
        'GET',
        `${path}&from=2020-05-05T00:00:00Z&to=2020-05-06T00:00:00Z&limit=1${cursor}`,
      );
      seen.push(...body.data.map((candle: { close: string }) => candle.close));
      cursor = `&cursor=${body.nextCursor}`;
    }
    expect(seen).toEqual(['0.04', '0.03', '0.02', '0.01']);
    expect((await desk.request(risk, 'GET', `${path.replace('1m', '2m')}`)).status).toBe(422);
    const elsewhere = await desk.request(risk, 'GET', `${path.replace('1m', '5m')}${cursor}`);
    expect([elsewhere.status, elsewhere.body.code]).toEqual([400, 'invalid_cursor']);
    expect((await desk.request(risk, 'GET', '/v1/instruments/NO%2FPE/candles?interval=1m')).status).toBe(404);
  });

  test('take ticks that were missed, once, and are made again from all ticks', async () => {
    await priceByFeed();
    const midnight = candleOpening('1d', addMs(desk.deps.clock.realNow(), -3 * 86_400_000));
    const at = (minute: string) => parseInstant(`${midnight.slice(0, 10)}T10:${minute}:00Z`);
    const missed = [said('60000', { occurredAt: at('02') }), said('60010', { occurredAt: at('01') })];
    const before = await quote();
    expect(await repairTicks(desk.system, 'coinbase', missed)).toEqual({ kept: 2, known: 0, refused: 0 });
    const more = [...missed, said('60020', { occurredAt: at('03') }), said('0'), said('1', { symbol: 'NO' })];
    expect(await repairTicks(desk.system, 'coinbase', more)).toEqual({ kept: 1, known: 2, refused: 2 });
    expect((await quote()).last).toBe(before.last);
    const day = and(
      eq(candles.instrumentId, market.id),
      eq(candles.interval, '1d'),
      sql`${candles.openedAt} between ${midnight} and ${at('00')}`,
    );
    const good = await desk.deps.db.engine.select().from(candles).where(day);
    expect(good).toMatchObject([{ open: parseAmount('60010'), close: parseAmount('60020'), ticks: 3n }]);
    await desk.deps.db.engine
      .update(candles)
      .set({ close: parseAmount('60021'), high: parseAmount('70000') })
      .where(day);
    await desk.deps.db.engine.insert(candles).values({ ...good[0]!, openedAt: addMs(midnight, 3_600_000) });
    await rebuildCandles(desk.system, market.symbol, at('00'), at('05'));
    expect(await desk.deps.db.engine.select().from(candles).where(day)).toEqual(good);
    const gone = parseInstant('2001-01-01T00:00:00Z');
    expect(await rebuildCandles(desk.system, market.symbol, gone, at('00'))).toBeNull();
    // Of what is of months that may be emptied nobody knows whether its candles have it.
    const old = said('60000', { occurredAt: addMs(desk.deps.clock.realNow(), -15 * 31 * 86_400_000) });
    expect(await repairTicks(desk.system, 'coinbase', [old])).toEqual({ kept: 0, known: 0, refused: 1 });
  });

  test('made again have what is written meanwhile: whoever makes them again waits for it, or it for them', async () => {
    await priceByFeed();
    const now = desk.deps.clock.now();
    const ticksOf = async () =>
      (
        await desk.deps.db.engine
          .select({ ticks: candles.ticks })
          .from(candles)
          .where(and(eq(candles.instrumentId, market.id), eq(candles.interval, '1w')))
      ).map(({ ticks }) => ticks);
    const tick = { instrumentId: market.id, source: 'coinbase', sequence: 900n, occurredAt: now } as const;
    const written = Promise.withResolvers<void>();
    const maySettle = Promise.withResolvers<void>();
    const writer = transact(desk.system, 'engine', async (tx) => {
      await storeTicks(tx, [{ ...tick, price: parseAmount('60000'), size: parseAmount('1') }], now);
      written.resolve();
      await maySettle.promise;
    });
    await written.promise;
    const rebuilding = rebuildCandles(desk.system, market.symbol, now, addMs(now, 1));
    // Until it waits for a lock, of the candles or of one of their rows, it may have read nothing.
    await waitsForALock();
    maySettle.resolve();
    await Promise.all([writer, rebuilding]);
    expect(await ticksOf()).toEqual([2n]);
  });
});

describe('a feed', () => {
  test('prices its instrument, whose own trades no longer do', async () => {
    await priceByFeed();
    await take(said('60400'), said('60410'));
    expect(await quote()).toMatchObject({ last: '60410', source: 'coinbase', stale: false });
    const [seller, buyer] = [await desk.newTrader({ BTC: '1' }), await desk.newTrader({ USD: '100000' })];
    await place(seller, 'sell 0.1 at 59000');
    await place(buyer, 'buy 0.1 at 59000');
    await desk.engine.settled();
    expect(await quote()).toMatchObject({
      last: '60410',
      source: 'coinbase',
      low24h: '60000',
      volume24h: '1.5',
    });
  });

  test('alone makes the candles that past prices are read from; what its instrument traded at is seen as such', async () => {
    await priceByFeed();
    await take(said('60400'));
    const [seller, buyer] = [await desk.newTrader({ BTC: '1' }), await desk.newTrader({ USD: '100000' })];
    await place(seller, 'sell 0.1 at 58000');
    await place(buyer, 'buy 0.1 at 58000');
    await desk.engine.settled();
    const { body: candles } = await desk.request(buyer, 'GET', `${market.path}/candles?interval=1m`);
    const lows = candles.data.map(({ low }: { readonly low: string }) => low);
    expect([lows.length > 0, lows.includes('58000')]).toEqual([true, false]);
    const { body: trades } = await desk.request(buyer, 'GET', `${market.path}/trades`);
    expect(trades.data[0]).toMatchObject({ price: '58000', quantity: '0.1' });
    // What funding and the snapshots of a day ask, once the price of now is another one.
    desk.advance(120_000);
    const begun = candleOpening('1m', desk.deps.clock.now());
    await take(said('60500'));
    const past = await transact(desk.system, 'engine', (tx) => instrumentPricesAt(tx, [market.id], begun));
    expect(past.get(market.id)?.last).toBe(parseAmount('60400'));
  });

  test('has the way of each batch kept in its order, without what was held back, for those who look late', async () => {
    await priceByFeed();
    await take(said('60100'), said('59900'), said('70000'), said('60050'));
    await take(said('59500'), said('60500'), said('60500'), said('60000'));
    await takeTicks(desk.system, 'coinbase', { ticks: [], quotes: [], alive: beats(), gaps: [] });
    await repairTicks(desk.system, 'coinbase', [said('58000')]);
    const kept = async (after = 0n) => {
      const spans = await transact(desk.system, 'engine', (tx) =>
        spansSince(tx, new Map([[market.id, after]])),
      );
      return (spans.get(market.id) ?? []).map((span) => [
        Number(span.number),
        ...span.way.map((price) => formatAmount(price)),
      ]);
    };
    expect(await kept()).toEqual([
      [1, '60000'],
      [2, '60100', '59900', '60050'],
      [3, '59500', '60500', '60000'],
    ]);
    expect(await kept(2n)).toHaveLength(1);
    // The newest are kept.
    await desk.deps.db.engine.update(quotes).set({ spans: 513n }).where(eq(quotes.instrumentId, market.id));
    await take(said('60000'));
    expect((await kept()).map(([number]) => number)).toEqual([1, 3, 514]);
  });

  test('that says what nobody can believe is held back, moves nothing, and somebody is called once', async () => {
    await priceByFeed();
    await take(said('60400'));
    const [last] = await desk.deps.db.engine
      .select()
      .from(priceTicks)
      .where(and(eq(priceTicks.instrumentId, market.id), eq(priceTicks.sequence, sequence)));
    const before = [await quote(), (await desk.deps.db.engine.select().from(candles)).length];
    const early = addMs(present(last, 'it was believed').occurredAt, -1);
    const wrong = [
      said('60400', { symbol: 'WHO-USD' }),
      said('60400.123456789'),
      said('0'),
      said('60400', { occurredAt: addMs(desk.deps.clock.now(), 60_000) }),
      said('60401', { sequence: present(last, 'it was believed').sequence }),
      said('60401', { sequence: 7n }),
      said('60401', { occurredAt: early }),
      said('70000'),
    ];
    const alarmed = await alarms('ticks.quarantined');
    expect(await take(...wrong)).toEqual({ accepted: 0, quarantined: 8 });
    const held = (
      await desk.deps.db.engine.select().from(quarantinedTicks).orderBy(asc(quarantinedTicks.id))
    ).slice(-8);
    expect(held.map((row) => row.reason)).toEqual([
      'unknown_symbol',
      'off_scale',
      'not_positive',
      'in_future',
      'repeated',
      'sequence_backwards',
      'time_backwards',
      'jump',
    ]);
    const [stood, count] = before;
    // Nothing moved the price; but what jumped says that it may be wrong.
    expect([await quote(), (await desk.deps.db.engine.select().from(candles)).length]).toEqual([
      { ...stood, stale: true },
      count,
    ]);
    expect((await alarms('ticks.quarantined')) - alarmed).toBe(8);
    const told = await desk.deps.db.engine
      .select()
      .from(outbox)
      .where(eq(outbox.type, 'security.alarm_raised'));
    expect(told.length).toBeGreaterThanOrEqual(8);
    await take(said('0'), said('70001'));
    expect((await alarms('ticks.quarantined')) - alarmed).toBe(8);
    const page = await desk.request(
      risk,
      'GET',
      `/v1/market/quarantined-ticks?reason=jump&instrumentId=${market.id}`,
    );
    expect(page.body.data.map((row: { price: string }) => row.price)).toEqual(['70001', '70000']);
    await take(said('60402'));
    expect((await quote()).last).toBe('60402');
  });

  test('that tells of a gap has somebody called, and the gap stays open until every tick of it is here', async () => {
    await priceByFeed();
    const gap = { symbol: market.symbol, missing: 3n, through: sequence + 3n };
    const unknown = { ...gap, symbol: 'NO' };
    await takeTicks(desk.system, 'coinbase', { ticks: [], quotes: [], alive: [], gaps: [gap, unknown] });
    const told = async (type: string) =>
      desk.deps.db.engine
        .select()
        .from(auditLogs)
        .where(and(eq(auditLogs.eventType, type), eq(auditLogs.resourceId, market.id)));
    expect(await told('feed.gap_found')).toMatchObject([{ resourceId: market.id, severity: 'critical' }]);
    const gaps = async (open: boolean) => {
      const path = `/v1/market/feed-gaps?open=${open}&instrumentId=${market.id}`;
      return (await desk.request(risk, 'GET', path)).body.data;
    };
    const kept = {
      symbol: market.symbol,
      feed: 'coinbase',
      fromSequence: `${gap.through - 2n}`,
      throughSequence: `${gap.through}`,
      missing: '3',
      filledAt: null,
    };
    expect(await gaps(true)).toMatchObject([kept]);
    // It may be found again, and be filled by people in part, and for the rest by itself.
    await takeTicks(desk.system, 'coinbase', { ticks: [], quotes: [], alive: [], gaps: [gap] });
    await repairTicks(desk.system, 'coinbase', [said('60000'), said('60000')]);
    await closeLateGaps(desk.system);
    expect(await gaps(true)).toMatchObject([kept]);
    await take(said('60001'));
    await closeLateGaps(desk.system);
    expect([await gaps(true), (await gaps(false)).length]).toEqual([[], 1]);
    expect(await told('feed.gap_filled')).toHaveLength(1);
  });

  test('confirms no price by being alive or by a bid after what it said was refused or did not come', async () => {
    await priceByFeed();
    const stale = async (...words: ReadonlyArray<'alive' | 'bid'>) => {
      await age(60);
      await takeTicks(desk.system, 'coinbase', {
        ticks: [],
        quotes: words.includes('bid')
          ? [{ symbol: market.symbol, bid: '59999', ask: '60001', occurredAt: desk.deps.clock.now() }]
          : [],
        alive: words.includes('alive') ? beats() : [],
        gaps: [],
      });
      return (await quote()).stale;
    };
    const early = { occurredAt: parseInstant('2026-01-01T00:00:00Z') };
    const late = { occurredAt: addMs(desk.deps.clock.now(), 60_000) };
    const refused = [{ price: '0' }, { price: '1.123456789' }, { sequence: 1n }, early, late];
    for (const changes of refused) {
      await take(said('60000', changes));
      expect(await stale('alive', 'bid')).toBe(true);
      await take(said('60000'));
      expect(await stale('alive')).toBe(false);
    }
    const gap = { symbol: market.symbol, missing: 2n, through: sequence + 2n };
    const silence = { ticks: [], quotes: [], alive: beats() };
    await age(60);
    await takeTicks(desk.system, 'coinbase', { ...silence, gaps: [gap] });
    expect((await quote()).stale).toBe(true);
    expect(await stale('alive', 'bid')).toBe(true);
    sequence += 2n;
    await take(said('60000'));
    // The tick that shows a gap is the last word itself.
    const shown = [{ ...gap, through: sequence + 1n }];
    sequence += 1n;
    await takeTicks(desk.system, 'coinbase', { ...silence, ticks: [said('60000')], gaps: shown });
    expect(await stale('alive')).toBe(false);
    const wide = { symbol: market.symbol, bid: '70000', ask: '70001', occurredAt: desk.deps.clock.now() };
    await takeTicks(desk.system, 'coinbase', { ...silence, alive: [], quotes: [wide], gaps: [] });
    expect(await stale('alive', 'bid')).toBe(true);
  });

  test('is told of where a price was made, and not where one was only confirmed', async () => {
    await priceByFeed();
    let told = 0;
    const end = changes(desk.deps).on(`${PRICES_SUBJECT}.${market.id}`, () => {
      told += 1;
    });
    const alive = { ticks: [], quotes: [], alive: beats(), gaps: [] };
    await age(20);
    await takeTicks(desk.system, 'coinbase', alive);
    expect([told, (await quote()).stale]).toEqual([0, false]);
    await takeTicks(desk.system, 'coinbase', { ...alive, ticks: [said('60000')] });
    expect(told).toBe(1);
    end();
  });

  test('that returns is measured from the price there is, and no level of before is left', async () => {
    await priceByFeed();
    await take(...['66000', '66010', '66020'].map((price) => said(price)));
    const away = { ...SETTINGS, feed: null, feedSymbol: null };
    await setPriceSettings(desk.system, market, away);
    await setQuote(desk.system, { symbol: market.symbol, last: parseAmount('50000'), source: 'test' });
    await setPriceSettings(desk.system, market, { ...SETTINGS, feedSymbol: market.symbol });
    const settings = await desk.request(risk, 'GET', `${market.path}/price-settings`);
    expect(settings.body).toMatchObject({ levelPrice: null, levelCount: 0 });
    expect(await take(said('60000'))).toEqual({ accepted: 0, quarantined: 1 });
    expect(await take(said('50010'))).toEqual({ accepted: 1, quarantined: 0 });
  });

  test('beyond a jump is believed again when two people accept its level, and not before it is settled', async () => {
    await priceByFeed();
    await watchPrices(desk.system);
    const silent = await alarms('price.went_stale');
    const ask = () =>
      desk.request(risk, 'POST', `${market.path}/price-level`, { body: { reason: 'Auction' } });
    await take(said('66000'), said('66010'));
    const early = await ask();
    expect([early.status, early.body.code]).toEqual([409, 'price_level_unsettled']);
    // Until then one of the two is wrong: whatever trades at the market waits, and what names its price does not.
    const buyer = await desk.newTrader({ USD: '100000' });
    expect((await quote()).stale).toBe(true);
    expect((await place(buyer, 'buy 0.01')).body.rejectionReason).toBe('price_stale');
    expect((await place(buyer, 'buy 0.01 at 59000')).body.rejectionReason).toBeNull();
    await watchPrices(desk.system);
    expect((await alarms('price.went_stale')) - silent).toBe(0);
    await take(said('66020'));
    // What is alive at a level nobody accepted confirms nothing.
    await age(60);
    await takeTicks(desk.system, 'coinbase', { ticks: [], quotes: [], alive: beats(), gaps: [] });
    expect((await quote()).stale).toBe(true);
    const asked = await ask();
    expect(asked.status).toBe(202);
    const settings = await desk.request(risk, 'GET', `${market.path}/price-settings`);
    expect(settings.body).toMatchObject({ levelPrice: '66020', levelCount: 3, feed: 'coinbase' });
    const path = `/v1/approvals/${asked.body.approvalId}/approve`;
    const own = await desk.request(risk, 'POST', path, { body: { reason: 'Yes' } });
    expect(own.body.code).toBe('self_approval');
    expect((await desk.request(admin, 'POST', path, { body: { reason: 'Yes' } })).body.status).toBe(
      'executed',
    );
    expect(await quote()).toMatchObject({ last: '66020', stale: false });
    expect(await take(said('66050'))).toEqual({ accepted: 1, quarantined: 0 });
    await take(...['60500', '60500', '60500'].map((price) => said(price)));
    const back = await ask();
    await take(said('63000'));
    const left = await desk.request(admin, 'POST', `/v1/approvals/${back.body.approvalId}/approve`, {
      body: { reason: 'Yes' },
    });
    expect([left.status, left.body.code]).toEqual([409, 'conflict']);
  });

  test('that is silent makes market orders wait, and limit orders not; somebody is called once', async () => {
    await priceByFeed();
    const buyer = await desk.newTrader({ USD: '100000' });
    // What other tests let go silent is told of by then.
    await watchPrices(desk.system);
    await age(31);
    expect(await quote()).toMatchObject({ stale: true, last: '60000' });
    const refused = await place(buyer, 'buy 0.01');
    expect(refused.body).toMatchObject({ status: 'rejected', rejectionReason: 'price_stale' });
    expect((await place(buyer, 'buy 0.01 at 59000')).body.rejectionReason).toBeNull();
    const before = await alarms('price.went_stale');
    await watchPrices(desk.system);
    await watchPrices(desk.system);
    expect((await alarms('price.went_stale')) - before).toBe(1);
    await takeTicks(desk.system, 'coinbase', { ticks: [], quotes: [], alive: beats(), gaps: [] });
    expect((await quote()).stale).toBe(false);
    expect((await place(buyer, 'buy 0.01')).body.rejectionReason).toBeNull();
    await desk.emptyTheBooks();
  });
});

test('the feeds of an installation run once, however many nodes would', async () => {
  useMarket();
  const settings = { ...SETTINGS, feed: 'simulator', feedSymbol: market.symbol } as const;
  await setPriceSettings(desk.system, market, settings);
  const nodes = [1, 2].map(() => startFeeds(desk.deps, [{ name: 'simulator', seed: 1n }]));
  for (let tries = 0; (await quote()).source !== 'simulator'; tries += 1) {
    expect(tries).toBeLessThan(200);
    await Bun.sleep(50);
  }
  await Bun.sleep(700);
  await Promise.all(nodes.map((node) => node.stop()));
  const rows = await desk.deps.db.engine
    .select()
    .from(priceTicks)
    .where(eq(priceTicks.instrumentId, market.id));
  const counts = rows.map((row) => row.sequence).sort((left, right) => (left < right ? -1 : 1));
  expect(counts).toEqual(rows.map((_row, index) => BigInt(index + 1)));
  const held = await desk.deps.db.engine
    .select()
    .from(quarantinedTicks)
    .where(eq(quarantinedTicks.instrumentId, market.id));
  expect(held).toEqual([]);
});

test('a file is played to its end through the same judgement as any feed', async () => {
  useMarket();
  await setPriceSettings(desk.system, market, { ...SETTINGS, feed: 'replay', feedSymbol: market.symbol });
  const at = parseInstant('2026-01-07T10:00:00Z');
  const ticks = ['60010', '60020', '90000', '60030'].map((price, index) =>
    said(price, { occurredAt: addMs(at, index) }),
  );
  expect(await replayTicks(desk.system, ticks, 1)).toEqual({ accepted: 3, quarantined: 1 });
  expect(await quote()).toMatchObject({ last: '60030', source: 'replay', volume24h: '1.5' });
});

describe('price settings', () => {
  const path = () => `${market.path}/price-settings`;
  const wanted = () => ({ ...SETTINGS, feedSymbol: market.symbol, maxJumpBps: 300, reason: 'Wider' });

  test('hold when a second person agrees, and the feed counts on', async () => {
    await priceByFeed();
    const answer = await desk.request(risk, 'POST', path(), { body: wanted() });
    expect(answer.status).toBe(202);
    expect((await desk.request(risk, 'GET', path())).body).toMatchObject({ maxJumpBps: 200 });
    const vote = `/v1/approvals/${answer.body.approvalId}/approve`;
    expect((await desk.request(admin, 'POST', vote, { body: { reason: 'Yes' } })).body.status).toBe(
      'executed',
    );
    expect((await desk.request(risk, 'GET', path())).body).toMatchObject({ maxJumpBps: 300 });
    expect(await take(said('60000', { sequence }))).toEqual({ accepted: 0, quarantined: 1 });
  });

  test('that say too little are refused, and customers see none', async () => {
    await priceByFeed();
    const refused = await desk.request(risk, 'POST', path(), {
      body: { ...wanted(), maxJumpBps: null },
    });
    expect([refused.status, refused.body.code]).toEqual([422, 'feed_settings_incomplete']);
    const { symbol } = market;
    await priceByFeed();
    const taken = await desk.request(risk, 'POST', path(), { body: { ...wanted(), feedSymbol: symbol } });
    expect([taken.status, taken.body.code]).toEqual([409, 'feed_symbol_taken']);
    const customer = await desk.newTrader();
    for (const [method, where] of [
      ['GET', path()],
      ['POST', path()],
      ['POST', path().replace('settings', 'level')],
      ['GET', '/v1/market/quarantined-ticks'],
    ] as const) {
      expect((await desk.request(customer, method, where, { body: wanted() })).status).toBe(403);
    }
  });
});

test('months of ticks that need not be kept are emptied; their candles and later months stay', async () => {
  const owner = openClient(desk.database.owner, 1);
  await owner`create table price_ticks_2021_03 partition of price_ticks
    for values from ('2021-03-01 00:00:00+00') to ('2021-04-01 00:00:00+00')`;
  await owner`call guard_partition('price_ticks', 'price_ticks_2021_03')`;
  const tick = {
    instrumentId: ether,
    source: 'coinbase',
    sequence: 5n,
    price: parseAmount('0.05'),
    size: parseAmount('1'),
    occurredAt: parseInstant('2021-03-03T00:00:00Z'),
  };
  await transact(desk.system, 'engine', (tx) => storeTicks(tx, [tick], tick.occurredAt));
  const count = async () => (await desk.deps.db.engine.select().from(priceTicks)).length;
  const [ticks, made] = [await count(), (await desk.deps.db.engine.select().from(candles)).length];
  await pruneTicks(desk.system);
  expect(await count()).toBe(ticks - 1);
  expect((await desk.deps.db.engine.select().from(candles)).length).toBe(made);
  expect(await alarms('price_ticks.pruned')).toBe(1);
  await owner.end();
});
