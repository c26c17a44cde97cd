import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { parseAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { auditLogs, outbox, personKeys } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../testing/trading-desk.ts';
import { until } from '../../../testing/until.ts';
import { createInstrument } from '../create-instrument.ts';
import { candleOpening } from '../prices/fold-ticks.ts';
import { candles, priceTicks } from '../prices/schema.ts';
import { storeTicks } from '../prices/store-ticks.ts';
import { instruments } from '../schema.ts';
import { setQuote } from '../set-quote.ts';
import { type Evaluation, evaluate, newEvaluation } from './evaluate.ts';
import { startAlertEvaluator } from './evaluator.ts';
import { priceAlertPart } from './part.ts';
import { readFigures, type Wanted } from './read-figures.ts';
import type { Metric } from './rules.ts';
import { priceAlerts } from './schema.ts';
import { tellReached } from './tell-alerts.ts';

let desk: TradingDesk;
let ada: Trader;
let btc: Id;
let evaluation: Evaluation;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  const [row] = await desk.deps.db.engine.select().from(instruments).where(eq(instruments.symbol, 'BTC/USD'));
  btc = row?.id ?? '';
});
beforeEach(async () => {
  await desk.deps.db.engine.delete(priceAlerts);
  ada = await desk.newTrader();
  evaluation = newEvaluation();
  await price('60000');
  await look();
});
afterAll(async () => {
  await desk.close();
});

const ABOVE = { kind: 'price_above', price: '61000' };

async function ask(condition: object, more: object = {}, trader = ada) {
  const body = { symbol: 'BTC/USD', condition, ...more };
  return desk.request(trader, 'POST', '/v1/price-alerts', { body });
}

async function patch(id: Id, change: object, version: number): Promise<Response> {
  return desk.app.request(`/v1/price-alerts/${id}`, {
    method: 'PATCH',
    headers: {
      authorization: `Bearer ${Buffer.from(JSON.stringify(ada.actor)).toString('base64url')}`,
      'content-type': 'application/json',
      'if-match': `"${version}"`,
    },
    body: JSON.stringify(change),
  });
}

function price(last: string): Promise<void> {
  return priceOf('BTC/USD', last);
}

async function priceOf(symbol: string, last: string): Promise<void> {
  await setQuote(desk.system, { symbol, last: parseAmount(last), source: 'test' });
}

let printed = 0n;

/** A print that came and went: the last price is another. */
async function print(at: string, source = 'trades', counted?: bigint): Promise<void> {
  printed += 1n;
  const now = desk.deps.clock.now();
  await desk.deps.db.engine.insert(priceTicks).values({
    instrumentId: btc,
    source,
    sequence: counted ?? printed,
    price: parseAmount(at),
    size: parseAmount('1'),
    occurredAt: now,
    receivedAt: now,
  });
}

/** A trade that its candles have. */
async function tick(instrumentId: Id, occurredAt: Instant, size: string): Promise<void> {
  printed += 1n;
  const sequence = printed;
  const one = { instrumentId, source: 'trades', sequence, price: parseAmount('1'), size: parseAmount(size) };
  await transact(desk.system, 'engine', (tx) => storeTicks(tx, [{ ...one, occurredAt }], occurredAt));
}

/** Minutes that are over, the oldest first, and the one under way. */
async function minutes(
  instrumentId: Id,
  rows: readonly { readonly close: string; readonly volume?: string }[],
): Promise<void> {
  const { engine } = desk.deps.db;
  const now = `${desk.deps.clock.now().slice(0, 17)}00.000000Z` as ReturnType<typeof desk.deps.clock.now>;
  await engine
    .insert(candles)
    .values(
      rows.map(({ close, volume = '1' }, index) => {
        const openedAt = addMs(now, (index + 1 - rows.length) * 60_000);
        const all = parseAmount(close);
        return {
          instrumentId,
          interval: '1m' as const,
          openedAt,
          open: all,
          high: all,
          low: all,
          close: all,
          volume: parseAmount(volume),
          ticks: 1n,
          firstAt: openedAt,
          firstSequence: 1n,
          firstSource: 'trades',
          lastAt: openedAt,
          lastSequence: 1n,
          lastSource: 'trades',
        };
      }),
    )
    .onConflictDoUpdate({
      target: [candles.instrumentId, candles.interval, candles.openedAt],
      set: {
        open: sql`excluded.open`,
        high: sql`excluded.high`,
        low: sql`excluded.low`,
        close: sql`excluded.close`,
        volume: sql`excluded.volume`,
      },
    });
}

