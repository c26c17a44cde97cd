import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { parseAmount, ZERO } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { addMs, msOfInstant } from '../../kernel/time.ts';
import { openClient } from '../../platform/db/client.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../testing/trading-desk.ts';
import { until } from '../../testing/until.ts';
import { keepMarketMoves } from './prices/keep-market-moves.ts';
import { priceSettings } from './prices/schema.ts';
import { setPriceSettings } from './prices/set-price-settings.ts';
import { lockCandles, storeTicks } from './prices/store-ticks.ts';
import { watchPrices } from './prices/watch-prices.ts';
import { ratesBetween } from './rates-between.ts';
import { endHalts } from './resume-instrument.ts';
import { instruments, quotes } from './schema.ts';
import { setQuote } from './set-quote.ts';

let desk: TradingDesk;
let customer: Trader;
let admin: Trader;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  await desk.engine.start();
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
    // Never closed, so that the hour of the day decides nothing here.
    exchange: 'CRYPTO',
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

const MARGIN = {
  settlementAsset: 'USD',
  maxLeverage: '20',
  initialMarginBps: 500,
  maintenanceMarginBps: 250,
  longRateBps: 650,
  shortRateBps: -100,
  dayCount: 'actual_360',
  fundingHours: 24,
};

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
    expect(Object.keys(clock.body)).toEqual(['now', 'phase']);
    expect(clock.body).toMatchObject({ phase: 'continuous' });
    const apart = Date.parse(clock.body.now) - Date.parse(desk.deps.clock.now());
    expect(Math.abs(apart)).toBeLessThan(60_000);
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
    expect(rows.filter(({ eventType }) => eventType !== 'book.claimed')).toMatchObject([
      { eventType: 'instrument.created', actorUserId: admin.userId },
    ]);
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
    [{ baseAsset: 'US500' }, 'instrument_asset_unknown'],
    [{ isin: 'US0378331006' }, 'instrument_identifier_invalid'],
    [{ kind: 'contract' }, 'instrument_margin_invalid'],
    [{ kind: 'contract', margin: { ...MARGIN, maxLeverage: '21' } }, 'instrument_margin_invalid'],
    [{ kind: 'contract', margin: { ...MARGIN, settlementAsset: 'XXX' } }, 'instrument_asset_unknown'],
    [{ kind: 'contract', margin: MARGIN }, 'contract_needs_feed'],
    [{ kind: 'contract', margin: MARGIN, priceSettings: { feed: null } }, 'contract_needs_feed'],
    [{ kind: 'contract', margin: MARGIN, priceSettings: { feed: 'simulator' } }, 'feed_settings_incomplete'],
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

async function stateOf(work: PromiseLike<unknown>): Promise<string> {
  return work.then(
    () => 'accepted',
    (error: unknown) => sqlStateOf(error) ?? String(error),
  );
}

let listings = 0;

/** An instrument of its own, approved, with a price, and traded in at any hour. */
async function listed(changes: object = {}): Promise<string> {
  const { symbol } = await unpriced(changes);
  await setQuote(desk.system, { symbol, last: parseAmount('1.1'), source: 'test' });
  return symbol;
}

async function unpriced(changes: object = {}): Promise<{ readonly id: string; readonly symbol: string }> {
  listings += 1;
  const { body } = await propose({ symbol: `EUR/USD.T${listings}`, ...changes });
  await decide(await desk.newStaff('risk_manager'), body.approvalId, 'approve');
  return body;
}

function at(symbol: string, path = ''): string {
  return `/v1/instruments/${encodeURIComponent(symbol)}${path}`;
}

/** Asks another to vote, and gives the answer of the vote. */
async function approve(approvalId: string) {
  return decide(await desk.newStaff('risk_manager'), approvalId, 'approve');
}

async function change(symbol: string, body: object, version?: number) {
  const found = await desk.request(admin, 'GET', at(symbol));
  return desk.request(admin, 'PATCH', at(symbol), { body, ifMatch: `"${version ?? found.body.version}"` });
}

async function rowsOf(instrumentId: string): Promise<string[]> {
  const rows = await desk.deps.db.engine
    .select()
    .from(auditLogs)
    .where(eq(auditLogs.resourceId, instrumentId))
    .orderBy(auditLogs.id);
  // The engine takes its book when it gets to it.
  return rows.map(({ eventType }) => eventType).filter((eventType) => eventType !== 'book.claimed');
}

