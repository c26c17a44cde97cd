import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { z } from '@hono/zod-openapi';
import { and, eq, sql } from 'drizzle-orm';
import { Hono } from 'hono';
import type { Actor, Role } from '../../kernel/actor.ts';
import { newId } from '../../kernel/id.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { type ServedApp, type StreamClient, serveApp } from '../../testing/stream-client.ts';
import { until } from '../../testing/until.ts';
import { changes } from '../changes/changes.ts';
import type { Deps } from '../context.ts';
import { openClient } from '../db/client.ts';
import { auditLogs } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import type { Domain } from '../domain.ts';
import { gather } from '../gather.ts';
import { parseRateLimits } from '../http/rate-policy.ts';
import { refuse } from '../http/refuse.ts';
import { mountEndpoints } from '../http/router.ts';
import { streamChannel } from './channel.ts';
import { streamEndpoints } from './endpoints.ts';
import { parseStreamLimits } from './limits.ts';
import { type Outgoing, type Subscription, sendQueue } from './send-queue.ts';

/** What the sample channels tell: a state, and things that happen. */
const market = { price: 1, polls: 0, happened: [] as number[], failing: false, polling: 0, atOnce: 0 };
/** What opening the prices waits for. */
let opens = Promise.resolve();
const access = { customer: true, scope: 'markets:read' } as const;

const prices = streamChannel({
  name: 'prices',
  access,
  params: z.strictObject({ symbol: z.enum(['A', 'B']) }),
  delivery: 'latest',
  everyMs: 20,
  keyOf: (_ctx, { symbol }) => symbol,
  open: async ({ deps }) => {
    let shown = market.price;
    await opens;
    return {
      snapshot: () => ({ price: shown }),
      poll: async () => {
        market.polls += 1;
        market.polling += 1;
        market.atOnce = Math.max(market.atOnce, market.polling);
        await Bun.sleep(10);
        market.polling -= 1;
        if (market.failing) {
          throw new Error('away');
        }
        const moved = shown !== market.price;
        shown = market.price;
        return moved ? [{ price: shown }] : [];
      },
      watch: (moved) => changes(deps).on('sample', moved),
    };
  },
});
const happenings = streamChannel({
  name: 'happenings',
  access: { customer: true, scope: 'orders:read' },
  params: z.strictObject({}),
  delivery: 'every',
  everyMs: 1,
  keyOf: (ctx) => ('userId' in ctx.actor ? ctx.actor.userId : ''),
  open: async ({ deps }) => {
    let read = market.happened.length;
    return {
      snapshot: () => ({ happened: read }),
      poll: async () => {
        const fresh = market.happened.slice(read);
        read += fresh.length;
        return fresh;
      },
      watch: (moved) => changes(deps).on('sample', moved),
    };
  },
});
/** The symbols of each reading that `levels` share, and whether the next fails. */
const readings: string[][] = [];
let readingFails = false;
const readLevels = gather(async (symbols: readonly string[]) => {
  readings.push([...symbols]);
  if (readingFails) {
    throw new Error('away');
  }
  return new Map(symbols.map((symbol) => [symbol, `${symbol}${market.price}`]));
});
const levels = streamChannel({
  name: 'levels',
  access,
  params: z.strictObject({ symbol: z.enum(['A', 'B', 'C', 'D', 'E']) }),
  delivery: 'latest',
  everyMs: 5,
  together: 4,
  keyOf: (_ctx, { symbol }) => symbol,
  open: async ({ deps }, { symbol }) => {
    let shown = await readLevels(symbol);
    return {
      snapshot: () => ({ level: shown }),
      poll: async () => {
        const level = await readLevels(symbol);
        const moved = level !== shown;
        shown = level;
        return moved ? [{ level }] : [];
      },
      watch: (moved) => changes(deps).on('sample', moved),
    };
  },
});
const sample: Domain = {
  name: 'sample',
  auditEvents: [],
  endpoints: [],
  checks: [],
  consumers: [],
  approvalActions: [],
  jobs: [],
  personalData: [],
  streamChannels: [prices, happenings, levels],
};

