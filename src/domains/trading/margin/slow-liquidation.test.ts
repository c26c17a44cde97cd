import { expect, test } from 'bun:test';
import { asc, sql } from 'drizzle-orm';
import { formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Trader } from '../../../testing/trading-desk.ts';
import { until } from '../../../testing/until.ts';
import { lockGateExclusively } from '../../identity/index.ts';
import { abandonUnplaced } from '../positions/exit-orders.ts';
import { positionExitOrders } from '../positions/schema.ts';
import { closeExits } from './close-exits.ts';
import { freeWalletsFirst } from './free-wallets-first.ts';
import { judgeMargin, type Liquidation } from './judge-margin.ts';
import { liquidate } from './liquidate.ts';
import { markPositions } from './mark-positions.ts';
import { placeClosings } from './place-closings.ts';
import { takeOutOthers } from './take-out-orders.ts';
import {
  alertsOf,
  callsOf,
  keep,
  liquidationsOf,
  listFollowed,
  opened,
  order,
  positionsOf,
  priceIs,
  quote,
  startMarginDesk,
  world,
} from './testing/margin-desk.ts';

startMarginDesk(import.meta.file);

test('a liquidation that somebody feeds a lot at a time is told of once it has lasted', async () => {
  const trader = await opened('buy 1', '1000', '200');
  await priceIs('851');
  for (let fill = 0; fill < 3; fill += 1) {
    await quote('buy', '0.001', '851');
    await keep();
  }
  expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: null, endedAt: null }]);
  expect(await alertsOf(trader)).toEqual(['liquidation started']);
  world.desk.advance(5 * 60_000);
  await quote('buy', '0.001', '851');
  await keep();
  expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: 'takes_too_long', endedAt: null }]);
  expect(await alertsOf(trader)).toEqual(['liquidation started', 'liquidation takes_too_long']);
  await quote('buy', '2', '851');
  world.desk.advance(60_000);
  await keep(3);
  expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: null, outcome: 'closed_out' }]);
});

test('a position that trades nothing is told of, whatever another of the account trades', async () => {
  const symbol = 'ETH-PERP';
  await listFollowed(symbol);
  await priceIs('1000', symbol);
  const trader = await opened('buy 1', '1000', '400');
  await order(world.maker, 'sell 1 at 1000', { symbol, leverage: '10' });
  await order(trader, 'buy 1 at 1000', { symbol, leverage: '10' });
  await world.desk.engine.settled();
  await priceIs('700');
  await priceIs('900', symbol);
  await quote('buy', '0.001', '700');
  await keep(2);
  expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: 'no_liquidity', endedAt: null }]);
  expect(await alertsOf(trader)).toContain('liquidation no_liquidity');
  await quote('buy', '2', '700');
  await order(world.maker, 'buy 2 at 900', { symbol, leverage: '20' });
  world.desk.advance(60_000);
  await keep(5);
  expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: null }]);
});

test('whoever holds a wallet keeps nobody else from being marked, and is marked once it is free', async () => {
  const traders = [await opened('buy 1', '1000', '500'), await opened('buy 1', '1000', '500')] as const;
  const marks = async () =>
    Promise.all(traders.map(async (trader) => formatAmount((await positionsOf(trader))[0]?.markPrice ?? 0n)));
  const [held] = traders;
  await priceIs('990');
  let marking: Promise<number> | undefined;
  await world.desk.deps.db.engine.transaction(async (tx) => {
    await tx.execute(sql`select 1 from wallets where account_id = ${held.accountId}::uuid for update`);
    marking = markPositions(world.desk.system, world.epoch);
    await until(async () => (await marks())[1] === '990');
    expect(await marks()).toEqual(['1000', '990']);
  });
  expect(await marking).toBeGreaterThanOrEqual(2);
  expect(await marks()).toEqual(['990', '990']);
});

test('a wallet that stays held is waited for once, whoever waits with it', async () => {
  const walletIds = Array.from({ length: 20 }, () => newId()).sort();
  const stuck = walletIds[7] ?? newId();
  let held: ReadonlySet<Id> = new Set(walletIds);
  const [waits, done]: [number[], Id[]] = [[], []];
  const failed = await freeWalletsFirst(world.desk.system, walletIds, 100, async (ids, onlyFree) => {
    if (!onlyFree) {
      waits.push(ids.length);
      held = new Set([stuck]);
      throw new Error('it was held for too long');
    }
    const free = ids.filter((id) => !held.has(id));
    done.push(...free);
    return new Set(free);
  });
  expect(waits).toEqual([20]);
  expect(failed).toEqual([stuck]);
  expect(done).toEqual(walletIds.filter((id) => id !== stuck));
});