let listed = 0;

/** An instrument that has no candles yet. */
async function newInstrument(): Promise<{ readonly symbol: string; readonly id: Id }> {
  listed += 1;
  const symbol = `ETH/USD.${listed}`;
  const one = parseAmount('1');
  const { id } = await createInstrument(desk.system, {
    symbol,
    name: symbol,
    type: 'crypto',
    exchange: 'CRYPTO',
    baseAsset: 'ETH',
    quoteAsset: 'USD',
    collarBps: 1000,
    makerFeeBps: 10,
    takerFeeBps: 20,
    fractional: true,
    settlementCycle: 'T+0',
    description: '',
    tick: parseAmount('0.01'),
    lot: one,
    minQuantity: one,
    maxQuantity: parseAmount('1000'),
  });
  await setQuote(desk.system, { symbol, last: parseAmount('60000'), source: 'test' });
  return { symbol, id };
}

function look(): Promise<void> {
  return evaluate(desk.deps, evaluation, new Set([btc]), true);
}

async function told(trader = ada) {
  const rows = await desk.deps.db.engine
    .select({ type: outbox.type, data: outbox.data, visible: outbox.customerVisible })
    .from(outbox)
    .where(and(eq(outbox.userId, trader.userId), eq(outbox.type, 'markets.price_alert_triggered')))
    .orderBy(outbox.id);
  return rows.map(({ data, visible }) => ({ ...(data as { value: string; kind: string }), visible }));
}

async function values(): Promise<string[]> {
  return (await told()).map(({ value }) => value);
}

describe('a price alert', () => {
  test('is made, read, listed, changed and deleted by its owner, each with its row in the log', async () => {
    const made = await ask(ABOVE, { message: 'Sell some', repeat: true, cooldownSeconds: 60 });
    expect([made.status, made.body]).toMatchObject([
      201,
      {
        symbol: 'BTC/USD',
        kind: 'price_above',
        condition: ABOVE,
        message: 'Sell some',
        active: true,
        armed: true,
        triggerCount: 0,
        version: 1,
      },
    ]);
    const path = `/v1/price-alerts/${made.body.id}`;
    expect((await desk.request(ada, 'GET', path)).body).toEqual(made.body);
    const listed = await desk.request(ada, 'GET', '/v1/price-alerts?symbol=BTC%2FUSD&active=true');
    expect(listed.body.data).toEqual([made.body]);
    const stored = await desk.deps.db.engine.execute(
      sql`select encode(message, 'escape') as text from price_alerts`,
    );
    expect(JSON.stringify(stored)).not.toContain('Sell');
    expect((await desk.request(ada, 'DELETE', path)).status).toBe(204);
    expect((await desk.request(ada, 'GET', path)).status).toBe(404);
    const log = await desk.deps.db.engine
      .select({ type: auditLogs.eventType, after: auditLogs.after })
      .from(auditLogs)
      .where(eq(auditLogs.resourceId, made.body.id));
    expect(log.map(({ type }) => type).toSorted()).toEqual(['price_alert.created', 'price_alert.deleted']);
    expect(JSON.stringify(log)).not.toContain('Sell');
  });

  test.each([
    [{ kind: 'price_above', price: '0' }],
    [{ kind: 'price_above', price: '1', more: 1 }],
    [{ kind: 'percent_change', direction: 'up', percent: '1', windowMinutes: 0 }],
    [
      {
        kind: 'technical_indicator',
        indicator: 'rsi',
        interval: '2m',
        period: 14,
        direction: 'above',
        level: '70',
      },
    ],
    [
      {
        kind: 'technical_indicator',
        indicator: 'rsi',
        interval: '1m',
        period: 14,
        direction: 'above',
        level: '101',
      },
    ],
    [
      {
        kind: 'technical_indicator',
        indicator: 'sma_cross',
        interval: '1m',
        fast: 20,
        slow: 10,
        direction: 'above',
      },
    ],
    [{ kind: 'volume_spike', interval: '1m', candles: 1, multiple: '2' }],
    [{ kind: 'nothing' }],
  ])('of %j is no condition', async (condition) => {
    expect((await ask(condition)).status).toBe(422);
  });

  test('is refused beyond the limit, for an unknown symbol, and for a time that is over', async () => {
    expect((await ask(ABOVE, { symbol: 'NO/USD' })).body.code).toBe('unknown_symbol');
    expect((await ask(ABOVE, { expiresAt: '2020-01-01T00:00:00Z' })).body.code).toBe('price_alert_expired');
    await transact(desk.ctx(ada.actor), 'app', (tx) =>
      tx.execute(sql`
      insert into price_alerts (id, user_id, instrument_id, kind, condition, repeat, cooldown_seconds, active, armed,
        created_at, changed_at)
      select gen_random_uuid(), ${ada.userId}, ${btc}, 'price_above', ${JSON.stringify(ABOVE)}::jsonb, false, 60, true,
        true, now(), now() from generate_series(1, 200)`),
    );
    expect((await ask(ABOVE)).body.code).toBe('price_alert_limit_reached');
  });

  test('that repeats stays silent for a minute at least, also after a change of either', async () => {
    const short = await ask(ABOVE, { repeat: true, cooldownSeconds: 59 });
    expect([short.status, short.body.code]).toEqual([422, 'price_alert_cooldown_too_short']);
    const once = (await ask(ABOVE, { cooldownSeconds: 0 })).body;
    const often = (await ask(ABOVE, { repeat: true, cooldownSeconds: 60 })).body;
    expect((await patch(once.id, { repeat: true }, 1)).status).toBe(422);
    expect((await patch(often.id, { cooldownSeconds: 0 }, 1)).status).toBe(422);
    expect((await patch(once.id, { repeat: true, cooldownSeconds: 60 }, 1)).status).toBe(200);
    expect((await patch(often.id, { repeat: false, cooldownSeconds: 0 }, 1)).status).toBe(200);
  });

  test('of somebody else is not there, and changes nothing for whom it is not', async () => {
    const path = `/v1/price-alerts/${(await ask(ABOVE)).body.id}`;
    const ben = await desk.newTrader();
    for (const method of ['GET', 'DELETE']) {
      expect((await desk.request(ben, method, path)).status).toBe(404);
    }
    expect((await desk.request(ben, 'GET', '/v1/price-alerts')).body.data).toEqual([]);
    expect((await desk.request(ada, 'GET', path)).status).toBe(200);
  });
});