let feeds = 0;

/** What makes a listing one of a contract, with a feed of its own. */
function contract(changes: object = {}) {
  feeds += 1;
  const priceSettings = {
    feed: 'simulator',
    feedSymbol: `C${feeds}`,
    maxJumpBps: 10_000,
    staleAfterSeconds: 86_400,
  };
  return { kind: 'contract', type: 'index', baseAsset: 'US500', margin: MARGIN, priceSettings, ...changes };
}

/** As it was before that was refused. @shape what it was priced by */
async function takeFeedAway(instrumentId: string) {
  const { engine } = desk.deps.db;
  const of = eq(priceSettings.instrumentId, instrumentId);
  const [kept] = await engine.select().from(priceSettings).where(of);
  const none = { feed: null, feedSymbol: null, maxJumpBps: null, staleAfterSeconds: null };
  await engine.update(priceSettings).set(none).where(of);
  return present(kept, 'it was priced by something');
}

describe('a contract', () => {
  test('follows what need be no asset, and is traded where it pays in the money of its price', async () => {
    const symbol = await listed(contract());
    const { body } = await desk.request(customer, 'GET', at(symbol));
    expect(body).toMatchObject({ kind: 'contract', status: 'active', tradable: true, margin: MARGIN });
    const order = await desk.place(customer, 'buy 1 at 1.1', { symbol });
    expect(order.body.rejectionReason).toBe('margin_not_enabled');
    const inEuro = { ...MARGIN, settlementAsset: 'EUR' };
    const other = await listed(contract({ baseAsset: 'DE40', margin: inEuro }));
    const refused = await desk.place(customer, 'buy 1 at 1.1', { symbol: other });
    expect(refused.body.rejectionReason).toBe('instrument_not_tradable');
  });

  test('is listed together with its feed, which two people agree to, and not without one', async () => {
    const terms = contract({ symbol: 'EUR/USD.C1' });
    const settings = async () =>
      (await desk.request(admin, 'GET', `${at('EUR/USD.C1')}/price-settings`)).body;
    const proposed = await propose(terms);
    expect(proposed.status).toBe(201);
    expect(await settings()).toMatchObject({ feed: null, version: 0 });
    // Meanwhile somebody decides on another feed: what the checkers of the listing saw is not what holds.
    const risk = await desk.newStaff('risk_manager');
    const other = { ...terms.priceSettings, feedSymbol: 'C1.OTHER', reason: 'Another' };
    const priced = await desk.request(admin, 'POST', `${at('EUR/USD.C1')}/price-settings`, { body: other });
    expect((await decide(risk, priced.body.approvalId, 'approve')).status).toBe(200);
    expect((await decide(risk, proposed.body.approvalId, 'approve')).body.code).toBe('conflict');
    await decide(risk, proposed.body.approvalId, 'reject');
    // Now it has one, and needs to name none; it is asked again when it is agreed to.
    const again = await propose({ ...terms, priceSettings: undefined });
    expect(again.status).toBe(201);
    const kept = await takeFeedAway(again.body.id);
    expect((await decide(risk, again.body.approvalId, 'approve')).body.code).toBe('contract_needs_feed');
    await desk.deps.db.engine
      .update(priceSettings)
      .set(kept)
      .where(eq(priceSettings.instrumentId, again.body.id));
    expect((await decide(risk, again.body.approvalId, 'approve')).body.status).toBe('executed');
    const agreed = await propose(contract({ symbol: 'EUR/USD.C2' }));
    expect((await decide(risk, agreed.body.approvalId, 'approve')).body.payload.priceSettings).toMatchObject({
      before: null,
      after: { feed: 'simulator', feedSymbol: `C${feeds}` },
    });
    expect((await desk.request(admin, 'GET', `${at('EUR/USD.C2')}/price-settings`)).body).toMatchObject({
      feed: 'simulator',
      feedSymbol: `C${feeds}`,
      version: 1,
    });
  });

  test('keeps a feed for as long as it is listed, and one that is held without any calls somebody', async () => {
    const symbol = await listed(contract());
    const path = `${at(symbol)}/price-settings`;
    const none = { feed: null, staleAfterSeconds: 60, reason: 'By hand' };
    const refused = await desk.request(admin, 'POST', path, { body: none });
    expect([refused.status, refused.body.code]).toEqual([422, 'contract_needs_feed']);
    // Asked for while it was no contract yet, and agreed to when it is to be one.
    const later = { symbol: 'EUR/USD.C4' };
    const spot = await propose(later);
    const asked = await desk.request(admin, 'POST', `${at(later.symbol)}/price-settings`, { body: none });
    await decide(await desk.newStaff('risk_manager'), spot.body.approvalId, 'reject');
    expect((await propose(contract(later))).status).toBe(201);
    expect((await approve(asked.body.approvalId)).body.code).toBe('contract_needs_feed');
    const { body } = await desk.request(admin, 'GET', at(symbol));
    const alarms = async () => {
      await watchPrices(desk.system);
      const rows = await desk.deps.db.engine
        .select()
        .from(auditLogs)
        .where(and(eq(auditLogs.resourceId, body.id), eq(auditLogs.eventType, 'price.went_stale')));
      return rows.length;
    };
    const terms = { leverage: '10' };
    const [long, short] = [
      await desk.newTrader({ USD: '100' }, terms),
      await desk.newTrader({ USD: '100' }, terms),
    ];
    await desk.place(long, 'buy 10 at 1.1', { symbol });
    await desk.place(short, 'sell 10 at 1.1', { symbol });
    await desk.engine.settled();
    expect(await alarms()).toBe(0);
    await takeFeedAway(body.id);
    expect(await alarms()).toBe(1);
    await desk.place(long, 'sell 1 at 1.1', { symbol });
    await desk.place(short, 'buy 1 at 1.1', { symbol });
    await desk.engine.settled();
    expect(await alarms()).toBe(1);
  });
});

