/** What keeps people from making the firm pay for what they lose to each other. */
import { describe, expect, test } from 'bun:test';
import { and, eq, inArray, sql } from 'drizzle-orm';
import { parseAmount } from '../../../kernel/amount.ts';
import { transact } from '../../../platform/db/transact.ts';
import { listContract } from '../../../testing/list-contract.ts';
import type { Trader, TradingDesk } from '../../../testing/trading-desk.ts';
import { until } from '../../../testing/until.ts';
import { setQuote } from '../../markets/index.ts';
import { tradingActivity } from '../activity-source.ts';
import { orderEvents, orders } from '../schema.ts';
import {
  member,
  openOf,
  order,
  priceIs,
  SYMBOL,
  startContractDesk,
  trade,
  WILD,
} from './testing/contract-desk.ts';

let desk: TradingDesk;

startContractDesk(import.meta.file, (started) => {
  desk = started;
});

describe('two people who trade with each other', () => {
  const wild = { symbol: WILD, leverage: '20' };

  /** Short of 4 at 5000 with so much, and who stands on the other side. */
  async function losing(funds: string): Promise<readonly [loser: Trader, winner: Trader]> {
    const [loser, winner] = [await member(funds), await member()];
    await trade(winner, 'buy 4 at 5000', loser, wild);
    return [loser, winner];
  }

  /** What the firm owes for others, and what it bore of the loser's positions. */
  async function bornePair(loser: Trader): Promise<readonly [firm: number, loser: string[]]> {
    const [firm] = await desk.deps.db.engine.execute<{ total: string }>(
      sql`select coalesce(sum(total), 0) as total from wallets where house_role = 'receivable' and house_reference = 'firm'`,
    );
    const { body } = await desk.request(loser, 'GET', `/v1/accounts/${loser.accountId}/positions`);
    return [Number(firm?.total), body.data.map(({ lossBorne }: { lossBorne: string }) => lossBorne)];
  }

  test('take nothing out of the firm: nobody closes at a price that they cannot pay for', async () => {
    const [loser, winner] = await losing('1200');
    const [before] = await bornePair(loser);
    const { body: far } = await order(winner, 'sell 4 at 5500', wild);
    // 1180 is left, and lasts for 295 a unit.
    const refused = await order(loser, 'buy 4 at 5500', { ...wild, reduceOnly: true });
    expect(refused.body).toMatchObject({ rejectionReason: 'loss_beyond_collateral' });
    const { body: market } = await order(loser, 'buy 4', { ...wild, type: 'market', timeInForce: 'ioc' });
    expect(market).toMatchObject({ priceCap: '5295' });
    expect(await desk.later(loser, market.id)).toMatchObject({
      filledQuantity: '0',
      cancelReason: 'price_cap',
    });
    const { body: near } = await order(loser, 'buy 4 at 5295', { ...wild, reduceOnly: true });
    expect(near).toMatchObject({ status: 'open' });
    await desk.request(winner, 'DELETE', `/v1/orders/${far.id}`);
    await order(winner, 'sell 4 at 5295', wild);
    expect(await desk.later(loser, near.id)).toMatchObject({ status: 'filled' });
    expect(await desk.balance(loser, 'USD')).toBe('0 (0)');
    expect(await bornePair(loser)).toEqual([before, ['0']]);
  });

  test('nor where an order that waited for its price meets such a one: it ends, and the rest can be closed', async () => {
    const [loser, winner] = await losing('1200');
    const [before] = await bornePair(loser);
    const stop = { ...wild, type: 'stop', stopPrice: '5010', reduceOnly: true };
    const { body: held } = await order(loser, 'buy 4', stop);
    expect(held).toMatchObject({ status: 'held', priceCap: '5511' });
    await order(winner, 'sell 1 at 5020', wild);
    await order(winner, 'sell 3 at 5500', wild);
    await priceIs(WILD, '5010');
    await until(async () => (await desk.later(loser, held.id)).closedAt !== null);
    // One unit cost 20; what is left is no good for 500 each.
    expect(await desk.later(loser, held.id)).toMatchObject({ filledQuantity: '1', reducedQuantity: '3' });
    const { body: rest } = await order(loser, 'buy 3 at 5100', { ...wild, reduceOnly: true });
    await desk.request(winner, 'DELETE', `/v1/orders?accountId=${winner.accountId}`);
    await order(winner, 'sell 3 at 5100', wild);
    expect(await desk.later(loser, rest.id)).toMatchObject({ status: 'filled' });
    expect(await bornePair(loser)).toEqual([before, ['0']]);
  });

  test('nor from what other positions have lost already', async () => {
    const [loser, winner] = await losing('1600');
    await trade(winner, 'sell 1 at 5000', loser, { leverage: '20' });
    const { body: resting } = await order(loser, 'buy 4 at 5300', { ...wild, reduceOnly: true });
    expect(resting).toMatchObject({ status: 'open' });
    const { body: other } = await order(loser, 'buy 0.01 at 4500');
    expect(other).toMatchObject({ status: 'open' });
    // 380 of what is behind both has gone with the index since.
    await priceIs(SYMBOL, '4620');
    expect((await order(loser, 'buy 1 at 5490', { ...wild, reduceOnly: true })).body).toMatchObject({
      rejectionReason: 'reduce_exceeds_position',
    });
    await order(winner, 'sell 4 at 5300', wild);
    expect(await desk.later(loser, resting.id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'insufficient_margin',
      filledQuantity: '0',
    });
    // What it reserves would not have been enough.
    expect(await desk.later(loser, other.id)).toMatchObject({ status: 'open', cancelReason: null });
    expect((await order(loser, 'buy 4 at 5300', { ...wild, reduceOnly: true })).body).toMatchObject({
      rejectionReason: 'loss_beyond_collateral',
    });
    await desk.emptyTheBooks();
    await trade(winner, 'sell 4 at 5250', loser, { ...wild, reduceOnly: true });
    await priceIs(SYMBOL, '5000');
    await trade(winner, 'buy 1 at 5000', loser, { leverage: '20' });
    expect((await bornePair(loser))[1]).toEqual(['0', '0']);
  });

  test('nor by opening at a loss that is not covered', async () => {
    const [loser, winner] = [await member('1100'), await member()];
    await priceIs(WILD, '4600');
    const { body: resting } = await order(loser, 'sell 4 at 4600', wild);
    expect(resting).toMatchObject({ status: 'open' });
    await priceIs(WILD, '5000');
    expect((await order(loser, 'sell 1 at 4510', wild)).body).toMatchObject({
      rejectionReason: 'insufficient_funds',
    });
    await order(winner, 'buy 4 at 4600', wild);
    expect(await desk.later(loser, resting.id)).toMatchObject({ cancelReason: 'insufficient_margin' });
    expect(await openOf(loser)).toEqual([]);
  });
});

