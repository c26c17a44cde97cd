import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../testing/trading-desk.ts';
import { watchlistPart } from './part.ts';
import { watchlists } from './schema.ts';

let desk: TradingDesk;
let ada: Trader;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
});
beforeEach(async () => {
  ada = await desk.newTrader();
});
afterAll(() => desk.close());

function make(body: object, trader = ada) {
  return desk.request(trader, 'POST', '/v1/watchlists', { body });
}

async function change(id: string, version: number, body: object) {
  const response = await desk.app.request(`/v1/watchlists/${id}`, {
    method: 'PATCH',
    headers: {
      authorization: `Bearer ${Buffer.from(JSON.stringify(ada.actor)).toString('base64url')}`,
      'content-type': 'application/json',
      'if-match': `"${version}"`,
    },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

describe('a watchlist', () => {
  test('keeps the order of its symbols, is changed with its version, and is gone when deleted', async () => {
    const { status, body } = await make({ name: 'Mine', symbols: ['ETH/BTC', 'BTC/USD'] });
    expect([status, body]).toMatchObject([
      201,
      { name: 'Mine', symbols: ['ETH/BTC', 'BTC/USD'], version: 1 },
    ]);
    const turned = await change(body.id, 1, { symbols: ['BTC/USD', 'ETH/BTC'] });
    expect([turned.status, turned.body]).toMatchObject([
      200,
      { name: 'Mine', symbols: ['BTC/USD', 'ETH/BTC'], version: 2 },
    ]);
    expect((await change(body.id, 1, { name: 'Other' })).status).toBe(412);
    expect((await change(body.id, 2, { name: 'mine' })).body).toMatchObject({ name: 'mine', version: 3 });
    expect((await change(body.id, 3, {})).status).toBe(422);
    const listed = await desk.request(ada, 'GET', '/v1/watchlists');
    expect(listed.body.data.map((list: { name: string }) => list.name)).toEqual(['mine']);
    expect((await desk.request(ada, 'DELETE', `/v1/watchlists/${body.id}`)).status).toBe(204);
    expect((await desk.request(ada, 'GET', `/v1/watchlists/${body.id}`)).status).toBe(404);
    const log = await desk.deps.db.engine.select().from(auditLogs).where(eq(auditLogs.resourceId, body.id));
    expect(log.map(({ eventType }) => eventType).toSorted()).toEqual([
      'watchlist.changed',
      'watchlist.changed',
      'watchlist.created',
      'watchlist.deleted',
    ]);
    expect(JSON.stringify(log)).not.toContain('ine"');
  });

  test('has a name of its own, which the database does not read', async () => {
    await make({ name: 'Café' });
    expect((await make({ name: 'CAFE' })).body.code).toBe('watchlist_name_taken');
    expect((await make({ name: 'Café' }, await desk.newTrader())).status).toBe(201);
    const stored = await desk.deps.db.engine.execute(
      sql`select encode(name, 'escape') as text from watchlists`,
    );
    expect(JSON.stringify(stored)).not.toContain('Caf');
  });

  test('names known instruments, each once', async () => {
    const twice = await make({ name: 'Twice', symbols: ['BTC/USD', 'BTC/USD'] });
    const unknown = await make({ name: 'Unknown', symbols: ['NO/USD'] });
    expect([twice.body.code, unknown.body.code]).toEqual(['watchlist_symbol_repeated', 'unknown_symbol']);
  });

  test('is one of fifty at most, also of many asked for at once', async () => {
    const made = await Promise.all(
      Array.from({ length: 55 }, (_each, index) => make({ name: `List ${index}` })),
    );
    const codes = made.filter(({ status }) => status !== 201).map(({ body }) => body.code);
    expect(codes).toEqual(Array.from({ length: 5 }, () => 'watchlist_limit_reached'));
  });

  test('of somebody else is not there; an erased customer leaves none, others keep theirs', async () => {
    const ben = await desk.newTrader();
    const { body } = await make({ name: 'Mine' });
    await make({ name: 'His' }, ben);
    for (const method of ['GET', 'DELETE']) {
      expect((await desk.request(ben, method, `/v1/watchlists/${body.id}`)).status).toBe(404);
    }
    for (const { erase } of watchlistPart.personalData ?? []) {
      await transact(desk.system, 'engine', async (tx) => erase?.(tx, desk.system, ada.userId));
    }
    const left = (trader: Trader) =>
      desk.deps.db.engine.select().from(watchlists).where(eq(watchlists.userId, trader.userId));
    expect([(await left(ada)).length, (await left(ben)).length]).toEqual([0, 1]);
  });
});