let foundation: Foundation;
let served: ServedApp;
const people = new Map<string, Actor>();
/** The port of identity fails as it does without a database. */
let away = false;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, [sample]);
  served = serve(foundation.deps);
});

function serve(deps: Deps): ServedApp {
  const app = new Hono();
  const authenticate = async (_deps: unknown, bearer: string): Promise<Actor> => {
    const actor = people.get(bearer);
    if (away) {
      throw new Error('the database is away');
    }
    if (actor === undefined) {
      throw refuse('credential_invalid');
    }
    return actor;
  };
  mountEndpoints(app, deps, authenticate, () => '192.0.2.9', streamEndpoints);
  return serveApp(app, deps);
}
beforeEach(() => {
  away = false;
  market.failing = false;
  opens = Promise.resolve();
});
afterAll(async () => {
  // A stopping server ends its streams with 1001 and begins none: it cannot start again, so this comes last.
  const token = await person();
  const client = await served.stream(token);
  served.stopStreams();
  expect(await client.closed).toMatchObject({ code: 1001 });
  expect(await refusedTo(token)).toBe(true);
  await served.close();
  await foundation.close();
});

async function person(more: Partial<{ roles: Role[] }> = {}): Promise<string> {
  const { deps, system } = foundation;
  const [token, userId] = [newId(), newId()];
  await transact(system, 'engine', (tx) => deps.personKeys.create(tx, userId, deps.clock.realNow()));
  people.set(token, {
    kind: 'customer',
    userId,
    roles: more.roles ?? ['customer'],
    sessionId: newId(),
    mfaAtMs: null,
  });
  return token;
}

/** Whether no stream begins with this credential. */
async function refusedTo(token: string): Promise<boolean> {
  return served.stream(token).then(
    () => false,
    () => true,
  );
}

function move(price: number): void {
  market.price = price;
  changes(foundation.deps).tell('sample');
}

async function subscribed(client: StreamClient, message: object) {
  const id = newId();
  client.send({ op: 'subscribe', id, ...message });
  return client.find((each) => each.id === id);
}

function attempts(code: string) {
  return foundation.deps.db.engine
    .select({ after: auditLogs.after })
    .from(auditLogs)
    .where(and(eq(auditLogs.resourceId, 'openStream'), eq(auditLogs.description, code)));
}

describe('a stream begins', () => {
  test('with the credential of its request, and not at all with a wrong one', async () => {
    const client = await served.stream(await person());
    expect(await client.find(({ type }) => type === 'authenticated')).toEqual({ type: 'authenticated' });
    expect(client.messages[0]).toMatchObject({
      type: 'welcome',
      channels: ['prices', 'happenings', 'levels'],
    });
    client.close();
    expect(await refusedTo('nobody')).toBe(true);
  });

  test('with the credential of its first message, as browsers have to send it', async () => {
    const client = await served.stream();
    client.send({ op: 'subscribe', id: 'early', channel: 'prices', symbol: 'A' });
    expect(await client.find(({ id }) => id === 'early')).toMatchObject({ code: 'credential_missing' });
    client.send({ op: 'auth', id: 'in', token: await person() });
    expect(await client.find(({ id }) => id === 'in')).toEqual({ type: 'authenticated', id: 'in' });
    expect(await subscribed(client, { channel: 'prices', symbol: 'A' })).toMatchObject({ type: 'snapshot' });
    client.close();
  });

  test('and ends with 1013 where nobody can look at the credential of that message', async () => {
    const client = await served.stream();
    away = true;
    client.send({ op: 'auth', token: 'somebody' });
    expect(await client.closed).toMatchObject({ code: 1013 });
  });

  test('and ends with 4002 where that message brings a wrong one, which is recorded', async () => {
    const client = await served.stream();
    client.send({ op: 'auth', token: 'nobody' });
    expect(await client.closed).toMatchObject({ code: 4002 });
    expect(await attempts('GET /v1/stream answered 401 credential_invalid')).not.toEqual([]);
  });

  test('only as a WebSocket: any other request is answered 426, and 401 without a credential', async () => {
    const authorization = `Bearer ${await person()}`;
    const plain = await fetch(`${served.url}/v1/stream`, { headers: { authorization } });
    expect([
      plain.status,
      plain.headers.get('upgrade'),
      ((await plain.json()) as { code: string }).code,
    ]).toEqual([426, 'websocket', 'upgrade_required']);
    expect((await fetch(`${served.url}/v1/stream`)).status).toBe(401);
    const inUrl = await fetch(`${served.url}/v1/stream?token=x`, { headers: { authorization } });
    expect(inUrl.status).toBe(422);
  });

  test('as often at once as a credential may, and again when one has ended', async () => {
    const token = await person();
    const open = await Promise.all([1, 2, 3, 4].map(() => served.stream(token)));
    expect(await refusedTo(token)).toBe(true);
    const late = await served.stream();
    late.send({ op: 'auth', token });
    expect(await late.closed).toMatchObject({ code: 4004 });
    open[0]?.close();
    await open[0]?.closed;
    await until(async () => {
      const again = await served.stream(token).catch(() => undefined);
      again?.close();
      return again !== undefined;
    });
    for (const client of open) {
      client.close();
    }
  });
});

