import { describe, expect, spyOn, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { openClient } from '../../../platform/db/client.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { outbox } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { feedSays } from '../../../testing/feed-says.ts';
import type { Answer } from '../../../testing/send.ts';
import type { Trader } from '../../../testing/trading-desk.ts';
import { until } from '../../../testing/until.ts';
import { accounts } from '../../accounts/schema.ts';
import { users } from '../../identity/schema.ts';
import { wallets } from '../../ledger/schema.ts';
import { setQuote } from '../../markets/index.ts';
import { liftBreakers, setRiskLimit } from '../../risk/index.ts';
import { abandonUnplaced } from '../positions/exit-orders.ts';
import { exitsRefusal, pauseAfter, reachedExit } from '../positions/exit-rules.ts';
import { positionExitOrders, positionExits } from '../positions/schema.ts';
import { orders } from '../schema.ts';
import { becomeKeeper, KeeperReplaced } from './fence.ts';
import { keepMargin, startMarginKeeper } from './keeper.ts';
import { markPositions } from './mark-positions.ts';
import { placeClosings } from './place-closings.ts';
import {
  alertsOf,
  keep,
  liquidatingOrders,
  liquidationsOf,
  listFollowed,
  opened,
  order,
  positionsOf,
  priceIs,
  quote,
  SYMBOL,
  startMarginDesk,
  world,
} from './testing/margin-desk.ts';

startMarginDesk(import.meta.file);

/** `'60/70'` is a stop-loss at 60 and a take-profit at 70; either may be missing. */
function levels(words: string): object {
  const [stopLoss, takeProfit] = words.split('/');
  return {
    ...(stopLoss ? { stopLoss: { triggerPrice: stopLoss } } : {}),
    ...(takeProfit ? { takeProfit: { triggerPrice: takeProfit } } : {}),
  };
}

async function pathOf(trader: Trader): Promise<string> {
  const open = (await positionsOf(trader)).at(-1);
  return `/v1/positions/${open?.id ?? newId()}`;
}

async function set(trader: Trader, words: string, as: Trader = trader): Promise<Answer> {
  return world.desk.request(as, 'PUT', `${await pathOf(trader)}/exits`, { body: levels(words) });
}

async function remove(trader: Trader): Promise<Answer> {
  return world.desk.request(trader, 'DELETE', `${await pathOf(trader)}/exits`);
}

async function seen(trader: Trader): Promise<Answer['body']> {
  return (await world.desk.request(trader, 'GET', await pathOf(trader))).body;
}

async function exitOrdersOf({ accountId }: Trader) {
  return world.desk.deps.db.engine
    .select()
    .from(orders)
    .where(and(eq(orders.accountId, accountId), eq(orders.origin, 'position_exit')))
    .orderBy(orders.id);
}

async function plannedOf({ accountId }: Trader) {
  return world.desk.deps.db.engine
    .select()
    .from(positionExitOrders)
    .where(eq(positionExitOrders.accountId, accountId))
    .orderBy(positionExitOrders.attempt);
}

async function exitsOf({ accountId }: Trader) {
  return world.desk.deps.db.engine
    .select()
    .from(positionExits)
    .where(eq(positionExits.accountId, accountId))
    .orderBy(positionExits.positionId);
}

async function triggersTold({ accountId }: Trader) {
  const rows = await world.desk.deps.db.engine
    .select({ data: outbox.data, visible: outbox.customerVisible })
    .from(outbox)
    .where(and(eq(outbox.accountId, accountId), eq(outbox.type, 'trading.position_exit_triggered')))
    .orderBy(outbox.id);
  return rows;
}

async function trippedFor(ms: number): Promise<void> {
  const officer = await world.desk.newStaff('risk_manager');
  const endsAt = addMs(world.desk.deps.clock.now(), ms);
  const { status } = await world.desk.request(officer, 'POST', '/v1/risk/circuit-breakers', {
    body: { reason: 'Looks wrong', symbol: SYMBOL, endsAt },
  });
  expect(status).toBe(201);
}

describe('the rules of exits', () => {
  test.each([
    ['long', '90/110', '90', 'stop_loss'],
    ['long', '90/110', '90.01', null],
    ['long', '90/110', '110', 'take_profit'],
    ['short', '110/90', '110', 'stop_loss'],
    ['short', '110/90', '109.99', null],
    ['short', '110/90', '89', 'take_profit'],
    ['long', '90/', '500', null],
    ['short', '/90', '500', null],
  ] as const)('of a %s position with %s at a mark of %s: %s', (side, words, mark, expected) => {
    const [stopLoss, takeProfit] = words.split('/').map((text) => (text === '' ? null : parseAmount(text)));
    const exits = { stopLoss: stopLoss ?? null, takeProfit: takeProfit ?? null };
    expect(reachedExit(side, exits, parseAmount(mark))).toBe(expected);
    const refusal = exitsRefusal(side, exits, parseAmount(mark), parseAmount('0.01'));
    expect(refusal).toBe(expected === null ? null : 'exit_on_wrong_side');
  });

  test('let a try wait longer and longer, and never longer than a minute', () => {
    expect([0, 1, 2, 3, 6, 7, 500].map(pauseAfter)).toEqual([
      1_000, 1_000, 2_000, 4_000, 32_000, 60_000, 60_000,
    ]);
  });
});

describe('exits of a position', () => {
  test('are set, shown, replaced and taken away by its owner alone', async () => {
    const trader = await opened('buy 1', '1000', '500');
    expect(await seen(trader)).toMatchObject({ stopLoss: null, takeProfit: null, exitTriggered: null });
    const put = await set(trader, '900/1100');
    expect([put.status, put.body.stopLoss, put.body.takeProfit]).toEqual([
      200,
      { triggerPrice: '900' },
      { triggerPrice: '1100' },
    ]);
    // The same again writes nothing.
    expect((await set(trader, '900/1100')).status).toBe(200);
    expect(await exitsOf(trader)).toMatchObject([{ version: 1 }]);
    expect((await set(trader, '/1200')).body).toMatchObject({
      stopLoss: null,
      takeProfit: { triggerPrice: '1200' },
    });
    const listed = await world.desk.request(trader, 'GET', `/v1/accounts/${trader.accountId}/positions`);
    expect(listed.body.data).toMatchObject([{ takeProfit: { triggerPrice: '1200' } }]);
    for (const answer of [
      await set(trader, '900/1100', world.maker),
      await world.desk.request(world.maker, 'DELETE', `${await pathOf(trader)}/exits`),
      await world.desk.request(trader, 'PUT', `/v1/positions/${newId()}/exits`, { body: levels('900/') }),
    ]) {
      expect([answer.status, answer.body.code]).toEqual([404, 'not_found']);
    }
    expect((await remove(trader)).body).toMatchObject({ stopLoss: null, takeProfit: null });
    expect((await remove(trader)).status).toBe(200);
    expect(await exitsOf(trader)).toMatchObject([{ version: 3 }]);
  });

  test('are refused where they make no sense, and nothing is written', async () => {
    const trader = await opened('buy 1', '1000', '500');
    const short = await opened('sell 1', '1000', '500');
    for (const [who, words, status, code] of [
      [trader, '1000/', 422, 'exit_on_wrong_side'],
      [trader, '1001/', 422, 'exit_on_wrong_side'],
      [trader, '900/999', 422, 'exit_on_wrong_side'],
      [short, '999/', 422, 'exit_on_wrong_side'],
      [short, '1100/1001', 422, 'exit_on_wrong_side'],
      [trader, '900.001/', 422, 'price_off_tick'],
      [trader, '0/', 422, 'validation_failed'],
      [trader, '', 422, 'validation_failed'],
    ] as const) {
      const answer = await set(who, words);
      expect([words, answer.status, answer.body.code]).toEqual([words, status, code]);
    }
    expect(await exitsOf(trader)).toEqual([]);
    expect((await set(short, '1100/900')).status).toBe(200);
  });

  test('ask of an account what an order that only reduces asks, and to take them away asks nothing', async () => {
    const trader = await opened('buy 1', '1000', '500');
    expect((await set(trader, '900/')).status).toBe(200);
    for (const [change, status, code] of [
      [{ restriction: 'frozen' }, 403, 'account_restricted'],
      [{ restriction: 'none', agreementsCurrent: false }, 422, 'agreements_outdated'],
      [{ agreementsCurrent: true, kycStatus: 'pending' }, 422, 'kyc_not_approved'],
    ] as const) {
      await world.desk.changeGate(trader, change);
      const answer = await set(trader, '910/');
      expect([answer.status, answer.body.code]).toEqual([status, code]);
    }
    expect((await remove(trader)).status).toBe(200);
    await world.desk.changeGate(trader, { kycStatus: 'approved', restriction: 'reduce_only' });
    expect((await set(trader, '910/')).status).toBe(200);
    await world.desk.deps.db.engine
      .update(accounts)
      .set({ status: 'frozen' })
      .where(eq(accounts.id, trader.accountId));
    expect((await set(trader, '920/')).body.code).toBe('account_not_active');
    await world.desk.deps.db.engine
      .update(accounts)
      .set({ status: 'active' })
      .where(eq(accounts.id, trader.accountId));
    await world.desk.changeGate(trader, { restriction: 'none' });
  });

  test('close all that the position has become, once the mark has reached one', async () => {
    const trader = await opened('buy 1', '1000', '900');
    await set(trader, '950/1100');
    await quote('sell', '1', '1000');
    await order(trader, 'buy 1 at 1000', { leverage: '10' });
    await quote('buy', '0.5', '1000');
    await order(trader, 'sell 0.5', { type: 'market', reduceOnly: true });
    await world.desk.engine.settled();
    // An order of the owner's that may only reduce keeps nothing off, and no limit of the account does.
    await order(trader, 'sell 1.5 at 1080', { reduceOnly: true });
    await limitOf(trader, '1');
    await quote('buy', '5', '949');
    await priceIs('950.01');
    await keep();
    expect(await exitOrdersOf(trader)).toEqual([]);
    await priceIs('949.5');
    await keep(2);
    const [placed, ...more] = await exitOrdersOf(trader);
    expect(more).toEqual([]);
    expect(placed).toMatchObject({
      status: 'filled',
      side: 'sell',
      reduceOnly: true,
      quantity: parseAmount('1.5'),
    });
    expect(await seen(trader)).toMatchObject({
      status: 'closed',
      quantity: '0',
      stopLoss: null,
      takeProfit: null,
      exitTriggered: { exit: 'stop_loss', triggerPrice: '950', markPrice: '949.5', heldBack: null },
    });
    expect(await plannedOf(trader)).toMatchObject([{ attempt: 1, orderId: placed?.id }]);
    expect(await triggersTold(trader)).toMatchObject([
      { visible: true, data: { exit: 'stop_loss', triggerPrice: '950', markPrice: '949.5', symbol: SYMBOL } },
    ]);
    for (const answer of [await set(trader, '900/'), await remove(trader)]) {
      expect([answer.status, answer.body.code]).toEqual([409, 'position_closed']);
    }
  });

  test('of a short position are reached from the other side, and a paper position is left at the quote', async () => {
    const short = await opened('sell 1', '1000', '500');
    await set(short, '1100/900');
    const paper = await world.desk.newTrader({ USD: '500' }, { leverage: '10', book: 'paper', gate: {} });
    await order(paper, 'buy 1', { type: 'market', leverage: '10' });
    await world.desk.engine.settled();
    expect((await set(paper, '890/')).status).toBe(200);
    await quote('sell', '1', '900');
    await priceIs('900');
    await keep(2);
    expect(await seen(short)).toMatchObject({ status: 'closed', exitTriggered: { exit: 'take_profit' } });
    expect(await seen(paper)).toMatchObject({ status: 'open', exitTriggered: null });
    await priceIs('889');
    await keep(3);
    expect(await exitOrdersOf(paper)).toMatchObject([{ status: 'filled', book: 'paper' }]);
    expect(await seen(paper)).toMatchObject({ status: 'closed', exitTriggered: { exit: 'stop_loss' } });
  });

  test('end with their position, and what a turn opens has none', async () => {
    const trader = await opened('buy 1', '1000', '900');
    await set(trader, '900/');
    await quote('buy', '2', '1000');
    await order(trader, 'sell 2', { type: 'market', leverage: '10' });
    await world.desk.engine.settled();
    const [ended, ...others] = await exitsOf(trader);
    expect([ended?.endedAt === null, others.length]).toEqual([false, 0]);
    expect(await seen(trader)).toMatchObject({ side: 'short', stopLoss: null, takeProfit: null });
    // No exit is left that a mark could reach.
    await quote('sell', '5', '890');
    await priceIs('890');
    await keep(2);
    expect(await exitOrdersOf(trader)).toEqual([]);
  });
});

describe('a price that only passed by between two looks', () => {
  const said = (...batches: readonly (readonly string[])[]) =>
    feedSays(world.desk.system, SYMBOL, ...batches);

  test('triggers the exit it reached first, of those that were set before it, and liquidates nobody', async () => {
    const [long, short, poor] = [
      await opened('buy 1', '1000', '500'),
      await opened('sell 1', '1000', '500'),
      await opened('buy 1', '1000', '120'),
    ];
    await said(['1000', '940', '1000']);
    await set(long, '950/1100');
    await keep();
    expect(await seen(long)).toMatchObject({ exitTriggered: null });
    await set(short, '1060/960');
    await said(['1000'], ['945', '1010'], ['1061', '1120', '940', '1000']);
    await keep();
    expect(await seen(long)).toMatchObject({
      exitTriggered: { exit: 'stop_loss', triggerPrice: '950', markPrice: '945' },
    });
    // The take-profit of the short came before its stop-loss.
    expect(await seen(short)).toMatchObject({ exitTriggered: { exit: 'take_profit', markPrice: '945' } });
    // What an account is closed out by is the price of now.
    await said(['1000', '890', '1000']);
    await keep();
    expect([await liquidationsOf(poor), (await seen(poor)).markPrice]).toEqual([[], '1000']);
  });

  test('is not lost on a wallet that somebody held at that look', async () => {
    const trader = await opened('buy 1', '1000', '500');
    await set(trader, '950/');
    await keep();
    await world.desk.deps.db.engine.transaction(async (tx) => {
      await tx.execute(sql`select 1 from wallets where account_id = ${trader.accountId}::uuid for update`);
      await said(['1000', '940', '1000']);
      await markPositions(world.desk.system, world.epoch);
    });
    expect(await seen(trader)).toMatchObject({ exitTriggered: null });
    await keep();
    expect(await seen(trader)).toMatchObject({ exitTriggered: { exit: 'stop_loss', markPrice: '940' } });
  });

  test('while nothing may be triggered triggers nothing afterwards either', async () => {
    const trader = await opened('buy 1', '1000', '500');
    await set(trader, '950/');
    await keep();
    await trippedFor(60_000);
    await said(['1000', '940', '1000']);
    await keep();
    world.desk.advance(61_000);
    await liftBreakers(world.desk.system);
    await keep();
    expect(await seen(trader)).toMatchObject({ exitTriggered: null });
    await said(['1000', '940', '1000']);
    await keep();
    expect(await seen(trader)).toMatchObject({ exitTriggered: { exit: 'stop_loss', markPrice: '940' } });
  });
});

describe('an exit that was triggered', () => {
  test('is tried again with growing pauses where nobody trades, and somebody is told', async () => {
    const trader = await opened('buy 1', '1000', '500');
    await set(trader, '950/');
    await priceIs('940');
    await keep(1);
    expect(await exitOrdersOf(trader)).toMatchObject([{ status: 'cancelled', cancelReason: 'no_liquidity' }]);
    await keep(3);
    const tries = (await plannedOf(trader)).map(({ createdAt }) => Date.parse(createdAt));
    expect(tries.length).toBeGreaterThan(1);
    for (const [fruitless, at] of tries.entries()) {
      expect(at).toBeGreaterThanOrEqual((tries[fruitless - 1] ?? -Infinity) + pauseAfter(fruitless));
    }
    expect(await alertsOf(trader)).toEqual([]);
    for (let more = 0; more < 4; more += 1) {
      world.desk.advance(60_000);
      await keep();
    }
    expect(await alertsOf(trader)).toEqual(['position_exit no_liquidity']);
    expect(await seen(trader)).toMatchObject({ status: 'open', exitTriggered: { heldBack: 'no_liquidity' } });
    // Half of it goes, and then the rest a second later.
    await quote('buy', '0.5', '940');
    world.desk.advance(60_000);
    await keep();
    expect((await seen(trader)).quantity).toBe('0.5');
    await quote('buy', '0.5', '940');
    await keep(2);
    expect(await seen(trader)).toMatchObject({ status: 'closed' });
  });

  test('waits for what stops anybody, without an order, and goes on by itself', async () => {
    const trader = await opened('buy 1', '1000', '500');
    await set(trader, '950/');
    await priceIs('950');
    await markPositions(world.desk.system, world.epoch);
    await trippedFor(60_000);
    await keep(2);
    expect(await seen(trader)).toMatchObject({ exitTriggered: { heldBack: 'circuit_breaker_active' } });
    world.desk.advance(61_000);
    await liftBreakers(world.desk.system);
    await world.desk.changeGate(trader, { restriction: 'frozen' });
    await keep(2);
    expect(await exitOrdersOf(trader)).toEqual([]);
    expect(await seen(trader)).toMatchObject({ exitTriggered: { heldBack: 'account_restricted' } });
    expect(await alertsOf(trader)).toEqual([
      'position_exit circuit_breaker_active',
      'position_exit account_restricted',
    ]);
    // New terms do not undo what was set under the old ones.
    await world.desk.changeGate(trader, { restriction: 'none', agreementsCurrent: false });
    await quote('buy', '1', '950');
    await until(async () => {
      await keep();
      return (await seen(trader)).status === 'closed';
    });
    expect(await seen(trader)).toMatchObject({ exitTriggered: { heldBack: null } });
    await world.desk.changeGate(trader, { agreementsCurrent: true });
  });

  test('waits, without an order, for a wallet that is suspended, and for the paper account of whoever is', async () => {
    const trader = await opened('buy 1', '1000', '500');
    const paper = await world.desk.newTrader({ USD: '500' }, { leverage: '10', book: 'paper', gate: {} });
    await order(paper, 'buy 1', { type: 'market', leverage: '10' });
    await world.desk.engine.settled();
    await set(trader, '950/');
    await set(paper, '950/');
    const walletIs = (status: 'active' | 'suspended') =>
      world.desk.deps.db.engine
        .update(wallets)
        .set({ status })
        .where(eq(wallets.accountId, trader.accountId));
    const personIs = (status: 'active' | 'suspended') =>
      world.desk.deps.db.engine.update(users).set({ status }).where(eq(users.id, paper.userId));
    await walletIs('suspended');
    await personIs('suspended');
    await quote('buy', '1', '949');
    await priceIs('949');
    await keep(2);
    expect([...(await exitOrdersOf(trader)), ...(await exitOrdersOf(paper))]).toEqual([]);
    expect(await exitsOf(trader)).toMatchObject([{ heldBack: 'wallet_not_active' }]);
    expect(await exitsOf(paper)).toMatchObject([{ heldBack: 'account_restricted' }]);
    await walletIs('active');
    await personIs('active');
    await keep(3);
    expect(await positionsOf(trader)).toMatchObject([{ status: 'closed' }]);
    expect(await positionsOf(paper)).toMatchObject([{ status: 'closed' }]);
  });

  test('counts what was planned and given up as a try, and somebody is told', async () => {
    const trader = await opened('buy 1', '1000', '500');
    await set(trader, '950/');
    await priceIs('950');
    await markPositions(world.desk.system, world.epoch);
    for (const attempt of [1, 2, 3, 4, 5]) {
      const { positionId } = await interrupted(trader, attempt);
      await transact(world.desk.system, 'engine', (tx) =>
        abandonUnplaced(tx, world.desk.system, [positionId]),
      );
    }
    await keep();
    expect(await plannedOf(trader)).toHaveLength(5);
    world.desk.advance(pauseAfter(5));
    await keep();
    expect(await plannedOf(trader)).toHaveLength(6);
    expect(await alertsOf(trader)).toEqual(['position_exit not_placed']);
  });

  test('was not triggered by a price from while nothing could be traded', async () => {
    const [gone, still] = [await opened('buy 1', '1000', '500'), await opened('buy 1', '1000', '500')];
    await set(gone, '950/');
    await set(still, '985/');
    await trippedFor(60_000);
    await priceIs('940');
    await keep(2);
    expect((await exitsOf(gone))[0]?.triggeredAt ?? null).toBeNull();
    expect((await positionsOf(gone))[0]?.markPrice).toBe(parseAmount('940'));
    await priceIs('980');
    world.desk.advance(61_000);
    await liftBreakers(world.desk.system);
    await quote('buy', '1', '980');
    await until(async () => {
      await keep();
      return (await seen(still)).status === 'closed';
    });
    expect(await seen(gone)).toMatchObject({ status: 'open', exitTriggered: null });
    expect(await seen(still)).toMatchObject({ exitTriggered: { markPrice: '980' } });
  });

  test('waits for a liquidation of the same wallet', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await set(trader, '851/');
    await priceIs('851');
    await keep(2);
    expect(await liquidationsOf(trader)).toMatchObject([{ endedAt: null }]);
    expect(await exitOrdersOf(trader)).toEqual([]);
    expect(await seen(trader)).toMatchObject({ exitTriggered: { heldBack: 'liquidation_open' } });
    await quote('buy', '1', '851');
    await keep(4);
    expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'restored' }]);
    expect(await exitOrdersOf(trader)).toMatchObject([{ status: 'filled', quantity: parseAmount('0.584') }]);
    expect(await seen(trader)).toMatchObject({ status: 'closed' });
  });

  test('gives up what it planned and did not place where a liquidation begins: nothing is closed twice', async () => {
    const trader = await opened('buy 1', '1000', '200');
    await set(trader, '851/');
    await quote('buy', '1', '851');
    await priceIs('851');
    await markPositions(world.desk.system, world.epoch);
    const planned = await interrupted(trader);
    await world.desk.engine.stop();
    await keepMargin(world.desk.system, world.epoch);
    expect(await liquidatingOrders(trader)).toMatchObject([{ status: 'pending' }]);
    // What the keeper had handed in before comes out of the intake.
    await placeClosings(world.desk.system, 'position_exit', [planned]);
    expect(await exitOrdersOf(trader)).toEqual([]);
    expect((await plannedOf(trader)).map(({ abandonedAt }) => abandonedAt === null)).toEqual([false]);
    await world.desk.engine.start();
    await keep(4);
    expect((await positionsOf(trader)).map(({ side, status }) => [side, status])).toEqual([
      ['long', 'closed'],
    ]);
  });

  test('waits for no liquidation that may not close it, since nobody stands for its price', async () => {
    const symbol = 'ETH-PERP';
    await listFollowed(symbol);
    await priceIs('1000', symbol);
    const trader = await opened('buy 1', '1000', '500');
    await order(world.maker, 'sell 1 at 1000', { symbol, leverage: '10' });
    await order(trader, 'buy 1 at 1000', { symbol, leverage: '10' });
    await order(world.maker, 'buy 1 at 989', { symbol, leverage: '10' });
    await world.desk.engine.settled();
    expect((await set(trader, '990/')).status).toBe(200);
    await priceIs('590');
    await keep();
    expect(await liquidationsOf(trader)).toMatchObject([{ endedAt: null }]);
    await world.desk.deps.db.engine.execute(sql`update price_settings set feed = null, feed_symbol = null
      where instrument_id = (select id from instruments where symbol = ${symbol})`);
    await setQuote(world.desk.system, { symbol, last: parseAmount('989'), source: 'trades' });
    await keep(2);
    expect(await exitOrdersOf(trader)).toMatchObject([{ status: 'filled', symbol }]);
    expect(await seen(trader)).toMatchObject({ symbol, status: 'closed' });
    expect(await liquidationsOf(trader)).toMatchObject([{ endedAt: null }]);
  });

  test('is taken back by its owner while no order of it is under way, and the same again changes nothing', async () => {
    const trader = await opened('buy 1', '1000', '500');
    await set(trader, '950/');
    await priceIs('940');
    await keep();
    expect((await set(trader, '950/')).body).toMatchObject({ exitTriggered: { exit: 'stop_loss' } });
    expect((await set(trader, '945/')).body.code).toBe('exit_on_wrong_side');
    expect((await set(trader, '930/')).body).toMatchObject({
      exitTriggered: null,
      stopLoss: { triggerPrice: '930' },
    });
    world.desk.advance(60_000);
    await keep(2);
    expect(await exitOrdersOf(trader)).toHaveLength(1);
    await priceIs('930');
    await keep();
    expect(await exitOrdersOf(trader)).toHaveLength(2);
    expect((await remove(trader)).body).toMatchObject({ exitTriggered: null, stopLoss: null });
    world.desk.advance(60_000);
    await keep(2);
    expect(await exitOrdersOf(trader)).toHaveLength(2);
  });

  test('is not taken back while its order waits in its book', async () => {
    const trader = await opened('buy 1', '1000', '500');
    await set(trader, '950/');
    await priceIs('950');
    await markPositions(world.desk.system, world.epoch);
    const planned = await interrupted(trader);
    await world.desk.engine.stop();
    await placeClosings(world.desk.system, 'position_exit', [planned]);
    for (const answer of [await set(trader, '930/'), await remove(trader)]) {
      expect([answer.status, answer.body.code]).toEqual([409, 'exit_under_way']);
    }
    world.desk.advance(11_000);
    const lookedAt = world.desk.deps.clock.now();
    await keepMargin(world.desk.system, world.epoch);
    expect(await seen(trader)).toMatchObject({ exitTriggered: { heldBack: 'order_unanswered' } });
    // Nobody is locked for it with every look.
    const [unanswered] = await exitsOf(trader);
    expect(Date.parse(unanswered?.nextTryAt ?? '')).toBeGreaterThanOrEqual(
      Date.parse(addMs(lookedAt, 1_000)),
    );
    expect(await exitOrdersOf(trader)).toHaveLength(1);
    // Nor does a liquidation order beside it what may still trade.
    await priceIs('540');
    await keepMargin(world.desk.system, world.epoch);
    expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: 'order_unanswered', steps: 0 }]);
    await world.desk.engine.start();
    await world.desk.engine.settled();
  });

  test('takes out first what its owner rests on the other side', async () => {
    const trader = await opened('buy 1', '1000', '900');
    const own = await order(trader, 'buy 0.5 at 945', { leverage: '10' });
    await set(trader, '950/');
    await quote('buy', '1', '944');
    await priceIs('949');
    await keep(4);
    expect(await world.desk.later(trader, own.body.id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'position_exit',
    });
    expect((await exitOrdersOf(trader)).map(({ status }) => status)).toEqual(['cancelled', 'filled']);
    expect(await seen(trader)).toMatchObject({ status: 'closed' });
  });

  test('that its owner took back before its order was placed is no failure; what is one says why', async () => {
    const trader = await opened('buy 1', '1000', '500');
    await set(trader, '950/');
    await priceIs('950');
    await markPositions(world.desk.system, world.epoch);
    const planned = await interrupted(trader);
    await remove(trader);
    const said = (['info', 'error'] as const).map((level) => spyOn(world.desk.deps.log, level));
    await placeClosings(world.desk.system, 'position_exit', [planned, { ...planned, id: newId() }]);
    const [info, error] = said.map(({ mock }) => mock.calls.map(([of]) => of as object));
    said.map((spied) => spied.mockRestore());
    expect([info, error]).toMatchObject([[{ planned: planned.id }], [{ reason: 'PL053' }]]);
  });

  test('is closed once, wherever its keeper was killed, and by no keeper that was replaced', async () => {
    const traders = [await opened('buy 1', '1000', '500'), await opened('buy 1', '1000', '500')] as const;
    for (const trader of traders) {
      await set(trader, '950/');
    }
    await quote('buy', '2', '950');
    await priceIs('950');
    await markPositions(world.desk.system, world.epoch);
    const [unplaced, placed] = [await interrupted(traders[0]), await interrupted(traders[1])];
    // Of the second the order was placed, and its keeper died before it could say so.
    await placeClosings(world.desk.system, 'position_exit', [placed]);
    await world.desk.engine.settled();
    const former = world.epoch;
    world.epoch = await becomeKeeper(world.desk.system);
    expect(keepMargin(world.desk.system, former)).rejects.toThrow(KeeperReplaced);
    await keep(2);
    for (const trader of traders) {
      expect(await seen(trader)).toMatchObject({ status: 'closed' });
      expect(await exitOrdersOf(trader)).toMatchObject([{ status: 'filled' }]);
    }
    expect(await plannedOf(traders[0])).toMatchObject([
      { id: unplaced.id, orderId: null },
      { attempt: 2, abandonedAt: null },
    ]);
    // The former keeper awakes and hands in what it had planned: of a position that was opened anew nothing is sold.
    await quote('sell', '1', '950');
    await order(traders[0], 'buy 1 at 950', { leverage: '10' });
    await world.desk.engine.settled();
    await placeClosings(world.desk.system, 'position_exit', [unplaced]);
    await keep();
    expect(await exitOrdersOf(traders[0])).toHaveLength(1);
    expect(await seen(traders[0])).toMatchObject({ status: 'open', quantity: '1' });
  });

  test('that races its owner never turns the position around', async () => {
    const trader = await opened('buy 1', '1000', '500');
    await set(trader, '950/');
    await quote('buy', '3', '950');
    await priceIs('950');
    await Promise.all([
      keepMargin(world.desk.system, world.epoch),
      order(trader, 'sell 1', { type: 'market', reduceOnly: true }),
      set(trader, '900/'),
      remove(trader),
    ]);
    await world.desk.engine.settled();
    await keep(2);
    expect((await positionsOf(trader)).map(({ side, status }) => [side, status])).toEqual([
      ['long', 'closed'],
    ]);
  });

  test('is found by the keeper itself, of two processes by one', async () => {
    const trader = await opened('buy 1', '1000', '500');
    await set(trader, '950/');
    await quote('buy', '1', '950');
    const keepers = [startMarginKeeper(world.desk.deps), startMarginKeeper(world.desk.deps)];
    await priceIs('950');
    await until(async () => (await seen(trader)).status === 'closed');
    await Promise.all(keepers.map(({ stop }) => stop()));
    expect(await exitOrdersOf(trader)).toHaveLength(1);
    expect(await triggersTold(trader)).toHaveLength(1);
  });
});