describe('the list', () => {
  test('is filtered, paged by symbol, and takes a pattern for what it is', async () => {
    const symbols = [await listed({ name: 'Findable one' }), await listed({ name: 'findable two, 100%' })];
    const found = async (query: string) => {
      const { body } = await desk.request(customer, 'GET', `/v1/instruments?${query}`);
      return { ...body, data: body.data.map((row: { symbol: string }) => row.symbol) };
    };
    expect((await found('text=FINDABLE')).data).toEqual(symbols);
    expect((await found('text=100%25')).data).toEqual(symbols.slice(1));
    expect((await found('text=_indable')).data).toEqual([]);
    const page = await found('text=findable&limit=1');
    expect(page.data).toEqual(symbols.slice(0, 1));
    const next = `text=findable&limit=1&cursor=${page.nextCursor}`;
    expect(await found(next)).toEqual({ data: symbols.slice(1), nextCursor: null });
    expect((await found('kind=contract&text=findable')).data).toEqual([]);
    expect((await found('exchange=CRYPTO&status=active&type=forex&text=findable')).data).toEqual(symbols);
    const other = await desk.request(customer, 'GET', `/v1/instruments?text=other&cursor=${page.nextCursor}`);
    expect([other.status, other.body.code]).toEqual([400, 'invalid_cursor']);
  });
});

