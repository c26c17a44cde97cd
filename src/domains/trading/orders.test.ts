import { afterAll, beforeAll, describe, expect, spyOn, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { parseAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { auditLogs, outbox } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { PACKED } from '../../platform/outbox/publish.ts';
import { placeAllEvents } from '../../testing/placed-events.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../testing/trading-desk.ts';
import { accounts } from '../accounts/schema.ts';
import { setQuote } from '../markets/index.ts';
import { recordCancelRequests } from './record-cancel-requests.ts';
import { fills, orderEvents } from './schema.ts';

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

describe('two people who agree', () => {
  test('trade at the resting price, pay their fees and leave nothing reserved', async () => {
    await desk.emptyTheBooks();
    const seller = await desk.newTrader({ BTC: '1' });
    const buyer = await desk.newTrader({ USD: '100000' });
    const sell = await desk.place(seller, 'sell 0.5 at 60000');
    expect(sell.status).toBe(201);
    expect(sell.body).toMatchObject({ status: 'open', reservation: '0.5', reservationAsset: 'BTC' });
    const buy = await desk.place(buyer, 'buy 0.5 at 60100');
    expect(buy.body).toMatchObject({ status: 'open', reservation: '30110.1', reservationAsset: 'USD' });
    expect(await desk.later(buyer, buy.body.id)).toMatchObject({
      status: 'filled',
      filledQuantity: '0.5',
      filledAmount: '30000',
      averageFillPrice: '60000',
      fees: '60',
      reservation: '0',
      remainingQuantity: '0',
    });
    expect(await desk.later(seller, sell.body.id)).toMatchObject({ status: 'filled', fees: '30' });
    expect(await desk.balance(buyer, 'USD')).toBe('69940 (0)');
    expect(await desk.balance(buyer, 'BTC')).toBe('0.5 (0)');
    expect(await desk.balance(seller, 'USD')).toBe('29970 (0)');
    expect(await desk.balance(seller, 'BTC')).toBe('0.5 (0)');
  });

  test('leave fills with liquidity and realised profit, events, audit rows and outbox events', async () => {
    await desk.emptyTheBooks();
    const seller = await desk.newTrader({ BTC: '1' });
    const buyer = await desk.newTrader({ USD: '100000' });
    const sell = await desk.place(seller, 'sell 0.5 at 60000');
    const buy = await desk.place(buyer, 'buy 0.5 at 60000');
    await desk.engine.settled();
    const { data } = (await desk.request(seller, 'GET', '/v1/fills')).body;
    // Bought at 50000 each: 30000 less the fee of 30, less the cost of 25000.
    expect(data).toMatchObject([
      { orderId: sell.body.id, liquidity: 'maker', side: 'sell', fee: '30', realisedPnl: '4970' },
    ]);
    const taken = (await desk.request(buyer, 'GET', `/v1/accounts/${buyer.accountId}/trades`)).body.data;
    expect(taken).toMatchObject([{ liquidity: 'taker', side: 'buy', fee: '60', realisedPnl: null }]);
    const events = (await desk.request(buyer, 'GET', `/v1/orders/${buy.body.id}/events`)).body.data;
    expect(events.map((event: { type: string }) => event.type)).toEqual([
      'order.accepted',
      'order.traded',
      'order.filled',
    ]);
    const audit = await desk.deps.db.engine
      .select({ eventType: auditLogs.eventType, actorId: auditLogs.actorId })
      .from(auditLogs)
      .where(eq(auditLogs.resourceId, buy.body.id))
      .orderBy(auditLogs.id);
    expect(audit).toEqual([
      { eventType: 'order.placed', actorId: buyer.userId },
      { eventType: 'order.traded', actorId: 'trading.engine' },
      { eventType: 'order.closed', actorId: 'trading.engine' },
    ]);
    await placeAllEvents(desk);
    const told = await desk.deps.db.engine
      .select({ type: outbox.type })
      .from(outbox)
      .where(eq(outbox.accountId, buyer.accountId))
      .orderBy(outbox.position);
    expect(told.map(({ type }) => type)).toEqual(['trading.order_accepted', 'trading.order_filled']);
  });

  test('tell their feeds of a settlement in one row, and have the relay look at once', async () => {
    await desk.emptyTheBooks();
    await placeAllEvents(desk);
    const seller = await desk.newTrader({ BTC: '1' });
    const buyer = await desk.newTrader({ USD: '100000' });
    await desk.place(seller, 'sell 0.5 at 60000');
    const woken = spyOn(desk.deps, 'wakeRelay');
    await desk.place(buyer, 'buy 0.5 at 60000');
    await desk.engine.settled();
    expect(woken).toHaveBeenCalledTimes(1);
    woken.mockRestore();
    const waiting = await desk.deps.db.engine.execute<{ type: string; told: string[] }>(
      sql`select o.type, array(select event ->> 1 from jsonb_array_elements(o.data) event order by 1) as told
        from outbox o where o.position is null order by o.id`,
    );
    expect(waiting).toMatchObject([
      { type: PACKED, told: ['trading.order_accepted'] },
      { type: PACKED, told: ['trading.order_accepted'] },
      { type: PACKED, told: ['trading.order_filled', 'trading.order_filled'] },
    ]);
  });

  test('make the price of the instrument and its public prints', async () => {
    await desk.emptyTheBooks();
    const seller = await desk.newTrader({ BTC: '1' });
    const buyer = await desk.newTrader({ USD: '100000' });
    await desk.place(seller, 'sell 0.1 at 59990');
    await desk.place(buyer, 'buy 0.1 at 59990');
    await desk.engine.settled();
    const quote = (await desk.request(buyer, 'GET', '/v1/instruments/BTC%2FUSD/quote')).body;
    expect(quote).toMatchObject({ symbol: 'BTC/USD', last: '59990', source: 'trades' });
    const print = (await desk.request(buyer, 'GET', '/v1/instruments/BTC%2FUSD/trades?limit=1')).body.data[0];
    expect(print).toMatchObject({ price: '59990', quantity: '0.1', takerSide: 'buy' });
    expect(Object.keys(print).sort()).toEqual([
      'executedAt',
      'id',
      'price',
      'quantity',
      'symbol',
      'takerSide',
    ]);
  });

  test('in an instrument quoted in another traded asset keep the lots of both', async () => {
    const seller = await desk.newTrader({ ETH: '10' });
    const buyer = await desk.newTrader({ BTC: '1' });
    await desk.place(seller, 'sell 4 at 0.05', { symbol: 'ETH/BTC' });
    await desk.place(buyer, 'buy 4 at 0.05', { symbol: 'ETH/BTC' });
    await desk.engine.settled();
    expect(await desk.balance(buyer, 'BTC')).toBe('0.7996 (0)');
    expect(await desk.balance(seller, 'BTC')).toBe('0.1998 (0)');
    const report = await desk.reconcile();
    expect(report.checks.find((check) => check.name === 'ledger.lots_add_up')?.breaks).toEqual([]);
  });

  test('in paper accounts trade with paper only, without any gate', async () => {
    await desk.emptyTheBooks();
    const live = await desk.newTrader({ BTC: '1' });
    const paperSeller = await desk.newTrader({ BTC: '1' }, { book: 'paper', gate: {} });
    const paperBuyer = await desk.newTrader({ USD: '100000' }, { book: 'paper', gate: {} });
    const untouched = await desk.place(live, 'sell 0.1 at 59000');
    await desk.place(paperSeller, 'sell 0.1 at 60000');
    const buy = await desk.place(paperBuyer, 'buy 0.1 at 60000');
    expect(await desk.later(paperBuyer, buy.body.id)).toMatchObject({ status: 'filled', book: 'paper' });
    expect(await desk.later(live, untouched.body.id)).toMatchObject({ status: 'open', filledQuantity: '0' });
  });
});

describe('an order filled in parts', () => {
  test('keeps what its rest needs reserved and adds up to its fills', async () => {
    await desk.emptyTheBooks();
    const buyer = await desk.newTrader({ USD: '100000' });
    const seller = await desk.newTrader({ BTC: '1' });
    const buy = await desk.place(buyer, 'buy 1 at 60000');
    await desk.place(seller, 'sell 0.3 at 60000');
    expect(await desk.later(buyer, buy.body.id)).toMatchObject({
      status: 'partially_filled',
      filledQuantity: '0.3',
      remainingQuantity: '0.7',
      fees: '18',
      reservation: '42084',
    });
    expect(await desk.balance(buyer, 'USD')).toBe('81982 (42084)');
    await desk.place(seller, 'sell 0.7 at 59999');
    expect(await desk.later(buyer, buy.body.id)).toMatchObject({ status: 'filled', fees: '60' });
    expect(await desk.balance(buyer, 'USD')).toBe('39940 (0)');
  });
});

describe('time in force', () => {
  const table = [
    // what is asked for, of 0.5 offered at 60000     status       filled  reason
    ['buy 0.8 at 60000', { timeInForce: 'ioc' }, 'cancelled', '0.5', 'ioc_remainder'],
    ['buy 0.8 at 59999', { timeInForce: 'ioc' }, 'cancelled', '0', 'ioc_remainder'],
    ['buy 0.8 at 60000', { timeInForce: 'fok' }, 'cancelled', '0', 'fok_unfillable'],
    ['buy 0.5 at 60000', { timeInForce: 'fok' }, 'filled', '0.5', null],
    ['buy 0.8', {}, 'cancelled', '0.5', 'no_liquidity'],
    ['buy 0.4', {}, 'filled', '0.4', null],
    ['buy 0.5 at 60000', { postOnly: true }, 'cancelled', '0', 'post_only_would_cross'],
    ['buy 0.5 at 59000', { postOnly: true }, 'open', '0', null],
    ['buy 0.8 at 60000', { timeInForce: 'day' }, 'partially_filled', '0.5', null],
  ] as const;
  for (const [words, more, status, filled, reason] of table) {
    test(`${words} ${JSON.stringify(more)} ends ${status} with ${filled}`, async () => {
      await desk.emptyTheBooks();
      const seller = await desk.newTrader({ BTC: '1' });
      const buyer = await desk.newTrader({ USD: '100000' });
      await desk.place(seller, 'sell 0.5 at 60000');
      const { body } = await desk.place(buyer, words, more);
      expect(await desk.later(buyer, body.id)).toMatchObject({
        status,
        filledQuantity: filled,
        cancelReason: reason,
      });
      const open = status === 'open' || status === 'partially_filled';
      expect((await desk.balance(buyer, 'USD')).endsWith('(0)')).toBe(!open);
    });
  }

  test('a market buy by notional turns over no more than it may', async () => {
    await desk.emptyTheBooks();
    const seller = await desk.newTrader({ BTC: '1' });
    const buyer = await desk.newTrader({ USD: '2000' });
    await desk.place(seller, 'sell 0.5 at 60000');
    const order = { symbol: 'BTC/USD', side: 'buy', type: 'market', notional: '1000' };
    const { body } = await desk.request(buyer, 'POST', '/v1/orders', {
      key: newId(),
      body: { accountId: buyer.accountId, ...order },
    });
    expect(body).toMatchObject({ status: 'open', reservation: '1002', notional: '1000', quantity: null });
    expect(await desk.later(buyer, body.id)).toMatchObject({
      status: 'filled',
      filledQuantity: '0.0166',
      filledAmount: '996',
      fees: '1.992',
    });
  });

  test('a limit order by notional is one of the units that is at its limit, also once it is replaced', async () => {
    await desk.emptyTheBooks();
    const [seller, buyer] = [await desk.newTrader({ BTC: '1' }), await desk.newTrader({ USD: '2000' })];
    const asked = { quantity: undefined, notional: '1000' };
    const buy = await desk.place(buyer, 'buy 0 at 60000', asked);
    expect(buy.body).toMatchObject({ quantity: '0.0166', notional: '1000', reservation: '997.992' });
    await desk.place(seller, 'sell 0.01 at 60000');
    const partly = { status: 'partially_filled', remainingQuantity: '0.0066', reservation: '396.792' };
    expect(await desk.later(buyer, buy.body.id)).toMatchObject(partly);
    await desk.engine.rebuild();
    expect(await desk.later(buyer, buy.body.id)).toMatchObject(partly);
    const replace = (id: string, body: object) =>
      desk.request(buyer, 'POST', `/v1/orders/${id}/replace`, { key: newId(), body });
    const dearer = await replace(buy.body.id, { limitPrice: '61000' });
    expect(dearer.body).toMatchObject({ status: 'open', quantity: '0.0066', notional: null });
    const more = await replace(dearer.body.id, { notional: '610' });
    expect(more.body).toMatchObject({
      status: 'open',
      quantity: '0.01',
      notional: '610',
      limitPrice: '61000',
    });
    const both = await replace(more.body.id, { notional: '610', quantity: '0.01' });
    expect([both.status, both.body.code]).toEqual([422, 'validation_failed']);
    const sale = await desk.place(seller, 'sell 0 at 60500', {
      ...asked,
      notional: '100',
      timeInForce: 'fok',
    });
    expect(await desk.later(seller, sale.body.id)).toMatchObject({
      status: 'filled',
      quantity: '0.0016',
      filledAmount: '97.6',
    });
    expect(await desk.balance(seller, 'BTC')).toBe('0.9884 (0)');
  });

  const sales: readonly (readonly [string, string, string, readonly string[], object, string])[] = [
    // what it holds, of 1000, bids                 becomes, and leaves
    [
      '1',
      '1000',
      'sells no more than it is for, of the units it might take',
      ['buy 0.01 at 60000', 'buy 0.5 at 59000'],
      {
        quantity: '0.0185',
        status: 'filled',
        filledQuantity: '0.0167',
        filledAmount: '995.3',
        fees: '1.9906',
      },
      '0.9833 (0)',
    ],
    [
      '0.017',
      '1000',
      'sells all that is there where the price has fallen, and no more',
      ['buy 0.5 at 55000'],
      { quantity: '0.017', status: 'cancelled', cancelReason: 'reserved_units_sold', filledAmount: '935' },
      '0 (0)',
    ],
    [
      '0.0165',
      '1000',
      'is refused where not even the last price leaves enough',
      [],
      { quantity: null, status: 'rejected', rejectionReason: 'insufficient_funds' },
      '0.0165 (0)',
    ],
    [
      '1',
      '5.99',
      'is refused below a lot',
      [],
      { notional: '5.99', status: 'rejected', rejectionReason: 'notional_too_small' },
      '1 (0)',
    ],
  ];
  for (const [held, notional, what, bids, becomes, left] of sales) {
    test(`a market sale of ${notional} by who holds ${held} ${what}`, async () => {
      await desk.emptyTheBooks();
      await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('60000'), source: 'test' });
      const [seller, buyer] = [await desk.newTrader({ BTC: held }), await desk.newTrader({ USD: '100000' })];
      for (const words of bids) {
        await desk.place(buyer, words);
      }
      const { body } = await desk.place(seller, 'sell 0', { quantity: undefined, notional });
      const after = await desk.later(seller, body.id);
      expect(after).toMatchObject({ ...becomes, notional, reservation: '0', remainingQuantity: null });
      expect(await desk.balance(seller, 'BTC')).toBe(left);
    });
  }

  test('two market sales by notional in one batch share what is there', async () => {
    await desk.emptyTheBooks();
    await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('60000'), source: 'test' });
    const seller = await desk.newTrader({ BTC: '0.02' });
    const { accountId } = seller;
    const sale = { accountId, symbol: 'BTC/USD', side: 'sell', type: 'market', notional: '600' };
    const answer = await desk.request(seller, 'POST', '/v1/orders/batch', {
      key: newId(),
      body: { orders: [sale, { ...sale, notional: '500' }, { ...sale, notional: '60' }] },
    });
    const told = answer.body.data.map(({ order }: { order: { status: string; reservation: string } }) => [
      order.status,
      order.reservation,
    ]);
    // 0.0111 might be taken by the first; the second might take 0.0092 and finds 0.0089, the third none.
    expect(told).toEqual([
      ['open', '0.0111'],
      ['open', '0.0089'],
      ['rejected', '0'],
    ]);
    await desk.engine.settled();
    expect(await desk.balance(seller, 'BTC')).toBe('0.02 (0)');
  });

  test('a day order ends when its day is over', async () => {
    await desk.emptyTheBooks();
    const buyer = await desk.newTrader({ USD: '100000' });
    const { body } = await desk.place(buyer, 'buy 0.1 at 59000', { timeInForce: 'day' });
    const stays = await desk.place(buyer, 'buy 0.1 at 59000');
    desk.advance(25 * 3_600_000);
    const { tradingDomain } = await import('./index.ts');
    await tradingDomain.jobs[0]?.run(desk.system);
    desk.advance(-25 * 3_600_000);
    expect(await desk.later(buyer, body.id)).toMatchObject({ status: 'expired', reservation: '0' });
    expect(await desk.later(buyer, stays.body.id)).toMatchObject({ status: 'open' });
  });

  test('nothing trades once its time is over, whether or not anybody looked for it meanwhile', async () => {
    const expiresAt = addMs(desk.deps.clock.now(), 60_000);
    const [one, other] = [await desk.newTrader({ USD: '100000' }), await desk.newTrader({ USD: '100000' })];
    const seller = await desk.newTrader({ BTC: '1' });
    const first = await desk.place(one, 'buy 0.1 at 59990', { timeInForce: 'gtd', expiresAt });
    const second = await desk.place(other, 'buy 0.1 at 59980', { timeInForce: 'gtd', expiresAt });
    await desk.engine.settled();
    desk.advance(60_000);
    const met = await desk.place(seller, 'sell 0.1 at 59985');
    await desk.engine.settled();
    expect((await desk.later(seller, met.body.id)).filledQuantity).toBe('0');
    await desk.engine.stop();
    const waits = await desk.elsewhere.place(seller, 'sell 0.1 at 59970');
    await desk.engine.start();
    await desk.engine.settled();
    expect((await desk.later(seller, waits.body.id)).filledQuantity).toBe('0');
    expect((await desk.later(one, first.body.id)).status).toBe('expired');
    expect((await desk.later(other, second.body.id)).status).toBe('expired');
    expect([await desk.balance(one, 'USD'), await desk.balance(other, 'USD')]).toEqual([
      '100000 (0)',
      '100000 (0)',
    ]);
    desk.advance(-60_000);
  });
});

