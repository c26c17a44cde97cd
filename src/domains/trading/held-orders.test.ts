import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, eq, inArray, sql } from 'drizzle-orm';
import { formatAmount, parseAmount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { auditLogs, outbox } from '../../platform/db/schema.ts';
import type { Domain } from '../../platform/domain.ts';
import { feedSays, followFeed } from '../../testing/feed-says.ts';
import { placeAllEvents } from '../../testing/placed-events.ts';
import { randomFrom } from '../../testing/random.ts';
import type { Answer } from '../../testing/send.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../testing/trading-desk.ts';
import { until as untilSo } from '../../testing/until.ts';
import { createInstrument, marketsDomain, setQuote } from '../markets/index.ts';
import { tradingDomain } from './index.ts';
import { bookOwners, orders, trades, trailMarks } from './schema.ts';

let desk: TradingDesk;
let instrumentId: string;
let makers: readonly [Trader, Trader];

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  const [row] = await desk.deps.db.engine.execute<{ id: string }>(
    sql`select id from instruments where symbol = 'BTC/USD'`,
  );
  instrumentId = row?.id ?? '';
  makers = [
    await desk.newTrader({ BTC: '1000', USD: '100000000' }),
    await desk.newTrader({ BTC: '1000', USD: '100000000' }),
  ];
});

beforeEach(async () => {
  await desk.engine.start();
  await desk.emptyTheBooks();
  await priceIs('60000');
});

