/** What a gap left out is fetched from a server that speaks as the exchange does, or does not. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, asc, eq, gte } from 'drizzle-orm';
import { parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant, parseInstant } from '../../../kernel/time.ts';
import { openClient } from '../../../platform/db/client.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { startTradingDesk, type TradingDesk } from '../../../testing/trading-desk.ts';
import { until } from '../../../testing/until.ts';
import { candleOpening } from '../prices/fold-ticks.ts';
import { pruneTicks } from '../prices/prune-ticks.ts';
import { rebuildCandles } from '../prices/repair-ticks.ts';
import type { FeedTick } from '../prices/rules.ts';
import { candles, feedGaps, priceTicks } from '../prices/schema.ts';
import { setPriceSettings } from '../prices/set-price-settings.ts';
import { storeTicks } from '../prices/store-ticks.ts';
import { type FeedBatch, takeTicks } from '../prices/take-ticks.ts';
import { quotes } from '../schema.ts';
import { instrumentOf } from '../store.ts';
import { fetchTrades } from './coinbase-trades.ts';
import { fillGaps } from './fill-gaps.ts';
import { startFeeds } from './start-feeds.ts';

type Trade = { trade_id: number; price: string; size: string; time: Instant; side: string };

const PRODUCT = 'BTC-USD';

let desk: TradingDesk;
let instrumentId: Id;
let server: ReturnType<typeof Bun.serve>;
let url: string;
/** Each trade comes a moment after the one before. */
let beganAt: Instant;
/** What the exchange does with the next requests, and what it was asked. */
let answer: (after: number, limit: number) => Response;
let asked: string[] = [];
/** The last trade that the feed told of. */
let newest = 1_000;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  beganAt = desk.deps.clock.now();
  const instrument = await transact(desk.system, 'engine', (tx) => instrumentOf(tx, 'BTC/USD'));
  instrumentId = instrument.id;
  const limits = { maxJumpBps: 200, staleAfterSeconds: 86_400, levelTicks: 3 };
  await setPriceSettings(desk.system, instrument, { ...limits, feed: 'coinbase', feedSymbol: PRODUCT });
  server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request) => {
      const { pathname, searchParams } = new URL(request.url);
      asked.push(`${pathname} ${searchParams.get('after')}`);
      if (pathname !== `/products/${PRODUCT}/trades` || request.headers.get('user-agent') === null) {
        return Response.json({ message: 'NotFound' }, { status: 404 });
      }
      return answer(Number(searchParams.get('after')), Number(searchParams.get('limit')));
    },
  });
  url = `http://127.0.0.1:${server.port}`;
  await tell([]);
});

beforeEach(() => {
  asked = [];
  answer = (after, limit) => page(after, limit);
});