describe('changing an instrument', () => {
  test('describes it at once, under the version that was read', async () => {
    const symbol = await listed();
    const body = {
      name: 'Euro, new',
      sector: 'Currencies',
      metadata: { country: 'DEU' },
      isin: 'US0378331005',
    };
    const told = await change(symbol, body);
    expect(told.status).toBe(200);
    expect(told.body).toMatchObject({ ...body, version: 3 });
    expect(told.headers.get('etag')).toBe('"3"');
    expect((await change(symbol, { name: 'Late' }, 2)).body.code).toBe('version_mismatch');
    expect((await desk.request(admin, 'PATCH', at(symbol), { body })).body.code).toBe('if_match_required');
    expect((await change(symbol, { isin: 'US0378331006' })).body.code).toBe('instrument_identifier_invalid');
    expect((await change(symbol, { reason: 'Nothing' })).status).toBe(422);
    expect(await rowsOf(told.body.id)).toEqual([
      'instrument.created',
      'instrument.activated',
      'quote.set',
      'instrument.described',
    ]);
  });

  test('puts guards before another person, who sees what was and what would be', async () => {
    const symbol = await listed();
    const asked = await change(symbol, { collarBps: 800, takerFeeBps: 30, minNotional: '5' });
    expect(asked.status).toBe(202);
    expect(asked.body).toMatchObject({
      from: { collarBps: 500, takerFeeBps: 20, minNotional: '0' },
      to: { collarBps: 800, takerFeeBps: 30, minNotional: '5' },
    });
    expect((await desk.request(customer, 'GET', at(symbol))).body).toMatchObject({ collarBps: 500 });
    expect((await decide(admin, asked.body.approvalId, 'approve')).body.code).toBe('self_approval');
    expect((await approve(asked.body.approvalId)).body.status).toBe('executed');
    const { body } = await desk.request(customer, 'GET', at(symbol));
    expect(body).toMatchObject({ collarBps: 800, takerFeeBps: 30, minNotional: '5', version: 3 });
    const buyer = await desk.newTrader({ USD: '100' });
    const small = await desk.place(buyer, 'buy 4 at 1.1', { symbol });
    expect(small.body.rejectionReason).toBe('notional_too_small');
    expect((await desk.place(buyer, 'buy 5 at 1.1', { symbol })).body.rejectionReason).toBeNull();
  });

  test('is not carried out where the terms are no longer those that were seen', async () => {
    const symbol = await listed();
    const first = await change(symbol, { collarBps: 800 });
    await approve(first.body.approvalId);
    const second = await change(symbol, { collarBps: 900 });
    const { body } = await desk.request(admin, 'GET', at(symbol));
    const owner = openClient(desk.database.owner, 1);
    await owner`alter table instruments disable trigger check_instrument`;
    await owner`update instruments set collar_bps = 700 where id = ${body.id}`;
    await owner`alter table instruments enable always trigger check_instrument`;
    await owner.end();
    expect((await approve(second.body.approvalId)).body.code).toBe('conflict');
  });

  test('changes tick and lot only while it is halted without open orders', async () => {
    const symbol = await listed();
    const buyer = await desk.newTrader({ USD: '100' });
    const resting = await desk.place(buyer, 'buy 10 at 1.1', { symbol });
    expect((await change(symbol, { lot: '5', minQuantity: '5' })).body.code).toBe('instrument_not_halted');
    await desk.request(admin, 'POST', at(symbol, '/halt'), { body: { reason: 'New lot' } });
    expect((await change(symbol, { lot: '5', minQuantity: '5' })).body.code).toBe('instrument_not_halted');
    desk.advance(61_000);
    expect((await change(symbol, { lot: '5', minQuantity: '5' })).body.code).toBe(
      'instrument_has_open_orders',
    );
    await desk.request(buyer, 'DELETE', `/v1/orders/${resting.body.id}`);
    expect((await desk.later(buyer, resting.body.id)).status).toBe('cancelled');
    const asked = await change(symbol, { lot: '5', minQuantity: '5' });
    expect(asked.status).toBe(202);
    expect((await approve(asked.body.approvalId)).body.status).toBe('executed');
    const resumed = await desk.request(admin, 'POST', at(symbol, '/resume'), { body: { reason: 'Done' } });
    await approve(resumed.body.approvalId);
    const odd = await desk.place(buyer, 'buy 6 at 1.1', { symbol });
    expect(odd.body.rejectionReason).toBe('quantity_off_lot');
    expect((await desk.place(buyer, 'buy 10 at 1.1', { symbol })).body.rejectionReason).toBeNull();
  });

  test('is refused for a proposal, which is proposed anew instead', async () => {
    const { body } = await propose({ symbol: 'EUR/USD.P' });
    expect((await change('EUR/USD.P', { name: 'Other' })).body.code).toBe('instrument_not_listed');
    const halt = await desk.request(admin, 'POST', at('EUR/USD.P', '/halt'), { body: { reason: 'Why' } });
    expect([halt.status, halt.body.code]).toEqual([409, 'instrument_not_listed']);
    await decide(await desk.newStaff('admin'), body.approvalId, 'reject');
  });

  test('cannot be done by one person behind the approval: the database refuses', async () => {
    const symbol = await listed();
    const { body } = await desk.request(admin, 'GET', at(symbol));
    const engine = desk.deps.db.engine;
    const mine = eq(instruments.id, body.id);
    for (const terms of [{ takerFeeBps: 0 }, { lot: parseAmount('2') }, { status: 'delisted' as const }]) {
      expect(await stateOf(engine.update(instruments).set(terms).where(mine))).toBe('PL040');
    }
    // Nor with what was agreed to before the last change.
    const first = await change(symbol, { collarBps: 800 });
    await approve(first.body.approvalId);
    await approve((await change(symbol, { collarBps: 700 })).body.approvalId);
    const reused = { collarBps: 9000, changeApprovalId: first.body.approvalId };
    expect(await stateOf(engine.update(instruments).set(reused).where(mine))).toBe('PL040');
    await engine.update(instruments).set({ status: 'halted' }).where(mine);
    expect(await stateOf(engine.update(instruments).set({ status: 'active' }).where(mine))).toBe('PL040');
    const soon = { haltedUntil: desk.deps.clock.now() };
    expect(await stateOf(engine.update(instruments).set(soon).where(mine))).toBe('PL040');
  });
});

