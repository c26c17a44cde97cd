/** What leaves for a venue, and what comes back from there, when the firm stops or restricts whoever sent it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, eq, isNull } from 'drizzle-orm';
import { parseAmount } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { listContract } from '../../../testing/list-contract.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../testing/trading-desk.ts';
import { until } from '../../../testing/until.ts';
import { accounts } from '../../accounts/schema.ts';
import { users } from '../../identity/schema.ts';
import { wallets } from '../../ledger/schema.ts';
import { setQuote } from '../../markets/index.ts';
import { setRiskLimit } from '../../risk/index.ts';
import { tradingDomain } from '../index.ts';
import { positions } from '../positions/schema.ts';
import { orders } from '../schema.ts';
import { venueOrders } from './schema.ts';
import { SIMULATED } from './simulated/simulated-venue.ts';
import { type MemoryVenue, memoryVenue } from './testing/memory-venue.ts';
import { venuesOf } from './venues.ts';

let desk: TradingDesk;
let venue: MemoryVenue;
/** How many units of each order arrived at the venue. */
let arrived: Map<string, string>;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  await listContract(desk.system, { execution: 'venue' }, { vouchedBy: 'hand' });
  await desk.engine.start();
});
beforeEach(async () => {
  venue = memoryVenue();
  venuesOf(desk.deps).set(SIMULATED, venue);
  arrived = new Map();
  venue.onArrival = ({ reference, quantity }) => {
    arrived.set(reference, quantity === null ? 'by notional' : String(quantity / 100_000_000n));
    return 'work';
  };
  await priceIs('5000');
});
afterAll(async () => {
  await desk.close();
});

const SYMBOL = 'US500/USD';
const STOP = { symbol: SYMBOL, type: 'stop', timeInForce: 'gtc', stopPrice: '4900', leverage: '10' };

async function priceIs(last: string): Promise<void> {
  await setQuote(desk.system, { symbol: SYMBOL, last: parseAmount(last), source: 'test' });
  await desk.engine.settled();
}

async function placed(trader: Trader, words: string, more: object = {}): Promise<Id> {
  const { status, body } = await desk.place(trader, words, { symbol: SYMBOL, leverage: '10', ...more });
  expect([status, body.rejectionReason]).toEqual([201, null]);
  await desk.engine.settled();
  return body.id;
}

/** Long of so much, with what the venue executed of it at 5000. */
async function long(quantity: string): Promise<Trader> {
  const trader = await desk.newTrader({ USD: '100000' }, { leverage: '10' });
  await filled(await placed(trader, `buy ${quantity} at 5000`), quantity);
  return trader;
}

async function filled(orderId: Id, quantity: string): Promise<void> {
  venue.fill(orderId, quantity, '5000');
  await until(async () => {
    await desk.engine.settled();
    const [row] = await desk.deps.db.engine.select().from(orders).where(eq(orders.id, orderId));
    return row?.closedAt != null;
  });
}

/** Below every stop of a test, and waits until each has left or ended. */
async function fall(...stops: readonly Id[]): Promise<void> {
  await priceIs('4890');
  await until(async () => {
    await desk.engine.settled();
    const rows = await Promise.all(
      stops.map(async (id) => (await desk.deps.db.engine.select().from(orders).where(eq(orders.id, id)))[0]),
    );
    return rows.every((row) => row?.closedAt != null || arrived.has(row?.id ?? ''));
  });
}

/** How an order ended, why, and how much of it had been sent. */
async function endOf(trader: Trader, orderId: Id) {
  const { status, cancelReason } = await desk.later(trader, orderId);
  return [status, cancelReason, arrived.get(orderId) ?? null];
}

/** Hands an event to those who wait for it. */
async function deliver(type: string, userId: Id, accountId: Id | null): Promise<void> {
  const occurredAt = desk.deps.clock.now();
  const event = { id: newId(), position: 1n, type, userId, accountId, data: {}, occurredAt };
  for (const consumer of tradingDomain.consumers.filter(({ types }) => types.includes(type))) {
    await consumer.handle(desk.system, event);
  }
  await desk.engine.settled();
}

async function freeze({ userId, accountId }: Trader): Promise<void> {
  await desk.deps.db.engine.update(accounts).set({ status: 'frozen' }).where(eq(accounts.id, accountId));
  await deliver('accounts.account_frozen', userId, accountId);
}