test('who waits with a wallet that stays held is waited for without it', async () => {
  const walletIds = Array.from({ length: 20 }, () => newId()).sort();
  const stuck = walletIds[3] ?? newId();
  const waits: (readonly Id[])[] = [];
  const failed = await freeWalletsFirst(world.desk.system, walletIds, 100, async (ids, onlyFree) => {
    if (!onlyFree) {
      waits.push(ids);
      if (ids.includes(stuck)) {
        throw new Error('it was held for too long');
      }
      return new Set(ids);
    }
    // Those behind it are never free at the moment that somebody looks.
    return new Set(waits.length === 0 ? [] : ids.filter((id) => id < stuck));
  });
  expect(waits).toEqual([walletIds, walletIds.slice(4)]);
  expect(failed).toEqual([stuck]);
});

test('whoever cannot be asked since somebody holds them costs the others one wait, however many they are', async () => {
  const some = Array.from({ length: 64 }, () => ({
    id: newId(),
    userId: newId(),
    walletId: newId(),
  })) as unknown as Liquidation[];
  const held = present(some[40], 'there are many');
  const asked = await transact(world.desk.system, 'engine', async (tx) => {
    await lockGateExclusively(tx, held.userId);
    // In halves they would be waited for seven times, for two seconds each.
    return Promise.race([takeOutOthers(world.desk.system, world.epoch, some), Bun.sleep(10_000)]);
  });
  expect(asked?.clear.map(({ id }) => id)).toEqual(
    some.filter(({ id }) => id !== held.id).map(({ id }) => id),
  );
});

test('what stands in the way of very many is asked to end by a transaction for each hundred of them', async () => {
  const { desk, epoch } = world;
  const userIds = Array.from({ length: 150 }, () => newId());
  const last = present(userIds.at(-1), 'there are many');
  const some = userIds.map((userId) => ({
    id: newId(),
    userId,
    walletId: newId(),
  })) as unknown as Liquidation[];
  let taking: ReturnType<typeof takeOutOthers> | undefined;
  const held = await transact(desk.system, 'engine', async (tx) => {
    await lockGateExclusively(tx, last);
    taking = takeOutOthers(desk.system, epoch, some);
    let gates = 0;
    await until(async () => {
      const [waiting] = await tx.execute<{ gates: number }>(sql`
        select count(*) filter (where l.granted)::int as gates from pg_locks l
        join pg_database d on d.oid = l.database and d.datname = current_database()
        where l.locktype = 'advisory' and l.pid in (select w.pid from pg_locks w where not w.granted) group by l.pid`);
      gates = waiting?.gates ?? 0;
      return gates > 0;
    });
    return gates;
  });
  // Whoever waits for the last of them holds the gates of those that are asked with it, and no more.
  expect(held).toBeWithin(40, 60);
  const { clear, hindered } = await present(taking, 'it was begun');
  expect([clear.length, hindered.length]).toEqual([150, 0]);
});

test('whoever holds a wallet keeps nobody else from being judged, and is judged once it is free', async () => {
  const traders = [await opened('buy 1', '1000', '200'), await opened('buy 1', '1000', '200')] as const;
  const [held, other] = traders;
  await priceIs('880');
  await markPositions(world.desk.system, world.epoch);
  let judging: Promise<void> | undefined;
  await world.desk.deps.db.engine.transaction(async (tx) => {
    await tx.execute(sql`select 1 from wallets where account_id = ${held.accountId}::uuid for update`);
    judging = judgeMargin(world.desk.system, world.epoch);
    await until(async () => (await callsOf(other)).length === 1);
    expect(await callsOf(held)).toEqual([]);
  });
  await judging;
  // On a busy machine it may have waited for longer than a look waits.
  await judgeMargin(world.desk.system, world.epoch);
  expect(await callsOf(held)).toHaveLength(1);
});