describe('a price that nobody stands for', () => {
  const write = (statement: ReturnType<typeof sql>) =>
    transact(desk.system, 'engine', (tx) => tx.execute(statement));
  const ofWild = sql`(select id from instruments where symbol = ${WILD})`;
  const wild = { symbol: WILD };

  /** Beyond any age. */
  const age = () =>
    write(sql`update quotes set priced_at = now() - interval '8 days' where instrument_id = ${ofWild}`);

  test('opens nothing, neither when an order comes nor when it trades, and what only reduces passes', async () => {
    const [long, short, third] = [await member(), await member(), await member()];
    await trade(short, 'sell 2 at 5000', long, wild);
    const { body: resting } = await order(third, 'buy 2 at 4990', wild);
    await age();
    expect((await order(third, 'buy 1 at 4990', wild)).body.rejectionReason).toBe('price_stale');
    expect((await order(long, 'sell 1 at 4990', wild)).body.rejectionReason).toBe('price_stale');
    const { body: closing } = await order(long, 'sell 2 at 4990', { ...wild, reduceOnly: true });
    expect(await desk.later(long, closing.id)).toMatchObject({ status: 'open', filledQuantity: '0' });
    expect(await desk.later(third, resting.id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'price_stale',
      filledQuantity: '0',
    });
    await order(short, 'buy 2 at 4990', { ...wild, reduceOnly: true });
    expect(await desk.later(long, closing.id)).toMatchObject({ status: 'filled' });
    expect([...(await openOf(long)), ...(await openOf(short)), ...(await openOf(third))]).toEqual([]);
  });

  test('sends nothing to a venue that may open', async () => {
    const trader = await desk.newTrader({ USD: '100000' }, { book: 'paper', leverage: '20' });
    const placed = (more: object) => desk.elsewhere.place(trader, 'buy 1 at 4000', { ...wild, ...more });
    await desk.engine.stop();
    const { body: late } = await placed({});
    expect(late).toMatchObject({ status: 'pending', rejectionReason: null });
    await age();
    await desk.engine.start();
    await until(async () => (await desk.later(trader, late.id)).closedAt !== null);
    expect(await desk.later(trader, late.id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'price_stale',
    });
  });

  test('is also one whose feed tells another, which is not believed', async () => {
    const trader = await member();
    const jump = (level: string | null, count: number) =>
      write(sql`insert into feed_positions (instrument_id, feed, price, level_price, level_count, unsettled, updated_at)
        select ${ofWild}, 'simulator', 5000, ${level}::numeric, ${count}, ${level !== null}, now()
        on conflict (instrument_id, feed) do update set level_price = excluded.level_price,
          level_count = excluded.level_count, unsettled = excluded.unsettled`);
    await jump('6000', 1);
    expect((await order(trader, 'buy 1 at 5000', wild)).body.rejectionReason).toBe('price_stale');
    expect((await order(trader, 'buy 1 at 5000')).body.status).toBe('open');
    await jump(null, 0);
    expect((await order(trader, 'buy 1 at 5000', wild)).body.status).toBe('open');
  });

  test('is one that only trades of its own book have made, however often: it lets nobody close beyond what they have', async () => {
    const [loser, winner, third] = [await member('1200'), await member(), await member()];
    await trade(winner, 'buy 4 at 5000', loser, { ...wild, leverage: '20' });
    await trade(winner, 'buy 0.1 at 5000', third, wild);
    const unset = (feed: string | null) =>
      write(sql`update price_settings set feed = ${feed}::feed_name, feed_symbol = ${feed === null ? null : WILD}
        where instrument_id = ${ofWild}`);
    await unset(null);
    try {
      await setQuote(desk.system, { symbol: WILD, last: parseAmount('5500'), source: 'trades' });
      expect((await order(loser, 'buy 1 at 5400', wild)).body.rejectionReason).toBe('price_stale');
      expect((await order(loser, 'buy 4 at 5500', { ...wild, reduceOnly: true })).body.rejectionReason).toBe(
        'loss_beyond_collateral',
      );
      const stop = { ...wild, type: 'stop', stopPrice: '5510', reduceOnly: true };
      const { body: held } = await order(loser, 'buy 4', stop);
      await order(winner, 'sell 4 at 5515', { ...wild, reduceOnly: true });
      await setQuote(desk.system, { symbol: WILD, last: parseAmount('5512'), source: 'trades' });
      await until(async () => (await desk.later(loser, held.id)).closedAt !== null);
      expect(await desk.later(loser, held.id)).toMatchObject({
        filledQuantity: '0',
        cancelReason: 'insufficient_margin',
      });
    } finally {
      await unset('simulator');
    }
  });
});