describe('the database', () => {
  test('lets nobody arm a position that is closed, trigger one that was not reached, or order for neither', async () => {
    const trader = await opened('buy 1', '1000', '500');
    await set(trader, '950/');
    const [exits] = await exitsOf(trader);
    const engine = world.desk.deps.db.engine;
    const at = sql`now()`;
    const own = eq(positionExits.positionId, exits?.positionId ?? '');
    const changing = (values: object) => engine.update(positionExits).set(values).where(own);
    const mark = (text: string) => ({
      triggered: 'stop_loss',
      triggeredAt: at,
      nextTryAt: at,
      triggerMark: parseAmount(text),
    });
    expect(await stateOf(changing(mark('950.01')))).toBe('PL053');
    expect(await stateOf(changing({ endedAt: at }))).toBe('PL053');
    expect(await stateOf(changing({ stopLoss: parseAmount('960') }))).toBe('PL053');
    expect(await stateOf(changing({ accountId: world.maker.accountId }))).not.toBeNull();
    expect(await stateOf(engine.delete(positionExits).where(own))).not.toBeNull();
    // Untriggered, nothing is ordered.
    expect(await stateOf(interrupted(trader))).toBe('PL053');
    expect(await stateOf(changing(mark('950')))).toBeNull();
    expect(await stateOf(changing(mark('940')))).toBe('PL053');
  });

  test('reconcile finds an armed exit of a closed position, and an order that nothing planned', async () => {
    const trader = await opened('buy 1', '1000', '500');
    await set(trader, '950/');
    await quote('buy', '1', '950');
    await priceIs('950');
    await keep(2);
    const [exits] = await exitsOf(trader);
    const [placed] = await plannedOf(trader);
    for (const [plant, mend, check] of [
      [
        `update position_exits set ended_at = null where position_id = '${exits?.positionId}'`,
        `update position_exits set ended_at = '${exits?.endedAt}' where position_id = '${exits?.positionId}'`,
        'trading.exits_end_with_their_position',
      ],
      [
        `update position_exit_orders set order_id = null where id = '${placed?.id}'`,
        `update position_exit_orders set order_id = '${placed?.orderId}' where id = '${placed?.id}'`,
        'trading.closed_by_an_exit',
      ],
    ] as const) {
      await unguarded(plant);
      const { checks } = await world.desk.reconcile();
      expect(checks.filter(({ breaks }) => breaks.length > 0).map(({ name }) => name)).toEqual([check]);
      await unguarded(mend);
    }
  });
});

