import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, eq, inArray, sql } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { type GroupDesk, type Order, startGroupDesk, told } from '../../testing/group-desk.ts';
import type { Answer } from '../../testing/send.ts';
import type { Trader } from '../../testing/trading-desk.ts';
import { until } from '../../testing/until.ts';
import { untoldOrders } from '../../testing/untold-orders.ts';
import { gateLockName } from '../identity/index.ts';
import { tradingChecks } from './checks.ts';
import { expireOrders } from './expire-orders.ts';
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

type Changes = readonly [object, object];

/** A limit order and a stop order around the market, as members of one batch. */
function members(
  trader: Trader,
  side: 'buy' | 'sell',
  quantity: string,
  changes: Changes = [{}, {}],
): object[] {
  const common = { accountId: trader.accountId, symbol: 'BTC/USD', side, quantity, ocoGroup: 'a' };
  const [limitPrice, stopPrice] = side === 'sell' ? ['63000', '57000'] : ['57000', '63000'];
  return [
    { ...common, type: 'limit', limitPrice, ...changes[0] },
    { ...common, type: 'stop', stopPrice, ...changes[1] },
  ];
}

async function pair(
  trader: Trader,
  side: 'buy' | 'sell',
  quantity: string,
  changes?: Changes,
): Promise<Order[]> {
  const { body } = await desk.batch(trader, members(trader, side, quantity, changes));
  return body.data.map(({ order }: { order: Order }) => order);
}

function nowOf(trader: Trader, found: readonly Order[]): Promise<Order[]> {
  return desk.now(
    trader,
    found.map(({ id }) => id),
  );
}

/** What is begun meanwhile waits behind an order that is held up. */
async function heldUp(begin: () => Promise<void>): Promise<void> {
  const other = await desk.newTrader({ USD: '1000' });
  const { placed } = await transact(desk.system, 'engine', async (tx) => {
    await lockExclusive(tx, [gateLockName(other.userId)]);
    const placed = desk.place(other, 'buy 0.001 at 50000');
    await until(async () => {
      const waiting = await tx.execute(sql`
        select from pg_locks l join pg_database d on d.oid = l.database and d.datname = current_database()
        where l.locktype = 'advisory' and not l.granted`);
      return waiting.length > 0;
    });
    await begin();
    return { placed };
  });
  await placed;
}

async function countOrders({ accountId }: Trader): Promise<number> {
  return desk.deps.db.engine.$count(orders, eq(orders.accountId, accountId));
}

function faultsOf({ groupRefusals }: Order): string[] {
  return groupRefusals.map(({ rejectionReason }: Order) => rejectionReason);
}

/** What was said of each member: the status of its order, or its problem. */
function said(body: Order): string[] {
  return body.data.map(
    ({ order, problem }: Record<'order' | 'problem', Order>) =>
      order?.rejectionReason ?? order?.status ?? problem?.code,
  );
}