describe('what is waited for is told', () => {
  test('once, when the price is there, with an event its customer reads', async () => {
    const { body } = await ask(ABOVE);
    await look();
    await price('60999.99');
    await look();
    expect(await told()).toEqual([]);
    await price('61000');
    await look();
    await look();
    expect(await told()).toEqual([
      {
        alertId: body.id,
        symbol: 'BTC/USD',
        kind: 'price_above',
        condition: ABOVE,
        value: '61000',
        triggeredAt: expect.any(String),
        repeat: false,
        visible: true,
      },
    ] as never);
    const after = (await desk.request(ada, 'GET', `/v1/price-alerts/${body.id}`)).body;
    expect(after).toMatchObject({ active: false, triggerCount: 1, triggeredValue: '61000', version: 2 });
  });

  test('at once, where it holds already', async () => {
    await ask({ kind: 'price_below', price: '60500' });
    await look();
    expect(await values()).toEqual(['60000']);
  });

  test('of a spike between two looks, but of none from before it was asked for', async () => {
    await print('62000');
    await ask(ABOVE);
    await look();
    expect(await values()).toEqual([]);
    await print('61500');
    await print('59000');
    await look();
    await look();
    expect(await values()).toEqual(['61500']);
  });

  test('of no print of a feed that was left out and is brought in later: it moves no price', async () => {
    await ask(ABOVE);
    await print('60500', 'coinbase', 1_000n);
    await look();
    await print('62000', 'coinbase', 999n);
    await look();
    expect(await values()).toEqual([]);
    await print('61600', 'coinbase', 1_001n);
    await look();
    expect(await values()).toEqual(['61600']);
  });

  test('again only after it did not hold and its cooldown is over', async () => {
    await ask(ABOVE, { repeat: true, cooldownSeconds: 60 });
    await price('61000');
    await look();
    await price('61100');
    await look();
    await price('60000');
    await look();
    await price('61200');
    await look();
    expect(await values()).toEqual(['61000']);
    desk.advance(61_000);
    await look();
    expect(await values()).toEqual(['61000']);
    await price('60000');
    await look();
    await price('61300');
    await look();
    expect(await values()).toEqual(['61000', '61300']);
  });

  test('not after its end, which is kept', async () => {
    const expiresAt = addMs(desk.deps.clock.now(), 5_000);
    const { body } = await ask(ABOVE, { expiresAt });
    await look();
    desk.advance(6_000);
    await price('61000');
    await look();
    expect(await values()).toEqual([]);
    expect((await desk.request(ada, 'GET', `/v1/price-alerts/${body.id}`)).body.active).toBe(false);
  });

  test('once, whatever becomes of the process: another one that had read it as well leaves it', async () => {
    await ask(ABOVE);
    await look();
    const other = newEvaluation();
    await evaluate(desk.deps, other, new Set(), true);
    const [alert] = other.book.reached(btc, { name: 'price' }, { low: 0n, high: 10n ** 14n, last: 0n });
    await price('61000');
    await look();
    const { rows, held } = await tellReached(desk.system, alert === undefined ? [] : [alert]);
    expect([rows, [...held]]).toEqual([[], []]);
    await evaluate(desk.deps, newEvaluation(), new Set(), true);
    expect(await values()).toEqual(['61000']);
  });

  test('by what it became when it was changed, made to wait again, or deleted', async () => {
    const { body } = await ask(ABOVE);
    const { body: gone } = await ask(ABOVE);
    await look();
    expect((await patch(body.id, { condition: { kind: 'price_below', price: '1' } }, 1)).status).toBe(422);
    expect((await patch(body.id, { condition: { ...ABOVE, price: '62000' } }, 1)).status).toBe(200);
    expect((await patch(body.id, { repeat: true }, 1)).status).toBe(412);
    await desk.request(ada, 'DELETE', `/v1/price-alerts/${gone.id}`);
    await price('61500');
    await look();
    expect(await values()).toEqual([]);
    await price('62000');
    await look();
    expect(await values()).toEqual(['62000']);
    expect((await patch(body.id, { active: true }, 3)).status).toBe(200);
    await look();
    expect(await values()).toEqual(['62000', '62000']);
  });

  test('of a change over a window, against the minute that was over by then', async () => {
    const { symbol, id } = await newInstrument();
    await minutes(id, [{ close: '60000' }, { close: '1' }, { close: '1' }, { close: '1' }]);
    await ask({ kind: 'percent_change', direction: 'either', percent: '2', windowMinutes: 2 }, { symbol });
    await ask({ kind: 'percent_change', direction: 'up', percent: '2', windowMinutes: 1 }, { symbol });
    // Nothing is known of the time before.
    await ask({ kind: 'percent_change', direction: 'either', percent: '2', windowMinutes: 9 }, { symbol });
    await look();
    await priceOf(symbol, '61199');
    await look();
    expect(await values()).toEqual(['5999900']);
    await priceOf(symbol, '58800');
    await look();
    expect((await values()).toSorted()).toEqual(['-2', '5999900']);
  });

  test('of an index, and of averages only when they cross', async () => {
    const { symbol, id } = await newInstrument();
    const rsi = { kind: 'technical_indicator', indicator: 'rsi', interval: '1m', period: 2 };
    await ask({ ...rsi, direction: 'below', level: '25' }, { symbol });
    const cross = { kind: 'technical_indicator', interval: '1m', fast: 1, slow: 2, direction: 'above' };
    await ask({ ...cross, indicator: 'sma_cross' }, { symbol });
    await ask({ ...cross, indicator: 'ema_cross' }, { symbol });
    // Above already: nothing crosses.
    await minutes(id, [{ close: '10' }, { close: '11' }]);
    await look();
    expect(await told()).toEqual([]);
    await minutes(id, [{ close: '10' }, { close: '11' }, { close: '8' }]);
    await look();
    await look();
    expect(await told()).toMatchObject([{ kind: 'technical_indicator', value: '25' }]);
    await minutes(id, [{ close: '10' }, { close: '11' }, { close: '8' }, { close: '20' }]);
    await look();
    expect((await values()).toSorted()).toEqual(['1', '1', '25']);
  });

  test('of a volume beyond the mean of the candles before', async () => {
    const { symbol, id } = await newInstrument();
    await ask({ kind: 'volume_spike', interval: '1m', candles: 2, multiple: '3' }, { symbol });
    const before = [
      { close: '1', volume: '1' },
      { close: '1', volume: '3' },
    ];
    await minutes(id, [...before, { close: '1', volume: '5.99999999' }]);
    await look();
    expect(await values()).toEqual([]);
    await minutes(id, [...before, { close: '1', volume: '6' }]);
    await look();
    expect(await values()).toEqual(['3']);
  });
});