async function limitOf(trader: Trader, value: string): Promise<void> {
  await setRiskLimit(world.desk.system, {
    scope: 'account',
    scopeId: trader.accountId,
    type: 'max_order_value',
    value: parseAmount(value),
    currency: 'USD',
    effectiveFrom: world.desk.deps.clock.now(),
    effectiveUntil: null,
    setBy: 'seed',
    approvalId: null,
    reason: 'Test',
    subjectUserId: trader.userId,
  });
}

/** What a keeper wrote before it was killed: an order that is planned and not placed. */
async function interrupted(trader: Trader, attempt = 1): Promise<typeof positionExitOrders.$inferSelect> {
  const position = (await positionsOf(trader)).at(-1);
  const [planned] = await world.desk.deps.db.engine
    .insert(positionExitOrders)
    .values({
      id: newId(),
      positionId: position?.id ?? newId(),
      userId: trader.userId,
      accountId: trader.accountId,
      symbol: SYMBOL,
      side: 'sell',
      attempt,
      quantity: parseAmount('1'),
      createdAt: world.desk.deps.clock.now(),
    })
    .returning();
  return present(planned, 'it was just written');
}

async function stateOf(write: PromiseLike<unknown>): Promise<string | null> {
  try {
    await write;
    return null;
  } catch (error) {
    return sqlStateOf(error) ?? 'unknown';
  }
}

/** Writes what the guards refuse. */
async function unguarded(statement: string): Promise<void> {
  const owner = openClient(world.desk.database.owner, 1);
  const tables = ['position_exits', 'position_exit_orders'];
  for (const table of tables) {
    await owner.unsafe(`create policy plant on ${table} using (true) with check (true)`);
    await owner.unsafe(`alter table ${table} disable trigger user`);
  }
  await owner.unsafe(statement);
  for (const table of tables) {
    const trigger = table === 'position_exits' ? 'check_position_exits' : 'check_position_exit_order';
    await owner.unsafe(`alter table ${table} enable always trigger ${trigger}`);
    await owner.unsafe(`drop policy plant on ${table}`);
  }
  await owner.end();
}