describe('nobody trades with themselves', () => {
  test('the newer order is cancelled and the older keeps its place', async () => {
    await desk.emptyTheBooks();
    const trader = await desk.newTrader({ BTC: '1', USD: '100000' });
    const sell = await desk.place(trader, 'sell 0.5 at 60000');
    const buy = await desk.place(trader, 'buy 0.5 at 60000');
    expect(await desk.later(trader, buy.body.id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'self_match',
    });
    expect(await desk.later(trader, sell.body.id)).toMatchObject({ status: 'open' });
  });
});

describe('a market maker', () => {
  const asMaker = (person: Trader): Trader => ({
    ...person,
    actor: { ...person.actor, roles: ['market_maker'] } as Trader['actor'],
  });

  test('quotes through the API, with the same checks and reservations as any customer', async () => {
    await desk.emptyTheBooks();
    const person = await desk.newTrader({ BTC: '1', USD: '100000' });
    const maker = asMaker(person);
    const taker = await desk.newTrader({ USD: '100000' });
    const quotes = ['buy 0.1 at 59900', 'sell 0.1 at 60100'];
    for (const words of quotes) {
      expect((await desk.place(maker, words)).body).toMatchObject({ status: 'open', origin: 'customer' });
    }
    expect(await desk.balance(maker, 'USD')).toBe('100000 (6001.98)');
    const refusals = [
      ['sell 1 at 60100', 'insufficient_funds'],
      ['buy 999 at 60000', 'limit_exceeded'],
      ['buy 0.1 at 90000', 'price_outside_collar'],
    ] as const;
    for (const [words, reason] of refusals) {
      expect((await desk.place(maker, words)).body).toMatchObject({ rejectionReason: reason });
    }
    await desk.changeGate(maker, { agreementsCurrent: false });
    expect((await desk.place(maker, 'buy 0.1 at 59900')).body.rejectionReason).toBe('agreements_outdated');
    await desk.changeGate(maker, { agreementsCurrent: true, restriction: 'frozen' });
    expect((await desk.place(maker, 'buy 0.1 at 59900')).body.rejectionReason).toBe('account_restricted');
    await desk.changeGate(maker, { restriction: 'none' });
    const taken = await desk.place(taker, 'buy 0.1 at 60100');
    expect(await desk.later(taker, taken.body.id)).toMatchObject({ status: 'filled', fees: '12.02' });
    // What it made it pays for like anybody.
    const [fill] = (await desk.request(maker, 'GET', '/v1/fills')).body.data;
    expect(fill).toMatchObject({ liquidity: 'maker', fee: '6.01', side: 'sell' });
    expect((await desk.place(maker, 'sell 0.1 at 60100', { accountId: taker.accountId })).status).toBe(404);
  });

  test('meets no order of the same person, in whichever of their accounts and roles', async () => {
    await desk.emptyTheBooks();
    const person = await desk.newTrader({ BTC: '1', USD: '100000' });
    const { id: _id, name: _name, ...like } = await accountOf(person);
    const own = { ...person, accountId: newId() };
    await desk.deps.db.engine.insert(accounts).values({ ...like, id: own.accountId, name: 'Quotes' });
    const moved = await desk.request(person, 'POST', '/v1/transfers', {
      key: newId(),
      body: { fromAccountId: person.accountId, toAccountId: own.accountId, asset: 'BTC', amount: '0.5' },
    });
    expect(moved.status).toBe(201);
    const quote = await desk.place(asMaker(own), 'sell 0.5 at 60000');
    expect(quote.body.status).toBe('open');
    const buy = await desk.place(person, 'buy 0.5 at 60000');
    const met = { status: 'cancelled', cancelReason: 'self_match', filledQuantity: '0' };
    expect(await desk.later(person, buy.body.id)).toMatchObject(met);
    expect(await desk.later(person, quote.body.id)).toMatchObject({ status: 'open', filledQuantity: '0' });
    const other = await desk.newTrader({ USD: '100000' });
    const taken = await desk.place(other, 'buy 0.5 at 60000');
    expect(await desk.later(other, taken.body.id)).toMatchObject({ status: 'filled' });
  });
});