afterEach(async () => {
  await desk.engine.start();
  await desk.engine.settled();
  expect(await memory()).toEqual(await stored());
  const report = await desk.reconcile();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

afterAll(async () => {
  await desk.close();
});

/** Two others trade at a price, which is the last price then. */
async function priceIs(price: string): Promise<void> {
  await desk.place(makers[0], `sell 0.001 at ${price}`);
  await desk.place(makers[1], `buy 0.001 at ${price}`);
  await desk.engine.settled();
}

/** `sell 0.5` of a type, with its prices. */
async function hold(trader: Trader, words: string, more: object): Promise<Answer> {
  const [side, quantity] = words.split(' ');
  return desk.place(trader, words, { side, quantity, timeInForce: 'gtc', ...more });
}

async function orderOf(trader: Trader, { body }: Answer): Promise<Answer['body']> {
  return desk.later(trader, body.id);
}

async function eventsOf(trader: Trader, { body }: Answer): Promise<string[]> {
  const events = (await desk.request(trader, 'GET', `/v1/orders/${body.id}/events`)).body.data;
  return events.map((event: { type: string }) => event.type);
}

/** What the live book holds and what rests in it, as its process knows it. */
async function memory(): Promise<string[]> {
  await desk.engine.settled();
  const name = { instrumentId, book: 'live' } as const;
  const held = (desk.engine.held(name) ?? []).map(
    (order) => `${order.bookSeq} held ${order.side} at ${formatAmount(order.triggerPrice)} of ${order.mark}`,
  );
  const resting = (desk.engine.resting(name) ?? []).map(
    (order) => `${order.bookSeq} rests ${order.side} ${formatAmount(order.remaining)} at ${order.price}`,
  );
  return [...held, ...resting].sort();
}

/** The same from what is stored, read as any customer reads it. */
async function stored(): Promise<string[]> {
  const rows = await desk.deps.db.engine
    .select()
    .from(orders)
    .where(
      and(
        eq(orders.instrumentId, instrumentId),
        eq(orders.book, 'live'),
        inArray(orders.status, ['held', 'open', 'partially_filled']),
      ),
    );
  return Promise.all(
    rows.map(async (row) => {
      if (row.status !== 'held') {
        const left = formatAmount((row.quantity ?? 0n) - row.filledQuantity - row.reducedQuantity);
        return `${row.bookSeq} rests ${row.side} ${left} at ${row.limitPrice}`;
      }
      const owner = { ...makers[0], userId: row.userId, accountId: row.accountId };
      const actor = { ...owner.actor, userId: row.userId } as Trader['actor'];
      const { body } = await desk.request({ ...owner, actor }, 'GET', `/v1/orders/${row.id}`);
      const mark = body.highWaterMark === null ? null : parseAmount(body.highWaterMark);
      return `${row.bookSeq} held ${row.side} at ${body.triggerPrice} of ${mark}`;
    }),
  ).then((lines) => lines.sort());
}

describe('a stop', () => {
  test('is held with its reservation until the price is reached, then trades at the market and settles', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    const stop = await hold(trader, 'sell 0.5', { type: 'stop', stopPrice: '59000' });
    expect(stop.body).toMatchObject({
      status: 'held',
      stopPrice: '59000',
      triggerPrice: '59000',
      priceCap: '53100',
      reservation: '0.5',
      triggeredAt: null,
    });
    await desk.place(makers[1], 'buy 0.5 at 58900');
    await priceIs('59000.01');
    expect(await orderOf(trader, stop)).toMatchObject({ status: 'held' });
    await priceIs('59000');
    expect(await orderOf(trader, stop)).toMatchObject({
      status: 'filled',
      type: 'stop',
      triggerPrice: '59000',
      averageFillPrice: '58900',
      reservation: '0',
    });
    expect(await desk.balance(trader, 'BTC')).toBe('0.5 (0)');
    expect(await eventsOf(trader, stop)).toEqual([
      'order.accepted',
      'order.triggered',
      'order.traded',
      'order.filled',
    ]);
    const audit = await desk.deps.db.engine
      .select({ type: auditLogs.eventType })
      .from(auditLogs)
      .where(eq(auditLogs.resourceId, stop.body.id))
      .orderBy(auditLogs.id);
    expect(audit.map(({ type }) => type)).toEqual([
      'order.placed',
      'order.triggered',
      'order.traded',
      'order.closed',
    ]);
    await placeAllEvents(desk);
    const told = await desk.deps.db.engine
      .select({ type: outbox.type })
      .from(outbox)
      .where(eq(outbox.accountId, trader.accountId))
      .orderBy(outbox.position);
    expect(told.map(({ type }) => type)).toEqual([
      'trading.order_accepted',
      'trading.order_triggered',
      'trading.order_filled',
    ]);
  });

  test('to buy reserves its stop price plus the collar, and sets free what it did not need', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const stop = await hold(trader, 'buy 0.5', { type: 'stop', stopPrice: '61000' });
    // 61000 and a tenth, times 0.5, and the taker's fee.
    expect(stop.body).toMatchObject({ status: 'held', priceCap: '67100', reservation: '33617.1' });
    await desk.place(makers[0], 'sell 0.5 at 61100');
    await priceIs('61000');
    expect(await orderOf(trader, stop)).toMatchObject({ status: 'filled', averageFillPrice: '61100' });
    expect(await desk.balance(trader, 'USD')).toBe('69388.9 (0)');
  });

  test('that finds nobody within its cap is cancelled, as any market order', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    const stop = await hold(trader, 'sell 0.5', { type: 'stop', stopPrice: '59000' });
    await priceIs('58999');
    expect(await orderOf(trader, stop)).toMatchObject({ status: 'cancelled', cancelReason: 'no_liquidity' });
    expect(await desk.balance(trader, 'BTC')).toBe('1 (0)');
  });

  test('with a limit rests behind those who were there when it was triggered', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    const stop = await hold(trader, 'sell 0.5', {
      type: 'stop_limit',
      stopPrice: '59000',
      limitPrice: '59500',
    });
    const there = await desk.place(makers[0], 'sell 0.2 at 59500');
    await priceIs('59000');
    expect(await orderOf(trader, stop)).toMatchObject({ status: 'open', triggerPrice: '59000' });
    await desk.place(makers[1], 'buy 0.3 at 59500');
    expect(await orderOf(makers[0], there)).toMatchObject({ status: 'filled' });
    expect(await orderOf(trader, stop)).toMatchObject({ status: 'partially_filled', filledQuantity: '0.1' });
  });

  test.each([
    [{ timeInForce: 'fok' }, 'cancelled', '0', 'fok_unfillable'],
    [{ timeInForce: 'ioc' }, 'cancelled', '0.2', 'ioc_remainder'],
    [{ postOnly: true }, 'cancelled', '0', 'post_only_would_cross'],
  ] as const)(
    'is what it says once it is triggered: %p',
    async (more, status, filledQuantity, cancelReason) => {
      const trader = await desk.newTrader({ BTC: '1' });
      const prices = { type: 'stop_limit', stopPrice: '59000', limitPrice: '58000' };
      const stop = await hold(trader, 'sell 0.5', { ...prices, ...more });
      await desk.place(makers[1], 'buy 0.2 at 58500');
      await priceIs('59000');
      expect(await orderOf(trader, stop)).toMatchObject({ status, filledQuantity, cancelReason });
    },
  );

  test('on the wrong side, or past its own end, is stored as rejected', async () => {
    const trader = await desk.newTrader({ BTC: '1', USD: '100000' });
    const reasonOf = async (words: string, more: object) =>
      (await hold(trader, words, more)).body.rejectionReason;
    expect(await reasonOf('sell 0.5', { type: 'stop', stopPrice: '60000' })).toBe('stop_on_wrong_side');
    expect(await reasonOf('buy 0.5', { type: 'take_profit', stopPrice: '60001' })).toBe('stop_on_wrong_side');
    expect(await reasonOf('sell 0.5', { type: 'trailing_stop', trailAmount: '60000' })).toBe(
      'trail_out_of_range',
    );
    const past = { type: 'stop', stopPrice: '59000', timeInForce: 'gtd', expiresAt: '2020-01-01T00:00:00Z' };
    expect(await reasonOf('sell 0.5', past)).toBe('expires_in_past');
    expect(await reasonOf('buy 0.1', { type: 'stop', stopPrice: '61000', reduceOnly: true })).toBe(
      'nothing_to_reduce',
    );
  });
});