/** In how many statements the rows of a table were written: those of one bear its transaction and its place there. */
async function statementsOf(table: string, traders: readonly Trader[]): Promise<number> {
  const accountIds = sql.param(traders.map(({ accountId }) => accountId));
  const [written] = await world.desk.deps.db.engine.execute<{ statements: number }>(sql`
    select count(distinct (xmin::text, cmin::text))::int as statements from ${sql.identifier(table)}
    where account_id = any (${accountIds}::uuid[])`);
  return written?.statements ?? 0;
}

test('who are called at once are so by one statement, since marks wait for it, and who is closed out at once together', async () => {
  const traders = [await opened('buy 1', '1000', '200'), await opened('buy 1', '1000', '200')];
  traders.push(await opened('buy 1', '1000', '200'));
  for (const [price, table] of [
    ['880', 'margin_calls'],
    ['851', 'liquidations'],
  ] as const) {
    await priceIs(price);
    await markPositions(world.desk.system, world.epoch);
    expect(await statementsOf('positions', traders)).toBe(1);
    await judgeMargin(world.desk.system, world.epoch);
    expect(await statementsOf(table, traders)).toBe(1);
  }
  await quote('buy', '3', '851');
  await liquidate(world.desk.system, world.epoch);
  const [placed] = await world.desk.deps.db.engine.execute(sql`
    select count(*)::int as orders, count(distinct e.xmin::text)::int as accepts from order_events e
    join orders o on o.id = e.order_id and o.origin = 'liquidation' where e.type = 'order.accepted'
      and o.account_id = any (${sql.param(traders.map(({ accountId }) => accountId))}::uuid[])`);
  expect(placed).toEqual({ orders: 3, accepts: 1 });
  await keep(2);
  expect((await Promise.all(traders.map(liquidationsOf))).flat()).toMatchObject(
    traders.map(() => ({ outcome: 'restored', steps: 1 })),
  );
});

test('what stands in the way of many is asked to end together, and waited for once', async () => {
  const { desk, epoch } = world;
  const traders = [await opened('buy 1', '1000', '200'), await opened('buy 1', '1000', '200')];
  traders.push(await opened('buy 1', '1000', '200'));
  const resting: string[] = [];
  for (const trader of traders) {
    const { body } = await desk.place(trader, 'buy 10 at 1');
    expect(body.rejectionReason).toBeNull();
    resting.push(body.id);
  }
  await priceIs('851');
  await markPositions(desk.system, epoch);
  await judgeMargin(desk.system, epoch);
  await liquidate(desk.system, epoch);
  const [asked] = await desk.deps.db.engine.execute(sql`
    select count(*)::int as orders, count(distinct xmin::text)::int as requests from order_events
    where type = 'order.cancel_requested' and order_id = any (${sql.param(resting)}::uuid[])`);
  expect(asked).toEqual({ orders: 3, requests: 1 });
  await desk.engine.settled();
  await quote('buy', '3', '851');
  await keep(2);
  expect((await Promise.all(traders.map(liquidationsOf))).flat()).toMatchObject(
    traders.map(() => ({ outcome: 'restored', steps: 1 })),
  );
});

/** What exits in those contracts have ordered and placed so far, and in how many transactions that was accepted. */
async function placedByExits(
  db: Pick<Tx, 'execute'> = world.desk.deps.db.engine,
): Promise<{ readonly orders: number; readonly accepts: number }> {
  const [placed] = await db.execute<{ orders: number; accepts: number }>(sql`
    select count(*)::int as orders, count(distinct xmin::text)::int as accepts
    from position_exit_orders where order_id is not null and symbol like 'EXIT%'`);
  return { orders: placed?.orders ?? 0, accepts: placed?.accepts ?? 0 };
}

/** Ten contracts, and so many people who are long in each, with a stop-loss at 950. */
async function longInTen(
  people: number,
): Promise<{ symbols: readonly string[]; traders: readonly Trader[] }> {
  const { desk, maker } = world;
  const symbols = Array.from({ length: 10 }, (_, place) => `EXIT${place}-PERP`);
  for (const symbol of symbols) {
    await listFollowed(symbol);
    await priceIs('1000', symbol);
    await order(maker, 'sell 2 at 1000', { symbol, leverage: '20' });
  }
  const traders = await Promise.all(
    Array.from({ length: people }, () => desk.newTrader({ USD: '500' }, { leverage: '10' })),
  );
  const bought = { side: 'buy', type: 'limit', timeInForce: 'gtc', quantity: '0.1', limitPrice: '1000' };
  await Promise.all(
    traders.map((trader) => {
      const { accountId } = trader;
      const orders = symbols.map((symbol) => ({ ...bought, accountId, symbol, leverage: '10' }));
      return desk.request(trader, 'POST', '/v1/orders/batch', { body: { orders }, key: newId() });
    }),
  );
  await desk.engine.settled();
  await desk.deps.db.engine.execute(sql`
    insert into position_exits (position_id, user_id, account_id, instrument_id, wallet_id, side, stop_loss, changed_at)
    select id, user_id, account_id, instrument_id, wallet_id, side, 950, opened_at from positions
    where symbol like 'EXIT%' and side = 'long' and closed_at is null`);
  return { symbols, traders };
}

