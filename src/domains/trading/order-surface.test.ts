import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { openClient } from '../../platform/db/client.ts';
import { auditLogs, outbox } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import type { Answer } from '../../testing/send.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../testing/trading-desk.ts';
import { orderEvents, orders } from './schema.ts';

/** What a failure of the database is answered with. */
const UNDECIDED = { '57P01': 503, '55P03': 503, XX000: 500, '23505': 409 } as const;

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

function limit(trader: Trader, words: string, more: object = {}): object {
  const [side, quantity, , limitPrice] = words.split(' ');
  const order = { accountId: trader.accountId, symbol: 'BTC/USD', side, type: 'limit', quantity, limitPrice };
  return { ...order, ...more };
}

function batch(trader: Trader, members: readonly unknown[], key: string = newId()): Promise<Answer> {
  return desk.request(trader, 'POST', '/v1/orders/batch', { key, body: { orders: members } });
}

function replace(trader: Trader, id: string, body: object, key: string = newId()): Promise<Answer> {
  return desk.request(trader, 'POST', `/v1/orders/${id}/replace`, { key, body });
}

/** Of each member its order's status or its problem. */
function said({ body }: Answer): string[] {
  return body.data.map(
    (result: { status: number; order: { status: string } | null; problem: { code: string } | null }) =>
      `${result.status} ${result.order?.status ?? result.problem?.code}`,
  );
}

async function countOrders(trader: Trader): Promise<number> {
  return desk.deps.db.engine.$count(orders, eq(orders.accountId, trader.accountId));
}