describe('halting', () => {
  test('stops new orders at once, by one person, and leaves what rests to be cancelled', async () => {
    const symbol = await listed();
    const buyer = await desk.newTrader({ USD: '100' });
    const resting = await desk.place(buyer, 'buy 10 at 1.1', { symbol });
    const operations = await desk.newStaff('operations');
    const halted = await desk.request(operations, 'POST', at(symbol, '/halt'), { body: { reason: 'News' } });
    expect(halted.body).toMatchObject({ status: 'halted', haltedUntil: null, tradable: false });
    expect((await desk.place(buyer, 'buy 1 at 1.1', { symbol })).body.rejectionReason).toBe(
      'instrument_halted',
    );
    expect((await desk.later(buyer, resting.body.id)).status).toBe('open');
    expect((await desk.request(buyer, 'DELETE', `/v1/orders/${resting.body.id}`)).status).toBe(200);
    const again = await desk.request(operations, 'POST', at(symbol, '/halt'), { body: { reason: 'News' } });
    expect([again.status, again.body.code]).toEqual([409, 'instrument_already_halted']);
  });

  test('ends by two people, and its history stays', async () => {
    const symbol = await listed();
    const early = await desk.request(admin, 'POST', at(symbol, '/resume'), { body: { reason: 'Why not' } });
    expect(early.body.code).toBe('instrument_not_halted');
    await desk.request(admin, 'POST', at(symbol, '/halt'), { body: { reason: 'News' } });
    const asked = await desk.request(admin, 'POST', at(symbol, '/resume'), { body: { reason: 'It is out' } });
    expect(asked.status).toBe(202);
    expect((await decide(admin, asked.body.approvalId, 'approve')).body.code).toBe('self_approval');
    await approve(asked.body.approvalId);
    expect((await desk.request(customer, 'GET', at(symbol))).body.status).toBe('active');
    const { body } = await desk.request(customer, 'GET', at(symbol, '/halts'));
    expect(body.data).toMatchObject([
      { action: 'resumed', reason: 'It is out' },
      { action: 'halted', reason: 'News', haltedUntil: null },
    ]);
    expect(Object.keys(body.data[0]).toSorted()).toEqual([
      'action',
      'haltedUntil',
      'id',
      'occurredAt',
      'reason',
    ]);
  });

  test('with a time ends by itself, and only ever gets longer', async () => {
    const symbol = await listed();
    const halt = (minutes: number | null) =>
      desk.request(admin, 'POST', at(symbol, '/halt'), {
        body: {
          reason: 'A pause',
          ...(minutes === null ? {} : { until: addMs(desk.deps.clock.now(), minutes * 60_000) }),
        },
      });
    expect((await halt(-1)).body.code).toBe('halt_period_invalid');
    expect((await halt(10)).status).toBe(200);
    expect((await halt(5)).body.code).toBe('instrument_already_halted');
    expect((await halt(20)).status).toBe(200);
    desk.advance(11 * 60_000);
    await endHalts(desk.system);
    expect((await desk.request(customer, 'GET', at(symbol))).body.status).toBe('halted');
    desk.advance(10 * 60_000);
    await Promise.all([endHalts(desk.system), endHalts(desk.system)]);
    const { body } = await desk.request(customer, 'GET', at(symbol));
    expect(body).toMatchObject({ status: 'active', haltedUntil: null });
    const { body: history } = await desk.request(customer, 'GET', at(symbol, '/halts'));
    const told = history.data.map(({ action }: { action: string }) => action);
    expect(told).toEqual(['resumed', 'halted', 'halted']);
    await halt(10);
    await halt(null);
    desk.advance(11 * 60_000);
    await endHalts(desk.system);
    expect((await desk.request(customer, 'GET', at(symbol))).body.status).toBe('halted');
  });

  test('anew makes an approval to resume worthless', async () => {
    const symbol = await listed();
    const halt = (until: string) =>
      desk.request(admin, 'POST', at(symbol, '/halt'), { body: { reason: 'A pause', until } });
    await halt(addMs(desk.deps.clock.now(), 60_000));
    const asked = await desk.request(admin, 'POST', at(symbol, '/resume'), { body: { reason: 'Soon' } });
    await halt(addMs(desk.deps.clock.now(), 120_000));
    const vote = await approve(asked.body.approvalId);
    expect([vote.status, vote.body.code]).toEqual([409, 'conflict']);
  });

  test('and delisting are for the staff', async () => {
    const symbol = await listed();
    for (const path of ['/halt', '/resume', '/delist']) {
      const answer = await desk.request(customer, 'POST', at(symbol, path), { body: { reason: 'Mine' } });
      expect([path, answer.status]).toEqual([path, 403]);
    }
  });
});