describe('a subscription', () => {
  test('begins with a snapshot, goes on without a gap, and ends when it is asked to', async () => {
    const client = await served.stream(await person());
    move(10);
    const snapshot = await subscribed(client, { channel: 'prices', symbol: 'A' });
    expect(snapshot).toMatchObject({ type: 'snapshot', channel: 'prices', symbol: 'A', sequence: 1 });
    for (const price of [11, 12, 13]) {
      move(price);
      await client.find(({ type, data }) => type === 'update' && data.price === price);
    }
    const numbers = client.messages.filter(({ subscription }) => subscription !== undefined);
    expect(numbers.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    client.send({ op: 'unsubscribe', subscription: snapshot.subscription });
    await client.find(({ type }) => type === 'unsubscribed');
    move(14);
    client.send({ op: 'ping', id: 'after' });
    await client.find(({ id }) => id === 'after');
    expect(client.messages.some(({ data }) => data?.price === 14)).toBe(false);
    client.close();
  });

  test('shares one reading with all others of the same thing, and reading ends with the last of them', async () => {
    const clients = await Promise.all([served.stream(await person()), served.stream(await person())]);
    for (const client of clients) {
      await subscribed(client, { channel: 'prices', symbol: 'B' });
    }
    const before = market.polls;
    move(20);
    await Promise.all(clients.map((client) => client.find(({ data }) => data?.price === 20)));
    expect(market.polls - before).toBeLessThanOrEqual(2);
    for (const client of clients) {
      client.close();
      await client.closed;
    }
    await until(async () => {
      const polls = market.polls;
      move(market.price + 1);
      await Bun.sleep(60);
      return market.polls === polls;
    });
  });

  test('is read in turn with others, so that requests keep their connections', async () => {
    const client = await served.stream(await person());
    await subscribed(client, { channel: 'prices', symbol: 'A' });
    await subscribed(client, { channel: 'prices', symbol: 'B' });
    market.atOnce = 0;
    for (const price of [50, 51]) {
      move(price);
      await until(async () => client.messages.filter(({ data }) => data?.price === price).length === 2);
    }
    expect(market.atOnce).toBe(1);
    client.close();
  });

  test('shares a turn with others of a channel that reads many together, as many as it may, each with its own', async () => {
    const client = await served.stream(await person());
    const symbols = ['A', 'B', 'C', 'D', 'E'];
    const ids = new Map<string, string>();
    for (const symbol of symbols) {
      const { subscription } = await subscribed(client, { channel: 'levels', symbol });
      ids.set(symbol, String(subscription));
    }
    readings.length = 0;
    for (let price = 100; readings.every((reading) => reading.length < 2); price += 1) {
      readingFails = true;
      move(price);
      const failed = readings.length;
      await until(async () => readings.length > failed);
      readingFails = false;
      await until(async () =>
        symbols.every((symbol) =>
          client.messages.some(
            ({ subscription, data }) =>
              subscription === ids.get(symbol) && data?.level === `${symbol}${price}`,
          ),
        ),
      );
    }
    expect(Math.max(...readings.map((reading) => reading.length))).toBeLessThanOrEqual(4);
    client.close();
  });

  test('goes on after its feed could not be read, and leaves nothing out', async () => {
    const client = await served.stream(await person());
    await subscribed(client, { channel: 'prices', symbol: 'A' });
    market.failing = true;
    const before = market.polls;
    move(30);
    await until(async () => market.polls > before);
    market.failing = false;
    expect(await client.find(({ data }) => data?.price === 30)).toMatchObject({ sequence: 2 });
    client.close();
  });

  test.each([
    [{ channel: 'nothing' }, 'channel_unknown'],
    [{ channel: 'prices' }, 'validation_failed'],
    [{ channel: 'prices', symbol: 'C' }, 'validation_failed'],
    [{ channel: 'prices', symbol: 'A', more: 1 }, 'validation_failed'],
    [{ channel: 7 }, 'validation_failed'],
  ])('of %j is refused as %s', async (message, code) => {
    const client = await served.stream(await person());
    expect(await subscribed(client, message)).toMatchObject({ type: 'error', code });
    client.close();
  });

  test('is refused twice, beyond the limit, and to whom its channel does not admit; each is recorded', async () => {
    const token = await person();
    const client = await served.stream(token);
    await subscribed(client, { channel: 'prices', symbol: 'A' });
    expect(await subscribed(client, { channel: 'prices', symbol: 'A' })).toMatchObject({
      code: 'already_subscribed',
    });
    client.close();
    const key = newId();
    const { userId } = people.get(token) as Extract<Actor, { kind: 'customer' }>;
    const scopes = ['markets:read'];
    people.set(key, { kind: 'apiKey', userId, roles: ['customer'], keyId: newId(), scopes, service: false });
    const narrow = await served.stream(key);
    expect(await subscribed(narrow, { channel: 'happenings' })).toMatchObject({ code: 'scope_missing' });
    narrow.close();
    expect(await attempts('GET /v1/stream answered 409 already_subscribed')).toHaveLength(1);
    expect(await attempts('GET /v1/stream answered 403 scope_missing')).toHaveLength(1);
  });

  test.each([
    ['{', undefined],
    ['7', ''],
    ['{"op":"fly"}', '/op'],
    ['{"op":"subscribe"}', '/channel'],
    ['{"op":"ping","more":1}', '/more'],
  ])(
    'is not harmed by a message like %s, which is answered by an error that says where',
    async (text, pointer) => {
      const client = await served.stream(await person());
      await subscribed(client, { channel: 'prices', symbol: 'A' });
      client.send(text);
      const { code, errors } = await client.find(({ type }) => type === 'error');
      expect(code).toBe(pointer === undefined ? 'malformed_json' : 'validation_failed');
      expect(errors?.[0].pointer).toBe(pointer);
      move(market.price + 1);
      await client.find(({ type }) => type === 'update');
      client.close();
    },
  );
});

test('a message that is no message counts against the rate limit like any other; a ping does not', async () => {
  const node = serve({ ...foundation.deps, rateLimits: parseRateLimits('sandbox', 'read=5/600') });
  const client = await node.stream(await person());
  for (let sent = 0; sent < 10; sent += 1) {
    client.send(sent % 2 === 0 ? '{' : { op: 'unsubscribe', subscription: 'none' });
  }
  client.send({ op: 'ping', id: 'last' });
  expect(await client.find(({ id }) => id === 'last')).toMatchObject({ type: 'pong' });
  const codes = client.messages.filter(({ type }) => type === 'error').map(({ code }) => code);
  expect(codes).toHaveLength(10);
  expect(codes.filter((code) => code === 'rate_limited').length).toBeGreaterThanOrEqual(5);
  client.close();
  await node.close();
});

describe('a stream ends', () => {
  test('with 4005 where too many messages wait, and none of them is answered any more', async () => {
    const limits = { ...foundation.deps.streamLimits, messages: 1_000 };
    const node = serve({ ...foundation.deps, streamLimits: limits });
    const client = await node.stream(await person());
    const open = Promise.withResolvers<void>();
    opens = open.promise;
    client.send({ op: 'subscribe', channel: 'prices', symbol: 'A' });
    for (let sent = 0; sent < 40; sent += 1) {
      client.send({ op: 'unsubscribe', subscription: 'too late' });
    }
    expect(await client.closed).toMatchObject({ code: 4005 });
    const before = await attempts('GET /v1/stream answered 404 subscription_unknown');
    open.resolve();
    await Bun.sleep(200);
    expect(await attempts('GET /v1/stream answered 404 subscription_unknown')).toEqual(before);
    await node.close();
  });

  test('with 4003 soon after its credential ended', async () => {
    const token = await person();
    const client = await served.stream(token);
    people.delete(token);
    expect(await client.closed).toMatchObject({ code: 4003 });
  });

  test('with 4003 where the credential allows something else than it did', async () => {
    const token = await person();
    const client = await served.stream(token);
    people.set(token, { ...people.get(token), roles: ['market_maker'] } as Actor);
    expect(await client.closed).toMatchObject({ code: 4003 });
  });

  test('with 1013 where nobody can say whether the credential holds', async () => {
    const client = await served.stream(await person());
    away = true;
    expect(await client.closed).toMatchObject({ code: 1013 });
  });

  test('not while a newer credential of the same person takes over, and with 4002 for another person’s', async () => {
    const token = await person();
    const client = await served.stream(token);
    const next = newId();
    people.set(next, people.get(token) as Actor);
    client.send({ op: 'auth', id: 'next', token: next });
    await client.find(({ id }) => id === 'next');
    people.delete(token);
    await Bun.sleep(250);
    client.send({ op: 'ping', id: 'alive' });
    await client.find(({ id }) => id === 'alive');
    client.send({ op: 'auth', token: await person() });
    expect(await client.closed).toMatchObject({ code: 4002 });
  });

  test('with 4005 after too many messages and with 1009 after one too large', async () => {
    const noisy = await served.stream(await person());
    for (let sent = 0; sent < 200; sent += 1) {
      noisy.send({ op: 'ping' });
    }
    expect(await noisy.closed).toMatchObject({ code: 4005 });
    const large = await served.stream(await person());
    large.send(`"${'x'.repeat(5_000)}"`);
    expect(await large.closed).toMatchObject({ code: 1009 });
  });

  test('with 4008 where more waits for the client than may', async () => {
    const client = await served.stream(await person());
    await subscribed(client, { channel: 'happenings' });
    // More at once than the socket takes and the queue holds.
    const filler = 'x'.repeat(40_000);
    market.happened.push(...(Array.from({ length: 2_000 }, () => filler) as unknown as number[]));
    changes(foundation.deps).tell('sample');
    expect(await client.closed).toMatchObject({ code: 4008 });
    market.happened.length = 0;
  });

  test('with 4008 where its client reads nothing of a state that only ever replaces itself', async () => {
    const node = serve({
      ...foundation.deps,
      streamLimits: { ...foundation.deps.streamLimits, stalled: 200 },
    });
    const { hostname, port } = new URL(node.url);
    let heard = '';
    const closed = Promise.withResolvers<void>();
    const socket = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data: (_socket, bytes) => {
          heard += bytes.toString('latin1');
        },
        close: () => closed.resolve(),
      },
    });
    socket.write(
      `GET /v1/stream HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${await person()}\r\n` +
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await until(async () => heard.includes('"authenticated"'));
    const message = Buffer.from('{"op":"subscribe","channel":"prices","symbol":"A"}');
    // A client masks what it sends; a mask of zeros leaves it as it is.
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | message.length, 0, 0, 0, 0]), message]));
    await until(async () => heard.includes('"snapshot"'));
    socket.pause();
    const filler = 'x'.repeat(1_000_000);
    let states = 0;
    // More than the sockets of both sides hold; then the newest state waits.
    for (; states < 40; states += 1) {
      market.price = `${states}${filler}` as unknown as number;
      changes(foundation.deps).tell('sample');
      await Bun.sleep(30);
    }
    socket.resume();
    await closed.promise;
    expect(heard.length).toBeLessThan(30_000_000);
    market.price = 0;
    await node.close();
  });
});