describe('a batch', () => {
  test('places the good members and answers each bad one in its place, storing nothing of it', async () => {
    const trader = await desk.newTrader({ USD: '10000' });
    const stranger = await desk.newTrader({ USD: '10000' });
    const requestsBefore = await desk.deps.db.engine.$count(
      auditLogs,
      eq(auditLogs.resourceId, 'placeOrders'),
    );
    const answer = await batch(trader, [
      limit(trader, 'buy 0.01 at 50000', { clientOrderId: 'one' }),
      limit(trader, 'buy 0 at 50000'),
      limit(trader, 'buy 0.01 at 50000', { symbol: 'NO/PE' }),
      limit(trader, 'buy 0.01 at 50000.001'),
      limit(trader, 'buy 0.01 at 50000', { clientOrderId: 'one' }),
      limit(trader, 'buy 0.02 at 50000', { clientOrderId: 'one' }),
      'nonsense',
      limit(stranger, 'buy 0.01 at 50000'),
      limit(trader, 'buy 1 at 50000'),
      limit(trader, 'buy 0.02 at 50000'),
    ]);
    expect(answer.status).toBe(201);
    expect(said(answer)).toEqual([
      '201 open',
      '422 validation_failed',
      '422 unknown_symbol',
      '201 rejected',
      '201 open',
      '409 client_order_id_reused',
      '422 validation_failed',
      '422 validation_failed',
      '201 rejected',
      '201 open',
    ]);
    const { data } = answer.body;
    expect(data[1].problem.errors[0].pointer).toBe('/orders/1/quantity');
    expect(data[7].problem.errors[0].pointer).toBe('/orders/7/accountId');
    expect(data[4].order.id).toBe(data[0].order.id);
    expect([data[3].order.rejectionReason, data[8].order.rejectionReason]).toEqual([
      'price_off_tick',
      'insufficient_funds',
    ]);
    expect(await countOrders(trader)).toBe(4);
    expect(await countOrders(stranger)).toBe(0);
    // 0.03 at 50000 and the fee; nothing is reserved for what was refused.
    expect(await desk.balance(trader, 'USD')).toBe('10000 (1503)');
    const refused = await desk.deps.db.engine.$count(auditLogs, eq(auditLogs.resourceId, 'placeOrders'));
    expect(refused - requestsBefore).toBe(3);
  });

  test('takes every name of an order that an address can look up, and no other', async () => {
    const trader = await desk.newTrader({ USD: '10000' });
    const named = (clientOrderId: string) => limit(trader, 'buy 0.01 at 50000', { clientOrderId });
    const names = ['...', '/', '%2e', '?a=#b', '.a', 'a.', '+', 'x'.repeat(64), '.'.repeat(64)];
    const placed = await batch(
      trader,
      ['.', '..', ...names, 'x'.repeat(65), '.'.repeat(65), 'a b'].map(named),
    );
    const refused = said(placed).flatMap((what, index) => (what === '422 validation_failed' ? [index] : []));
    expect(refused).toEqual([0, 1, 11, 12, 13]);
    expect(placed.body.data[0].problem.errors).toMatchObject([
      { pointer: '/orders/0/clientOrderId', detail: expect.stringContaining('not . or ..') },
    ]);
    for (const [index, name] of names.entries()) {
      const path = `/v1/orders/by-client-id/${encodeURIComponent(name)}?accountId=${trader.accountId}`;
      const found = await desk.request(trader, 'GET', path);
      expect([name, found.body.id]).toEqual([name, placed.body.data[index + 2].order.id]);
    }
  });

  test('sent again answers the same, and places nothing more', async () => {
    const trader = await desk.newTrader({ USD: '10000' });
    const key = newId();
    const members = [
      limit(trader, 'buy 0.01 at 50000'),
      limit(trader, 'buy 0.01 at 50000', { symbol: 'NO/PE' }),
      limit(trader, 'buy 0.01 at 50001'),
    ];
    const [first, ...others] = await Promise.all([1, 2, 3].map(() => batch(trader, members, key)));
    await desk.request(trader, 'DELETE', `/v1/orders?accountId=${trader.accountId}`);
    const again = await batch(trader, members, key);
    for (const { status, body } of [...others, again]) {
      expect({ status, body }).toEqual({ status: 201, body: first?.body });
    }
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await countOrders(trader)).toBe(2);
  });

  test('has no answer while it is open what became of one member, and is finished by a retry', async () => {
    const trader = await desk.newTrader({ USD: '10000' });
    const key = newId();
    const members = ['50000', '49999', '49998'].map((price) => limit(trader, `buy 0.01 at ${price}`));
    const owner = openClient(desk.database.owner, 1);
    for (const [state, status] of Object.entries(UNDECIDED)) {
      await owner.unsafe(`create function die() returns trigger language plpgsql as
        $$ begin raise exception 'the power failed' using errcode = '${state}'; end $$`);
      await owner.unsafe(`create trigger aaa_die before insert on orders for each row
        when (new.limit_price = 49999) execute function die()`);
      const answer = await batch(trader, members, key);
      await owner.unsafe('drop function die() cascade');
      expect([state, answer.status]).toEqual([state, status]);
    }
    await owner.end();
    expect(await countOrders(trader)).toBe(2);
    const placed = await batch(trader, members, key);
    // Pending where the book is being read again after the answer that was lost.
    expect(said(placed).every((word) => ['201 open', '201 pending'].includes(word))).toBeTrue();
    expect((await batch(trader, members, key)).body).toEqual(placed.body);
    expect(await countOrders(trader)).toBe(3);
  });

  test('with the key of another batch, or of one order, is refused whole', async () => {
    const trader = await desk.newTrader({ USD: '10000' });
    const key = newId();
    const members = [limit(trader, 'buy 0.01 at 50000'), limit(trader, 'buy 0.01 at 50001')];
    await batch(trader, members, key);
    const single = newId();
    await desk.place(trader, 'buy 0.01 at 50000', {}, single);
    const others: [unknown[], string][] = [
      [[...members, limit(trader, 'buy 0.01 at 50002')], key],
      [members.slice(0, 1), key],
      [members, single],
    ];
    for (const [body, used] of others) {
      const answer = await batch(trader, body, used);
      expect([answer.status, answer.body.code]).toEqual([422, 'idempotency_key_reused']);
    }
    const alone = await desk.place(trader, 'buy 0.01 at 50000', {}, key);
    expect([alone.status, alone.body.code]).toEqual([422, 'idempotency_key_reused']);
    expect(await countOrders(trader)).toBe(3);
  });

  test('is bounded: neither none nor more than a hundred, and no more than the intake takes', async () => {
    const trader = await desk.newTrader({ USD: '10000' });
    const member = limit(trader, 'buy 0.01 at 1');
    for (const count of [0, 101]) {
      const answer = await batch(
        trader,
        Array.from({ length: count }, () => member),
      );
      expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, '/orders']);
    }
    const hundred = Array.from({ length: 100 }, () => limit(trader, 'buy 0.0001 at 50000'));
    const answers = await Promise.all(Array.from({ length: 14 }, () => batch(trader, hundred)));
    const busy = answers.filter(({ status }) => status === 503);
    const placed = answers.filter(({ status }) => status === 201);
    expect(busy.length).toBeGreaterThan(0);
    expect(busy[0]?.headers.get('retry-after')).toBe('1');
    expect(await countOrders(trader)).toBe(placed.length * 100);
    await desk.request(trader, 'DELETE', `/v1/orders?accountId=${trader.accountId}`);
  });
});

