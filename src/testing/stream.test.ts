/**
 * The stream of the whole product: real credentials, the channels of the domains, two customers, and a
 * second node that hears of everything through the database alone.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { generateKeyPairSync } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { createApiKey } from '../domains/identity/index.ts';
import { setQuote } from '../domains/markets/index.ts';
import { parseAmount } from '../kernel/amount.ts';
import { addMs } from '../kernel/time.ts';
import { done } from './drivers/driver.ts';
import { setGate } from './set-gate.ts';
import { signRequest } from './sign-request.ts';
import { type ServedApp, type StreamClient, serveApp } from './stream-client.ts';
import { until } from './until.ts';
import { type Member, startWorld, type World } from './world.ts';

let world: World;
let served: ServedApp;
let buyer: Member;
let seller: Member;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
  served = serveApp(world.app, world.deps);
  buyer = await world.newCustomer({ USD: '5000' });
  seller = await world.newCustomer({ BTC: '1' });
}, 60_000);
afterAll(async () => {
  served.stopStreams();
  await served.close();
  await world.close();
});

async function subscribe(client: StreamClient, channel: string, names: object = {}) {
  const id = `${channel} ${JSON.stringify(names)}`;
  client.send({ op: 'subscribe', id, channel, ...names });
  return client.find((message) => message.id === id);
}

function place(as: Member, side: 'buy' | 'sell', limitPrice: string) {
  const order = { symbol: 'BTC/USD', side, type: 'limit', quantity: '0.001', limitPrice };
  return done(world.call('placeOrder', { as, body: { accountId: as.accountId, ...order } }));
}

function ofOrders({ messages }: StreamClient) {
  return messages.filter(({ channel, type }) => channel === 'orders' && type === 'update');
}

describe('own orders', () => {
  test('are told event by event from acceptance to the last fill, to their owner and nobody else', async () => {
    const [theirs, mine] = [await served.stream(seller.token), await served.stream(buyer.token)];
    await place(buyer, 'buy', '50000');
    const snapshot = await subscribe(mine, 'orders');
    expect(snapshot.data).toMatchObject({
      complete: true,
      orders: [{ limitPrice: '50000', status: 'open' }],
    });
    expect((await subscribe(theirs, 'orders')).data.orders).toEqual([]);
    const sold = await place(seller, 'sell', '60000');
    const bought = await place(buyer, 'buy', '60000');
    const closed = await mine.find(({ data }) => data?.event?.type === 'order.filled');
    expect(closed.data.order).toMatchObject({ id: bought.id, status: 'filled' });
    await theirs.find(({ data }) => data?.event?.type === 'order.filled');
    const seen = (client: StreamClient) => new Set(ofOrders(client).map(({ data }) => data.order.id));
    expect([seen(mine), seen(theirs)]).toEqual([new Set([bought.id]), new Set([sold.id])]);
    const types = ofOrders(mine).map(({ data }) => data.event.type);
    expect(types).toEqual(['order.accepted', 'order.traded', 'order.filled']);
    expect(ofOrders(mine).map(({ sequence }) => sequence)).toEqual([2, 3, 4]);
    const accounts = [mine, theirs].map((client) => JSON.stringify(client.messages));
    expect([accounts[0]?.includes(seller.userId), accounts[1]?.includes(buyer.userId)]).toEqual([
      false,
      false,
    ]);
    mine.close();
    theirs.close();
  });

  test('are not shown to staff', async () => {
    const staff = await served.stream(world.people.risk_manager.token);
    expect(await subscribe(staff, 'orders')).toMatchObject({ type: 'error', code: 'forbidden' });
    staff.close();
  });

  test('are told completely, however many happen at once', async () => {
    const many = await world.newCustomer({ USD: '5000' });
    const client = await served.stream(many.token);
    await subscribe(client, 'orders');
    const placed = await Promise.all(Array.from({ length: 30 }, () => place(many, 'buy', '50000')));
    await done(world.call('cancelOrders', { as: many, query: { accountId: many.accountId } }));
    const cancelled = () => ofOrders(client).filter(({ data }) => data.event.type === 'order.cancelled');
    await until(async () => cancelled().length >= placed.length);
    const updates = ofOrders(client);
    expect(new Set(cancelled().map(({ data }) => data.order.id))).toEqual(
      new Set(placed.map(({ id }) => id)),
    );
    const events = updates.map(({ data }) => data.event.id);
    expect(new Set(events).size).toBe(events.length);
    expect(updates.map(({ sequence }) => sequence)).toEqual(updates.map((_each, index) => index + 2));
    client.close();
  });
});

describe('market data', () => {
  test('of quotes, candles, trades and the book begins with what holds and goes on with what changes', async () => {
    const client = await served.stream(buyer.token);
    const symbol = 'BTC/USD';
    for (const [channel, names] of [
      ['quotes', {}],
      ['candles', { interval: '1m' }],
      ['trades', {}],
      ['book', { levels: 5 }],
    ] as const) {
      expect(await subscribe(client, channel, { symbol, ...names })).toMatchObject({
        type: 'snapshot',
        symbol,
      });
    }
    await place(seller, 'sell', '60001');
    const update = (of: string, fits: (data: never) => boolean) =>
      client.find(({ type, channel, data }) => type === 'update' && channel === of && fits(data as never));
    await update('book', ({ asks }: { asks: { price: string }[] }) =>
      asks.some(({ price }) => price === '60001'),
    );
    await place(buyer, 'buy', '60001');
    const traded = await update('trades', () => true);
    expect(traded.data.trades).toMatchObject([{ symbol, price: '60001', quantity: '0.001' }]);
    expect(JSON.stringify(traded)).not.toContain(buyer.accountId);
    await update('quotes', ({ last }: { last: string }) => last === '60001');
    await update('candles', ({ candles }: { candles: { close: string }[] }) =>
      candles.some(({ close }) => close === '60001'),
    );
    await update('book', ({ asks }: { asks: { price: string }[] }) =>
      asks.every(({ price }) => price !== '60001'),
    );
    client.close();
  });

  test('of an unknown instrument or interval is refused', async () => {
    const client = await served.stream(buyer.token);
    expect(await subscribe(client, 'quotes', { symbol: 'NO/USD' })).toMatchObject({ code: 'not_found' });
    const wrong = await subscribe(client, 'candles', { symbol: 'BTC/USD', interval: '2m' });
    expect(wrong).toMatchObject({ code: 'validation_failed' });
    client.close();
  });

  test('is told to staff too', async () => {
    const client = await served.stream(world.people.auditor.token);
    await subscribe(client, 'quotes', { symbol: 'ETH/USD' });
    await setQuote(world.system, { symbol: 'ETH/USD', last: parseAmount('3111'), source: 'test' });
    await client.find(({ type, data }) => type === 'update' && data.last === '3111');
    client.close();
  });
});

test('a key that asks for signatures opens a stream by a signed upgrade, and by nothing else', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const body = { name: 'Signed', scopes: ['markets:read'], signingPublicKey: raw.toString('base64') };
  const { id, secret } = await done(world.call('createApiKey', { as: buyer, body }));
  const upgrade = { method: 'GET', url: `${served.url}/v1/stream`, headers: new Headers() };
  const headers = Object.fromEntries(signRequest(upgrade, id, privateKey));
  const signed = await served.stream(secret, headers);
  // The signature covered the request that opened it: it is not asked for again, nor does it open another.
  await Bun.sleep(300);
  expect(await subscribe(signed, 'quotes', { symbol: 'BTC/USD' })).toMatchObject({ type: 'snapshot' });
  signed.send({ op: 'auth', token: secret });
  expect(await signed.closed).toMatchObject({ code: 4002 });
  for (const replayed of [headers, {}]) {
    expect(await served.stream(secret, replayed).catch(() => 'refused')).toBe('refused');
  }
  const later = await served.stream();
  later.send({ op: 'auth', token: secret });
  expect(await later.closed).toMatchObject({ code: 4002 });
});

describe('a stream ends with its credential', () => {
  test('when the session is signed out of, in this process or in another', async () => {
    const [one, other] = [await world.newMember(), await world.newMember()];
    const [here, there] = [await served.stream(one.token), await served.stream(other.token)];
    await done(world.call('logout', { as: one, body: {} }));
    expect(await here.closed).toMatchObject({ code: 4003 });
    // As another process does it: this one hears by the database's notice.
    await world.deps.db.engine.execute(
      sql`update sessions set revoked_at = now(), revoked_reason = 'logout' where user_id = ${other.userId}`,
    );
    expect(await there.closed).toMatchObject({ code: 4003 });
  });

  test('when the key is revoked, and when the person is suspended', async () => {
    const as = await world.newMember();
    const expiresAt = addMs(world.deps.clock.realNow(), 86_400_000);
    const made = await createApiKey(as.ctx, {
      userId: as.userId,
      name: 'Stream',
      scopes: ['markets:read'],
      expiresAt,
    });
    const keyed = await served.stream(made.secret);
    expect(await subscribe(keyed, 'orders')).toMatchObject({ code: 'scope_missing' });
    await done(world.call('revokeApiKey', { as, params: { id: made.apiKey.id } }));
    expect(await keyed.closed).toMatchObject({ code: 4003 });
    const signedIn = await served.stream(as.token);
    const params = { id: as.userId };
    await done(
      world.call('suspendUser', {
        as: world.people.compliance_officer,
        params,
        body: { reason: 'Looked at it' },
      }),
    );
    expect(await signedIn.closed).toMatchObject({ code: 4003 });
  });

  test('but not because an account is restricted: that would tell', async () => {
    const as = await world.newMember();
    const client = await served.stream(as.token);
    await setGate(world.system, as.userId, { restriction: 'frozen' });
    await Bun.sleep(300);
    expect(await subscribe(client, 'orders')).toMatchObject({ type: 'snapshot' });
    client.close();
  });
});
