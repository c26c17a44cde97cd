import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { auditLogs } from '../../platform/db/schema.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../testing/trading-desk.ts';
import { instruments } from './schema.ts';

let desk: TradingDesk;
let customer: Trader;
let admin: Trader;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  customer = await desk.newTrader();
  admin = await desk.newStaff('admin');
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

function listing(changes: object = {}) {
  return {
    symbol: 'EUR/USD',
    name: 'Euro',
    type: 'forex',
    exchange: 'FOREX',
    baseAsset: 'EUR',
    quoteAsset: 'USD',
    tick: '0.0001',
    lot: '1',
    minQuantity: '1',
    maxQuantity: '1000000',
    collarBps: 500,
    makerFeeBps: 10,
    takerFeeBps: 20,
    ...changes,
  };
}

function propose(changes: object = {}) {
  return desk.request(admin, 'POST', '/v1/instruments', { body: listing(changes) });
}

function decide(person: Trader, approvalId: string, vote: 'approve' | 'reject') {
  return desk.request(person, 'POST', `/v1/approvals/${approvalId}/${vote}`, {
    body: { reason: 'Looked at it' },
  });
}

describe('reading', () => {
  test('lists assets and instruments, and gives the clock', async () => {
    const assets = (await desk.request(customer, 'GET', '/v1/assets')).body.data;
    expect(assets.map((asset: { code: string }) => asset.code)).toEqual(['BTC', 'ETH', 'EUR', 'USD']);
    const instruments = (await desk.request(customer, 'GET', '/v1/instruments')).body.data;
    expect(instruments.map((row: { symbol: string }) => row.symbol)).toContain('BTC/USD');
    const clock = await desk.request(customer, 'GET', '/v1/market/clock');
    expect(clock.body).toMatchObject({ phase: 'continuous' });
    expect(Math.abs(Date.parse(clock.body.now) - Date.now())).toBeLessThan(60_000);
  });

  test('finds a symbol whose slash is encoded, and only then', async () => {
    const found = await desk.request(customer, 'GET', '/v1/instruments/BTC%2FUSD');
    expect(found.status).toBe(200);
    expect(found.body).toMatchObject({ symbol: 'BTC/USD', tick: '0.01', lot: '0.0001', kind: 'spot' });
    expect((await desk.request(customer, 'GET', '/v1/instruments/BTC%2fUSD')).status).toBe(200);
    expect((await desk.request(customer, 'GET', '/v1/instruments/BTC/USD')).status).toBe(404);
    expect((await desk.request(customer, 'GET', '/v1/instruments/BTC%252FUSD')).status).toBe(404);
  });

  test('answers 404 for a symbol nobody listed, and for a quote that was never made', async () => {
    for (const path of ['NO%2FPE', 'NO%2FPE/quote', 'NO%2FPE/book', 'NO%2FPE/trades', 'a%20b']) {
      const { status, body } = await desk.request(customer, 'GET', `/v1/instruments/${path}`);
      expect([path, status, body.code]).toEqual([path, 404, 'not_found']);
    }
  });

  test('needs a credential', async () => {
    expect((await desk.request(null, 'GET', '/v1/market/clock')).status).toBe(401);
    expect((await desk.request(null, 'GET', '/v1/instruments')).status).toBe(401);
  });
});