test('what waits at a venue counts as open orders, whatever its type, until the venue has answered', async () => {
  const trader = await desk.newTrader({ USD: '100000' }, { leverage: '10' });
  await setRiskLimit(desk.system, {
    scope: 'account',
    scopeId: trader.accountId,
    type: 'max_open_orders',
    value: parseAmount('2'),
    currency: null,
    effectiveFrom: desk.deps.clock.now(),
    effectiveUntil: null,
    setBy: 'seed',
    approvalId: null,
    reason: 'Test',
    subjectUserId: trader.userId,
  });
  const first = await placed(trader, 'buy 1');
  await placed(trader, 'buy 1 at 5000', { timeInForce: 'ioc' });
  const more = { symbol: SYMBOL, leverage: '10' };
  const third = (await desk.place(trader, 'buy 1', more)).body;
  expect([third.status, third.rejectionReason, third.exceededLimit]).toEqual([
    'rejected',
    'limit_exceeded',
    'max_open_orders',
  ]);
  await filled(first, '1');
  expect((await desk.place(trader, 'buy 1', more)).body).toMatchObject({ rejectionReason: null });
  await desk.engine.settled();
});

describe('whom the firm stops', () => {
  /** One at the venue, one at rest in our own book, one held for its price. */
  async function everywhere(trader: Trader): Promise<readonly Id[]> {
    return [
      await placed(trader, 'buy 1 at 4950'),
      await placed(trader, 'buy 0.1 at 59000', { symbol: 'BTC/USD', leverage: '1' }),
      await placed(trader, 'buy 0.1', { ...STOP, symbol: 'BTC/USD', stopPrice: '61000', leverage: '1' }),
    ];
  }
  const margin = { leverage: '10' } as const;

  test('by freezing an account trades nowhere any more: what a venue has is asked back', async () => {
    const trader = await desk.newTrader({ USD: '100000' }, margin);
    const ids = await everywhere(trader);
    await freeze(trader);
    expect(await Promise.all(ids.map((id) => endOf(trader, id)))).toEqual([
      ['cancelled', 'restricted', '1'],
      ['cancelled', 'restricted', null],
      ['cancelled', 'restricted', null],
    ]);
    const [sent] = await desk.deps.db.engine
      .select()
      .from(venueOrders)
      .where(eq(venueOrders.orderId, ids[0] ?? newId()));
    expect(sent).toMatchObject({ state: 'done', recalledAt: expect.anything() });
    expect(await desk.balance(trader, 'USD')).toBe('100000 (0)');
  });

  test('in play money too, whose orders a venue executes all', async () => {
    const trader = await desk.newTrader({ USD: '100000' }, { book: 'paper' });
    const id = await placed(trader, 'buy 1 at 59000', { symbol: 'BTC/USD', leverage: '1' });
    await freeze(trader);
    expect(await endOf(trader, id)).toEqual(['cancelled', 'restricted', '1']);
  });

  test('keeps their orders where the account trades again by the time somebody hears of it', async () => {
    const trader = await desk.newTrader({ USD: '100000' }, margin);
    const ids = await everywhere(trader);
    await deliver('accounts.account_frozen', trader.userId, trader.accountId);
    const left = await desk.deps.db.engine
      .select()
      .from(orders)
      .where(and(eq(orders.accountId, trader.accountId), isNull(orders.cancelRequestedAt)));
    expect(left.map(({ id }) => id).sort()).toEqual([...ids].sort());
  });

  test('by shutting a person out has nothing at a venue either', async () => {
    const trader = await desk.newTrader({ USD: '100000' }, margin);
    const ids = await everywhere(trader);
    await desk.deps.db.engine.update(users).set({ status: 'suspended' }).where(eq(users.id, trader.userId));
    await deliver('identity.user_suspended', trader.userId, null);
    const ended = await desk.deps.db.engine
      .select()
      .from(orders)
      .where(eq(orders.accountId, trader.accountId));
    expect(ended.map(({ status, cancelReason }) => [status, cancelReason])).toEqual(
      ids.map(() => ['cancelled', 'restricted']),
    );
  });
});

