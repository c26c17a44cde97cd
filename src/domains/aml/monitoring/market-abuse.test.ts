import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, asc, eq, type SQL, sql } from 'drizzle-orm';
import { transact } from '../../../platform/db/transact.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../testing/trading-desk.ts';
import { tradingDomain } from '../../trading/index.ts';
import { amlDomain } from '../index.ts';
import { amlAlerts } from '../schema.ts';
import { collectActivity } from './collect-activity.ts';
import { monitoredActivity, ruleHits } from './schema.ts';
import { isKept } from './watch-activity.ts';

let desk: TradingDesk;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file, [amlDomain]);
  await desk.engine.start();
  // What comes about from here on is watched.
  await collectActivity(desk.system);
});

afterAll(async () => {
  await desk.close();
});

const FUNDS = { BTC: '10', USD: '1000000' };

async function hitsOn(trader: Trader): Promise<readonly string[]> {
  const rows = await desk.deps.db.engine
    .select()
    .from(ruleHits)
    .where(eq(ruleHits.userId, trader.userId))
    .orderBy(asc(ruleHits.id));
  return rows.map(({ ruleKey, points }) => `${ruleKey} ${points}`);
}

async function alertsOn(trader: Trader) {
  const found = and(eq(amlAlerts.userId, trader.userId), eq(amlAlerts.kind, 'market_abuse'));
  return desk.deps.db.engine.select().from(amlAlerts).where(found);
}

async function watch(): Promise<void> {
  await desk.engine.settled();
  await collectActivity(desk.system);
  await desk.settle();
}

describe('the market', () => {
  test('of two people who trade back and forth with each other is told to compliance, on each of them', async () => {
    await desk.emptyTheBooks();
    const [left, right] = [await desk.newTrader(FUNDS), await desk.newTrader(FUNDS)];
    for (const [seller, buyer] of [
      [left, right],
      [right, left],
      [left, right],
      [right, left],
    ] as const) {
      await desk.place(seller, 'sell 0.5 at 60000');
      await desk.place(buyer, 'buy 0.5 at 60000');
    }
    await watch();
    for (const trader of [left, right]) {
      expect(await hitsOn(trader)).toEqual(['wash_trade 40']);
      expect(await alertsOn(trader)).toMatchObject([{ effect: 'review', severity: 'medium' }]);
    }
    await watch();
    expect(await hitsOn(left)).toEqual(['wash_trade 40']);
    expect(await alertsOn(left)).toMatchObject([{ occurrences: 1 }]);
  });

  test('shows who keeps meeting their own orders', async () => {
    await desk.emptyTheBooks();
    const trader = await desk.newTrader(FUNDS);
    await desk.place(trader, 'sell 0.5 at 60000');
    for (let number = 0; number < 3; number += 1) {
      await desk.place(trader, 'buy 0.5 at 60000');
    }
    await watch();
    expect(await hitsOn(trader)).toEqual(['self_match 25']);
  });

  test('shows large orders that go once their owner traded on the other side, at one price or at several', async () => {
    await desk.emptyTheBooks();
    const [spoofer, victim] = [await desk.newTrader(FUNDS), await desk.newTrader(FUNDS)];
    const orders = [];
    for (const price of ['60010', '60020', '60030']) {
      orders.push(await desk.place(spoofer, `sell 1 at ${price}`));
    }
    await desk.place(victim, 'sell 0.1 at 60000');
    await desk.place(spoofer, 'buy 0.1 at 60000');
    await desk.engine.settled();
    for (const { body } of orders) {
      await desk.request(spoofer, 'DELETE', `/v1/orders/${body.id}`);
      await desk.engine.settled();
    }
    await watch();
    expect((await hitsOn(spoofer)).toSorted()).toEqual([
      'layering 30',
      'spoofing 15',
      'spoofing 15',
      'spoofing 40',
    ]);
    expect(await alertsOn(spoofer)).toHaveLength(1);
    expect(await hitsOn(victim)).toEqual([]);
  });

  test('shows who traded just before a large order of another, and not whose order it was', async () => {
    await desk.emptyTheBooks();
    const [ahead, large, maker] = [
      await desk.newTrader(FUNDS),
      await desk.newTrader(FUNDS),
      await desk.newTrader(FUNDS),
    ];
    await desk.place(maker, 'sell 3 at 60000');
    await desk.place(ahead, 'buy 0.5 at 60000');
    await desk.engine.settled();
    await desk.place(large, 'buy 2 at 60000');
    await watch();
    expect(await hitsOn(ahead)).toEqual(['trading_ahead 15']);
    expect(await hitsOn(large)).toEqual([]);
    expect(await hitsOn(maker)).toEqual([]);
  });

  test('is read once: of what is kept nothing is read again, though its places are looked at again', async () => {
    await desk.emptyTheBooks();
    const [maker, taker] = [await desk.newTrader(FUNDS), await desk.newTrader(FUNDS)];
    await desk.place(maker, 'sell 0.5 at 60000');
    await desk.place(taker, 'buy 0.5 at 60000');
    await watch();
    const read = (isKeptIn: (source: string, sourceId: SQL) => SQL) =>
      transact(desk.system, 'engine', async (tx) => {
        const told = [];
        for (const { name, read: page } of tradingDomain.activitySources ?? []) {
          told.push(...(await page(tx, '', 10_000, (sourceId) => isKeptIn(name, sourceId))));
        }
        return told.filter(({ activity }) => [maker.userId, taker.userId].includes(activity.userId)).length;
      });
    // Both orders as they were accepted and as they ended, and both fills.
    expect(await read(() => sql`false`)).toBe(6);
    expect(await read(isKept)).toBe(0);
    await desk.place(maker, 'sell 0.5 at 60000');
    expect(await read(isKept)).toBe(1);
    await watch();
    expect(await read(isKept)).toBe(0);
  });

  test('is watched where it is real: orders of the paper book are nobody’s concern', async () => {
    const [left, right] = [
      await desk.newTrader(FUNDS, { book: 'paper' }),
      await desk.newTrader(FUNDS, { book: 'paper' }),
    ];
    await desk.place(left, 'sell 0.5 at 60000');
    await desk.place(right, 'buy 0.5 at 60000');
    await watch();
    const rows = desk.deps.db.engine.select().from(monitoredActivity);
    expect(await rows.where(eq(monitoredActivity.userId, left.userId))).toEqual([]);
  });
});