async function accountOf({ accountId }: Trader): Promise<typeof accounts.$inferSelect> {
  const [row] = await desk.deps.db.engine.select().from(accounts).where(eq(accounts.id, accountId));
  return present(row, 'a trader has an account');
}

describe('a refused order', () => {
  const table: readonly (readonly [string, object, string])[] = [
    ['buy 0.1 at 70000', {}, 'price_outside_collar'],
    ['buy 0.1 at 60000.001', {}, 'price_off_tick'],
    ['buy 0.00015 at 60000', {}, 'quantity_off_lot'],
    ['buy 1 at 60000', {}, 'insufficient_funds'],
    ['sell 1 at 60000', {}, 'insufficient_funds'],
    ['buy 999 at 60000', {}, 'limit_exceeded'],
  ];
  for (const [words, more, reason] of table) {
    test(`is stored with its reason and reserves nothing: ${words} is ${reason}`, async () => {
      const trader = await desk.newTrader({ USD: '10000' });
      const { status, body } = await desk.place(trader, words, more);
      expect(status).toBe(201);
      expect(body).toMatchObject({ status: 'rejected', rejectionReason: reason, reservation: '0' });
      expect(await desk.later(trader, body.id)).toEqual(body);
      expect(await desk.balance(trader, 'USD')).toBe('10000 (0)');
      const [audit] = await desk.deps.db.engine
        .select()
        .from(auditLogs)
        .where(and(eq(auditLogs.resourceId, body.id), eq(auditLogs.eventType, 'order.rejected')));
      expect(audit).toMatchObject({ actorUserId: trader.userId, after: { rejectionReason: reason } });
    });
  }

  test('names the gate, in words that tell nothing of screening', async () => {
    const gates = [
      [{ kycStatus: 'pending' }, 'kyc_not_approved'],
      [{ screening: 'open' }, 'under_review'],
      [{ restriction: 'frozen' }, 'account_restricted'],
      [{ agreementsCurrent: false }, 'agreements_outdated'],
      [{ screening: 'confirmed' }, 'account_restricted'],
    ] as const;
    const trader = await desk.newTrader({ USD: '10000' });
    for (const [change, reason] of gates) {
      await desk.changeGate(trader, {
        kycStatus: 'approved',
        screening: 'clear',
        restriction: 'none',
        agreementsCurrent: true,
        ...change,
      });
      expect((await desk.place(trader, 'buy 0.1 at 60000')).body.rejectionReason).toBe(reason);
    }
  });

  test('counts funds of orders before it in the same moment', async () => {
    const trader = await desk.newTrader({ USD: '10000' });
    const answers = await Promise.all([1, 2, 3, 4].map(() => desk.place(trader, 'buy 0.06 at 50000')));
    const accepted = answers.filter(({ body }) => body.status === 'open');
    expect(accepted).toHaveLength(3);
    expect(await desk.balance(trader, 'USD')).toBe('10000 (9018)');
  });
});

