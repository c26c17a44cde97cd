/** What contract orders at a venue may open there has money behind it as long as they are there, in either book. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, asc, eq, inArray, isNull, sql } from 'drizzle-orm';
import { amountOf, formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { lockRows } from '../../../platform/db/locks.ts';
import { auditLogs, outbox } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { listContract } from '../../../testing/list-contract.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../testing/trading-desk.ts';
import { until } from '../../../testing/until.ts';
import { accounts } from '../../accounts/schema.ts';
import { lockGateExclusively } from '../../identity/index.ts';
import { customerWallet, postJournals } from '../../ledger/index.ts';
import { wallets } from '../../ledger/schema.ts';
import { setQuote } from '../../markets/index.ts';
import { quotes } from '../../markets/schema.ts';
import { tradingDomain } from '../index.ts';
import { becomeKeeper } from '../margin/fence.ts';
import { keepMargin } from '../margin/keeper.ts';
import { positions } from '../positions/schema.ts';
import { orderEvents, orders } from '../schema.ts';
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
    arrived.set(reference, quantity === null ? 'by notional' : formatAmount(quantity));
    return 'work';
  };
  await priceIs('5000');
});
afterAll(async () => {
  await desk.engine.settled();
  const { checks } = await desk.reconcile();
  await desk.close();
  expect(checks.flatMap(({ breaks }) => breaks)).toEqual([]);
});

const SYMBOL = 'US500/USD';
const STOP = { type: 'stop', timeInForce: 'gtc', stopPrice: '4900' };

async function priceIs(last: string): Promise<void> {
  await told(last);
  await desk.engine.settled();
}

async function told(last: string): Promise<void> {
  await setQuote(desk.system, { symbol: SYMBOL, last: parseAmount(last), source: 'test' });
}

async function placed(trader: Trader, words: string, more: object = {}): Promise<Id> {
  const { status, body } = await desk.place(trader, words, { symbol: SYMBOL, leverage: '10', ...more });
  expect([status, body.rejectionReason]).toEqual([201, null]);
  await desk.engine.settled();
  return body.id;
}

/** Long of 10, with what the venue executed of it at 5000. */
async function long10(book: 'live' | 'paper'): Promise<Trader> {
  const trader = await desk.newTrader({ USD: '20000' }, { book, leverage: '10' });
  await filled(await placed(trader, 'buy 10 at 5000'), '10', '5000');
  return trader;
}

/** The venue executes so much of an order, with which it has traded `total`. */
async function filled(orderId: Id, quantity: string, price: string, total = quantity): Promise<void> {
  venue.fill(orderId, quantity, price);
  await until(async () => {
    await desk.engine.settled();
    return (await rowOf(orderId)).filledQuantity === parseAmount(total);
  });
}

async function rowOf(orderId: Id) {
  const [row] = await desk.deps.db.engine.select().from(orders).where(eq(orders.id, orderId));
  return row as NonNullable<typeof row>;
}

/** How often it was told that nothing stands behind an order. */
async function toldOutgrown(orderId: Id): Promise<number> {
  const told = and(eq(outbox.type, 'trading.order_outgrown'), sql`${outbox.data} ->> 'orderId' = ${orderId}`);
  return desk.deps.db.engine.$count(outbox, told);
}

/** How an order stands or ended, why, and how much of it was sent. */
async function endOf(orderId: Id) {
  await desk.engine.settled();
  const { status, cancelReason } = await rowOf(orderId);
  return [status, cancelReason, arrived.get(orderId) ?? null];
}

/** Below every stop, and waits until it has left or ended. */
async function fall(...stops: readonly Id[]): Promise<void> {
  await priceIs('4890');
  await gone(...stops);
}

async function gone(...stops: readonly Id[]): Promise<void> {
  for (const stop of stops) {
    await until(async () => {
      await desk.engine.settled();
      return (await rowOf(stop)).closedAt !== null || arrived.has(stop);
    });
  }
}

/** Has the firm send what closes the position for its stop-loss. */
async function closedAt4950(trader: Trader): Promise<void> {
  const [position] = await desk.deps.db.engine
    .select()
    .from(positions)
    .where(and(eq(positions.accountId, trader.accountId), isNull(positions.closedAt)));
  const exits = await desk.request(trader, 'PUT', `/v1/positions/${position?.id ?? newId()}/exits`, {
    body: { stopLoss: { triggerPrice: '4950' } },
  });
  expect(exits.status).toBe(200);
  await priceIs('4950');
  const epoch = await becomeKeeper(desk.system);
  const sent = arrived.size;
  await until(async () => {
    await keepMargin(desk.system, epoch);
    await desk.engine.settled();
    return arrived.size > sent;
  });
}