describe('a pair', () => {
  test('reserves once, and the fill of one ends the other', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    const [limit, stop] = await pair(trader, 'sell', '1');
    expect(limit).toMatchObject({
      status: 'open',
      groupRole: 'oco',
      parentId: null,
      reservation: '1',
      exitIds: [],
    });
    expect(stop).toMatchObject({ status: 'held', groupId: limit.groupId, reservation: '0' });
    expect(await desk.balance(trader, 'BTC')).toBe('1 (1)');
    await desk.place(desk.makers[1], 'buy 0.25 at 63000');
    const partly = await nowOf(trader, [limit, stop]);
    expect(partly.map(({ remainingQuantity }) => remainingQuantity)).toEqual(['0.75', '0.75']);
    await desk.place(desk.makers[1], 'buy 0.75 at 63000');
    expect(told(await nowOf(trader, [limit, stop]))).toEqual(['filled', 'cancelled group']);
    expect(await desk.balance(trader, 'BTC')).toBe('0 (0)');
  });

  test('passes what it reserved on to the one that is triggered, whatever has traded of the other', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const [limit, stop] = await pair(trader, 'buy', '1');
    // 57000 and its fee of 0.2 % for the limit; the stop may cost 69300 and its fee.
    expect([limit.reservation, stop.reservation]).toEqual(['57114', '12324.6']);
    await desk.place(desk.makers[0], 'sell 0.5 at 57000');
    expect((await nowOf(trader, [limit, stop])).map(({ reservation }) => reservation)).toEqual([
      '28557',
      '6162.3',
    ]);
    await desk.restart();
    await desk.priceIs('60000');
    await desk.place(desk.makers[0], 'sell 1 at 63100');
    await desk.priceIs('63000');
    expect(told(await nowOf(trader, [limit, stop]))).toEqual(['cancelled group', 'filled']);
    expect(await desk.balance(trader, 'BTC')).toBe('1 (0)');
    // 28500 with the maker's fee, 31550 with the taker's.
    expect(await desk.balance(trader, 'USD')).toBe('39858.4 (0)');
  });

  test('ends whole when one of it is cancelled or expires', async () => {
    const trader = await desk.newTrader({ BTC: '3' });
    const expiresAt = new Date(Date.parse(desk.deps.clock.now()) + 60_000).toISOString();
    const [one, two, three] = [
      await pair(trader, 'sell', '1'),
      await pair(trader, 'sell', '1'),
      await pair(trader, 'sell', '1', [{ timeInForce: 'gtd', expiresAt }, {}]),
    ];
    expect(await desk.balance(trader, 'BTC')).toBe('3 (3)');
    await desk.cancel(trader, one[1]);
    await desk.restart();
    expect(told(await nowOf(trader, one))).toEqual(['cancelled group', 'cancelled requested']);
    const swept = await desk.request(
      trader,
      'DELETE',
      `/v1/orders?accountId=${trader.accountId}&symbol=ETH%2FBTC`,
    );
    expect(swept.body.requested).toBe(0);
    desk.advance(61_000);
    await expireOrders(desk.system);
    expect(told(await nowOf(trader, three))).toEqual(['expired expired', 'cancelled group']);
    expect(told(await nowOf(trader, two))).toEqual(['open', 'held']);
    await desk.request(trader, 'DELETE', `/v1/orders?accountId=${trader.accountId}`);
    expect(told(await nowOf(trader, two))).toEqual(['cancelled requested', 'cancelled requested']);
    expect(await desk.balance(trader, 'BTC')).toBe('3 (0)');
  });

  test('of which one is moved reserves once all the same, dearer or cheaper, also of a pair that both wait', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const [limit, stop] = await pair(trader, 'buy', '1');
    const reserved = async (...found: readonly Order[]) =>
      (await nowOf(trader, found)).map(({ reservation }) => reservation);
    const dearer = (await desk.replace(trader, limit.id, { limitPrice: '59000' })).body;
    expect(dearer).toMatchObject({ groupId: limit.groupId, groupRole: 'oco', status: 'open' });
    // 59000 with its fee of 0.2 %, and what 69300 and its fee are beyond that.
    expect(await reserved(dearer, stop)).toEqual(['59118', '10320.6']);
    expect((await desk.reservations(stop)).at(-1)).toBe('order.reserved 12324.6 -> 10320.6 USD');
    const nearer = (await desk.replace(trader, stop.id, { stopPrice: '61000' })).body;
    expect(await reserved(dearer, nearer)).toEqual(['59118', '8116.2']);
    expect(await desk.balance(trader, 'USD')).toBe('100000 (67234.2)');
    // Beyond what there is: the old one stays, and what it reserved.
    const poor = await desk.replace(trader, nearer.id, { stopPrice: '99000' });
    expect(poor.body.rejectionReason).toBe('insufficient_funds');
    expect(await reserved(dearer, nearer)).toEqual(['59118', '8116.2']);
    await desk.restart();
    await desk.place(desk.makers[0], 'sell 0.5 at 59000');
    await desk.engine.settled();
    const far = (await desk.replace(trader, dearer.id, { limitPrice: '58000', filledQuantity: '0.5' })).body;
    expect([far.quantity, ...(await reserved(far, nearer))]).toEqual(['0.5', '29058', '4559.1']);
    await desk.cancel(trader, far);
    expect(told(await nowOf(trader, [far, nearer]))).toEqual(['cancelled requested', 'cancelled group']);
    const both = await pair(trader, 'buy', '1', [
      { type: 'take_profit', stopPrice: '58000', limitPrice: '58000' },
      { stopPrice: '62000', type: 'stop_limit', limitPrice: '62000' },
    ]);
    await desk.replace(trader, both[0]?.id, { stopPrice: '57000', limitPrice: '57000' });
    expect(await desk.balance(trader, 'USD')).toBe('70470.5 (62124)');
  });

  test('of which one batch moves both tells each version of either once', async () => {
    const trader = await desk.newTrader({ USD: '1000000' });
    let [limit, stop]: Order[] = [];
    // Both come while the one before is held up: in one batch, the limit first, unless one of them was slow.
    for (let isOne = false; !isOne; ) {
      [limit, stop] = await pair(trader, 'buy', '1');
      const moves: Promise<Answer>[] = [];
      await heldUp(async () => {
        moves.push(desk.replace(trader, limit.id, { limitPrice: '55000' }));
        await Bun.sleep(30);
        moves.push(desk.replace(trader, stop.id, { stopPrice: '64000' }));
        await Bun.sleep(30);
      });
      const [first, second] = (await Promise.all(moves)).map(({ body }) => body);
      expect(told(await nowOf(trader, [limit, stop]))).toEqual(['replaced', 'replaced']);
      const closed = and(
        inArray(auditLogs.resourceId, [limit.id, stop.id]),
        eq(auditLogs.eventType, 'order.closed'),
      );
      const closings = desk.deps.db.engine
        .selectDistinct({ txid: auditLogs.txid })
        .from(auditLogs)
        .where(closed);
      isOne = (await closings).length === 1 && first.id < second.id;
    }
    expect(await untoldOrders(desk)).toEqual([]);
    expect(await desk.reservations(stop)).toEqual(['order.placed -> 12324.6 USD']);
  });

  test('keeps its stop, and what that needs, where the book does not take the limit', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    await desk.place(desk.makers[1], 'buy 0.1 at 60000');
    const [limit, stop] = await pair(trader, 'sell', '1', [{ limitPrice: '60000', postOnly: true }, {}]);
    const [gone, kept] = await nowOf(trader, [limit, stop]);
    expect([told([gone, kept]), kept.reservation]).toEqual([
      ['cancelled post_only_would_cross', 'held'],
      '1',
    ]);
    expect(await desk.balance(trader, 'BTC')).toBe('1 (1)');
    await desk.restart();
    await desk.emptyTheBooks();
    await desk.place(desk.makers[1], 'buy 1 at 56900');
  });

  test('trades once whatever comes first, over and over, also while the book is read again', async () => {
    const trader = await desk.newTrader({ BTC: '20', USD: '2000000' });
    for (let round = 0; round < 6; round += 1) {
      const side = round % 2 === 0 ? 'sell' : 'buy';
      const found = await pair(trader, side, '1');
      const [maker, other, far] = side === 'sell' ? [1, 'buy', '56900'] : [0, 'sell', '63100'];
      const counter = desk.makers[maker === 1 ? 1 : 0];
      const [at, stop] = side === 'sell' ? ['63000', '57000'] : ['57000', '63000'];
      await desk.place(counter, `${other} 2 at ${far}`);
      await Promise.all([
        ...['0.2', '0.3', '0.5'].map((part) => desk.place(counter, `${other} ${part} at ${at}`)),
        desk.priceIs(stop),
        round > 3 ? desk.engine.rebuild() : undefined,
      ]);
      const ended = await nowOf(trader, found);
      const traded = ended.reduce((sum, { filledQuantity }) => sum + Number(filledQuantity), 0);
      expect([traded, ended.some(({ status }) => status === 'filled')]).toEqual([1, true]);
      expect(await desk.faults()).toEqual([]);
      await desk.quiet();
    }
  });

  test('accepted where nobody matches enters as a pair, and answers the same when it is sent again', async () => {
    const trader = await desk.newTrader({ BTC: '1' });
    await desk.engine.stop();
    const key = newId();
    const asked = members(trader, 'sell', '1');
    const path = '/v1/orders/batch';
    const first = await desk.elsewhere.request(trader, 'POST', path, { key, body: { orders: asked } });
    expect(said(first.body)).toEqual(['pending', 'pending']);
    await desk.engine.start();
    const found = first.body.data.map(({ order }: { order: Order }) => order);
    expect(told(await nowOf(trader, found))).toEqual(['open', 'held']);
    const again = await desk.batch(trader, asked, key);
    expect([again.body, again.headers.get('idempotent-replayed')]).toEqual([first.body, 'true']);
    await desk.place(desk.makers[1], 'buy 1 at 56900');
    await desk.priceIs('57000');
    expect(told(await nowOf(trader, found))).toEqual(['cancelled group', 'filled']);
    expect((await desk.batch(trader, members(trader, 'sell', '0.5'), key)).body.code).toBe(
      'idempotency_key_reused',
    );
    expect(await countOrders(trader)).toBe(2);
  });
});

