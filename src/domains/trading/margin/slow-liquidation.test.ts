import { expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { formatAmount } from '../../../kernel/amount.ts';
import { until } from '../../../testing/until.ts';
import { markPositions } from './mark-positions.ts';
import {
  alertsOf,
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