describe('an opening auction', () => {
  const wild = { symbol: WILD, leverage: '10' };

  /** Lets orders that were accepted while nobody matched meet in one auction. @shape how often it was settled in vain */
  async function openWith(placed: readonly { readonly id: string }[]): Promise<number> {
    await desk.deps.db.engine.execute(sql`
      update orders o set status = 'open', book_seq = n.seq from (
        select id, (select coalesce(max(book_seq), 0) from orders) + row_number() over (order by id) as seq
        from orders where status = 'pending') n
      where n.id = o.id`);
    await desk.deps.db.engine.execute(
      sql`update book_owners set phase = 'halted' where instrument_id = (select id from instruments where symbol = ${WILD})`,
    );
    await desk.engine.start();
    await desk.engine.settled();
    const asked = await desk.deps.db.engine
      .selectDistinct({ by: orderEvents.requestId })
      .from(orderEvents)
      .where(
        and(
          inArray(
            orderEvents.orderId,
            placed.map(({ id }) => id),
          ),
          eq(orderEvents.type, 'order.cancel_requested'),
        ),
      );
    return asked.length;
  }

  test('finds everything that may not open in one look, whoever lines it up, and the rest stays', async () => {
    const [maker, seller, one, two] = [await member(), await member(), await member(), await member()];
    await trade(maker, 'sell 7 at 5000', seller, wild);
    await desk.engine.stop();
    const placed = [];
    for (const [trader, price] of [
      [one, 5000],
      [two, 5001],
      [one, 5002],
      [two, 5000],
      [one, 5001],
    ] as const) {
      placed.push((await desk.elsewhere.place(trader, `buy 1 at ${price}`, wild)).body);
    }
    const { body: closing } = await desk.elsewhere.place(seller, 'sell 7 at 5000', {
      ...wild,
      reduceOnly: true,
    });
    await transact(desk.system, 'engine', (tx) =>
      tx.execute(sql`update quotes set priced_at = now() - interval '8 days'
        where instrument_id = (select id from instruments where symbol = ${WILD})`),
    );
    expect(await openWith(placed)).toBe(1);
    const ended = await desk.deps.db.engine
      .select({ reason: orders.cancelReason })
      .from(orders)
      .where(
        inArray(
          orders.id,
          placed.map(({ id }) => id),
        ),
      );
    expect(ended.map(({ reason }) => reason)).toEqual(Array(5).fill('price_stale'));
    expect(await desk.later(seller, closing.id)).toMatchObject({ status: 'open', filledQuantity: '0' });
  });

  test('takes out at once what one person lined up beyond what is behind it, and trades the rest', async () => {
    const [maker, poor, rich] = [await member(), await member('2000'), await member()];
    await desk.engine.stop();
    const placed = [];
    for (const price of [5004, 5003, 5002]) {
      placed.push((await desk.elsewhere.place(poor, `buy 1 at ${price}`, wild)).body);
    }
    const { body: bid } = await desk.elsewhere.place(rich, 'buy 1 at 5001', wild);
    const { body: ask } = await desk.elsewhere.place(maker, 'sell 4 at 5000', wild);
    await transact(desk.system, 'engine', (tx) =>
      tx.execute(
        sql`update wallets set unsettled = 2000 where account_id = ${poor.accountId} and asset = 'USD'`,
      ),
    );
    expect(await openWith(placed)).toBe(1);
    expect(await desk.later(rich, bid.id)).toMatchObject({ status: 'filled', averageFillPrice: '5000' });
    expect(await desk.later(maker, ask.id)).toMatchObject({ filledQuantity: '1' });
    await transact(desk.system, 'engine', (tx) =>
      tx.execute(
        sql`update wallets set unsettled = 0 where account_id = ${poor.accountId} and asset = 'USD'`,
      ),
    );
  });
});

describe('what trading tells of a contract', () => {
  test('is told in the asset it settles in, whatever its symbol', async () => {
    await listContract(desk.system, { symbol: 'EUR/USD.M', baseAsset: 'EUR' });
    const [long, short] = [await member(), await member()];
    await trade(short, 'sell 1 at 5000', long, { symbol: 'EUR/USD.M' });
    const told = await transact(desk.system, 'engine', (tx) =>
      Promise.all(tradingActivity.map((source) => source.read(tx, '', 10_000, () => sql`false`))),
    );
    const own = told
      .flat()
      .flatMap(({ activity }) => (activity.accountId === long.accountId ? [activity] : []));
    expect(own.map(({ kind, asset }) => [kind, asset])).toEqual([
      ['fill', 'USD'],
      ['order_placed', 'USD'],
      ['order_closed', 'USD'],
    ]);
  });
});