describe('a pair with a bad member', () => {
  const refused: readonly (readonly [string, Changes, readonly string[]])[] = [
    [
      'of another side',
      [{}, { side: 'buy', stopPrice: '63000' }],
      ['order_group_invalid', 'order_group_invalid'],
    ],
    ['of another quantity', [{}, { quantity: '0.5' }], ['order_group_invalid', 'order_group_invalid']],
    ['of another symbol', [{}, { symbol: 'ETH/BTC' }], ['order_group_invalid', 'order_group_invalid']],
    [
      'that is a limit order too',
      [{}, { type: 'limit', limitPrice: '64000', stopPrice: undefined }],
      ['order_group_invalid', 'order_group_invalid'],
    ],
    ['that cannot be read', [{}, { quantity: '0' }], ['order_group_invalid', 'validation_failed']],
    ['of a name of its own', [{}, { ocoGroup: 'b' }], ['order_group_invalid', 'order_group_invalid']],
    ['that trades at once', [{ timeInForce: 'ioc' }, {}], ['validation_failed', 'order_group_invalid']],
    [
      'with the same name in the account',
      [{ clientOrderId: 'x' }, { clientOrderId: 'x' }],
      ['order_group_invalid', 'order_group_invalid'],
    ],
    [
      'of an unknown symbol',
      [{ symbol: 'NO/PE' }, { symbol: 'NO/PE' }],
      ['unknown_symbol', 'unknown_symbol'],
    ],
  ];
  test('stores nothing of either, and places the others of the batch', async () => {
    const trader = await desk.newTrader({ BTC: '5' });
    for (const [, changes, answers] of refused) {
      const { body } = await desk.batch(trader, members(trader, 'sell', '1', changes));
      expect(said(body)).toEqual([...answers]);
    }
    const [first, second] = members(trader, 'sell', '1');
    const three = await desk.batch(trader, [first, second, second]);
    expect([said(three.body), three.body.data[2].problem.errors[0].pointer]).toEqual([
      ['order_group_invalid', 'order_group_invalid', 'order_group_invalid'],
      '/orders/2/ocoGroup',
    ]);
    expect(await countOrders(trader)).toBe(0);
    const alone = {
      accountId: trader.accountId,
      symbol: 'BTC/USD',
      side: 'sell',
      type: 'limit',
      limitPrice: '64000',
    };
    const mixed = await desk.batch(trader, [first, { ...alone, quantity: '1' }, second]);
    expect(said(mixed.body)).toEqual(['open', 'open', 'held']);
    expect(mixed.body.data[0].order.groupId).toBe(mixed.body.data[2].order.groupId);
    expect(await desk.balance(trader, 'BTC')).toBe('5 (2)');
  });

  test('that a rule refuses, or whose name is taken, is refused with the other', async () => {
    const trader = await desk.newTrader({ BTC: '1', USD: '60000' });
    const table: readonly (readonly ['buy' | 'sell', string, Changes, readonly string[]])[] = [
      ['sell', '1', [{}, { stopPrice: '61000' }], ['group_refused', 'stop_on_wrong_side']],
      ['sell', '1', [{ limitPrice: '63000.001' }, {}], ['price_off_tick', 'group_refused']],
      ['sell', '2', [{}, {}], ['insufficient_funds', 'insufficient_funds']],
      // The limit alone could be paid for; the stop could not.
      ['buy', '1', [{}, {}], ['group_refused', 'insufficient_funds']],
    ];
    for (const [side, quantity, changes, answers] of table) {
      const { body } = await desk.batch(trader, members(trader, side, quantity, changes));
      expect(said(body)).toEqual([...answers]);
      const faults = answers.filter((answer) => answer !== 'group_refused');
      expect(body.data.map(({ order }: Order) => faultsOf(order))).toEqual(
        answers.map((answer) => (answer === 'group_refused' ? faults : [])),
      );
    }
    const before = await countOrders(trader);
    await desk.place(trader, 'sell 0.1 at 64000', { clientOrderId: 'taken' });
    const { body } = await desk.batch(
      trader,
      members(trader, 'sell', '0.5', [{}, { clientOrderId: 'taken' }]),
    );
    expect(said(body)).toEqual(['client_order_id_reused', 'client_order_id_reused']);
    expect(await countOrders(trader)).toBe(before + 1);
    expect(await desk.balance(trader, 'BTC')).toBe('1 (0.1)');
  });
});