describe('a replacement', () => {
  test('takes the place of an open order with what that one had reserved', async () => {
    await desk.emptyTheBooks();
    const trader = await desk.newTrader({ USD: '5010' });
    const old = await desk.place(trader, 'buy 0.1 at 50000', { clientOrderId: 'mine' });
    expect(await desk.balance(trader, 'USD')).toBe('5010 (5010)');
    const answer = await replace(trader, old.body.id, { limitPrice: '49000', clientOrderId: 'mine-2' });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      status: 'open',
      replacesId: old.body.id,
      limitPrice: '49000',
      quantity: '0.1',
      clientOrderId: 'mine-2',
    });
    const replaced = await desk.later(trader, old.body.id);
    expect(replaced).toMatchObject({ status: 'replaced', reservation: '0', replacedById: answer.body.id });
    const listed = (await desk.request(trader, 'GET', `/v1/orders?accountId=${trader.accountId}`)).body.data;
    expect(
      listed.map((order: { id: string; replacedById: string | null }) => [order.id, order.replacedById]),
    ).toEqual([
      [answer.body.id, null],
      [old.body.id, answer.body.id],
    ]);
    expect(await desk.balance(trader, 'USD')).toBe('5010 (4909.8)');
    const book = async () => (await desk.request(trader, 'GET', '/v1/instruments/BTC%2FUSD/book')).body.bids;
    const only = [{ price: '49000', quantity: '0.1', orderCount: 1 }];
    expect(await book()).toEqual(only);
    await desk.engine.rebuild();
    expect(await book()).toEqual(only);
    const events = await desk.deps.db.engine
      .select({ type: orderEvents.type, data: orderEvents.data })
      .from(orderEvents)
      .where(eq(orderEvents.orderId, old.body.id))
      .orderBy(orderEvents.id);
    expect(events.map(({ type }) => type)).toEqual(['order.accepted', 'order.replaced']);
    expect(events[1]?.data).toMatchObject({ replacedById: answer.body.id });
    const told = and(eq(outbox.type, 'trading.order_replaced'), eq(outbox.userId, trader.userId));
    expect(await desk.deps.db.engine.$count(outbox, told)).toBe(1);
    const closed = and(eq(auditLogs.eventType, 'order.closed'), eq(auditLogs.resourceId, old.body.id));
    expect(await desk.deps.db.engine.$count(auditLogs, closed)).toBe(1);
  });

  test('that a rule refuses leaves the old order in its place', async () => {
    await desk.emptyTheBooks();
    const trader = await desk.newTrader({ USD: '5010' });
    const old = await desk.place(trader, 'buy 0.1 at 50000');
    const answer = await replace(trader, old.body.id, { quantity: '0.2' });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      status: 'rejected',
      rejectionReason: 'insufficient_funds',
      replacesId: old.body.id,
    });
    expect(await desk.later(trader, old.body.id)).toMatchObject({ status: 'open', reservation: '5010' });
    expect(await desk.balance(trader, 'USD')).toBe('5010 (5010)');
  });

  test('of a partly filled order is of what is left, and the old fills stand', async () => {
    await desk.emptyTheBooks();
    const buyer = await desk.newTrader({ USD: '100000' });
    const seller = await desk.newTrader({ BTC: '1' });
    const old = await desk.place(buyer, 'buy 1 at 60000');
    await desk.place(seller, 'sell 0.3 at 60000');
    await desk.engine.settled();
    const stale = await replace(buyer, old.body.id, { limitPrice: '59000', filledQuantity: '0' });
    expect([stale.status, stale.body.code]).toEqual([409, 'order_changed']);
    const answer = await replace(buyer, old.body.id, { limitPrice: '59000', filledQuantity: '0.3' });
    expect(answer.body).toMatchObject({ status: 'open', quantity: '0.7', filledQuantity: '0' });
    expect(await desk.later(buyer, old.body.id)).toMatchObject({ status: 'replaced', filledQuantity: '0.3' });
    expect(await desk.balance(buyer, 'USD')).toBe('81982 (41382.6)');
  });

  test('loses its place in line, and matches at once where its price does', async () => {
    await desk.emptyTheBooks();
    const [first, second] = [await desk.newTrader({ BTC: '1' }), await desk.newTrader({ BTC: '1' })];
    const buyer = await desk.newTrader({ USD: '100000' });
    const old = await desk.place(first, 'sell 0.1 at 60000');
    const other = await desk.place(second, 'sell 0.1 at 60000');
    const anew = await replace(first, old.body.id, { quantity: '0.2' });
    const buy = await desk.place(buyer, 'buy 0.1 at 60000');
    expect(await desk.later(second, other.body.id)).toMatchObject({ status: 'filled' });
    expect(await desk.later(first, anew.body.id)).toMatchObject({ status: 'open' });
    expect(await desk.later(buyer, buy.body.id)).toMatchObject({ status: 'filled' });
    const low = await desk.place(buyer, 'buy 0.1 at 50000');
    const taking = await replace(buyer, low.body.id, { limitPrice: '60000' });
    expect(await desk.later(buyer, taking.body.id)).toMatchObject({ status: 'filled' });
  });

  test('of an order that waits for its price waits for the new one, and for the old one no more', async () => {
    await desk.emptyTheBooks();
    const holder = await desk.newTrader({ BTC: '1' });
    const [buyer, seller] = [await desk.newTrader({ USD: '100000' }), await desk.newTrader({ BTC: '1' })];
    const stop = { type: 'stop', stopPrice: '58000', limitPrice: undefined, timeInForce: 'gtc' };
    const old = (await desk.place(holder, 'sell 0.5 at 1', stop)).body;
    expect(old).toMatchObject({ status: 'held', reservation: '0.5' });
    const anew = (await replace(holder, old.id, { stopPrice: '57000', quantity: '0.4' })).body;
    expect(anew).toMatchObject({ status: 'held', type: 'stop', stopPrice: '57000', replacesId: old.id });
    expect(await desk.balance(holder, 'BTC')).toBe('1 (0.4)');
    await desk.place(buyer, 'buy 0.01 at 57500');
    await desk.place(seller, 'sell 0.01 at 57500');
    expect(await desk.later(holder, anew.id)).toMatchObject({ status: 'held' });
    await desk.place(buyer, 'buy 0.41 at 56900');
    await desk.place(seller, 'sell 0.01 at 56900');
    expect(await desk.later(holder, anew.id)).toMatchObject({ status: 'filled', filledQuantity: '0.4' });
    expect(await desk.later(holder, old.id)).toMatchObject({ status: 'replaced', filledQuantity: '0' });
  });

  test('is refused, with nothing stored, where there is nothing to replace', async () => {
    await desk.emptyTheBooks();
    const trader = await desk.newTrader({ USD: '10000', BTC: '1' });
    const stranger = await desk.newTrader({ USD: '10000' });
    const { id } = (await desk.place(trader, 'buy 0.1 at 50000')).body;
    const done = (await desk.place(trader, 'buy 0.1 at 49000')).body.id;
    await desk.request(trader, 'DELETE', `/v1/orders/${done}`);
    await desk.place(trader, 'buy 0.01 at 48000', { clientOrderId: 'taken' });
    const before = await countOrders(trader);
    const table: [Trader, string, object, string][] = [
      [stranger, id, { quantity: '0.2' }, '404 not_found'],
      [trader, newId(), { quantity: '0.2' }, '404 not_found'],
      [trader, done, { quantity: '0.2' }, '409 order_not_open'],
      [trader, id, { quantity: '0.2', clientOrderId: 'taken' }, '409 client_order_id_reused'],
      [trader, id, {}, '422 validation_failed'],
      [trader, id, { side: 'sell' }, '422 validation_failed'],
      [trader, id, { timeInForce: 'ioc', postOnly: true }, '422 validation_failed'],
    ];
    for (const [as, orderId, body, refusal] of table) {
      const answer = await replace(as, orderId, body);
      expect(`${answer.status} ${answer.body.code}`).toBe(refusal);
    }
    expect(await countOrders(trader)).toBe(before);
    expect(await desk.later(trader, id)).toMatchObject({ status: 'open' });
  });

  test('sent again answers the same; by client order id too; twice at once replaces once', async () => {
    await desk.emptyTheBooks();
    const trader = await desk.newTrader({ USD: '20000' });
    const { id } = (await desk.place(trader, 'buy 0.1 at 50000')).body;
    const key = newId();
    const change = { limitPrice: '49000', clientOrderId: newId() };
    const answers = await Promise.all(Array.from({ length: 5 }, () => replace(trader, id, change, key)));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    const named = await replace(trader, id, change);
    expect(named.body).toEqual(answers[0]?.body);
    const next = answers[0]?.body.id;
    const two = await Promise.all([1, 2].map(() => replace(trader, next, { limitPrice: '48000' })));
    expect(new Set(two.map(({ status }) => status))).toEqual(new Set([201, 409]));
    expect(await desk.balance(trader, 'USD')).toBe('20000 (4809.6)');
  });

  test('racing fills and cancels never trades more than was asked for', async () => {
    await desk.emptyTheBooks();
    const buyer = await desk.newTrader({ USD: '10000000' });
    const seller = await desk.newTrader({ BTC: '100' });
    for (let round = 0; round < 9; round += 1) {
      const process = round % 3 === 2 ? desk.elsewhere : desk;
      const { id } = (await desk.place(buyer, 'buy 0.4 at 60000')).body;
      const sells = [1, 2, 3, 4].map(() => desk.place(seller, 'sell 0.2 at 60000', { timeInForce: 'ioc' }));
      const [answer] = await Promise.all([
        process.request(buyer, 'POST', `/v1/orders/${id}/replace`, {
          key: newId(),
          body: { limitPrice: '60001', filledQuantity: '0', quantity: '0.4' },
        }),
        round % 4 === 3 ? desk.request(buyer, 'DELETE', `/v1/orders/${id}`) : undefined,
        ...sells,
      ]);
      await desk.engine.settled();
      const old = await desk.later(buyer, id);
      if (answer?.status === 201) {
        const anew = await desk.later(buyer, answer.body.id);
        expect(old).toMatchObject({ status: 'replaced', filledQuantity: '0' });
        expect(['0', '0.2', '0.4']).toContain(anew.filledQuantity);
      } else {
        expect(['order_not_open', 'order_changed']).toContain(answer?.body.code);
        expect(['filled', 'partially_filled', 'cancelled']).toContain(old.status);
      }
      await desk.emptyTheBooks();
    }
    expect((await desk.balance(buyer, 'USD')).endsWith('(0)')).toBe(true);
  });

  test('accepted where nobody matches reaches the book of the process that does', async () => {
    await desk.emptyTheBooks();
    const trader = await desk.newTrader({ USD: '100000' });
    const { id } = (await desk.place(trader, 'buy 0.1 at 50000')).body;
    await desk.engine.settled();
    const far = await desk.elsewhere.request(trader, 'POST', `/v1/orders/${id}/replace`, {
      key: newId(),
      body: { limitPrice: '49000' },
    });
    expect(far.body.status).toBe('pending');
    const further = await desk.elsewhere.request(trader, 'POST', `/v1/orders/${far.body.id}/replace`, {
      key: newId(),
      body: { limitPrice: '48000' },
    });
    expect(further.status).toBe(201);
    await desk.engine.settled();
    const { body } = await desk.request(trader, 'GET', '/v1/instruments/BTC%2FUSD/book');
    expect(body.bids).toEqual([{ price: '48000', quantity: '0.1', orderCount: 1 }]);
  });
});