test('exits that are reached together are ordered together, and neither a held wallet nor a bad one keeps the others', async () => {
  const { desk, maker, epoch } = world;
  const { symbols, traders } = await longInTen(20);
  for (const symbol of symbols) {
    await order(maker, 'buy 2 at 950', { symbol, leverage: '20' });
    await priceIs('950', symbol);
  }
  await desk.engine.settled();
  await markPositions(desk.system, epoch);
  // However many contracts have moved.
  expect(await statementsOf('positions', traders)).toBe(1);
  let closing: Promise<void> | undefined;
  await transact(desk.system, 'engine', async (tx) => {
    await tx.execute(sql`select 1 from wallets where account_id = ${traders[7]?.accountId}::uuid for update`);
    closing = closeExits(desk.system, epoch);
    // Asked by this transaction, which is not idle meanwhile.
    await until(async () => (await placedByExits(tx)).orders === 190);
  });
  await closing;
  // On a busy machine it may have waited for longer than a look waits.
  await until(async () => {
    await closeExits(desk.system, epoch);
    return (await placedByExits()).orders === 200;
  });
  await desk.engine.settled();
  // Those that were free, and those of the wallet that somebody held.
  expect(await placedByExits()).toEqual({ orders: 200, accepts: 2 });
  const [left] = await desk.deps.db.engine.execute<{ open: number }>(sql`
    select count(*)::int as open from positions where symbol like 'EXIT%' and side = 'long' and closed_at is null`);
  expect(left).toEqual({ open: 0 });
});

test('of closings that are placed together one that was given up fails alone, and each is placed once', async () => {
  const { desk } = world;
  const traders = [await opened('buy 1', '1000', '500'), await opened('buy 1', '1000', '500')];
  traders.push(await opened('buy 1', '1000', '500'));
  await desk.deps.db.engine.execute(sql`
    insert into position_exits (position_id, user_id, account_id, instrument_id, wallet_id, side, stop_loss, changed_at)
    select id, user_id, account_id, instrument_id, wallet_id, side, 950, opened_at from positions
    where symbol = 'BTC-PERP' and side = 'long' and closed_at is null
      and account_id = any (${sql.param(traders.map(({ accountId }) => accountId))}::uuid[])`);
  await priceIs('950');
  await markPositions(desk.system, world.epoch);
  for (const { accountId } of traders) {
    await desk.deps.db.engine.execute(sql`
      insert into position_exit_orders (id, position_id, user_id, account_id, symbol, side, attempt, quantity, created_at)
      select ${newId()}, id, user_id, account_id, symbol, 'sell', 1, quantity, now() from positions
      where account_id = ${accountId}::uuid and closed_at is null`);
  }
  const mine = sql`account_id = any (${sql.param(traders.map(({ accountId }) => accountId))}::uuid[])`;
  const planned = () =>
    desk.deps.db.engine.select().from(positionExitOrders).where(mine).orderBy(asc(positionExitOrders.id));
  const given = (await planned())[1]?.positionId ?? newId();
  await transact(desk.system, 'engine', (tx) => abandonUnplaced(tx, desk.system, [given]));
  const handedIn = await planned();
  await placeClosings(desk.system, 'position_exit', handedIn);
  const placed = (await planned()).map(({ orderId }) => orderId);
  expect(placed.map((orderId) => orderId === null)).toEqual([false, true, false]);
  // Whoever hands them in again places nothing more.
  await placeClosings(desk.system, 'position_exit', handedIn);
  expect((await planned()).map(({ orderId }) => orderId)).toEqual(placed);
  await desk.engine.settled();
});
