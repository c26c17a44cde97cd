import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { amountOf, formatAmount, parseAmount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { type GroupDesk, type Order, startGroupDesk, told } from '../../testing/group-desk.ts';
import { listContract } from '../../testing/list-contract.ts';
import type { Trader } from '../../testing/trading-desk.ts';
import { untoldOrders } from '../../testing/untold-orders.ts';
import { setQuote } from '../markets/index.ts';
import { orders } from './schema.ts';

let desk: GroupDesk;

beforeAll(async () => {
  desk = await startGroupDesk(import.meta.file);
});

beforeEach(async () => {
  await desk.quiet();
});

afterEach(async () => {
  expect(await desk.faults()).toEqual([]);
});

afterAll(async () => {
  await desk.close();
});

const TAKEN_OVER = 'order.reserved 0 -> 0.6 BTC';
const BRACKET = { takeProfit: { limitPrice: '63000' }, stopLoss: { stopPrice: '57000' } };

/** What stands at no price, or at two. */
const NO_STOP_LOSSES = [
  { stopPrice: '57000', trailAmount: '100' },
  { trailAmount: '100', limitPrice: '57000' },
  {},
];

async function bracket(trader: Trader, words: string, more: object = BRACKET, key?: string): Promise<Order> {
  const { status, body } = await desk.place(trader, words, more, key);
  expect(status).toBe(201);
  return body;
}

/** The exits of an entry as they are now, the take-profit first. */
function exitsOf(trader: Trader, entry: Order): Promise<Order[]> {
  return desk.now(trader, entry.exitIds);
}

async function bought(quantity: string, price = '59000'): Promise<void> {
  await desk.place(desk.makers[0], `sell ${quantity} at ${price}`);
  await desk.engine.settled();
}

async function sold(quantity: string, price: string): Promise<void> {
  await desk.place(desk.makers[1], `buy ${quantity} at ${price}`);
  await desk.engine.settled();
}

describe('a bracket', () => {
  test('waits for its entry, then protects what that bought, and one exit ends the other', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const entry = await bracket(trader, 'buy 1 at 59000');
    expect(entry).toMatchObject({
      status: 'open',
      groupRole: 'parent',
      parentId: null,
      reducedQuantity: '0',
    });
    const [profit, loss] = await exitsOf(trader, entry);
    const exit = { status: 'held', groupId: entry.groupId, parentId: entry.id, side: 'sell', quantity: '1' };
    expect(profit).toMatchObject({
      ...exit,
      groupRole: 'take_profit',
      type: 'limit',
      limitPrice: '63000',
      timeInForce: 'gtc',
      reservation: '0',
    });
    expect(loss).toMatchObject({ ...exit, groupRole: 'stop_loss', type: 'stop', stopPrice: '57000' });
    expect(await desk.balance(trader, 'USD')).toBe('100000 (59118)');
    await desk.priceIs('63000');
    await desk.priceIs('59000');
    expect(told(await exitsOf(trader, entry))).toEqual(['held', 'held']);

    await bought('1');
    expect(told(await exitsOf(trader, entry))).toEqual(['open', 'held']);
    expect(await desk.balance(trader, 'BTC')).toBe('1 (1)');
    await sold('1', '63000');
    expect(told(await exitsOf(trader, entry))).toEqual(['filled', 'cancelled group']);
    expect(await desk.balance(trader, 'BTC')).toBe('0 (0)');
    const listed = await desk.request(trader, 'GET', `/v1/orders?groupId=${entry.groupId}`);
    expect(new Set(listed.body.data.map(({ id }: Order) => id))).toEqual(
      new Set([entry.id, ...entry.exitIds]),
    );
    expect(listed.body.data.find(({ id }: Order) => id === entry.id).exitIds).toEqual(entry.exitIds);
  });

  test('counts against limits for what it is still good for: nothing of what was cut', async () => {
    const trader = await desk.newTrader({ USD: '1000000' });
    const entry = await bracket(trader, 'buy 10 at 59000');
    await bought('1');
    await desk.request(trader, 'DELETE', `/v1/orders/${entry.id}`);
    await desk.engine.settled();
    expect((await exitsOf(trader, entry)).map(({ remainingQuantity }) => remainingQuantity)).toEqual([
      '1',
      '1',
    ]);
    const [counted] = await desk.deps.db.engine.execute(
      sql`select open_orders::int as orders, trim_scale(open_buy_value)::text as buys,
        trim_scale(open_sell_value)::text as sells from risk_exposures where account_id = ${trader.accountId}`,
    );
    // One at 63000, and one at the worst price that its stop-loss may sell at.
    expect(counted).toEqual({ orders: 2, buys: '0', sells: '114300' });
  });

  test('shares what is left between its exits: a part gained is not lost again', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const entry = await bracket(trader, 'buy 1 at 59000');
    await bought('1');
    await sold('0.4', '63000');
    const [profit, loss] = await exitsOf(trader, entry);
    expect([profit.status, profit.remainingQuantity, loss.remainingQuantity, loss.reducedQuantity]).toEqual([
      'partially_filled',
      '0.6',
      '0.6',
      '0.4',
    ]);
    expect(await desk.balance(trader, 'BTC')).toBe('0.6 (0.6)');
    await desk.place(desk.makers[1], 'buy 1 at 56900');
    await desk.priceIs('57000');
    expect(told(await exitsOf(trader, entry))).toEqual(['cancelled group', 'filled']);
    expect((await exitsOf(trader, entry))[1].filledQuantity).toBe('0.6');
    expect(await desk.balance(trader, 'BTC')).toBe('0 (0)');
    expect(await Promise.all([profit, loss].map(desk.reservations))).toEqual([
      ['order.placed -> 0 BTC', 'order.released 0 -> 1 BTC'],
      ['order.placed -> 0 BTC', 'order.released 0 -> 0 BTC', 'order.reduced 0 -> 0 BTC', TAKEN_OVER],
    ]);
  });

  test('whose stop-loss trails follows the best price since its entry ended, through a restart, and is capped by its entry', async () => {
    const trader = await desk.newTrader({ USD: '200000' });
    const trails = { takeProfit: { limitPrice: '63000' }, stopLoss: { trailAmount: '1500' } };
    const far = await bracket(trader, 'buy 1 at 50000', { stopLoss: { trailPercent: '3' } });
    // A tenth beyond what its entry pays less its distance, wherever the market is now.
    expect(await exitsOf(trader, far)).toMatchObject([
      { type: 'trailing_stop', priceCap: '43650', trailPercent: '3', status: 'held', stopPrice: null },
    ]);
    await desk.cancel(trader, far);
    const entry = await bracket(trader, 'buy 1 at 59000', trails);
    // What it might have seen before its entry traded is none of it.
    await desk.priceIs('62000');
    await bought('1');
    await desk.priceIs('61000');
    await desk.restart();
    await desk.priceIs('59600');
    expect(told(await exitsOf(trader, entry))).toEqual(['open', 'held']);
    await sold('1', '59400');
    await desk.priceIs('59500');
    const [profit, loss] = await exitsOf(trader, entry);
    expect(told([profit, loss])).toEqual(['cancelled group', 'filled']);
    expect(loss).toMatchObject({ highWaterMark: '61000', triggerPrice: '59500', groupRole: 'stop_loss' });
    expect(await desk.balance(trader, 'BTC')).toBe('0 (0)');
  });

  test('of an entry that is cancelled leaves what had traded of it, or ends with it', async () => {
    const trader = await desk.newTrader({ USD: '200000' });
    const [traded, untouched] = [
      await bracket(trader, 'buy 1 at 59000'),
      await bracket(trader, 'buy 1 at 58000'),
    ];
    await bought('0.25');
    await Promise.all([desk.cancel(trader, traded), desk.cancel(trader, untouched)]);
    expect(told(await exitsOf(trader, untouched))).toEqual([
      'cancelled parent_ended',
      'cancelled parent_ended',
    ]);
    const exits = await exitsOf(trader, traded);
    expect(exits.map(({ status, remainingQuantity }) => [status, remainingQuantity])).toEqual([
      ['open', '0.25'],
      ['held', '0.25'],
    ]);
    expect(await desk.balance(trader, 'BTC')).toBe('0.25 (0.25)');
    expect(await desk.balance(trader, 'USD')).toBe('185235.25 (0)');
    await desk.request(trader, 'DELETE', `/v1/orders?accountId=${trader.accountId}`);
    const last = await bracket(trader, 'buy 1 at 59000');
    await bought('0.25');
    await desk.request(trader, 'DELETE', `/v1/orders?accountId=${trader.accountId}`);
    expect(told(await desk.now(trader, [last.id, ...last.exitIds]))).toEqual([
      'cancelled requested',
      'cancelled requested',
      'cancelled requested',
    ]);
    expect(await desk.balance(trader, 'BTC')).toBe('0.5 (0)');
  });

  test('whose units were sold before it was set free ends with insufficient_funds', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const entry = await bracket(trader, 'buy 1 at 59000');
    await bought('0.6');
    await desk.place(desk.makers[1], 'buy 0.5 at 59500');
    await desk.place(trader, 'sell 0.5 at 59500');
    await desk.engine.settled();
    await bought('0.4');
    expect(told(await exitsOf(trader, entry))).toEqual([
      'cancelled insufficient_funds',
      'cancelled insufficient_funds',
    ]);
    expect(await desk.balance(trader, 'BTC')).toBe('0.5 (0)');
  });

  test('goes with a market order, a stop, a sale, and with one exit alone', async () => {
    const trader = await desk.newTrader({ USD: '400000', BTC: '1' });
    const market = await bracket(trader, 'buy 0.5', { ...BRACKET, type: 'market', timeInForce: 'ioc' });
    await desk.engine.settled();
    expect(told(await exitsOf(trader, market))).toEqual(['cancelled parent_ended', 'cancelled parent_ended']);

    const stop = await bracket(trader, 'buy 0.5', {
      type: 'stop',
      stopPrice: '61000',
      timeInForce: 'gtc',
      stopLoss: { stopPrice: '58000', limitPrice: '57500' },
    });
    expect(stop.exitIds).toHaveLength(1);
    await bought('0.5', '61100');
    await desk.priceIs('61000');
    const [loss] = await exitsOf(trader, stop);
    expect(loss).toMatchObject({ status: 'held', type: 'stop_limit', reservation: '0.5' });

    const sale = await bracket(trader, 'sell 1 at 61000', {
      takeProfit: { limitPrice: '59000' },
      stopLoss: { stopPrice: '62000' },
    });
    await sold('1', '61000');
    const [profit, cover] = await exitsOf(trader, sale);
    // The dearer of the two is reserved once: 68200 and its fee.
    expect([profit.side, profit.reservation, cover.reservation]).toEqual(['buy', '59118', '9218.4']);
    await bought('0.5', '59000');
    const [, left] = await exitsOf(trader, sale);
    expect([left.remainingQuantity, left.reservation]).toEqual(['0.5', '4609.2']);
    await desk.place(desk.makers[0], 'sell 1 at 62100');
    await desk.priceIs('62000');
    expect(told(await exitsOf(trader, sale))).toEqual(['cancelled group', 'filled']);
  });

  test('of which an exit is cancelled keeps the other, whether it waits or was set free', async () => {
    const trader = await desk.newTrader({ USD: '300000' });
    const [early, late] = [await bracket(trader, 'buy 1 at 59000'), await bracket(trader, 'buy 1 at 59000')];
    const [profit] = await exitsOf(trader, early);
    expect((await desk.cancel(trader, profit)).body).toMatchObject({ status: 'cancelled' });
    await bought('2');
    expect(told(await exitsOf(trader, early))).toEqual(['cancelled requested', 'held']);
    const [resting] = await exitsOf(trader, late);
    await desk.cancel(trader, resting);
    const [gone, kept] = await exitsOf(trader, late);
    expect([told([gone]), kept.status, kept.reservation]).toEqual([['cancelled requested'], 'held', '1']);
    expect(await desk.balance(trader, 'BTC')).toBe('2 (2)');
    const third = await bracket(trader, 'buy 1 at 59000');
    await bought('1');
    await desk.engine.stop();
    await desk.cancel(trader, (await exitsOf(trader, third))[0]);
    await desk.engine.start();
    const [, taken] = await exitsOf(trader, third);
    expect([taken.status, taken.reservation]).toEqual(['held', '1']);
    await desk.cancel(trader, taken);
    expect(await desk.balance(trader, 'BTC')).toBe('3 (2)');
    await desk.place(desk.makers[1], 'buy 2 at 56900');
    await desk.priceIs('57000');
    expect(told([(await exitsOf(trader, early))[1], (await exitsOf(trader, late))[1]])).toEqual([
      'filled',
      'filled',
    ]);
  });

  test('trades once when its stop is reached while its limit is met', async () => {
    for (let round = 0; round < 5; round += 1) {
      const trader = await desk.newTrader({ USD: '100000' });
      const entry = await bracket(trader, 'buy 1 at 59000');
      await bought('1');
      await desk.place(desk.makers[1], 'buy 2 at 56900');
      await Promise.all([
        ...['0.3', '0.3', '0.4'].map((part) => desk.place(desk.makers[1], `buy ${part} at 63000`)),
        desk.priceIs('57000'),
      ]);
      const exits = await exitsOf(trader, entry);
      expect(exits.some(({ status }) => status === 'filled')).toBe(true);
      expect(await desk.balance(trader, 'BTC')).toBe('0 (0)');
      await desk.quiet();
    }
  });

  test('goes on where it was after a restart between any two steps', async () => {
    for (const ending of ['profit', 'loss'] as const) {
      const trader = await desk.newTrader({ USD: '100000' });
      const entry = await bracket(trader, 'buy 1 at 59000');
      await desk.restart();
      await bought('0.4');
      await desk.restart();
      expect(told(await exitsOf(trader, entry))).toEqual(['held', 'held']);
      await desk.cancel(trader, entry);
      await desk.restart();
      expect(told(await exitsOf(trader, entry))).toEqual(['open', 'held']);
      await sold('0.1', '63000');
      await desk.restart();
      await desk.place(desk.makers[1], 'buy 1 at 56900');
      await (ending === 'profit' ? sold('0.3', '63000') : desk.priceIs('57000'));
      await desk.restart();
      expect(told(await exitsOf(trader, entry))).toEqual(
        ending === 'profit' ? ['filled', 'cancelled group'] : ['cancelled group', 'filled'],
      );
      expect(await desk.balance(trader, 'BTC')).toBe('0 (0)');
      expect(await desk.faults()).toEqual([]);
      await desk.quiet();
    }
  });

  test('accepted where nobody matches enters with its exits; one cancelled before that ends with them', async () => {
    const trader = await desk.newTrader({ USD: '200000' });
    await desk.engine.stop();
    const key = newId();
    const [entry, gone] = [
      (await desk.elsewhere.place(trader, 'buy 1 at 59000', BRACKET, key)).body,
      (await desk.elsewhere.place(trader, 'buy 1 at 59000', BRACKET)).body,
    ];
    expect(entry.status).toBe('pending');
    await desk.cancel(trader, gone);
    await desk.engine.start();
    await bought('1');
    expect(told(await exitsOf(trader, entry))).toEqual(['open', 'held']);
    expect(told(await exitsOf(trader, gone))).toEqual(['cancelled parent_ended', 'cancelled parent_ended']);
    const again = await desk.place(trader, 'buy 1 at 59000', BRACKET, key);
    expect([again.body, again.headers.get('idempotent-replayed')]).toEqual([entry, 'true']);
  });

  test('by notional at a limit leaves with as many units as that is', async () => {
    const trader = await desk.newTrader({ USD: '200000' });
    const byNotional = { ...BRACKET, quantity: undefined, notional: '5900.99' };
    const entry = (await desk.place(trader, 'buy 0 at 59000', byNotional)).body;
    expect(entry).toMatchObject({ status: 'open', quantity: '0.1', notional: '5900.99' });
    const units = (await exitsOf(trader, entry)).map(({ quantity, notional }) => [quantity, notional]);
    expect(units).toEqual([
      ['0.1', null],
      ['0.1', null],
    ]);
    await bought('0.1');
    expect(told(await exitsOf(trader, entry))).toEqual(['open', 'held']);
    const small = (await desk.place(trader, 'buy 0 at 59000', { ...byNotional, notional: '5' })).body;
    expect(small).toMatchObject({ rejectionReason: 'notional_too_small', quantity: null });
    expect((await exitsOf(trader, small)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test('is accepted whole or refused whole, says which order was at fault, and reserves nothing then', async () => {
    const trader = await desk.newTrader({ USD: '60000' });
    const table: readonly (readonly [string, object, string, string, string])[] = [
      [
        'buy 1 at 59000',
        { ...BRACKET, stopLoss: { stopPrice: '59000' } },
        'group_refused',
        'group_refused',
        'exit_on_wrong_side',
      ],
      [
        'buy 1 at 59000',
        { ...BRACKET, takeProfit: { limitPrice: '58000' } },
        'group_refused',
        'exit_on_wrong_side',
        'group_refused',
      ],
      [
        'buy 1 at 59000',
        { ...BRACKET, takeProfit: { limitPrice: '63000.001' } },
        'group_refused',
        'price_off_tick',
        'group_refused',
      ],
      [
        'buy 1 at 59000',
        { ...BRACKET, stopLoss: { trailAmount: '59000' } },
        'group_refused',
        'group_refused',
        'trail_out_of_range',
      ],
      ['buy 2 at 59000', BRACKET, 'insufficient_funds', 'group_refused', 'group_refused'],
      ['buy 0.00015 at 59000', BRACKET, 'quantity_off_lot', 'quantity_off_lot', 'quantity_off_lot'],
    ];
    for (const [words, more, ...reasons] of table) {
      const key = newId();
      const entry = await bracket(trader, words, more, key);
      expect(await bracket(trader, words, more, key)).toEqual(entry);
      const all = [entry, ...(await exitsOf(trader, entry))];
      expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
      expect(all.map(({ rejectionReason }) => rejectionReason)).toEqual(reasons);
      const faults = all
        .filter(({ rejectionReason }) => rejectionReason !== 'group_refused')
        .map(({ id, groupRole, rejectionReason }) => ({ orderId: id, groupRole, rejectionReason }));
      const said = (reason: string) => (reason === 'group_refused' ? faults : []);
      expect(all.map(({ groupRefusals }) => groupRefusals)).toEqual(reasons.map(said));
      expect(entry.groupRefusals).toEqual(said(entry.rejectionReason));
    }
    expect(await desk.balance(trader, 'USD')).toBe('60000 (0)');
    const faults = [
      { ...BRACKET, takeProfit: { limitPrice: '56000' } },
      {
        takeProfit: { limitPrice: '63000' },
        quantity: undefined,
        notional: '100',
        type: 'market',
        limitPrice: undefined,
        timeInForce: 'ioc',
      },
      { ...BRACKET, ocoGroup: 'a' },
      ...NO_STOP_LOSSES.map((stopLoss) => ({ ...BRACKET, stopLoss })),
    ];
    for (const more of faults) {
      const { status, body } = await desk.place(trader, 'buy 1 at 59000', more);
      expect([status, body.code]).toEqual([422, 'validation_failed']);
    }
    const half = await desk.place(trader, 'buy 1 at 59000', { ocoGroup: 'a' });
    expect([half.status, half.body.code]).toEqual([422, 'order_group_invalid']);
    expect(await desk.deps.db.engine.$count(orders, eq(orders.accountId, trader.accountId))).toBe(18);
  });

  test('sent again answers the same once more; with other exits the key, or the name, is taken', async () => {
    const trader = await desk.newTrader({ USD: '200000' });
    const key = newId();
    const named = { ...BRACKET, clientOrderId: 'mine' };
    const entry = await bracket(trader, 'buy 1 at 59000', named, key);
    await bought('1');
    const replays = await Promise.all([
      desk.place(trader, 'buy 1 at 59000', named, key),
      desk.place(trader, 'buy 1 at 59000', named),
    ]);
    for (const { status, body } of replays) {
      expect([status, body]).toEqual([201, entry]);
    }
    const other = { ...named, stopLoss: { stopPrice: '57001' } };
    expect((await desk.place(trader, 'buy 1 at 59000', other, key)).body.code).toBe('idempotency_key_reused');
    expect((await desk.place(trader, 'buy 1 at 59000', other)).body.code).toBe('client_order_id_reused');
    expect(await desk.deps.db.engine.$count(orders, eq(orders.accountId, trader.accountId))).toBe(3);
  });

  test('ends where its owner may not trade any more, and while a breaker stands', async () => {
    const [frozen, waiting] = [
      await desk.newTrader({ USD: '100000' }),
      await desk.newTrader({ USD: '100000' }),
    ];
    const [one, two] = [await bracket(frozen, 'buy 1 at 59000'), await bracket(waiting, 'buy 1 at 58000')];
    await bought('0.5');
    await desk.changeGate(frozen, { restriction: 'frozen' });
    await bought('0.1');
    expect(told(await desk.now(frozen, [one.id, ...one.exitIds]))).toEqual([
      'cancelled restricted',
      'cancelled restricted',
      'cancelled restricted',
    ]);
    expect(await desk.balance(frozen, 'BTC')).toBe('0.5 (0)');

    const [maker, checker] = [await desk.newStaff('risk_manager'), await desk.newStaff('admin')];
    const reason = { reason: 'Looks wrong' };
    const tripped = await desk.request(maker, 'POST', '/v1/risk/circuit-breakers', {
      body: { ...reason, symbol: 'BTC/USD' },
    });
    await desk.restart();
    await desk.cancel(waiting, two);
    expect(told(await desk.now(waiting, [two.id, ...two.exitIds]))).toEqual([
      'cancelled requested',
      'cancelled parent_ended',
      'cancelled parent_ended',
    ]);
    const path = `/v1/risk/circuit-breakers/${tripped.body.id}/lift`;
    const { approvalId } = (await desk.request(maker, 'POST', path, { body: reason })).body;
    await desk.request(checker, 'POST', `/v1/approvals/${approvalId}/approve`, { body: reason });
  });

  test('is one customer’s alone, and what binds it never changes', async () => {
    const [owner, stranger] = [
      await desk.newTrader({ USD: '100000' }),
      await desk.newTrader({ USD: '100000' }),
    ];
    const entry = await bracket(owner, 'buy 1 at 59000');
    const theirs = (await desk.place(stranger, 'buy 1 at 59000')).body;
    const [profit] = await exitsOf(owner, entry);
    expect((await desk.request(stranger, 'GET', `/v1/orders/${profit.id}`)).status).toBe(404);
    expect((await desk.cancel(stranger, profit)).status).toBe(404);
    const listed = await desk.request(stranger, 'GET', `/v1/orders?groupId=${entry.groupId}`);
    expect(listed.body.data).toEqual([]);
    const theft = await desk.replace(stranger, profit.id, { limitPrice: '63500' });
    expect(theft.status).toBe(404);

    const copy = (change: string) =>
      sql.raw(`
      insert into orders select (jsonb_populate_record(o, jsonb_build_object('id', '${newId()}', 'idempotency_key', null,
        'idempotency_index', null, 'client_order_id', null, 'book_seq', null) || '${change}'::jsonb)).* from orders o
      where id = '${theirs.id}'`);
    const bound = `"group_id": "${entry.groupId}"`;
    const writes = [
      [copy(`{${bound}, "group_role": "oco"}`), '23503'],
      [copy(`{${bound}, "group_role": "take_profit", "parent_id": "${entry.id}"}`), '23503'],
      [copy(`{"group_id": "${newId()}", "group_role": "stop_loss", "parent_id": "${entry.id}"}`), '23503'],
      [copy(`{"group_id": "${newId()}"}`), '23514'],
      [sql`update orders set parent_id = ${theirs.id} where id = ${profit.id}`, 'PL014'],
      [sql`update orders set group_role = 'stop_loss' where id = ${profit.id}`, 'PL014'],
    ] as const;
    for (const [write, state] of writes) {
      expect(await desk.deps.db.engine.execute(write).then(String, sqlStateOf)).toBe(state);
    }
  });

  test('is moved while it waits, and once it protects: the other one stays, and so does the bond', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const key = newId();
    const entry = await bracket(trader, 'buy 1 at 59000', BRACKET, key);
    const [profit, loss] = await exitsOf(trader, entry);
    const waiting = (await desk.replace(trader, loss.id, { stopPrice: '58000', clientOrderId: 'mine' })).body;
    const bond = { groupId: entry.groupId, groupRole: 'stop_loss', parentId: entry.id, replacesId: loss.id };
    expect(waiting).toMatchObject({
      ...bond,
      status: 'held',
      stopPrice: '58000',
      reservation: '0',
      quantity: '1',
    });
    const now = (await desk.now(trader, [entry.id]))[0];
    expect(now.exitIds).toEqual([profit.id, waiting.id]);
    // The key of the entry answers what it answered.
    expect((await desk.place(trader, 'buy 1 at 59000', BRACKET, key)).body).toEqual(entry);
    await bought('0.4');
    await desk.restart();
    await bought('0.6');
    expect(told(await desk.now(trader, [profit.id, loss.id, waiting.id]))).toEqual([
      'open',
      'replaced',
      'held',
    ]);

    await sold('0.4', '63000');
    const moveKey = newId();
    const moves = [
      desk.replace(trader, profit.id, { limitPrice: '62000', quantity: '0.6' }),
      desk.replace(trader, waiting.id, { stopPrice: '59500' }, moveKey),
    ];
    const [nearer, higher] = (await Promise.all(moves)).map(({ body }) => body);
    expect(nearer).toMatchObject({
      ...bond,
      groupRole: 'take_profit',
      replacesId: profit.id,
      quantity: '0.6',
    });
    expect(higher).toMatchObject({ ...bond, replacesId: waiting.id, status: 'held', quantity: '0.6' });
    expect(await desk.balance(trader, 'BTC')).toBe('0.6 (0.6)');
    expect(await desk.faults()).toEqual([]);
    await desk.restart();
    await sold('0.1', '62000');
    await desk.place(desk.makers[1], 'buy 1 at 59400');
    await desk.priceIs('59500');
    expect(told(await desk.now(trader, [nearer.id, higher.id]))).toEqual(['cancelled group', 'filled']);
    expect((await desk.now(trader, [higher.id]))[0].filledQuantity).toBe('0.5');
    expect(await desk.balance(trader, 'BTC')).toBe('0 (0)');
    const again = await desk.replace(trader, waiting.id, { stopPrice: '59500' }, moveKey);
    expect([again.body.id, again.headers.get('idempotent-replayed')]).toEqual([higher.id, 'true']);
  });

  test('is not moved into what it may not be: it stays, with the other one, and nothing is left half', async () => {
    const trader = await desk.newTrader({ USD: '200000' });
    const entry = await bracket(trader, 'buy 1 at 59000');
    const [profit, loss] = await exitsOf(trader, entry);
    const said = async (id: string, body: object) => {
      const answer = (await desk.replace(trader, id, body)).body;
      return answer.code ?? answer.rejectionReason ?? answer.status;
    };
    expect(await said(entry.id, { limitPrice: '58000' })).toBe('order_in_group');
    expect(await said(loss.id, { stopPrice: '59000' })).toBe('exit_on_wrong_side');
    expect(await said(profit.id, { quantity: '0.5' })).toBe('order_group_invalid');
    expect(await said(profit.id, { timeInForce: 'day' })).toBe('order_group_invalid');
    expect(await said(profit.id, { postOnly: true })).toBe('order_group_invalid');
    expect(await said(loss.id, { limitPrice: '56000' })).toBe('validation_failed');
    await bought('1');
    expect(await said(loss.id, { stopPrice: '61000' })).toBe('stop_on_wrong_side');
    expect(await said(profit.id, { limitPrice: '63000.001' })).toBe('price_off_tick');
    expect(await said(profit.id, { limitPrice: '56500' })).toBe('order_group_invalid');
    expect(await said(profit.id, { limitPrice: '62000', filledQuantity: '0.1' })).toBe('order_changed');
    expect(told(await exitsOf(trader, entry))).toEqual(['open', 'held']);
    expect(await desk.balance(trader, 'BTC')).toBe('1 (1)');
    const refused = await desk.request(
      trader,
      'GET',
      `/v1/orders?accountId=${trader.accountId}&status=rejected`,
    );
    expect(refused.body.data.map(({ groupId, replacesId }: Order) => [groupId, replacesId])).toEqual([
      [null, profit.id],
      [null, loss.id],
      [null, loss.id],
    ]);
    await desk.priceIs('57000');
    expect(await said(loss.id, { stopPrice: '56000' })).toBe('order_in_group');
  });

  test('is moved while it is met and reached, over and over, and trades once', async () => {
    for (let round = 0; round < 3; round += 1) {
      const trader = await desk.newTrader({ USD: '100000' });
      const entry = await bracket(trader, 'buy 1 at 59000');
      await bought('1');
      const [profit, loss] = await exitsOf(trader, entry);
      await desk.place(desk.makers[1], 'buy 2 at 56900');
      const desks = round % 3 === 2 ? desk.elsewhere : desk;
      await Promise.all([
        ...['0.3', '0.3', '0.4'].map((part) => desk.place(desk.makers[1], `buy ${part} at 63000`)),
        desks.request(trader, 'POST', `/v1/orders/${loss.id}/replace`, {
          key: newId(),
          body: { stopPrice: '57500' },
        }),
        desks.request(trader, 'POST', `/v1/orders/${profit.id}/replace`, {
          key: newId(),
          body: { limitPrice: '62900' },
        }),
        desk.priceIs('57000'),
        round === 1 ? desk.engine.rebuild() : undefined,
      ]);
      const listed = await desk.request(trader, 'GET', `/v1/orders?groupId=${entry.groupId}`);
      const ids = listed.body.data.map(({ id }: Order) => id);
      const found = (await desk.now(trader, ids)).filter(({ groupRole }) => groupRole !== 'parent');
      const traded = found.reduce((sum, { filledQuantity }) => sum + parseAmount(filledQuantity), 0n);
      // What makes the price may take a little of what the take-profit would have met: then that stands, bound.
      const [left = ''] = (await desk.balance(trader, 'BTC')).split(' ');
      expect(formatAmount(amountOf(traded + parseAmount(left)))).toBe('1');
      expect(found.filter(({ closedAt }) => closedAt === null).length).toBe(left === '0' ? 0 : 2);
      expect(await desk.faults()).toEqual([]);
      await desk.quiet();
    }
  });

  test('is moved by a process that does not match: it takes its seat there, whatever the other does first', async () => {
    const move = (trader: Trader, { id }: Order, body: object) =>
      desk.elsewhere.request(trader, 'POST', `/v1/orders/${id}/replace`, { key: newId(), body });
    const trader = await desk.newTrader({ USD: '300000' });
    const [entry, other, third] = [
      await bracket(trader, 'buy 1 at 59000'),
      await bracket(trader, 'buy 1 at 58000'),
      await bracket(trader, 'buy 1 at 57900'),
    ];
    const [, waiting] = await exitsOf(trader, other);
    const [, cancelled] = await exitsOf(trader, third);
    expect((await move(trader, waiting, { stopPrice: '57400' })).body.status).toBe('held');
    const moved = (await move(trader, cancelled, { stopPrice: '57400' })).body;
    await desk.cancel(trader, moved);
    expect(told(await desk.now(trader, [third.exitIds[0], moved.id]))).toEqual([
      'held',
      'cancelled requested',
    ]);
    await bought('1');
    const [profit, loss] = await exitsOf(trader, entry);
    await desk.engine.stop();
    const pending = (await move(trader, loss, { stopPrice: '57500' })).body;
    expect([pending.status, pending.parentId]).toEqual(['pending', entry.id]);
    expect((await desk.reconcile()).checks.flatMap(({ breaks }) => breaks)).toEqual([]);
    await desk.engine.start();
    await sold('0.4', '63000');
    const [now] = await desk.now(trader, [pending.id]);
    expect([now.status, now.remainingQuantity]).toEqual(['held', '0.6']);
    await sold('0.6', '63000');
    expect(told(await desk.now(trader, [profit.id, pending.id]))).toEqual(['filled', 'cancelled group']);
    await bought('1', '58000');
    const [far] = await desk.now(trader, [other.id]);
    const exits = await exitsOf(trader, far);
    expect(told(exits)).toEqual(['open', 'held']);
    expect(exits[1]).toMatchObject({ stopPrice: '57400', replacesId: waiting.id });
  });

  test('is moved and cancelled elsewhere while it waits: the entry settles when it trades', async () => {
    const trader = await desk.newTrader({ USD: '200000' });
    for (const leg of [0, 1]) {
      const entry = await bracket(trader, 'buy 1 at 59000');
      const waiting = (await exitsOf(trader, entry))[leg] as Order;
      const moved = await desk.elsewhere.request(trader, 'POST', `/v1/orders/${waiting.id}/replace`, {
        key: newId(),
        body: leg === 0 ? { limitPrice: '62900' } : { stopPrice: '57400' },
      });
      expect(moved.body.status).toBe('held');
      await desk.cancel(trader, moved.body);
      expect(told(await desk.now(trader, [moved.body.id]))).toEqual(['cancelled requested']);
      await bought('1');
      expect(told(await desk.now(trader, [entry.id]))).toEqual(['filled']);
      expect(told(await exitsOf(trader, entry))).toEqual(
        leg === 0 ? ['replaced', 'held'] : ['open', 'replaced'],
      );
      await sold('1', leg === 0 ? '56000' : '63000');
      await desk.quiet();
    }
  });

  test('on a contract leaves the position, reserves nothing and never opens another', async () => {
    await listContract(desk.system);
    const common = { symbol: 'US500/USD', leverage: '10' };
    const [trader, other] = [
      await desk.newTrader({ USD: '100000' }, { leverage: '20' }),
      await desk.newTrader({ USD: '100000' }, { leverage: '20' }),
    ];
    const entry = await bracket(trader, 'buy 2 at 5000', {
      ...common,
      takeProfit: { limitPrice: '5100' },
      stopLoss: { stopPrice: '4900' },
    });
    await desk.place(other, 'sell 2 at 5000', common);
    const exits = await exitsOf(trader, entry);
    expect(exits.map(({ status, reduceOnly, reservation }) => [status, reduceOnly, reservation])).toEqual([
      ['open', true, '0'],
      ['held', true, '0'],
    ]);
    await desk.place(other, 'buy 0.5 at 5100', common);
    await desk.engine.settled();
    const moved = await desk.replace(trader, exits[1].id, { stopPrice: '4910' });
    expect(moved.body).toMatchObject({ status: 'held', quantity: '1.5', reduceOnly: true, reservation: '0' });
    await desk.place(other, 'buy 2 at 4890', common);
    await desk.engine.settled();
    await setQuote(desk.system, { symbol: 'US500/USD', last: parseAmount('4910'), source: 'test' });
    expect(told(await desk.now(trader, [exits[0].id, moved.body.id]))).toEqual(['cancelled group', 'filled']);
    const open = `/v1/accounts/${trader.accountId}/positions?status=open`;
    expect((await desk.request(trader, 'GET', open)).body.data).toEqual([]);
  });

  test('in a paper account waits, protects and ends the same', async () => {
    const trader = await desk.newTrader({ USD: '100000' }, { book: 'paper', gate: {} });
    const entry = await bracket(trader, 'buy 1', { ...BRACKET, type: 'market', timeInForce: 'ioc' });
    const [profit, loss] = await exitsOf(trader, entry);
    expect(told([profit, loss])).toEqual(['open', 'held']);
    expect(await desk.balance(trader, 'BTC')).toBe('1 (1)');
    await desk.priceIs('57000');
    expect(told(await exitsOf(trader, entry))).toEqual(['cancelled group', 'filled']);
    expect(await desk.balance(trader, 'BTC')).toBe('0 (0)');
  });

  test('of many entries that end with one sweep has its exits set free together with theirs', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const { accountId } = trader;
    const entry = {
      accountId,
      symbol: 'BTC/USD',
      side: 'buy',
      type: 'limit',
      timeInForce: 'gtc',
      quantity: '0.001',
    };
    const orders = Array.from({ length: 100 }, () => ({ ...entry, limitPrice: '59000', ...BRACKET }));
    await desk.request(trader, 'POST', '/v1/orders/batch', { body: { orders }, key: newId() });
    await bought('0.1');
    const [released] = await desk.deps.db.engine.execute(sql`
      select count(*)::int as exits, count(distinct xmin::text)::int as settlements from order_events
      where type = 'order.released' and account_id = ${accountId}::uuid`);
    expect(released).toEqual({ exits: 200, settlements: 1 });
  });
});

test('whatever happened to the orders above, each version has its event, and the feed has it once and in order', async () => {
  const { engine } = desk.deps.db;
  const [kinds] = await engine.execute<{ types: string[] }>(
    sql`select array_agg(distinct type order by type) as types from order_events`,
  );
  expect(kinds?.types).toEqual(
    expect.arrayContaining([
      'order.accepted',
      'order.cancel_requested',
      'order.cancelled',
      'order.filled',
      'order.reduced',
      'order.rejected',
      'order.released',
      'order.replaced',
      'order.reserved',
      'order.triggered',
    ]),
  );
  expect(await untoldOrders(desk)).toEqual([]);
  const first = await engine.execute<{ type: string }>(
    sql`select distinct type from outbox where data ->> 'version' = '1'`,
  );
  expect(new Set(first.map(({ type }) => type))).toEqual(
    new Set(['trading.order_accepted', 'trading.order_rejected']),
  );
});