describe('delisting', () => {
  test('takes two people, cancels what rests and frees what it reserved, for good', async () => {
    const symbol = await listed();
    const buyer = await desk.newTrader({ USD: '100' });
    const resting = await desk.place(buyer, 'buy 10 at 1.1', { symbol });
    const asked = await desk.request(admin, 'POST', at(symbol, '/delist'), { body: { reason: 'The end' } });
    expect([asked.status, (await desk.later(buyer, resting.body.id)).status]).toEqual([202, 'open']);
    await approve(asked.body.approvalId);
    await desk.settle();
    expect(await desk.later(buyer, resting.body.id)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'delisted',
    });
    expect(await desk.balance(buyer, 'USD')).toBe('100 (0)');
    const late = await desk.place(buyer, 'buy 10 at 1.1', { symbol });
    expect(late.body.rejectionReason).toBe('instrument_delisted');
    for (const path of ['/halt', '/resume', '/delist']) {
      const answer = await desk.request(admin, 'POST', at(symbol, path), { body: { reason: 'Again' } });
      expect([path, answer.status, answer.body.code]).toEqual([path, 409, 'instrument_delisted']);
    }
    expect((await propose({ symbol })).body.code).toBe('symbol_taken');
  });
});

describe('a price that people set', () => {
  const settings = {
    feed: null,
    feedSymbol: null,
    maxJumpBps: null,
    staleAfterSeconds: 3_600,
    levelTicks: 5,
  };

  function ask(symbol: string, price: string, person = admin) {
    return desk.request(person, 'POST', at(symbol, '/reference-price'), {
      body: { price, reason: 'As the exchange closed' },
    });
  }

  /** How many others agreed before it held. */
  async function agreedTo(symbol: string, price: string): Promise<number> {
    const { body } = await ask(symbol, price);
    for (let votes = 1; ; votes += 1) {
      if ((await approve(body.approvalId)).body.status === 'executed') {
        return votes;
      }
    }
  }

  async function priceOf(symbol: string) {
    return (await desk.request(customer, 'GET', at(symbol, '/quote'))).body;
  }

  test('lets an instrument trade that nothing priced, for as long as it may be old; it says where it is from', async () => {
    const instrument = await unpriced({ symbol: 'ETH/USD.H', baseAsset: 'ETH' });
    const { id, symbol } = instrument;
    const endless = await ask(symbol, '3000');
    expect([endless.status, endless.body.code]).toEqual([409, 'price_age_missing']);
    await setPriceSettings(desk.system, instrument, settings);
    const between = await ask(symbol, '3000.00005');
    expect([between.status, between.body.code]).toEqual([422, 'reference_price_off_tick']);
    expect(await agreedTo(symbol, '3000')).toBe(2);
    expect(await priceOf(symbol)).toMatchObject({ last: '3000', source: 'staff', stale: false, bid: null });
    const buyer = await desk.newTrader({ USD: '10000' });
    expect((await desk.place(buyer, 'buy 1 at 3000', { symbol })).body.rejectionReason).toBeNull();
    const far = await desk.place(buyer, 'buy 1 at 3200', { symbol });
    expect(far.body.rejectionReason).toBe('price_outside_collar');
    const { body: made } = await desk.request(customer, 'GET', at(symbol, '/candles?interval=1d'));
    expect(made.data).toMatchObject([{ open: '3000', close: '3000', volume: '0', ticks: 1 }]);
    const rows = await desk.deps.db.engine.select().from(auditLogs).where(eq(auditLogs.resourceId, id));
    expect(rows.filter(({ eventType }) => eventType === 'quote.set')).toMatchObject([
      { after: { last: '3000', source: 'staff' } },
    ]);
    await desk.deps.db.engine
      .update(quotes)
      .set({ pricedAt: addMs(desk.deps.clock.realNow(), -3_601_000) })
      .where(eq(quotes.instrumentId, id));
    expect((await priceOf(symbol)).stale).toBe(true);
    expect((await desk.place(buyer, 'buy 1', { symbol })).body.rejectionReason).toBe('price_stale');
  });

  test('is neither asked for nor agreed to by who holds the instrument, not even units that came since', async () => {
    const instrument = await unpriced({ symbol: 'BTC/ETH.C', baseAsset: 'BTC', quoteAsset: 'ETH' });
    const { symbol } = instrument;
    await setPriceSettings(desk.system, instrument, settings);
    expect(await agreedTo(symbol, '40')).toBe(2);
    // Members of staff are customers too.
    const staffed = (person: Trader) => ({
      ...person,
      actor: { ...admin.actor, userId: person.userId } as Trader['actor'],
    });
    const holder = staffed(await desk.newTrader({ BTC: '1' }));
    expect(await ask(symbol, '60', holder)).toMatchObject({ status: 403, body: { code: 'self_action' } });
    const [asker, buyer] = [staffed(await desk.newTrader()), await desk.newTrader({ ETH: '100' })];
    const { body } = await ask(symbol, '60', asker);
    const by = (person: Trader) =>
      desk.request(person, 'POST', `/v1/approvals/${body.approvalId}/approve`, { body: { reason: 'Seen' } });
    expect((await by(holder)).body.code).toBe('self_approval');
    expect((await by(staffed(buyer))).body.status).toBe('pending');
    // An order is enough: it says which way the price is wished for.
    expect((await desk.place(buyer, 'buy 1 at 40', { symbol })).status).toBe(201);
    expect((await approve(body.approvalId)).body.code).toBe('self_approval');
  });

  test('and candles that are made again at the same time wait for each other in no circle', async () => {
    const instrument = await unpriced({ symbol: 'BTC/EUR.L', baseAsset: 'BTC', quoteAsset: 'EUR' });
    const { id, symbol } = instrument;
    await setPriceSettings(desk.system, instrument, settings);
    const { body } = await ask(symbol, '50000');
    await approve(body.approvalId);
    const [held, mayWrite] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const now = desk.deps.clock.now();
    const tick = { instrumentId: id, source: 'test', sequence: 1n, size: ZERO, occurredAt: now };
    const rebuilding = transact(desk.system, 'engine', async (tx) => {
      // Sooner than the database finds a circle and ends one of the two.
      await tx.execute(sql`set local lock_timeout = '500ms'`);
      await lockCandles(tx, id);
      held.resolve();
      await mayWrite.promise;
      await storeTicks(tx, [{ ...tick, price: parseAmount('50000') }], now);
    });
    await held.promise;
    const voting = approve(body.approvalId);
    await until(async () => {
      const [waits] = await desk.deps.db.engine.execute(sql`
        select 1 from pg_locks where locktype = 'advisory' and not granted
          and database = (select oid from pg_database where datname = current_database())`);
      return waits !== undefined;
    });
    mayWrite.resolve();
    await rebuilding;
    expect((await voting).body.status).toBe('executed');
  });

  test('moves a little by one other, far only by two, also in small steps, and near what others say', async () => {
    const instrument = await unpriced({ symbol: 'ETH/EUR.H', baseAsset: 'ETH', quoteAsset: 'EUR' });
    await setPriceSettings(desk.system, instrument, settings);
    const { symbol } = instrument;
    expect(await agreedTo(symbol, '2000')).toBe(2);
    expect(await agreedTo(symbol, '2090')).toBe(1);
    expect(await agreedTo(symbol, '2110')).toBe(2);
    expect(await priceOf(symbol)).toMatchObject({ last: '2110', low24h: '2000', source: 'staff' });
    const inverse = await unpriced({ symbol: 'EUR/ETH.H', baseAsset: 'EUR', quoteAsset: 'ETH' });
    await setPriceSettings(desk.system, inverse, settings);
    expect(await agreedTo(inverse.symbol, '0.0004')).toBe(2);
    expect(await agreedTo(inverse.symbol, '0.0005')).toBe(2);
    const another = await unpriced({ symbol: 'ETH/EUR.H2', baseAsset: 'ETH', quoteAsset: 'EUR' });
    await setPriceSettings(desk.system, another, settings);
    expect(await agreedTo(another.symbol, '2050')).toBe(1);
  });

  test('is as old as the question, and never stands over one that was made since, nor over a feed', async () => {
    const instrument = await unpriced();
    const { symbol } = instrument;
    await setPriceSettings(desk.system, instrument, { ...settings, staleAfterSeconds: 60 });
    await setQuote(desk.system, { symbol, last: parseAmount('1.1'), source: 'trades' });
    const late = await ask(symbol, '1.11');
    const { body: approval } = await desk.request(admin, 'GET', `/v1/approvals/${late.body.approvalId}`);
    expect(msOfInstant(approval.expiresAt) - msOfInstant(approval.createdAt)).toBe(60_000);
    expect((await decide(admin, late.body.approvalId, 'approve')).body.code).toBe('self_approval');
    await setQuote(desk.system, { symbol, last: parseAmount('1.101'), source: 'trades' });
    expect((await approve(late.body.approvalId)).body.code).toBe('conflict');
    expect(await priceOf(symbol)).toMatchObject({ last: '1.101', source: 'trades' });
    await decide(await desk.newStaff('admin'), late.body.approvalId, 'reject');
    const fed = await ask(symbol, '1.11');
    await setPriceSettings(desk.system, instrument, {
      ...settings,
      feed: 'replay',
      feedSymbol: symbol,
      maxJumpBps: 100,
    });
    expect((await approve(fed.body.approvalId)).body.code).toBe('conflict');
    const over = await ask(symbol, '1.11');
    expect([over.status, over.body.code]).toEqual([409, 'price_from_feed']);
    expect(await priceOf(symbol)).toMatchObject({ last: '1.101', source: 'trades' });
  });

  test('is for the staff, and for what is listed', async () => {
    const { body } = await propose({ symbol: 'EUR/USD.9' });
    expect((await ask('EUR/USD.9', '1.1', customer)).status).toBe(403);
    expect((await ask('EUR/USD.9', '1.1')).body.code).toBe('instrument_not_listed');
    expect((await ask('NO/PE', '1.1')).status).toBe(404);
    await decide(await desk.newStaff('risk_manager'), body.approvalId, 'reject');
  });
});

