import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { newId } from '../../kernel/id.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../testing/trading-desk.ts';

let desk: TradingDesk;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  await desk.engine.start();
});

afterAll(async () => {
  await desk.engine.settled();
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const STOP = { type: 'stop', stopPrice: '61000', limitPrice: undefined };
const TRAIL = { type: 'trailing_stop', trailAmount: '5', limitPrice: undefined };

describe('a request that is no order', () => {
  const bad: readonly (readonly [string, object, string])[] = [
    ['both sizes', { quantity: '1', notional: '1', type: 'market', limitPrice: undefined }, '/quantity'],
    ['no size', { quantity: undefined }, '/quantity'],
    ['a quantity of zero', { quantity: '0' }, '/quantity'],
    ['a limit order without a limit', { limitPrice: undefined }, '/limitPrice'],
    ['a market order with a limit', { type: 'market' }, '/limitPrice'],
    ['both sizes of a limit order', { notional: '5' }, '/quantity'],
    [
      'a notional that waits for a price and then trades at the market',
      { ...STOP, side: 'sell', notional: '5', quantity: undefined },
      '/notional',
    ],
    ['a pair by notional', { notional: '5', quantity: undefined, ocoGroup: 'pair' }, '/ocoGroup'],
    ['an immediate order that must not take', { postOnly: true, timeInForce: 'ioc' }, '/postOnly'],
    ['leverage', { leverage: '0.5' }, '/leverage'],
    ['a type that is not offered', { type: 'iceberg' }, '/type'],
    ['a stop order without its price', { type: 'stop', limitPrice: undefined }, '/stopPrice'],
    ['a stop order with a limit', { type: 'stop', stopPrice: '61000' }, '/limitPrice'],
    ['a limit order with a stop price', { stopPrice: '61000' }, '/stopPrice'],
    ['a stop-limit order without its limit', { ...STOP, type: 'stop_limit' }, '/limitPrice'],
    ['a trailing order without a trail', { type: 'trailing_stop', limitPrice: undefined }, '/trailAmount'],
    ['both trails', { ...TRAIL, trailPercent: '5' }, '/trailAmount'],
    [
      'a trail of a hundred per cent',
      { ...TRAIL, trailAmount: undefined, trailPercent: '100' },
      '/trailPercent',
    ],
    ['a trail on a stop order', { ...STOP, trailAmount: '5' }, '/trailAmount'],
    ['a stop order that must not take', { ...STOP, postOnly: true }, '/postOnly'],
    ['a gtd order without its end', { timeInForce: 'gtd' }, '/expiresAt'],
    ['an end that no gtd order has', { expiresAt: '2030-01-01T00:00:00Z' }, '/expiresAt'],
    ['an end that is no instant', { timeInForce: 'gtd', expiresAt: 'tomorrow' }, '/expiresAt'],
    ['a member nobody knows', { colour: 'red' }, '/colour'],
  ];
  for (const [what, changes, pointer] of bad) {
    test(`is refused by its schema and stores nothing: ${what}`, async () => {
      const trader = await desk.newTrader({ USD: '10000' });
      const { status, body } = await desk.place(trader, 'buy 0.1 at 60000', changes);
      expect(status).toBe(422);
      expect(body.code).toBe('validation_failed');
      expect(body.errors.map((fault: { pointer: string }) => fault.pointer)).toContain(pointer);
      expect((await desk.request(trader, 'GET', '/v1/orders')).body.data).toEqual([]);
    });
  }

  test('names a symbol that does not exist: 422 unknown_symbol, nothing stored', async () => {
    const trader = await desk.newTrader({ USD: '10000' });
    const { status, body } = await desk.place(trader, 'buy 0.1 at 60000', { symbol: 'NO/PE' });
    expect([status, body.code]).toEqual([422, 'unknown_symbol']);
    expect((await desk.request(trader, 'GET', '/v1/orders')).body.data).toEqual([]);
  });

  test('lacks its key: 400', async () => {
    const trader = await desk.newTrader();
    const { status, body } = await desk.request(trader, 'POST', '/v1/orders', { body: {} });
    expect([status, body.code]).toEqual([400, 'idempotency_key_missing']);
  });
});

describe('a retried request', () => {
  test('answers what it first did, also after the order has moved on', async () => {
    await desk.emptyTheBooks();
    const trader = await desk.newTrader({ USD: '10000' });
    const seller = await desk.newTrader({ BTC: '1' });
    const key = newId();
    const first = await desk.place(trader, 'buy 0.1 at 60000', {}, key);
    await desk.place(seller, 'sell 0.1 at 60000');
    expect(await desk.later(trader, first.body.id)).toMatchObject({ status: 'filled' });
    const again = await desk.place(trader, 'buy 0.1 at 60000.00', {}, key);
    expect(again.status).toBe(201);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect((await desk.request(trader, 'GET', '/v1/orders')).body.data).toHaveLength(1);
  });

  test('of a rejected order answers the rejection, though it would pass now', async () => {
    const trader = await desk.newTrader({ USD: '10' }, { gate: { kycStatus: 'pending' } });
    const key = newId();
    const first = await desk.place(trader, 'buy 0.0001 at 50000', {}, key);
    expect(first.body.rejectionReason).toBe('kyc_not_approved');
    await desk.changeGate(trader, { kycStatus: 'approved', kycLevel: 'standard', screening: 'clear' });
    expect((await desk.place(trader, 'buy 0.0001 at 50000', {}, key)).body).toEqual(first.body);
  });

  test('sent many times at once makes one order', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const key = newId();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => desk.place(trader, 'buy 0.1 at 50000', {}, key)),
    );
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(await desk.balance(trader, 'USD')).toBe('100000 (5010)');
  });

  test('with another body is refused: 422 idempotency_key_reused', async () => {
    const trader = await desk.newTrader({ USD: '10000' });
    const key = newId();
    await desk.place(trader, 'buy 0.1 at 50000', {}, key);
    const { status, body } = await desk.place(trader, 'buy 0.2 at 50000', {}, key);
    expect([status, body.code]).toEqual([422, 'idempotency_key_reused']);
  });

  test('by client order id answers the same order, and 409 for another one', async () => {
    const trader = await desk.newTrader({ USD: '10000' });
    const named = { clientOrderId: 'mine-1' };
    const first = await desk.place(trader, 'buy 0.1 at 50000', named);
    const again = await desk.place(trader, 'buy 0.1 at 50000', named);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    const other = await desk.place(trader, 'buy 0.2 at 50000', named);
    expect([other.status, other.body.code]).toEqual([409, 'client_order_id_reused']);
    const found = await desk.request(trader, 'GET', '/v1/orders/by-client-id/mine-1');
    expect(found.body.id).toBe(first.body.id);
    const somebodyElse = await desk.newTrader({ USD: '10000' });
    expect((await desk.place(somebodyElse, 'buy 0.1 at 50000', named)).body.status).toBe('open');
  });
});