test('a settlement that meets what another process replaced writes nothing of it and goes on', async () => {
  await desk.emptyTheBooks();
  const [buyer, other] = [await desk.newTrader({ USD: '6012' }), await desk.newTrader({ USD: '6012' })];
  const seller = await desk.newTrader({ BTC: '1' });
  const { id } = (await desk.place(buyer, 'buy 0.1 at 60000')).body;
  const behind = (await desk.place(other, 'buy 0.1 at 60000')).body;
  await desk.engine.settled();
  // What the accept of another process leaves before this one has heard of it.
  await transact(desk.system, 'engine', async (tx) => {
    await tx.execute(sql`
      update orders set status = 'replaced', reservation = 0, closed_at = now() where id = ${id}`);
    await tx.execute(sql`update wallets set reserved = 0 where account_id = ${buyer.accountId}`);
  });
  const sell = (await desk.place(seller, 'sell 0.1 at 60000')).body;
  expect(await desk.later(seller, sell.id)).toMatchObject({ status: 'filled' });
  expect(await desk.later(other, behind.id)).toMatchObject({ status: 'filled' });
  expect(await desk.later(buyer, id)).toMatchObject({ status: 'replaced', filledQuantity: '0' });
});

describe('cancels', () => {
  test('by symbol and side take out what fits, and say how many that were', async () => {
    const trader = await desk.newTrader({ USD: '100000', BTC: '1' });
    await desk.place(trader, 'buy 0.01 at 50000');
    await desk.place(trader, 'buy 0.01 at 50001');
    await desk.place(trader, 'sell 0.01 at 65000');
    await desk.place(trader, 'sell 1 at 0.06', { symbol: 'ETH/BTC' }).catch(() => undefined);
    const path = `/v1/orders?accountId=${trader.accountId}`;
    const buys = await desk.request(trader, 'DELETE', `${path}&side=buy&symbol=BTC%2FUSD`);
    expect(buys.body).toMatchObject({ requested: 2, more: false });
    const none = await desk.request(trader, 'DELETE', `${path}&symbol=ETH%2FBTC&side=buy`);
    expect(none.body).toMatchObject({ requested: 0, data: [] });
    const rest = await desk.request(trader, 'DELETE', path);
    expect(rest.body.requested).toBe(1);
    expect(rest.body.data[0]).toMatchObject({ side: 'sell', status: 'cancelled', cancelReason: 'requested' });
  });

  test('by the firm need a reason and leave it, with who cancelled', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const { id } = (await desk.place(trader, 'buy 0.01 at 50000')).body;
    const risk = await desk.newStaff('risk_manager');
    const path = `/v1/accounts/${trader.accountId}/cancel-orders`;
    const cancel = (as: Trader, body: object) => desk.request(as, 'POST', path, { body });
    expect((await cancel(await desk.newStaff('support'), { reason: 'Because' })).status).toBe(403);
    expect((await cancel(trader, { reason: 'Because' })).status).toBe(403);
    expect((await cancel(risk, {})).status).toBe(422);
    const answer = await cancel(risk, { reason: 'Out of proportion' });
    expect(answer.body).toMatchObject({ requested: 1, more: false });
    expect(await desk.later(trader, id)).toMatchObject({ status: 'cancelled', cancelReason: 'firm' });
    const [row] = await desk.deps.db.engine
      .select()
      .from(auditLogs)
      .where(
        and(eq(auditLogs.eventType, 'account.orders_cancelled'), eq(auditLogs.subjectUserId, trader.userId)),
      );
    expect(row).toMatchObject({ actorId: risk.userId, after: { reason: 'Out of proportion' } });
    const unknown = await desk.request(risk, 'POST', `/v1/accounts/${newId()}/cancel-orders`, {
      body: { reason: 'Because' },
    });
    expect(unknown.status).toBe(404);
  });
});