test('reconcile finds groups that do not hold together', async () => {
  const trader = await desk.newTrader({ BTC: '2', USD: '100000' });
  const [limit] = await pair(trader, 'sell', '1');
  const exits = { takeProfit: { limitPrice: '63000' }, stopLoss: { stopPrice: '57000' } };
  const entry = (await desk.place(trader, 'buy 1 at 59000', exits)).body;
  await desk.engine.settled();
  const check = tradingChecks.find(({ name }) => name === 'trading.groups_hold_together');
  const planted = [
    [
      sql`update orders set book_seq = 1000000 where id = ${entry.exitIds[0]}`,
      'leaves an entry that never traded',
    ],
    [
      sql`update orders set status = 'cancelled', closed_at = now(), reservation = 0 where id = ${entry.id}`,
      'waits for its entry',
    ],
    [
      sql`update orders set status = 'filled', closed_at = now(), reservation = 0 where id = ${limit.id}`,
      'is open although the other of its pair',
    ],
    [sql`update orders set reservation = 0.5 where id = ${limit.id}`, 'and may sell'],
  ] as const;
  for (const [fault, words] of planted) {
    const undone = new Error('undone');
    const found: string[] = [];
    await transact(desk.system, 'engine', async (tx) => {
      await tx.execute(fault);
      const result = await check?.run(tx);
      found.push(...(result?.breaks ?? []).map(({ detail }) => detail));
      throw undone;
    }).catch((error: unknown) => expect(error).toBe(undone));
    expect(found.some((detail) => detail.includes(words))).toBe(true);
  }
});