afterAll(async () => {
  await server.stop(true);
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

/** Trades older than one, newest first, as the exchange has them. */
function page(after: number, limit: number, change: (trade: Trade) => Partial<Trade> = () => ({})): Response {
  const ids = Array.from(
    { length: Math.max(0, Math.min(limit, after - 1)) },
    (_, index) => after - 1 - index,
  );
  return Response.json(
    ids.map((id) => {
      const trade = tradeOf(id);
      return { ...trade, ...change(trade) };
    }),
    { headers: { 'cb-after': String(ids.at(-1) ?? '') } },
  );
}

function tradeOf(id: number): Trade {
  const price = `60000.${String(id % 100).padStart(2, '0')}`;
  return { trade_id: id, price, size: '0.5', time: addMs(beganAt, id - 60_000), side: 'buy' };
}

/** The feed tells of a trade after so many that it did not tell of. */
async function leaveOut(missing: number): Promise<void> {
  const through = BigInt(newest + missing);
  newest += missing + 1;
  await tell([{ symbol: PRODUCT, missing: BigInt(missing), through }]);
}

/** The feed tells of the newest trade. */
async function tell(gaps: FeedBatch['gaps']): Promise<void> {
  const { price, size, time } = tradeOf(newest);
  const ticks = [{ symbol: PRODUCT, price, size, sequence: BigInt(newest), occurredAt: time }];
  await takeTicks(desk.system, 'coinbase', { ticks, quotes: [], alive: [], gaps });
}

function fill(): Promise<void> {
  return fillGaps(desk.system, { url, isStopped: () => false, pauseMs: 0 });
}

async function lastGap() {
  const rows = await desk.deps.db.engine.select().from(feedGaps).orderBy(asc(feedGaps.id));
  return rows.at(-1);
}

test('what was left out is fetched page by page and the gap closed, after a moment, and no price moves', async () => {
  const before = newest;
  await leaveOut(2_100);
  await fill();
  expect(asked).toEqual([]);
  desk.advance(10_000);
  await fill();
  const pages = [2_102, 1_102, 102].map((after) => `/products/${PRODUCT}/trades ${before + after}`);
  expect(asked).toEqual(pages);
  expect(await lastGap()).toMatchObject({ fetches: 0, fetchFailure: null, filledAt: expect.any(String) });
  const kept = await desk.deps.db.engine
    .select({ price: priceTicks.price })
    .from(priceTicks)
    .where(and(eq(priceTicks.instrumentId, instrumentId), gte(priceTicks.sequence, BigInt(before))));
  expect(kept).toHaveLength(2_102);
  const staff = await desk.newStaff('risk_manager');
  const quote = await desk.request(staff, 'GET', '/v1/instruments/BTC%2FUSD/quote');
  expect(quote.body.last).toBe(`60000.${String(newest % 100).padStart(2, '0')}`);
  // Nothing is asked for twice.
  await fill();
  expect(asked).toHaveLength(3);
});

test.each([
  ['busy', () => new Response('{}', { status: 429, headers: { 'retry-after': '1' } })],
  ['unreachable', () => new Response('{}', { status: 503 })],
  ['refused', () => Response.json({ message: 'Bad limit' }, { status: 400 })],
  ['unknown_product', () => Response.json({ message: 'NotFound' }, { status: 404 })],
  ['unreadable', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
  ['unreadable', () => Response.json({ trades: [] })],
  ['unreadable', () => Response.json([{ ...tradeOf(5), price: 60_000 }])],
  // Of another product: what lies beside the gap is none of what the feed told of.
  ['contradicts', (after: number) => page(after, 1_000, () => ({ price: '60300.00' }))],
  // A price of another day: the candles of that day would be others.
  [
    'contradicts',
    (after: number) =>
      page(after, 1_000, ({ trade_id, time }) =>
        trade_id === newest - 2 ? { time: addMs(time, -86_400_000) } : {},
      ),
  ],
  ['unproved', () => Response.json([])],
  // What a live feed would not be believed either.
  [
    'jump',
    (after: number) =>
      page(after, 1_000, ({ trade_id }) => (trade_id === newest - 2 ? { price: '90000' } : {})),
  ],
  [
    'unreadable',
    (after: number) => page(after, 1_000, ({ trade_id }) => (trade_id === newest - 2 ? { price: '-1' } : {})),
  ],
] as const)(
  'where the exchange is %s the gap stays open, says so and is tried again later',
  async (failure, says) => {
    answer = says;
    await leaveOut(3);
    desk.advance(10_000);
    await fill();
    expect(await lastGap()).toMatchObject({ fetches: 1, fetchFailure: failure, filledAt: null });
    const staff = await desk.newStaff('risk_manager');
    const [shown] = (await desk.request(staff, 'GET', '/v1/market/feed-gaps?open=true')).body.data;
    expect(shown).toMatchObject({ symbol: 'BTC/USD', missing: '3', fetches: 1, fetchFailure: failure });
    const calls = asked.length;
    await fill();
    expect(asked).toHaveLength(calls);
    answer = (after, limit) => page(after, limit);
    desk.advance(60_000);
    await fill();
    expect((await lastGap())?.filledAt).not.toBeNull();
    const told = await desk.deps.db.engine
      .select({ after: auditLogs.after })
      .from(auditLogs)
      .where(eq(auditLogs.eventType, 'feed.gap_not_fetched'))
      .orderBy(asc(auditLogs.id));
    expect(told.at(-1)?.after).toMatchObject({ failure, tries: 1, missing: '3' });
  },
);

test('what is not all there is kept and the rest stays missing; it is given up in the end, and too much at once', async () => {
  answer = (after, limit) =>
    page(after, limit, ({ trade_id }) => (trade_id === newest - 1 ? { trade_id: 1 } : {}));
  await leaveOut(3);
  desk.advance(10_000);
  for (let tries = 0; tries < 8; tries += 1) {
    await fill();
    desk.advance(13 * 3_600_000);
  }
  expect(asked).toHaveLength(6);
  expect(await lastGap()).toMatchObject({ fetches: 6, fetchFailure: 'incomplete', filledAt: null });

  await leaveOut(10_001);
  desk.advance(10_000);
  await fill();
  expect(asked).toHaveLength(6);
  expect(await lastGap()).toMatchObject({ fetches: 6, fetchFailure: 'too_wide' });
});

test('whoever listens to the feed fetches, where the setting says so', async () => {
  await leaveOut(2);
  desk.advance(10_000);
  // Nobody speaks there as the feed does; that keeps nothing from being fetched.
  const feed = { name: 'coinbase', url: url.replace('http', 'ws') } as const;
  for (const history of [null, url]) {
    const feeds = startFeeds(desk.deps, [{ ...feed, history }]);
    await (history === null ? Bun.sleep(100) : until(async () => (await lastGap())?.filledAt !== null));
    await feeds.stop();
    expect(asked.filter((request) => request.startsWith('/products'))).toHaveLength(history === null ? 0 : 1);
  }
});

test('pages without end are left, and no address is made of a name that is no product', async () => {
  const wanted = { url, symbol: PRODUCT, from: 1n, through: 1_500n, isStopped: () => false, pauseMs: 0 };
  // One trade a page, each older than the one before.
  answer = (after) => page(after, 1);
  expect(await fetchTrades(desk.deps, wanted)).toEqual({ ok: false, failure: 'unreadable' });
  expect(asked).toHaveLength(3);
  // The same page for ever.
  answer = () => page(2_000, 10);
  expect(await fetchTrades(desk.deps, wanted)).toMatchObject({ ok: true, ticks: [] });
  asked = [];
  for (const symbol of ['..', 'BTC/USD', 'BTC-USD?x=1', '../accounts', '']) {
    expect(await fetchTrades(desk.deps, { ...wanted, symbol })).toMatchObject({ failure: 'unknown_product' });
  }
  expect(asked).toEqual([]);
  // Outside the sandbox nothing inward is called.
  expect(await fetchTrades({ mode: 'production' }, wanted)).toMatchObject({ failure: 'unreachable' });
  expect(asked).toEqual([]);
});

describe('a feed that tells again', () => {
  const SYMBOL = 'ETH/BTC';
  const PATH = '/v1/instruments/ETH%2FBTC';
  const HOUR_MS = 3_600_000;
  const limits = { maxJumpBps: 500, staleAfterSeconds: 30, levelTicks: 3, feed: 'coinbase' } as const;

  function said(price: string, sequence: bigint, agoMs = 0): FeedTick {
    const occurredAt = addMs(desk.deps.clock.realNow(), -agoMs);
    return { symbol: SYMBOL, price, size: '0.5', sequence, occurredAt };
  }

  function take(ticks: readonly FeedTick[], beatAgoMs: number | null = null) {
    const at = addMs(desk.deps.clock.realNow(), -(beatAgoMs ?? 0));
    const alive = beatAgoMs === null ? [] : [{ symbol: SYMBOL, occurredAt: at }];
    return takeTicks(desk.system, 'coinbase', { ticks, quotes: [], alive, gaps: [] });
  }

  async function begin(feedSymbol: string | null, changes: object = {}): Promise<void> {
    const { id } = await transact(desk.system, 'engine', (tx) => instrumentOf(tx, SYMBOL));
    const feed = feedSymbol === null ? null : limits.feed;
    await setPriceSettings(desk.system, { id, symbol: SYMBOL }, { ...limits, ...changes, feed, feedSymbol });
  }

  async function seen() {
    const staff = await desk.newStaff('risk_manager');
    const { body } = await desk.request(staff, 'GET', `${PATH}/quote`);
    const week = await desk.request(staff, 'GET', `${PATH}/candles?interval=1w`);
    const ticks = week.body.data.reduce((sum: number, each: { ticks: number }) => sum + each.ticks, 0);
    return { last: body.last, stale: body.stale, ticks };
  }

  test('has no tick counted twice, whatever of its settings changed, and an old one told again is true and no news', async () => {
    const start = (await seen()).ticks;
    await begin(SYMBOL);
    const [first, second] = [said('0.05', 1n), said('0.0501', 2n)];
    expect(await take([first, second])).toEqual({ accepted: 2, quarantined: 0 });
    // The age alone: it counts on.
    await begin(SYMBOL, { staleAfterSeconds: 60 });
    expect(await take([second])).toEqual({ accepted: 0, quarantined: 1 });
    // Its source counts anew, as two people say: what it told before is here.
    await begin(SYMBOL, { staleAfterSeconds: 60, beginAnew: true });
    expect(await take([{ ...second, retold: true }])).toEqual({ accepted: 0, quarantined: 0 });
    // Another symbol and back: it counts anew, and what it told before is here.
    await begin('ELSEWHERE');
    await begin(SYMBOL);
    expect(await take([{ ...second, retold: true }, said('0.0502', 3n)])).toEqual({
      accepted: 1,
      quarantined: 0,
    });
    expect(await seen()).toEqual({ last: '0.0502', stale: false, ticks: start + 3 });

    const { engine } = desk.deps.db;
    const silent = () => engine.update(quotes).set({ pricedAt: addMs(desk.deps.clock.realNow(), -HOUR_MS) });
    await begin(null);
    await begin(SYMBOL);
    await silent();
    // A market that seldom trades: its last trade was an hour ago.
    const last: FeedTick = { ...said('0.0503', 9n, HOUR_MS), retold: true };
    expect(await take([last])).toEqual({ accepted: 1, quarantined: 0 });
    expect(await seen()).toEqual({ last: '0.0502', stale: true, ticks: start + 4 });
    // What was alive then says nothing for now.
    await take([], HOUR_MS);
    expect(await seen()).toMatchObject({ last: '0.0502', stale: true });
    await take([], 0);
    expect(await seen()).toEqual({ last: '0.0503', stale: false, ticks: start + 4 });
    // Late ones of a feed that is behind move nothing, and what is alive after them confirms nothing.
    await silent();
    expect(await take([said('0.0504', 10n, 2 * 60_000)], 0)).toEqual({ accepted: 0, quarantined: 1 });
    expect(await seen()).toEqual({ last: '0.0503', stale: true, ticks: start + 4 });
    // They are missing, as what never came.
    const late = await engine.select().from(feedGaps).where(eq(feedGaps.fromSequence, 10n));
    expect(late).toMatchObject([{ throughSequence: 10n, filledAt: null }]);
    // What was heard in time and waited here for a database is history, and what is alive after it confirms it.
    const waited = said('0.0505', 11n, 2 * 60_000);
    expect(await take([{ ...waited, heardAt: waited.occurredAt }])).toEqual({ accepted: 1, quarantined: 0 });
    expect(await seen()).toEqual({ last: '0.0503', stale: true, ticks: start + 5 });
    await take([], 0);
    expect(await seen()).toEqual({ last: '0.0505', stale: false, ticks: start + 5 });
    await begin(null);
  });

  test('leaves the candles of a week without any tick as they are: its ticks were emptied by whoever might', async () => {
    const { engine } = desk.deps.db;
    const { id } = await transact(desk.system, 'engine', (tx) => instrumentOf(tx, SYMBOL));
    const week = candleOpening('1w', addMs(desk.deps.clock.realNow(), -14 * 24 * HOUR_MS));
    const ofWeek = and(eq(candles.instrumentId, id), eq(candles.openedAt, week));
    const [pattern] = await engine.select().from(candles).limit(1);
    const found = present(pattern, 'the feed has told of a trade');
    const row = { ...found, instrumentId: id, interval: '1w', openedAt: week, ticks: 70n } as const;
    await engine.insert(candles).values(row);
    expect(await rebuildCandles(desk.system, SYMBOL, week, addMs(week, 1))).toBeNull();
    expect(await engine.select().from(candles).where(ofWeek)).toEqual([row]);
  });

  test('leaves a week as it is of which a month was emptied by whoever keeps less, though the other has ticks', async () => {
    const { engine } = desk.deps.db;
    const { id } = await transact(desk.system, 'engine', (tx) => instrumentOf(tx, SYMBOL));
    const today = desk.deps.clock.realNow();
    const monthBack = (months: number): Instant => {
      const month = Temporal.PlainYearMonth.from(today.slice(0, 7)).subtract({ months });
      return parseInstant(`${month.toString()}-01T00:00:00Z`);
    };
    // A month that begins within a week.
    const kept = [3, 4].find((months) => candleOpening('1w', monthBack(months)) !== monthBack(months)) ?? 3;
    const [older, newer] = [monthBack(kept + 1), monthBack(kept)];
    const owner = openClient(desk.database.owner, 1);
    for (const [from, to] of [
      [older, newer],
      [newer, monthBack(kept - 1)],
    ] as const) {
      const name = `price_ticks_${from.slice(0, 7).replace('-', '_')}`;
      await owner.unsafe(
        `create table ${name} partition of price_ticks for values from ('${from}') to ('${to}')`,
      );
      await owner`call guard_partition('price_ticks', ${name})`;
    }
    await owner.end();
    for (const [place, at] of [addMs(newer, -60_000), addMs(newer, 60_000)].entries()) {
      const tick = { instrumentId: id, source: 'coinbase', sequence: 900n + BigInt(place), occurredAt: at };
      const said = { ...tick, price: parseAmount('0.05'), size: parseAmount('1') } as const;
      await transact(desk.system, 'engine', (tx) => storeTicks(tx, [said], at));
    }
    const week = candleOpening('1w', newer);
    const ofWeek = and(eq(candles.instrumentId, id), eq(candles.openedAt, week), eq(candles.interval, '1w'));
    expect(await rebuildCandles(desk.system, SYMBOL, week, addMs(week, 1))).toBeGreaterThan(0);
    expect(await engine.select().from(candles).where(ofWeek)).toMatchObject([{ ticks: 2n }]);
    await pruneTicks({ ...desk.system, deps: { ...desk.deps, tickMonths: kept } });
    expect(await rebuildCandles(desk.system, SYMBOL, week, addMs(week, 1))).toBeNull();
    expect(await engine.select().from(candles).where(ofWeek)).toMatchObject([{ ticks: 2n }]);
  });
});