describe('a notice', () => {
  test('of another process is heard by its subject, and one of this process reaches the others', async () => {
    const { deps } = foundation;
    const heard: string[] = [];
    const off = changes(deps).on('sample.7', () => heard.push('7'));
    const others = openClient(deps.db.connections.engine, 1);
    const told: string[] = [];
    await others.listen('plimsoll_changes', (payload) => told.push(payload));
    await until(async () => {
      await deps.db.engine.execute(sql`select pg_notify('plimsoll_changes', 'another-process sample.7')`);
      return heard.length > 0;
    });
    await deps.db.engine.execute(sql`select pg_notify('plimsoll_changes', 'another-process sample.8')`);
    changes(deps).tell('sample.9');
    changes(deps).tell('sample.9');
    await until(async () => told.some((payload) => payload.endsWith(' sample.9')));
    expect(told.filter((payload) => payload.endsWith(' sample.9'))).toHaveLength(1);
    off();
    await others.end();
  });
});

describe('what waits for a slow client', () => {
  const subscription = (delivery: 'latest' | 'every'): Subscription => ({
    id: delivery,
    channel: { ...prices, delivery },
    names: {},
    sequence: 0,
  });
  const update = (of: Subscription, data: number): Outgoing => ({ subscription: of, type: 'update', data });

  test('is the newest state of each subscription, every event, and numbers without a gap', () => {
    const sent: { subscription: string; sequence: number; data: number }[] = [];
    let full = true;
    const queue = sendQueue(
      { send: (text) => sent.push(JSON.parse(text)), getBufferedAmount: () => (full ? 1e9 : 0) },
      100,
    );
    const [latest, every] = [subscription('latest'), subscription('every')];
    for (const data of [1, 2, 3]) {
      expect(queue.push(update(latest, data))).toBe(true);
      expect(queue.push(update(every, data))).toBe(true);
    }
    expect([sent, queue.waitsSinceMs()]).toEqual([[], expect.any(Number)]);
    full = false;
    queue.flush();
    queue.push(update(latest, 4));
    expect(sent.map(({ subscription: of, sequence, data }) => [of, sequence, data])).toEqual([
      ['latest', 1, 3],
      ['every', 1, 1],
      ['every', 2, 2],
      ['every', 3, 3],
      ['latest', 2, 4],
    ]);
    expect(queue.waitsSinceMs()).toBeNull();
  });

  test('is bounded: an event beyond the bound says that the client is too slow', () => {
    const queue = sendQueue({ send: () => {}, getBufferedAmount: () => 1e9 }, 2);
    const [latest, every] = [subscription('latest'), subscription('every')];
    expect([1, 2, 3].map((data) => queue.push(update(latest, data)))).toEqual([true, true, true]);
    expect([1, 2].map((data) => queue.push(update(every, data)))).toEqual([true, false]);
  });
});

test('limits are read as an operator writes them, and a wrong one is refused', () => {
  expect(parseStreamLimits('connections=3, queue=50')).toMatchObject({
    connections: 3,
    queue: 50,
    messages: 20,
  });
  for (const wrong of ['connections', 'speed=3', 'queue=0', 'queue=1,queue=2', ',']) {
    expect(() => parseStreamLimits(wrong)).toThrow(RangeError);
  }
});