describe('triggers', () => {
  test('go off nearest first, then oldest, and a cascade runs to its end', async () => {
    const trader = await desk.newTrader({ BTC: '10' });
    const place = (stopPrice: string) => hold(trader, 'sell 0.1', { type: 'stop', stopPrice });
    const deep = await place('58000');
    const late = await place('59500');
    const first = await place('59800');
    const later = await place('59500');
    // Each sale takes the next bid, whose price triggers the next stop.
    for (const price of ['59500', '58900', '58000', '57900']) {
      await desk.place(makers[1], `buy 0.1 at ${price}`);
    }
    await desk.place(makers[0], 'sell 0.001 at 59800');
    await desk.place(makers[1], 'buy 0.001 at 59800');
    const prices: string[] = [];
    for (const stop of [first, late, later, deep]) {
      prices.push((await orderOf(trader, stop)).averageFillPrice);
    }
    expect(prices).toEqual(['59500', '58900', '58000', '57900']);
  });

  test('a take-profit goes off at its price or a better one', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    const profit = await hold(trader, 'sell 0.5', {
      type: 'take_profit',
      stopPrice: '61000',
      limitPrice: '61000',
    });
    await priceIs('60999.99');
    expect(await orderOf(trader, profit)).toMatchObject({ status: 'held' });
    await priceIs('61200');
    expect(await orderOf(trader, profit)).toMatchObject({ status: 'open', triggerPrice: '61200' });
  });

  test('a price from outside the book triggers as a trade does, in the paper book too', async () => {
    const live = await desk.newTrader({ BTC: '1' });
    const paper = await desk.newTrader({ BTC: '1' }, { book: 'paper', gate: {} });
    const limits = { type: 'stop_limit', stopPrice: '59000', limitPrice: '59000' };
    const stops = [await hold(live, 'sell 0.5', limits), await hold(paper, 'sell 0.5', limits)] as const;
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('58990'), source: 'test' });
    expect(await orderOf(live, stops[0])).toMatchObject({ status: 'open', triggerPrice: '58990' });
    expect(await orderOf(paper, stops[1])).toMatchObject({ status: 'open', triggerPrice: '58990' });
  });
});