/** Moves all that is free into another account. */
async function takeOut(trader: Trader, book: 'live' | 'paper'): Promise<void> {
  const other = await desk.newTrader({}, { book });
  await transact(desk.system, 'engine', async (tx) => {
    const from = await customerWallet(tx, desk.system, { ...trader, book }, 'USD');
    const to = await customerWallet(tx, desk.system, { ...other, book }, 'USD');
    const [wallet] = await tx.select().from(wallets).where(eq(wallets.id, from.id));
    const free = (wallet?.total ?? 0n) - (wallet?.reserved ?? 0n);
    if (free === 0n) {
      return;
    }
    await postJournals(tx, desk.system, [
      {
        book,
        kind: 'transfer',
        referenceType: 'test',
        referenceId: newId(),
        description: 'Taken out in a test',
        entries: [
          { walletId: from.id, amount: amountOf(-free) },
          { walletId: to.id, amount: amountOf(free) },
        ],
      },
    ]);
  });
}

/** Tells those who wait for it what was published of an account, in its order. */
async function deliver(trader: Trader, ...types: string[]): Promise<void> {
  const news = await desk.deps.db.engine
    .select()
    .from(outbox)
    .where(and(eq(outbox.accountId, trader.accountId), inArray(outbox.type, types)))
    .orderBy(asc(outbox.id));
  for (const one of news) {
    for (const consumer of tradingDomain.consumers.filter((each) => each.types.includes(one.type))) {
      await consumer.handle(desk.system, { ...one, position: 1n, data: one.data as never });
    }
  }
  await desk.engine.settled();
}

async function openOf({ accountId }: Trader) {
  const rows = await desk.deps.db.engine
    .select()
    .from(positions)
    .where(and(eq(positions.accountId, accountId), isNull(positions.closedAt)));
  return rows.map(({ side, quantity }) => `${side} ${formatAmount(quantity)}`);
}

async function withdrawMargin({ accountId }: Trader): Promise<void> {
  await desk.deps.db.engine.update(accounts).set({ marginEnabled: false }).where(eq(accounts.id, accountId));
}