describe('a cancel', () => {
  test('that came too late is no reason of an order that was filled', async () => {
    await desk.emptyTheBooks();
    const seller = await desk.newTrader({ BTC: '1' });
    const buyer = await desk.newTrader({ USD: '100000' });
    const { body: sold } = await desk.place(seller, 'sell 0.5 at 60000');
    await desk.engine.settled();
    // Asked to end by another process, of which the one that matches has not heard yet.
    await transact(desk.system, 'engine', (tx) =>
      recordCancelRequests(tx, desk.system, [sold.id], 'requested'),
    );
    await desk.place(buyer, 'buy 0.5 at 60000');
    const filled = await desk.later(seller, sold.id);
    expect(filled).toMatchObject({ status: 'filled', cancelReason: null, filledQuantity: '0.5' });
    expect(filled.cancelRequestedAt).not.toBeNull();
  });

  test('is durable, frees the reservation and answers the order', async () => {
    const trader = await desk.newTrader({ USD: '10000' });
    const { body } = await desk.place(trader, 'buy 0.1 at 50000');
    const cancelled = await desk.request(trader, 'DELETE', `/v1/orders/${body.id}`);
    expect(cancelled.status).toBe(200);
    expect(cancelled.body).toMatchObject({
      status: 'cancelled',
      cancelReason: 'requested',
      reservation: '0',
    });
    expect(cancelled.body.cancelRequestedAt).not.toBeNull();
    expect(await desk.balance(trader, 'USD')).toBe('10000 (0)');
    const again = await desk.request(trader, 'DELETE', `/v1/orders/${body.id}`);
    expect([again.status, again.body.code]).toEqual([409, 'order_not_open']);
    const events = await desk.deps.db.engine
      .select({ type: orderEvents.type })
      .from(orderEvents)
      .where(eq(orderEvents.orderId, body.id))
      .orderBy(orderEvents.id);
    expect(events.map(({ type }) => type)).toEqual([
      'order.accepted',
      'order.cancel_requested',
      'order.cancelled',
    ]);
  });

  test('of all takes every open order of the account out, and of no other', async () => {
    const trader = await desk.newTrader({ USD: '10000' });
    const other = await desk.newTrader({ USD: '10000' });
    const kept = await desk.place(other, 'buy 0.01 at 50000');
    await Promise.all([1, 2, 3].map(() => desk.place(trader, 'buy 0.01 at 50000')));
    const answer = await desk.request(trader, 'DELETE', `/v1/orders?accountId=${trader.accountId}`);
    expect(answer.body.data.map((order: { status: string }) => order.status)).toEqual([
      'cancelled',
      'cancelled',
      'cancelled',
    ]);
    expect(await desk.balance(trader, 'USD')).toBe('10000 (0)');
    expect(await desk.later(other, kept.body.id)).toMatchObject({ status: 'open' });
  });

  test('racing a fill leaves either, never both', async () => {
    await desk.emptyTheBooks();
    const buyer = await desk.newTrader({ USD: '1000000' });
    const seller = await desk.newTrader({ BTC: '10' });
    for (let round = 0; round < 12; round += 1) {
      const buy = await desk.place(buyer, 'buy 0.1 at 60000');
      const [cancelled, sell] = await Promise.all([
        desk.request(buyer, 'DELETE', `/v1/orders/${buy.body.id}`),
        desk.place(seller, 'sell 0.1 at 60000', { timeInForce: 'ioc' }),
      ]);
      const after = await desk.later(buyer, buy.body.id);
      const sold = await desk.later(seller, sell.body.id);
      expect([200, 409]).toContain(cancelled.status);
      expect(after.status).toBe(sold.status === 'filled' ? 'filled' : 'cancelled');
      expect(after.filledQuantity).toBe(sold.filledQuantity);
    }
    expect((await desk.balance(buyer, 'USD')).endsWith('(0)')).toBe(true);
  });
});

describe('two hundred orders at once from ten accounts', () => {
  test('end with wallets that agree with fills, whoever met whom', async () => {
    await desk.emptyTheBooks();
    const traders = await Promise.all(
      Array.from({ length: 10 }, () => desk.newTrader({ USD: '50000', BTC: '1' })),
    );
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => {
        const trader = traders[index % 10]!;
        const side = (index * 7) % 3 === 0 ? 'sell' : 'buy';
        const price = 59_950 + ((index * 37) % 100);
        return desk.place(trader, `${side} 0.0${1 + (index % 9)} at ${price}`);
      }),
    );
    expect(answers.every(({ status }) => status === 201)).toBe(true);
    await desk.engine.settled();
    const filled = await desk.deps.db.engine.select().from(fills).where(eq(fills.symbol, 'BTC/USD'));
    expect(filled.length).toBeGreaterThan(20);
    const report = await desk.reconcile();
    expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
  });
});