describe('a trailing stop', () => {
  test('follows the best price, keeps its mark across a restart and goes off at its distance', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    const trail = await hold(trader, 'sell 0.5', { type: 'trailing_stop', trailAmount: '1000' });
    expect(await orderOf(trader, trail)).toMatchObject({ highWaterMark: '60000', triggerPrice: '59000' });
    await priceIs('62000');
    await priceIs('61500');
    expect(await orderOf(trader, trail)).toMatchObject({
      status: 'held',
      highWaterMark: '62000',
      triggerPrice: '61000',
    });
    await desk.engine.rebuild();
    await desk.place(makers[1], 'buy 0.5 at 60900');
    await priceIs('61001');
    expect(await orderOf(trader, trail)).toMatchObject({ status: 'held' });
    await priceIs('61000');
    expect(await orderOf(trader, trail)).toMatchObject({
      status: 'filled',
      highWaterMark: '62000',
      triggerPrice: '61000',
      averageFillPrice: '60900',
    });
  });

  test('in per cent to buy follows the lowest price; orders held later have marks of their own', async () => {
    const trader = await desk.newTrader({ USD: '200000' });
    const first = await hold(trader, 'buy 0.1', { type: 'trailing_stop', trailPercent: '5' });
    await priceIs('58000');
    await priceIs('59000');
    const second = await hold(trader, 'buy 0.1', { type: 'trailing_stop', trailPercent: '5' });
    await desk.engine.settled();
    expect(await orderOf(trader, first)).toMatchObject({ highWaterMark: '58000', triggerPrice: '60900' });
    expect(await orderOf(trader, second)).toMatchObject({ highWaterMark: '59000', triggerPrice: '61950' });
    await desk.engine.rebuild();
    await priceIs('57000');
    expect(await orderOf(trader, first)).toMatchObject({ highWaterMark: '57000', triggerPrice: '59850' });
    expect(await orderOf(trader, second)).toMatchObject({ highWaterMark: '57000', triggerPrice: '59850' });
  });

  test('that was not there when the price moved follows it, or goes off, once it is put back', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    const quote = (last: string) =>
      setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount(last), source: 'test' });
    const trail = await hold(trader, 'sell 0.5', { type: 'trailing_stop', trailAmount: '1000' });
    await desk.engine.settled();
    await desk.engine.stop();
    await quote('62000');
    await desk.engine.start();
    expect(await orderOf(trader, trail)).toMatchObject({
      status: 'held',
      highWaterMark: '62000',
      triggerPrice: '61000',
    });
    await desk.place(makers[1], 'buy 0.5 at 60900');
    await desk.engine.settled();
    await desk.engine.stop();
    await quote('61000');
    await desk.engine.start();
    expect(await orderOf(trader, trail)).toMatchObject({ status: 'filled', averageFillPrice: '60900' });
  });

  test('costs one row however many follow a new best price', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    for (let count = 0; count < 5; count += 1) {
      await hold(trader, 'sell 0.01', { type: 'trailing_stop', trailAmount: '500' });
    }
    await priceIs('60100');
    const versions = await desk.deps.db.engine
      .select({ version: orders.version })
      .from(orders)
      .where(and(eq(orders.accountId, trader.accountId), eq(orders.status, 'held')));
    await priceIs('60200');
    await priceIs('60300');
    const after = await desk.deps.db.engine
      .select({ version: orders.version })
      .from(orders)
      .where(and(eq(orders.accountId, trader.accountId), eq(orders.status, 'held')));
    expect(after).toEqual(versions);
    const marks = await desk.deps.db.engine
      .select()
      .from(trailMarks)
      .where(and(eq(trailMarks.side, 'sell'), eq(trailMarks.mark, parseAmount('60300'))));
    expect(marks).toHaveLength(1);
  });
});