describe('what moves together', () => {
  test('is read in as few statements as one, and each instrument comes out as if it were alone', async () => {
    const metrics: readonly Metric[] = [
      { name: 'price' },
      { name: 'change', minutes: 1 },
      { name: 'change', minutes: 3 },
      { name: 'rsi', interval: '1m', period: 2 },
      { name: 'sma', interval: '1m', fast: 1, slow: 3 },
      { name: 'ema', interval: '1m', fast: 1, slow: 2 },
      { name: 'volume', interval: '1m', candles: 2 },
      { name: 'volume', interval: '5m', candles: 2 },
    ];
    const closes = [
      ['10', '11', '8', '20', '3'],
      ['7', '7', '7'],
      ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10'],
      [],
    ];
    const wanted: Wanted[] = [];
    for (const [index, own] of closes.entries()) {
      const { id } = await newInstrument();
      const rows = own.map((close, place) => ({ close, volume: String(place + index + 1) }));
      if (rows.length > 0) {
        await minutes(id, rows);
      }
      wanted.push({ instrumentId: id, last: parseAmount(`${index + 5}`), known: undefined, metrics });
    }
    const [first] = wanted;
    const at = desk.deps.clock.now();
    const now = { ...desk.system, deps: { ...desk.deps, clock: { ...desk.deps.clock, now: () => at } } };
    let statements = 0;
    const read = (all: readonly Wanted[]) =>
      transact(desk.system, 'engine', (tx) => {
        statements = 0;
        const { dialect, session } = tx as unknown as {
          dialect: unknown;
          session: { client: { unsafe: (...words: unknown[]) => unknown } };
        };
        const unsafe = (...words: unknown[]): unknown => {
          statements += 1;
          return session.client.unsafe(...words);
        };
        return readFigures({ dialect, session: { client: { unsafe } } } as unknown as Tx, now, all);
      });
    const alone = await Promise.all(wanted.map(async (one) => (await read([one])).get(one.instrumentId)));
    await read(first === undefined ? [] : [first]);
    const [forOne, together] = [statements, await read(wanted)];
    expect([forOne, statements]).toEqual([3, 3]);
    const readings = (each: (typeof alone)[number]) => [...(each?.readings ?? [])];
    expect(wanted.map(({ instrumentId }) => readings(together.get(instrumentId)))).toEqual(
      alone.map(readings),
    );
    expect(alone.map((each) => each?.readings.size)).toEqual([7, 6, 7, 1]);
  });

  test('is told of each instrument by its own figures, prints and candles, in one look', async () => {
    const [one, other] = [await newInstrument(), await newInstrument()];
    await minutes(one.id, [{ close: '60000' }, { close: '60000' }, { close: '60000' }]);
    await minutes(other.id, [{ close: '30000' }, { close: '30000' }, { close: '30000', volume: '9' }]);
    const change = { kind: 'percent_change', direction: 'up', percent: '2', windowMinutes: 1 };
    for (const { symbol } of [one, other]) {
      await ask(change, { symbol });
      await ask({ kind: 'price_above', price: '70000' }, { symbol });
      await ask({ kind: 'volume_spike', interval: '1m', candles: 2, multiple: '3' }, { symbol });
    }
    await ask(ABOVE);
    await evaluate(desk.deps, evaluation, new Set(), false);
    // The other one stands at twice what its minutes say from the beginning.
    expect((await values()).toSorted()).toEqual(['100', '9']);
    await priceOf(one.symbol, '61200');
    await print('61500');
    await evaluate(desk.deps, evaluation, new Set([btc, one.id, other.id]), false);
    expect((await values()).toSorted()).toEqual(['100', '2', '61500', '9']);
  });

  test('of a volume is told though its candle ended before anybody looked, once, and of none before', async () => {
    const one = await newInstrument();
    const spike = { kind: 'volume_spike', interval: '1m', candles: 2, multiple: '3' };
    // Far from the end of a minute, whenever the test runs.
    const began = `${desk.deps.clock.now().slice(0, 17)}10.000000Z` as Instant;
    const lookAt = (seconds: number) => {
      const clock = { ...desk.deps.clock, now: () => addMs(began, seconds * 1_000) };
      return evaluate({ ...desk.deps, clock }, evaluation, new Set([one.id]), false);
    };
    for (const [ago, size] of [
      ['180', '99'],
      ['120', '1'],
      ['60', '1'],
      ['0', '1'],
    ] as const) {
      await tick(one.id, addMs(began, Number.parseInt(ago, 10) * -1_000), size);
    }
    await lookAt(0);
    await ask(spike, { symbol: one.symbol, repeat: true, cooldownSeconds: 60 });
    await lookAt(1);
    expect(await values()).toEqual([]);
    // The minute that was under way became a spike, the one after it began, and then it was looked.
    await tick(one.id, addMs(began, 49_000), '7');
    await tick(one.id, addMs(began, 51_000), '1');
    await lookAt(52);
    expect(await values()).toEqual(['8']);
    for (const seconds of [53, 59, 120]) {
      await tick(one.id, addMs(began, seconds * 1_000), '1');
      await lookAt(seconds);
    }
    expect(await values()).toEqual(['8']);
  });

  test('of a volume is told once, though a candle is seen before the print it began with', async () => {
    const one = await newInstrument();
    const spike = { kind: 'volume_spike', interval: '5m', candles: 2, multiple: '3' };
    const began = candleOpening('5m', desk.deps.clock.now());
    const lookAt = (seconds: number) => {
      const clock = { ...desk.deps.clock, now: () => addMs(began, seconds * 1_000) };
      return evaluate({ ...desk.deps, clock }, evaluation, new Set([one.id]), false);
    };
    for (const seconds of [-600, -300, 1]) {
      await tick(one.id, addMs(began, seconds * 1_000), '1');
    }
    await lookAt(2);
    await ask(spike, { symbol: one.symbol, repeat: true, cooldownSeconds: 60 });
    await lookAt(3);
    await tick(one.id, addMs(began, 4_000), '7');
    await lookAt(5);
    expect(await values()).toEqual(['8']);
    await tick(one.id, addMs(began, 298_000), '1');
    await lookAt(299);
    // As if a trade were committed after its look had read the prints, and before it read the candles.
    await desk.deps.db.engine.execute(sql`insert into candles
      select (jsonb_populate_record(c, jsonb_build_object('opened_at', c.opened_at + interval '5 minutes', 'volume', 1))).*
      from candles c where instrument_id = ${one.id}::uuid and interval = '5m' order by opened_at desc limit 1`);
    await lookAt(301);
    await lookAt(302);
    expect(await values()).toEqual(['8']);
  });
});