describe('what is somebody else’s', () => {
  let owner: Trader;
  let stranger: Trader;
  let orderId: string;

  beforeAll(async () => {
    owner = await desk.newTrader({ USD: '10000' });
    stranger = await desk.newTrader({ USD: '10000' });
    orderId = (await desk.place(owner, 'buy 0.01 at 50000', { clientOrderId: 'secret' })).body.id;
  });

  const paths = [
    ['GET', () => `/v1/orders/${orderId}`],
    ['GET', () => `/v1/orders/${orderId}/events`],
    ['GET', () => '/v1/orders/by-client-id/secret'],
    ['DELETE', () => `/v1/orders/${orderId}`],
    ['DELETE', () => `/v1/orders?accountId=${owner.accountId}`],
    ['GET', () => `/v1/accounts/${owner.accountId}/trades`],
  ] as const;
  for (const [method, path] of paths) {
    test(`does not exist: ${method} ${path.toString().replace('() => ', '')}`, async () => {
      const { status, body } = await desk.request(stranger, method, path());
      expect([status, body.code]).toEqual([404, 'not_found']);
    });
  }

  test('is in no list', async () => {
    const list = `/v1/orders?accountId=${owner.accountId}`;
    expect((await desk.request(stranger, 'GET', list)).body.data).toEqual([]);
    expect((await desk.request(stranger, 'GET', '/v1/fills')).body.data).toEqual([]);
  });

  test('takes no order: 404, nothing stored', async () => {
    const { status, body } = await desk.place(stranger, 'buy 0.01 at 50000', { accountId: owner.accountId });
    expect([status, body.code]).toEqual([404, 'not_found']);
    expect((await desk.request(owner, 'GET', '/v1/orders')).body.data).toHaveLength(1);
  });

  test('is read by staff, who place and cancel nothing', async () => {
    const support = await desk.newStaff('support');
    expect((await desk.request(support, 'GET', `/v1/orders/${orderId}`)).status).toBe(200);
    expect((await desk.request(support, 'DELETE', `/v1/orders/${orderId}`)).status).toBe(403);
    expect((await desk.place(support, 'buy 0.01 at 50000')).status).toBe(403);
    expect((await desk.request(null, 'GET', `/v1/orders/${orderId}`)).status).toBe(401);
  });
});

describe('the order book', () => {
  test('shows the best prices first, with what rests at them', async () => {
    await desk.emptyTheBooks();
    const trader = await desk.newTrader({ USD: '100000', BTC: '1' });
    for (const words of ['buy 0.1 at 59000', 'buy 0.2 at 59000', 'buy 0.1 at 59500', 'sell 0.3 at 61000']) {
      await desk.place(trader, words);
    }
    await desk.engine.settled();
    const { body } = await desk.request(trader, 'GET', '/v1/instruments/BTC%2FUSD/book');
    expect(body).toMatchObject({
      symbol: 'BTC/USD',
      bids: [
        { price: '59500', quantity: '0.1', orderCount: 1 },
        { price: '59000', quantity: '0.3', orderCount: 2 },
      ],
      asks: [{ price: '61000', quantity: '0.3', orderCount: 1 }],
    });
    const top = await desk.request(trader, 'GET', '/v1/instruments/BTC%2FUSD/book?levels=1');
    expect(top.body.bids).toHaveLength(1);
    const quote = (await desk.request(trader, 'GET', '/v1/instruments/BTC%2FUSD/quote')).body;
    expect(quote).toMatchObject({ bid: '59500', ask: '61000' });
  });
});

describe('lists', () => {
  test('of orders are cut into pages that neither repeat nor skip, and filtered', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    for (let count = 0; count < 5; count += 1) {
      await desk.place(trader, 'buy 0.001 at 50000');
    }
    await desk.place(trader, 'buy 0.001 at 90000');
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await desk.request(trader, 'GET', `/v1/orders?status=open&limit=2${cursor}`);
      seen.push(...body.data.map((order: { id: string }) => order.id));
      cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`;
    } while (cursor !== '');
    expect(seen).toHaveLength(5);
    expect(new Set(seen).size).toBe(5);
    expect([...seen].sort().reverse()).toEqual(seen);
    const rejected = await desk.request(trader, 'GET', '/v1/orders?status=rejected&symbol=BTC/USD');
    expect(rejected.body.data).toHaveLength(1);
  });
});