describe('a price that only passed by', () => {
  const symbol = 'BTC/USD.FED';

  beforeAll(async () => {
    await createInstrument(desk.system, {
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
    await followFeed(desk.system, symbol);
  });

  beforeEach(async () => {
    await said(['60000']);
    await desk.engine.settled();
  });

  function said(...batches: readonly (readonly string[])[]): Promise<void> {
    return feedSays(desk.system, symbol, ...batches);
  }

  function stopAt(trader: Trader, stopPrice: string): Promise<Answer> {
    return hold(trader, 'sell 0.1', { symbol, type: 'stop_limit', stopPrice, limitPrice: '60000' });
  }

  test('triggers what it reached, also where nobody looked for a while, and not what it did not', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    const paper = await desk.newTrader({ BTC: '1' }, { book: 'paper', gate: {} });
    const [near, far] = [await stopAt(trader, '59000'), await stopAt(trader, '58000')];
    const onPaper = await stopAt(paper, '59000');
    await said(['60010', '58900', '60005']);
    expect(await orderOf(trader, near)).toMatchObject({ status: 'open', triggerPrice: '58900' });
    expect(await orderOf(paper, onPaper)).toMatchObject({ status: 'open', triggerPrice: '58900' });
    // What nobody believes passed by nothing.
    await said(['60000', '45000', '60001']);
    expect(await orderOf(trader, far)).toMatchObject({ status: 'held' });
    await said(['60000'], ['60000', '57990', '59000'], ['60000']);
    expect(await orderOf(trader, far)).toMatchObject({ status: 'open', triggerPrice: '57990' });
  });

  test('is trailed, and what came after it triggers at the distance, what came before does not', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    const trail = () => hold(trader, 'sell 0.1', { symbol, type: 'trailing_stop', trailAmount: '1000' });
    const first = await trail();
    await desk.engine.settled();
    await said(['59100', '62000', '61800']);
    expect(await orderOf(trader, first)).toMatchObject({
      status: 'held',
      highWaterMark: '62000',
      triggerPrice: '61000',
    });
    await said(['61900', '63000', '62000.01', '62500']);
    expect(await orderOf(trader, first)).toMatchObject({ status: 'held', highWaterMark: '63000' });
    const second = await trail();
    await desk.engine.settled();
    // The lowest of all came before the highest; what fell back after it is not forgotten for that.
    await said(['62050', '63100', '62100', '63050']);
    for (const gone of [first, second]) {
      expect(await orderOf(trader, gone)).toMatchObject({ highWaterMark: '63100', triggerPrice: '62100' });
    }
  });

  test('before an order entered its book reaches nothing of it', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    await said(['60000', '58000', '60000']);
    const stop = await stopAt(trader, '59000');
    expect(await orderOf(trader, stop)).toMatchObject({ status: 'held' });
    await desk.request(trader, 'DELETE', `/v1/orders/${stop.body.id}`);
    await desk.engine.settled();

    // Nor of an exit, before its entry traded.
    const buyer = await desk.newTrader({ USD: '100000' });
    const entry = await desk.place(buyer, 'buy 0.1 at 60000', {
      symbol,
      stopLoss: { stopPrice: '59000' },
    });
    await desk.engine.settled();
    await said(['60000', '58000', '60000']);
    await desk.place(trader, 'sell 0.1 at 60000', { symbol });
    expect(await orderOf(buyer, entry)).toMatchObject({ status: 'filled' });
    const [exit] = await desk.deps.db.engine
      .select({ id: orders.id })
      .from(orders)
      .where(eq(orders.parentId, entry.body.id));
    expect((await desk.later(buyer, exit?.id ?? '')).status).toBe('held');
    await said(['60000', '58000', '60000']);
    expect((await desk.later(buyer, exit?.id ?? '')).triggerPrice).toBe('58000');
  });
});

describe('a settlement that fails', () => {
  test('loses no mark and no trigger: both are what was last settled, and the price counts again', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    const trail = await hold(trader, 'sell 0.2', { type: 'trailing_stop', trailAmount: '1000' });
    const stop = await hold(trader, 'sell 0.2', {
      type: 'stop_limit',
      stopPrice: '59500',
      limitPrice: '59100',
    });
    await priceIs('61000');
    // The books belong to another epoch now: what the engine does next is not settled, and done again.
    await desk.deps.db.engine.update(bookOwners).set({ epoch: sql`${bookOwners.epoch} + 10` });
    await priceIs('60500');
    expect(await orderOf(trader, trail)).toMatchObject({ status: 'held', highWaterMark: '61000' });
    await desk.deps.db.engine.update(bookOwners).set({ epoch: sql`${bookOwners.epoch} + 10` });
    await desk.place(makers[1], 'buy 0.2 at 58999');
    await priceIs('59400');
    expect(await orderOf(trader, stop)).toMatchObject({ status: 'open', triggerPrice: '59400' });
    expect(await orderOf(trader, trail)).toMatchObject({
      status: 'filled',
      highWaterMark: '61000',
      triggerPrice: '59400',
    });
  });
});