test('the events of an order come in pages, the oldest first', async () => {
  const trader = await desk.newTrader({ USD: '100000' });
  const { id } = (await desk.place(trader, 'buy 0.01 at 50000')).body;
  await desk.request(trader, 'DELETE', `/v1/orders/${id}`);
  await desk.engine.settled();
  const seen: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const path = `/v1/orders/${id}/events?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const { body }: Answer = await desk.request(trader, 'GET', path);
    seen.push(...body.data.map((event: { type: string }) => event.type));
    cursor = body.nextCursor;
  }
  expect(seen).toEqual(['order.accepted', 'order.cancel_requested', 'order.cancelled']);
});

test('a listing is narrowed by side and by when orders were placed', async () => {
  const trader = await desk.newTrader({ USD: '100000', BTC: '1' });
  const first = (await desk.place(trader, 'buy 0.01 at 50000')).body;
  await Bun.sleep(2);
  const second = (await desk.place(trader, 'sell 0.01 at 65000')).body;
  const ids = async (query: string) =>
    (await desk.request(trader, 'GET', `/v1/orders?${query}`)).body.data.map(
      (order: { id: string }) => order.id,
    );
  expect(await ids('side=sell')).toEqual([second.id]);
  expect(await ids(`from=${second.placedAt}`)).toEqual([second.id]);
  expect(await ids(`to=${second.placedAt}`)).toEqual([first.id]);
  expect(await ids(`from=${first.placedAt}&to=${second.placedAt}&side=sell`)).toEqual([]);
  expect(await ids('state=live')).toEqual([second.id, first.id]);
  await desk.request(trader, 'DELETE', `/v1/orders/${first.id}`);
  expect(await ids('state=live')).toEqual([second.id]);
  expect(await ids('state=closed')).toEqual([first.id]);
});