describe.each(['live', 'paper'] as const)('in a %s book, an order', (book) => {
  /** A stop that only closed when it was placed, and whose position is gone. */
  async function orphan(trader: Trader): Promise<Id> {
    const stop = await placed(trader, 'sell 10', STOP);
    await filled(await placed(trader, 'sell 10', { reduceOnly: true }), '10', '5000');
    expect(await openOf(trader)).toEqual([]);
    return stop;
  }

  test('that would open what nothing is left to cover ends instead of leaving', async () => {
    const trader = await long10(book);
    const stop = await orphan(trader);
    await takeOut(trader, book);
    await fall(stop);
    expect(await endOf(stop)).toEqual(['cancelled', 'insufficient_margin', null]);
    expect(await openOf(trader)).toEqual([]);
  });

  test('is cut to what it closes where the rest has no cover', async () => {
    const trader = await long10(book);
    const stop = await placed(trader, 'sell 10', STOP);
    await filled(await placed(trader, 'sell 6', { reduceOnly: true }), '6', '5000');
    await takeOut(trader, book);
    await fall(stop);
    expect(await endOf(stop)).toEqual(['open', null, '4']);
  });

  test('leaves with the margin of what it opens reserved, which nobody moves out then', async () => {
    const trader = await long10(book);
    const stop = await orphan(trader);
    await fall(stop);
    expect(await endOf(stop)).toEqual(['open', null, '10']);
    // A tenth of what ten are worth at the market, how far below it they may be sold, and the worst fee.
    const backed = parseAmount('9738.9');
    expect((await rowOf(stop)).reservation).toBe(backed);
    await takeOut(trader, book);
    expect(await desk.balance(trader, 'USD')).toBe('9738.9 (9738.9)');
    await filled(stop, '10', '4890');
    expect(await openOf(trader)).toEqual(['short 10']);
    expect(await desk.balance(trader, 'USD')).toBe('9690 (4890)');
    const evidence = and(eq(auditLogs.resourceId, stop), eq(auditLogs.eventType, 'order.reserved'));
    expect(await desk.deps.db.engine.select().from(auditLogs).where(evidence)).toHaveLength(1);
  });

  test('closes though another one is there that has reserved enough to open instead', async () => {
    const trader = await long10(book);
    const stop = await placed(trader, 'sell 10', STOP);
    const resting = await placed(trader, 'sell 10 at 5100');
    await takeOut(trader, book);
    const reserved = (await rowOf(resting)).reservation;
    await fall(stop);
    expect(await endOf(stop)).toEqual(['open', null, '10']);
    await filled(stop, '10', '4890');
    await deliver(trader, 'trading.position_closed', 'trading.order_outgrown');
    expect(await endOf(resting)).toEqual(['open', null, '10']);
    expect((await rowOf(resting)).reservation).toBe(reserved);
  });

  test('that is there already reserves what it may open once its position is closed beside it', async () => {
    const trader = await long10(book);
    const resting = await placed(trader, 'sell 10 at 5100');
    expect((await rowOf(resting)).reservation).toBe(parseAmount('55'));
    await filled(await placed(trader, 'sell 10'), '10', '5000');
    expect((await rowOf(resting)).reservation).toBe(parseAmount('5151'));
    await takeOut(trader, book);
    await deliver(trader, 'trading.position_closed', 'trading.order_outgrown');
    expect(await endOf(resting)).toEqual(['open', null, '10']);
    await filled(resting, '10', '5100');
    expect(await openOf(trader)).toEqual(['short 10']);
    expect(await desk.balance(trader, 'USD')).toBe('5100 (5100)');
  });

  test('is asked back where there is too little for that, and keeps what there is until then', async () => {
    const trader = await long10(book);
    const resting = await placed(trader, 'sell 10 at 5100', { leverage: '1' });
    await filled(await placed(trader, 'sell 10'), '10', '5000');
    expect(await desk.balance(trader, 'USD')).toBe('19900 (19900)');
    await deliver(trader, 'trading.position_closed', 'trading.order_outgrown');
    expect(await endOf(resting)).toEqual(['cancelled', 'insufficient_margin', '10']);
    expect(await desk.balance(trader, 'USD')).toBe('19900 (0)');
  });

  test('that may only reduce counts what may trade before it, whether or not that may only reduce', async () => {
    const trader = await long10(book);
    await placed(trader, 'sell 7 at 5100');
    const [part, nothing] = [
      await placed(trader, 'sell 5 at 5200', { reduceOnly: true }),
      await placed(trader, 'sell 1', { reduceOnly: true }),
    ];
    expect(await endOf(part)).toEqual(['open', null, '3']);
    expect(await endOf(nothing)).toEqual(['cancelled', 'nothing_to_reduce', null]);
  });

  test('that may only reduce is asked back where less is left to reduce', async () => {
    const trader = await long10(book);
    const reducing = await placed(trader, 'sell 6 at 5100', { reduceOnly: true });
    await filled(await placed(trader, 'sell 6'), '6', '5000');
    expect(await openOf(trader)).toEqual(['long 4']);
    await deliver(trader, 'trading.order_outgrown');
    expect(await endOf(reducing)).toEqual(['cancelled', 'nothing_to_reduce', '6']);
  });

  test('counts what closes there for an exit of the position', async () => {
    const trader = await long10(book);
    const stops = [
      await placed(trader, 'sell 10', STOP),
      await placed(trader, 'sell 10', { ...STOP, reduceOnly: true }),
    ] as const;
    await closedAt4950(trader);
    await takeOut(trader, book);
    await fall(...stops);
    expect(await Promise.all(stops.map(endOf))).toEqual([
      ['cancelled', 'insufficient_margin', null],
      ['cancelled', 'nothing_to_reduce', null],
    ]);
  });

  test('is asked back once, however much trades beside it until the venue gives it back', async () => {
    const trader = await long10(book);
    const resting = await placed(trader, 'sell 10 at 5100', { leverage: '1' });
    const closing = await placed(trader, 'sell 10');
    const takesTime: MemoryVenue['cancel'] = async (id) => ({
      reports: [...venue.reportsOf(id)],
      againInMs: null,
    });
    Object.assign(venue, { cancel: takesTime });
    await filled(closing, '4', '5000');
    await deliver(trader, 'trading.order_outgrown');
    expect((await rowOf(resting)).cancelReason).toBe('insufficient_margin');
    await filled(closing, '3', '5000', '7');
    await filled(closing, '3', '5000', '10');
    expect(await toldOutgrown(resting)).toBe(1);
  });

  test('stays where it has cover again by the time somebody hears that it had none', async () => {
    const trader = await long10(book);
    const resting = await placed(trader, 'sell 10 at 5100', { leverage: '1' });
    const [closing, adding] = [await placed(trader, 'sell 4 at 5000'), await placed(trader, 'buy 4 at 5000')];
    await filled(closing, '4', '5000');
    expect(await toldOutgrown(resting)).toBe(1);
    await filled(adding, '4', '5000');
    await deliver(trader, 'trading.order_outgrown');
    expect(await endOf(resting)).toEqual(['open', null, '10']);
  });

  test('that trades reserves more with evidence where the market has moved', async () => {
    const trader = await long10(book);
    const resting = await placed(trader, 'sell 12 at 5100');
    await priceIs('5300');
    const before = (await rowOf(resting)).reservation;
    await filled(resting, '1', '5100');
    expect((await rowOf(resting)).reservation).toBeGreaterThan(before);
    const evidence = and(eq(auditLogs.resourceId, resting), eq(auditLogs.eventType, 'order.reserved'));
    expect(await desk.deps.db.engine.select().from(auditLogs).where(evidence)).toHaveLength(1);
    const events = and(eq(orderEvents.orderId, resting), eq(orderEvents.type, 'order.reserved'));
    expect(await desk.deps.db.engine.select().from(orderEvents).where(events)).toHaveLength(1);
  });

  test('waits for nothing its account has there where its trade takes nothing that this would close', async () => {
    const trader = await long10(book);
    const [opening, closing] = [
      await placed(trader, 'buy 1 at 4500'),
      await placed(trader, 'sell 1 at 5200'),
    ];
    const adding = await placed(trader, 'buy 1 at 5000');
    await desk.deps.db.engine.transaction(async (tx) => {
      await lockRows(tx, orders, [opening, closing]);
      await filled(adding, '1', '5000');
    });
    const reducing = await placed(trader, 'sell 1 at 5000');
    await desk.deps.db.engine.transaction(async (tx) => {
      await lockRows(tx, orders, [opening]);
      await filled(reducing, '1', '5000');
    });
    expect(await openOf(trader)).toEqual(['long 10']);
  });

  test('leaves before margin is withdrawn, or not at all', async () => {
    const trader = await long10(book);
    const stop = await orphan(trader);
    await transact(desk.system, 'engine', async (tx) => {
      await lockGateExclusively(tx, trader.userId);
      await told('4890');
      await until(async () => {
        const waiting = await desk.deps.db.engine.execute(
          sql`select from pg_locks where locktype = 'advisory' and not granted
            and database = (select oid from pg_database where datname = current_database())`,
        );
        return waiting.length > 0;
      });
      await tx.update(accounts).set({ marginEnabled: false }).where(eq(accounts.id, trader.accountId));
    });
    await gone(stop);
    expect(await endOf(stop)).toEqual(['cancelled', 'margin_not_enabled', null]);
  });

  test('that closes leaves without margin too, cut to what it closes', async () => {
    const [whole, more] = [await long10(book), await long10(book)];
    const stops = [await placed(whole, 'sell 10', STOP), await placed(more, 'sell 12', STOP)] as const;
    await withdrawMargin(whole);
    await withdrawMargin(more);
    await fall(stops[0]);
    await fall(stops[1]);
    expect(await endOf(stops[0])).toEqual(['open', null, '10']);
    expect(await endOf(stops[1])).toEqual(['open', null, '10']);
  });

  test('and while nobody stands for the price', async () => {
    const trader = await long10(book);
    await desk.engine.stop();
    const asked = { symbol: SYMBOL, leverage: '10' };
    const whole = (await desk.elsewhere.place(trader, 'sell 8', asked)).body.id;
    const more = (await desk.elsewhere.place(trader, 'sell 5', asked)).body.id;
    await desk.deps.db.engine.update(quotes).set({ pricedAt: addMs(desk.deps.clock.now(), -3 * 86_400_000) });
    await desk.engine.start();
    await until(async () => arrived.has(more));
    expect([await endOf(whole), await endOf(more)]).toEqual([
      ['open', null, '8'],
      ['open', null, '2'],
    ]);
  });

  test('is asked back when its account may hold no positions any more, unless it closes one', async () => {
    const trader = await long10(book);
    const [closing, opening, buying] = [
      await placed(trader, 'sell 10 at 5100'),
      await placed(trader, 'sell 1 at 5200'),
      await placed(trader, 'buy 1 at 4500'),
    ];
    await withdrawMargin(trader);
    const margin = tradingDomain.consumers.filter(({ types }) => types.includes('accounts.margin_set'));
    const { userId, accountId } = trader;
    const told = { id: opening, position: 1n, type: 'accounts.margin_set', userId, accountId, data: {} };
    for (const consumer of margin) {
      await consumer.handle(desk.system, { ...told, occurredAt: desk.deps.clock.now() });
    }
    expect(await endOf(closing)).toEqual(['open', null, '10']);
    expect(await endOf(opening)).toEqual(['cancelled', 'margin_not_enabled', '1']);
    expect(await endOf(buying)).toEqual(['cancelled', 'margin_not_enabled', '1']);
  });
});

test('a gate that lets only reduce counts what an account has at the venue', async () => {
  const trader = await long10('live');
  await placed(trader, 'sell 7 at 5100');
  const stop = await placed(trader, 'sell 4', STOP);
  await desk.changeGate(trader, { restriction: 'reduce_only' });
  await fall(stop);
  expect(await endOf(stop)).toEqual(['cancelled', 'restricted', null]);
});