describe('what is held', () => {
  test('is cancelled durably, also where nobody matches, and gives back what it reserved', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    const here = await hold(trader, 'sell 0.5', { type: 'stop', stopPrice: '59000' });
    const answer = await desk.request(trader, 'DELETE', `/v1/orders/${here.body.id}`);
    expect(answer.body).toMatchObject({ status: 'cancelled', cancelReason: 'requested' });
    const there = await hold(trader, 'sell 0.5', { type: 'stop', stopPrice: '59000' });
    await desk.engine.settled();
    await desk.engine.stop();
    await desk.elsewhere.request(trader, 'DELETE', `/v1/orders/${there.body.id}`);
    await desk.engine.start();
    await priceIs('58000');
    expect(await orderOf(trader, there)).toMatchObject({ status: 'cancelled', triggeredAt: null });
    expect(await desk.balance(trader, 'BTC')).toBe('1 (0)');
  });

  test('is replaced while it waits: the new one waits at the new price, the old one never trades', async () => {
    const trader = await desk.newTrader({ BTC: '0.5' });
    const stop = await hold(trader, 'sell 0.5', { type: 'stop', stopPrice: '59000' });
    const lower = await desk.request(trader, 'POST', `/v1/orders/${stop.body.id}/replace`, {
      key: newId(),
      body: { stopPrice: '58000' },
    });
    expect(lower.body).toMatchObject({ status: 'held', stopPrice: '58000', replacesId: stop.body.id });
    await desk.place(makers[1], 'buy 0.5 at 57900');
    await priceIs('58500');
    expect(await orderOf(trader, stop)).toMatchObject({ status: 'replaced', triggeredAt: null });
    await priceIs('58000');
    expect(await orderOf(trader, lower)).toMatchObject({ status: 'filled', averageFillPrice: '57900' });
  });

  test('is not replaced once it was triggered, also while it is being; a key that has its answer keeps it', async () => {
    const trader = await desk.newTrader({ BTC: '0.5' });
    const stop = await hold(trader, 'sell 0.5', {
      type: 'stop_limit',
      stopPrice: '59000',
      limitPrice: '59000',
    });
    const replace = (body: object, key: string = newId()) =>
      desk.request(trader, 'POST', `/v1/orders/${stop.body.id}/replace`, { key, body });
    const key = newId();
    const first = await replace({ stopPrice: '58000', quantity: '9' }, key);
    expect(first.body).toMatchObject({ status: 'rejected', rejectionReason: 'insufficient_funds' });
    const app = desk.deps.db.app;
    const open = app.transaction.bind(app);
    let triggered = false;
    app.transaction = async (work, config) => {
      const result = await open(work, config);
      const [read] = Array.isArray(result) ? result : [];
      if (!triggered && read?.id === stop.body.id) {
        triggered = true;
        await priceIs('58900');
      }
      return result;
    };
    try {
      const late = await replace({ stopPrice: '58000', quantity: '0.5' });
      expect([triggered, late.status, late.body.code]).toEqual([true, 409, 'order_changed']);
    } finally {
      app.transaction = open;
    }
    expect(await orderOf(trader, stop)).toMatchObject({ status: 'open', remainingQuantity: '0.5' });
    expect((await replace({ stopPrice: '58000' })).body.code).toBe('validation_failed');
    const again = await replace({ stopPrice: '58000', quantity: '9' }, key);
    expect([again.status, again.body]).toEqual([201, first.body]);
    expect((await replace({ stopPrice: '57000' }, key)).body.code).toBe('idempotency_key_reused');
  });

  test('that a gap leaves behind sells within the collar of the price that triggered it', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    const stop = await hold(trader, 'sell 0.5', { type: 'stop', stopPrice: '59000' });
    const cancelled = await hold(trader, 'sell 0.1', { type: 'stop', stopPrice: '58500' });
    expect(stop.body.priceCap).toBe('53100');
    await desk.place(makers[1], 'buy 0.5 at 51000');
    await desk.place(makers[1], 'buy 0.1 at 46000');
    await desk.engine.stop();
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('51500'), source: 'test' });
    await desk.engine.start();
    expect(await orderOf(trader, stop)).toMatchObject({
      status: 'filled',
      triggerPrice: '51500',
      averageFillPrice: '51000',
    });
    // 51500 less the collar of a tenth is 46350: nothing is sold below.
    expect(await orderOf(trader, cancelled)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'price_cap',
    });
    const [kept] = await desk.deps.db.engine.select().from(orders).where(eq(orders.id, stop.body.id));
    expect([kept?.priceCap, kept?.triggeredCap]).toEqual([parseAmount('53100'), parseAmount('46350')]);
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('60000'), source: 'test' });
  });

  test('ends when its time is over', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    const expiresAt = addMs(desk.deps.clock.now(), 3_600_000);
    const stop = await hold(trader, 'sell 0.5', {
      type: 'stop',
      stopPrice: '59000',
      timeInForce: 'gtd',
      expiresAt,
    });
    desk.advance(2 * 3_600_000);
    await job(tradingDomain, 'expire-orders');
    expect(await orderOf(trader, stop)).toMatchObject({ status: 'expired' });
    desk.advance(-2 * 3_600_000);
  });

  test('was accepted where nobody matched and is held once somebody does; a trigger missed meanwhile counts', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    await desk.engine.stop();
    const stop = await desk.elsewhere.place(trader, 'sell 0.1', {
      type: 'stop_limit',
      stopPrice: '59000',
      limitPrice: '59000',
    });
    const far = await desk.elsewhere.place(trader, 'sell 0.1', { type: 'stop', stopPrice: '50000' });
    expect(stop.body.status).toBe('pending');
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('58000'), source: 'test' });
    await desk.engine.start();
    expect(await orderOf(trader, stop)).toMatchObject({ status: 'open', triggerPrice: '58000' });
    expect(await orderOf(trader, far)).toMatchObject({ status: 'held' });
  });

  test('keeps the state that only moves on, whoever asks the database', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    const stop = await hold(trader, 'sell 0.1', {
      type: 'stop_limit',
      stopPrice: '59000',
      limitPrice: '59500',
    });
    const change = (set: string) =>
      desk.deps.db.engine
        .execute(sql`update orders set ${sql.raw(set)} where id = ${stop.body.id}`)
        .then(() => 'changed', sqlStateOf);
    expect(await change(`stop_price = 58000`)).toBe('PL014');
    expect(await change(`group_id = gen_random_uuid()`)).toBe('PL014');
    expect(await change(`book_seq = book_seq - 1`)).toBe('PL014');
    await priceIs('59000');
    expect(await change(`trigger_price = 58000`)).toBe('PL014');
    expect(await change(`triggered_at = null, trigger_price = null`)).toBe('PL014');
    expect(await change(`book_seq = book_seq + 1`)).toBe('PL014');
  });
});