/** Alerts that wait for 61,000, as many as are asked for, made behind the limit of a person. */
async function askMany(trader: Trader, count: number): Promise<void> {
  const made = sql`
    insert into price_alerts (id, user_id, instrument_id, kind, condition, repeat, cooldown_seconds, active, armed,
      created_at, changed_at)
    select gen_random_uuid(), ${trader.userId}, ${btc}, 'price_above', ${JSON.stringify(ABOVE)}::jsonb,
      n % 2 = 0, 60, true, true, now(), clock_timestamp() from generate_series(1, ${count}) as n`;
  await transact(desk.ctx(trader.actor), 'app', (tx) => tx.execute(made));
}

describe('what many wait for', () => {
  test('is told in one statement of each kind for a batch, with a row in the log and an event for each', async () => {
    const ben = await desk.newTrader();
    await askMany(ada, 700);
    await askMany(ben, 500);
    await look();
    await price('61000');
    await look();
    await look();
    const { engine } = desk.deps.db;
    const ids = (await engine.select({ id: priceAlerts.id }).from(priceAlerts)).map(({ id }) => id).sort();
    const [rows] = await engine.execute(sql`
      select count(*)::int as alerts, count(distinct xmin::text || ' ' || cmin)::int as statements,
        count(*) filter (where trigger_count = 1 and not armed and active = repeat)::int as told
      from price_alerts`);
    expect(rows).toEqual({ alerts: 1_200, statements: 3, told: 1_200 });
    const logged = await engine.execute<{ id: Id; statement: string }>(sql`
      select resource_id as id, xmin::text || ' ' || cmin as statement from audit_logs
      where event_type = 'price_alert.triggered' and resource_id = any (select id::text from price_alerts)`);
    expect(logged.map(({ id }) => id).sort()).toEqual(ids);
    expect(new Set(logged.map(({ statement }) => statement)).size).toBe(3);
    const events = await engine.execute<{ id: Id; user: Id; statement: string }>(sql`
      select data ->> 'alertId' as id, user_id as "user", xmin::text || ' ' || cmin as statement from outbox
      where type = 'markets.price_alert_triggered'
        and data ->> 'alertId' in (select id::text from price_alerts) order by id`);
    expect(events.map(({ id }) => id).sort()).toEqual(ids);
    expect(new Set(events.map(({ statement }) => statement)).size).toBe(3);
    expect(await told(ben)).toHaveLength(500);
    // Each in the order of its batch: what is read first was reached first.
    for (const batch of Map.groupBy(events, ({ statement }) => statement).values()) {
      expect(batch.map(({ id }) => id)).toEqual(batch.map(({ id }) => id).sort());
    }
  });

  test('is told to everybody but whom it cannot be told to, who is told once it can, and never twice', async () => {
    const ben = await desk.newTrader();
    await askMany(ada, 20);
    await askMany(ben, 3);
    await look();
    const { engine } = desk.deps.db;
    const of = eq(personKeys.userId, ben.userId);
    const [kept] = await engine.select().from(personKeys).where(of);
    const broken = new Uint8Array(kept?.wrappedKey ?? []).fill(7) as NonNullable<typeof kept>['wrappedKey'];
    await engine.update(personKeys).set({ wrappedKey: broken }).where(of);
    desk.deps.personKeys.forgetAll();
    await price('61000');
    await look();
    expect([(await told()).length, (await told(ben)).length]).toEqual([20, 0]);
    await price('60500');
    await engine
      .update(personKeys)
      .set({ wrappedKey: kept?.wrappedKey ?? broken })
      .where(of);
    await evaluate(desk.deps, evaluation, new Set([btc]), false);
    expect(await told(ben)).toEqual([]);
    await look();
    await look();
    expect((await told(ben)).map(({ value }) => value)).toEqual(['61000', '61000', '61000']);
    expect(await told()).toHaveLength(20);
  });

  test('waits for nobody who is changing theirs just now: they are told as soon as they are done', async () => {
    const ben = await desk.newTrader();
    await askMany(ada, 5);
    await askMany(ben, 2);
    await look();
    await price('61000');
    await desk.deps.db.engine.transaction(async (tx) => {
      await tx.execute(sql`select 1 from price_alerts where user_id = ${ben.userId} for update`);
      await look();
      expect([(await told()).length, (await told(ben)).length]).toEqual([5, 0]);
    });
    await price('60000');
    await evaluate(desk.deps, evaluation, new Set([btc]), false);
    await look();
    expect((await told(ben)).map(({ value }) => value)).toEqual(['61000', '61000']);
    // What its customer changed meanwhile is not told, nor what they deleted.
    await askMany(ben, 2);
    await look();
    await price('61000');
    await desk.deps.db.engine.transaction(async (tx) => {
      await tx.execute(sql`
        update price_alerts set version = version + 1, changed_at = clock_timestamp(),
          condition = jsonb_set(condition, '{price}', '"70000"')
        where user_id = ${ben.userId} and trigger_count = 0`);
      await look();
    });
    await look();
    await desk.deps.db.engine.delete(priceAlerts).where(eq(priceAlerts.userId, ben.userId));
    await price('71000');
    await look();
    expect(await told(ben)).toHaveLength(2);
  });
});

test('one of several evaluators works, hears of prices and of new alerts, and another takes over', async () => {
  const first = startAlertEvaluator(desk.deps);
  const second = startAlertEvaluator(desk.deps);
  await ask(ABOVE);
  await price('61000');
  await until(async () => (await told()).length > 0);
  await first.stop();
  await ask({ kind: 'price_above', price: '61050' });
  await price('61050');
  await until(async () => (await told()).length > 1);
  await second.stop();
  expect(await values()).toEqual(['61000', '61050']);
});

test('an erased customer leaves no alert, and another keeps theirs', async () => {
  const ben = await desk.newTrader();
  await ask(ABOVE);
  await ask(ABOVE, {}, ben);
  for (const { erase } of priceAlertPart.personalData ?? []) {
    await transact(desk.system, 'engine', async (tx) => erase?.(tx, desk.system, ada.userId));
  }
  const left = await desk.deps.db.engine.select({ userId: priceAlerts.userId }).from(priceAlerts);
  expect(left).toEqual([{ userId: ben.userId }]);
});