describe('reconcile', () => {
  const names = async () =>
    (await desk.reconcile()).checks
      .filter(({ name }) => name === 'trading.frozen_people_rest_nothing')
      .flatMap(({ breaks }) => breaks);
  const longAgo = () => addMs(desk.deps.clock.now(), -3_600_000);

  test('names what rests for an account that is frozen, or for a person who is shut out', async () => {
    const [byAccount, byPerson] = [
      await desk.newTrader({ USD: '100000' }, { book: 'paper' }),
      await desk.newTrader({ USD: '100000' }),
    ];
    const resting = { symbol: 'BTC/USD', leverage: '1' };
    const ids = [
      await placed(byAccount, 'buy 0.1 at 59000', resting),
      await placed(byPerson, 'buy 0.1 at 59000', resting),
    ];
    const { engine } = desk.deps.db;
    await engine
      .update(accounts)
      .set({ status: 'frozen', updatedAt: longAgo() })
      .where(eq(accounts.id, byAccount.accountId));
    await engine
      .update(users)
      .set({ status: 'suspended', updatedAt: longAgo() })
      .where(eq(users.id, byPerson.userId));
    expect((await names()).map(({ object, detail }) => `${object} ${detail}`).sort()).toEqual(
      [
        `order ${ids[0]} rests although its account is frozen`,
        `order ${ids[1]} rests although its owner is suspended`,
      ].sort(),
    );
    await deliver('accounts.account_frozen', byAccount.userId, byAccount.accountId);
    await deliver('identity.user_suspended', byPerson.userId, null);
    expect(await names()).toEqual([]);
  });
});

describe('before an order leaves for a venue', () => {
  test('it counts to a gate as what it may do there: a sale beyond the position opens', async () => {
    const [opening, reducing] = [await long('1'), await long('1')];
    const stops = [await placed(opening, 'sell 10', STOP), await placed(reducing, 'sell 1', STOP)] as const;
    await desk.changeGate(opening, { restriction: 'reduce_only' });
    await desk.changeGate(reducing, { restriction: 'reduce_only' });
    await fall(...stops);
    expect(await endOf(opening, stops[0])).toEqual(['cancelled', 'restricted', null]);
    expect(await endOf(reducing, stops[1])).toEqual(['open', null, '1']);
  });

  test('and so does a sale that only its notional bounds', async () => {
    const trader = await long('1');
    await desk.engine.stop();
    const market = { symbol: SYMBOL, quantity: undefined, notional: '5000', leverage: '10' };
    const { body } = await desk.elsewhere.place(trader, 'sell 0', market);
    expect(body).toMatchObject({ status: 'pending', rejectionReason: null });
    await desk.changeGate(trader, { restriction: 'reduce_only' });
    await desk.engine.start();
    await until(async () => (await desk.later(trader, body.id)).closedAt !== null);
    expect(await endOf(trader, body.id)).toEqual(['cancelled', 'restricted', null]);
  });

  test('its account must still have margin, unless it may only reduce', async () => {
    const trader = await long('1');
    const stops = [
      await placed(trader, 'sell 1', { ...STOP, reduceOnly: true }),
      await placed(trader, 'sell 1', STOP),
    ] as const;
    await desk.deps.db.engine
      .update(accounts)
      .set({ marginEnabled: false })
      .where(eq(accounts.id, trader.accountId));
    await fall(...stops);
    expect(await endOf(trader, stops[0])).toEqual(['open', null, '1']);
    expect(await endOf(trader, stops[1])).toEqual(['cancelled', 'margin_not_enabled', null]);
  });

  test('it is cut to the position that it may only reduce, together with others like it', async () => {
    const trader = await long('10');
    const stops = [
      await placed(trader, 'sell 5', { ...STOP, reduceOnly: true }),
      await placed(trader, 'sell 3', { ...STOP, reduceOnly: true, stopPrice: '4895' }),
      await placed(trader, 'sell 2', { ...STOP, reduceOnly: true, stopPrice: '4892' }),
    ] as const;
    await filled(await placed(trader, 'sell 4 at 5000'), '4');
    await fall(...stops);
    expect(await Promise.all(stops.map((id) => endOf(trader, id)))).toEqual([
      ['open', null, '5'],
      ['open', null, '1'],
      ['cancelled', 'nothing_to_reduce', null],
    ]);
    await filled(stops[0], '5');
    await filled(stops[1], '1');
    const open = await desk.deps.db.engine
      .select()
      .from(positions)
      .where(and(eq(positions.accountId, trader.accountId), isNull(positions.closedAt)));
    expect(open).toEqual([]);
    expect((await desk.reconcile()).checks.flatMap(({ breaks }) => breaks)).toEqual([]);
  });

  test('the wallets that it would be booked to must be active', async () => {
    const trader = await long('1');
    const stop = await placed(trader, 'sell 1', STOP);
    const mine = eq(wallets.accountId, trader.accountId);
    await desk.deps.db.engine.update(wallets).set({ status: 'suspended' }).where(mine);
    await fall(stop);
    expect(await endOf(trader, stop)).toEqual(['cancelled', 'restricted', null]);
  });
});