describe('a halted instrument', () => {
  test('that was halted while no engine ran matches nothing of what was numbered before', async () => {
    const officer = await desk.newStaff('risk_manager');
    await desk.engine.stop();
    const placed = [
      await desk.elsewhere.place(makers[0], 'sell 0.2 at 60100'),
      await desk.elsewhere.place(makers[1], 'buy 0.2 at 60100'),
    ];
    // What the accept insert leaves when this process owns the book, and then dies.
    await desk.deps.db.engine.execute(sql`
      update orders o set status = 'open', book_seq = n.seq from (
        select id, (select max(book_seq) from orders) + row_number() over (order by id) as seq
        from orders where status = 'pending') n
      where n.id = o.id`);
    const until = addMs(desk.deps.clock.now(), 600_000);
    await desk.request(officer, 'POST', '/v1/instruments/BTC%2FUSD/halt', {
      key: newId(),
      body: { reason: 'A test', until },
    });
    await desk.engine.start();
    await desk.engine.settled();
    expect(await Promise.all(placed.map(statusOf))).toEqual(['open', 'open']);
    desk.advance(1_200_000);
    await job(marketsDomain, 'halts');
    desk.advance(-1_200_000);
    await desk.engine.settled();
    expect(await Promise.all(placed.map(statusOf))).toEqual(['filled', 'filled']);
  });

  test('collects without matching, also across a restart, and opens again with one price for all', async () => {
    const officer = await desk.newStaff('risk_manager');
    const trader = await desk.newTrader({ BTC: '1' });
    const rests = await desk.place(trader, 'sell 0.2 at 60100');
    await desk.engine.settled();
    await desk.engine.stop();
    const placed = [
      await desk.elsewhere.place(makers[1], 'buy 0.3 at 60300'),
      await desk.elsewhere.place(makers[1], 'buy 0.1 at 60200'),
      await desk.elsewhere.place(makers[0], 'sell 0.2 at 60200'),
      await desk.elsewhere.place(makers[0], 'sell 0.1'),
    ];
    const until = addMs(desk.deps.clock.now(), 600_000);
    const halted = await desk.request(officer, 'POST', '/v1/instruments/BTC%2FUSD/halt', {
      key: newId(),
      body: { reason: 'A test', until },
    });
    expect([halted.status, halted.body.status]).toEqual([200, 'halted']);
    await desk.engine.start();
    await desk.engine.settled();
    await desk.engine.rebuild();
    const states = await Promise.all(placed.map((answer) => statusOf(answer)));
    expect(states).toEqual(['open', 'open', 'open', 'cancelled']);
    expect((await memory()).filter((line) => line.includes('rests'))).toHaveLength(4);
    // What is collected crosses: it is no price at which anybody trades.
    const top = async () => (await desk.request(trader, 'GET', '/v1/instruments/BTC%2FUSD/quote')).body;
    expect(await top()).toMatchObject({ bid: null, ask: null, mid: null, spread: null });
    desk.advance(1_200_000);
    await job(marketsDomain, 'halts');
    desk.advance(-1_200_000);
    expect(await orderOf(trader, rests)).toMatchObject({ status: 'filled', averageFillPrice: '60200' });
    await desk.place(makers[1], 'buy 0.1 at 60000');
    await untilSo(async () => (await top()).bid === '60000');
    await desk.emptyTheBooks();
    const prints = await desk.deps.db.engine
      .select({ price: trades.price })
      .from(trades)
      .orderBy(sql`${trades.id} desc`)
      .limit(2);
    expect(prints.map(({ price }) => formatAmount(price))).toEqual(['60200', '60200']);
  });
});