describe('listing an instrument', () => {
  test('makes it readable at once, halted, and leaves its audit row', async () => {
    const { status, body } = await propose();
    expect(status).toBe(201);
    const { approvalId, ...instrument } = body;
    expect(instrument).toMatchObject({ symbol: 'EUR/USD', status: 'halted', version: 1 });
    expect((await desk.request(customer, 'GET', '/v1/instruments/EUR%2FUSD')).body).toEqual(instrument);
    const rows = await desk.deps.db.engine.select().from(auditLogs).where(eq(auditLogs.resourceId, body.id));
    expect(rows).toMatchObject([{ eventType: 'instrument.created', actorUserId: admin.userId }]);
    const again = await propose();
    expect([again.status, again.body.code]).toEqual([409, 'approval_pending_exists']);
    expect(approvalId).toBeString();
  });

  test('waits for another person, who makes it active with the terms they saw', async () => {
    const { body } = await propose({ symbol: 'EUR/USD.3' });
    const buyer = await desk.newTrader({ USD: '100' });
    const early = await desk.place(buyer, 'buy 1 at 1.1', { symbol: 'EUR/USD.3' });
    expect(early.body.rejectionReason).toBe('instrument_halted');
    expect((await decide(admin, body.approvalId, 'approve')).body.code).toBe('self_approval');
    expect(
      (await decide(await desk.newStaff('risk_manager'), body.approvalId, 'approve')).body,
    ).toMatchObject({
      status: 'executed',
      payload: { symbol: 'EUR/USD.3', collarBps: 500, makerFeeBps: 10, maxQuantity: '1000000' },
    });
    const { body: listed } = await desk.request(customer, 'GET', '/v1/instruments/EUR%2FUSD.3');
    expect(listed).toMatchObject({ status: 'active', version: 2 });
    const again = await propose({ symbol: 'EUR/USD.3' });
    expect([again.status, again.body.code]).toEqual([409, 'symbol_taken']);
  });

  test('that is rejected can be proposed again with other terms, which then need their own approval', async () => {
    const { body } = await propose({ symbol: 'EUR/USD.4', takerFeeBps: 900 });
    const other = await desk.newStaff('admin');
    await decide(other, body.approvalId, 'reject');
    const better = await propose({ symbol: 'EUR/USD.4' });
    expect([better.status, better.body.id]).toEqual([201, body.id]);
    expect((await decide(other, body.approvalId, 'approve')).body.code).toBe('approval_not_pending');
    await decide(other, better.body.approvalId, 'approve');
    const { body: listed } = await desk.request(customer, 'GET', '/v1/instruments/EUR%2FUSD.4');
    expect(listed).toMatchObject({ status: 'active', takerFeeBps: 20 });
  });

  test('does not take effect if its terms changed behind the approval', async () => {
    const { body } = await propose({ symbol: 'EUR/USD.5' });
    await desk.deps.db.engine.update(instruments).set({ takerFeeBps: 0 }).where(eq(instruments.id, body.id));
    const vote = await decide(await desk.newStaff('risk_manager'), body.approvalId, 'approve');
    expect([vote.status, vote.body.code]).toEqual([409, 'conflict']);
    expect((await desk.request(customer, 'GET', '/v1/instruments/EUR%2FUSD.5')).body.status).toBe('halted');
  });

  test('lets nobody trade it before it has a price', async () => {
    const { body } = await propose({ symbol: 'EUR/USD.2' });
    await decide(await desk.newStaff('risk_manager'), body.approvalId, 'approve');
    const buyer = await desk.newTrader({ USD: '100' });
    const order = await desk.place(buyer, 'buy 1 at 1.1', { symbol: 'EUR/USD.2' });
    expect(order.body.rejectionReason).toBe('price_unavailable');
  });

  const refused = [
    [{ tick: '0.00001', lot: '0.0001' }, 'instrument_steps_inexact'],
    [{ minQuantity: '2', maxQuantity: '1' }, 'instrument_terms_invalid'],
    [{ quoteAsset: 'XXX' }, 'instrument_asset_unknown'],
  ] as const;
  for (const [changes, code] of refused) {
    test(`is refused with ${code} and lists nothing`, async () => {
      const body = listing({ symbol: 'NEW/ONE', ...changes });
      const answer = await desk.request(admin, 'POST', '/v1/instruments', { body });
      expect([answer.status, answer.body.code]).toEqual([422, code]);
      expect((await desk.request(admin, 'GET', '/v1/instruments/NEW%2FONE')).status).toBe(404);
    });
  }

  test('is for admins only', async () => {
    const risk = await desk.newStaff('risk_manager');
    for (const person of [customer, risk]) {
      expect((await desk.request(person, 'POST', '/v1/instruments', { body: listing() })).status).toBe(403);
    }
  });
});