test('a rate is as old as its last price, whatever its bid and ask did since', async () => {
  const assets = ['ETH', 'BTC'];
  const rates = () => transact(desk.system, 'engine', (tx) => ratesBetween(tx, desk.system, assets));
  const last = parseAmount('0.05');
  await setQuote(desk.system, { symbol: 'ETH/BTC', last, source: 'test' });
  expect(await rates()).toEqual([{ base: 'ETH', quote: 'BTC', price: last }]);
  const [row] = await desk.deps.db.engine.select().from(instruments).where(eq(instruments.symbol, 'ETH/BTC'));
  const { id } = present(row, 'the desk lists it');
  const pricedAt = addMs(desk.deps.clock.realNow(), -5 * 86_400_000);
  await desk.deps.db.engine.update(quotes).set({ pricedAt }).where(eq(quotes.instrumentId, id));
  const top = { bid: parseAmount('0.049'), ask: parseAmount('0.051') };
  const moves = [{ instrumentId: id, last: null, top }];
  await transact(desk.system, 'engine', (tx) => keepMarketMoves(tx, desk.system, moves));
  expect(await rates()).toEqual([]);
  await transact(desk.system, 'engine', (tx) =>
    keepMarketMoves(tx, desk.system, [{ instrumentId: id, last, top: null }]),
  );
  expect(await rates()).toHaveLength(1);
});