async function statusOf({ body }: Answer): Promise<string> {
  const [row] = await desk.deps.db.engine
    .select({ status: orders.status })
    .from(orders)
    .where(eq(orders.id, body.id));
  return row?.status ?? 'missing';
}

/** Runs the job of a domain whose name says so. */
async function job(domain: Domain, name: string): Promise<void> {
  await domain.jobs.find((each) => each.name.includes(name))?.run(desk.system);
}

describe('a rebuilt book', () => {
  test('is what it was after any sequence of commands: held, resting, marks, places', async () => {
    const random = randomFrom(7);
    const people = [await desk.newTrader({ BTC: '50', USD: '5000000' }), ...makers];
    for (let step = 0; step < 60; step += 1) {
      const trader = random.pick(people);
      const side = random.pick(['buy', 'sell']);
      const price = 60_000 + random.below(40) * 25 - 500;
      const dice = random.below(10);
      if (dice < 4) {
        await desk.place(trader, `${side} 0.01 at ${price}`);
      } else if (dice < 6) {
        await hold(trader, `${side} 0.01`, {
          type: 'trailing_stop',
          trailAmount: String(100 + random.below(5) * 50),
        });
      } else if (dice < 9) {
        const type = random.pick(['stop_limit', 'take_profit']);
        await hold(trader, `${side} 0.01`, { type, stopPrice: String(price), limitPrice: String(price) });
      } else {
        await desk.engine.rebuild();
      }
      if (step % 20 === 19) {
        const before = await memory();
        await desk.engine.rebuild();
        expect(await memory()).toEqual(before);
      }
    }
  }, 60_000);
});
