import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { eq, isNull, sql } from 'drizzle-orm';
import { parseAmount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { feedSays, followFeed } from '../../testing/feed-says.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../testing/trading-desk.ts';
import { instrumentOf, setQuote } from '../markets/index.ts';
import { liftBreakers, riskDomain } from '../risk/index.ts';
import { breakerPrices, circuitBreakers } from '../risk/schema.ts';
import { emptyBook } from './pipeline/desk.ts';
import { BreakerTripped, refuseTripped } from './pipeline/tripped-books.ts';

let desk: TradingDesk;
let maker: Trader;
let checker: Trader;
let buyer: Trader;
let seller: Trader;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  maker = await desk.newStaff('risk_manager');
  checker = await desk.newStaff('admin');
  buyer = await desk.newTrader({ USD: '10000000' });
  seller = await desk.newTrader({ BTC: '100' });
  await desk.engine.start();
});

// Each test finds the price where it was, and no move behind it: a rule of another may still hold.
afterEach(async () => {
  await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount('60000'), source: 'test' });
  await desk.engine.settled();
  for (const { id } of await standing()) {
    await lift(id);
  }
  await desk.deps.db.engine.delete(breakerPrices);
  await desk.emptyTheBooks();
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

function standing() {
  return desk.deps.db.engine.select().from(circuitBreakers).where(isNull(circuitBreakers.liftedAt));
}

function trip(body: object, by: Trader = maker) {
  return desk.request(by, 'POST', '/v1/risk/circuit-breakers', { body: { reason: 'Looks wrong', ...body } });
}

function askToLift(id: string, by: Trader = maker) {
  return desk.request(by, 'POST', `/v1/risk/circuit-breakers/${id}/lift`, { body: { reason: 'Checked' } });
}

function approve(approvalId: string, by: Trader = checker) {
  return desk.request(by, 'POST', `/v1/approvals/${approvalId}/approve`, { body: { reason: 'Seen' } });
}

async function lift(id: string): Promise<void> {
  const { approvalId } = (await askToLift(id)).body;
  expect((await approve(approvalId)).status).toBe(200);
}

async function trade(price: string): Promise<string[]> {
  const sold = await desk.place(seller, `sell 0.01 at ${price}`);
  const bought = await desk.place(buyer, `buy 0.01 at ${price}`);
  const [sale, purchase] = [await desk.later(seller, sold.body.id), await desk.later(buyer, bought.body.id)];
  return [sale.status, purchase.status];
}

const INSTRUMENT = { symbol: 'BTC/USD' };

describe('a breaker tripped by hand', () => {
  test('by one person stops the instrument in every process, and no other', async () => {
    const tripped = await trip(INSTRUMENT);
    expect([tripped.status, tripped.body]).toMatchObject([
      201,
      { scope: 'instrument', symbol: 'BTC/USD', trigger: 'manual', trippedBy: maker.userId, liftedAt: null },
    ]);
    for (const process of [desk, desk.elsewhere]) {
      const { body } = await process.place(buyer, 'buy 0.01 at 60000');
      expect([body.status, body.rejectionReason]).toEqual(['rejected', 'circuit_breaker_active']);
    }
    const rich = await desk.newTrader({ BTC: '1' });
    const other = await desk.place(rich, 'buy 1 at 0.05', { symbol: 'ETH/BTC' });
    expect(other.body.rejectionReason).toBeNull();
    const alerts = await desk.request(maker, 'GET', '/v1/risk/alerts?kind=breaker_tripped');
    expect(alerts.body.data[0]).toMatchObject({
      severity: 'critical',
      details: { breakerId: tripped.body.id },
    });
  });

  test('of the platform stops everything', async () => {
    await trip({});
    const rich = await desk.newTrader({ BTC: '1' });
    const other = await desk.place(rich, 'buy 1 at 0.05', { symbol: 'ETH/BTC' });
    expect(other.body.rejectionReason).toBe('circuit_breaker_active');
  });

  test('lets orders out and matches nothing that waits, until it is lifted', async () => {
    const resting = (await desk.place(seller, 'sell 0.02 at 60000')).body;
    await desk.engine.settled();
    await desk.engine.stop();
    // Accepted before, and not matched when the breaker is tripped.
    const [waiting, leaving] = [
      (await desk.place(buyer, 'buy 0.01 at 60000')).body,
      (await desk.place(buyer, 'buy 0.01 at 60000')).body,
    ];
    const { id } = (await trip(INSTRUMENT)).body;
    await desk.engine.start();
    expect((await desk.later(buyer, waiting.id)).status).toBe('open');
    await desk.request(buyer, 'DELETE', `/v1/orders/${leaving.id}`);
    expect((await desk.later(buyer, leaving.id)).status).toBe('cancelled');
    await desk.engine.rebuild();
    expect((await desk.later(buyer, waiting.id)).status).toBe('open');
    await lift(id);
    expect((await desk.later(buyer, waiting.id)).status).toBe('filled');
    expect((await desk.later(seller, resting.id)).filledQuantity).toBe('0.01');
  });

  test('keeps prices from while it stood away from triggers, also after it was lifted', async () => {
    const quote = async (last: string) => {
      await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount(last), source: 'test' });
      await desk.engine.settled();
    };
    await quote('60000');
    const stop = await desk.place(seller, 'sell 0.01', { type: 'stop', stopPrice: '59000' });
    expect((await desk.later(seller, stop.body.id)).status).toBe('held');
    const { id } = (await trip(INSTRUMENT)).body;
    await desk.engine.settled();
    await quote('50000');
    await quote('60000');
    await lift(id);
    expect((await desk.later(seller, stop.body.id)).status).toBe('held');
    await quote('59000');
    expect((await desk.later(seller, stop.body.id)).status).not.toBe('held');
  });

  test('stops a trade that was matched and is not settled yet; a cancel is settled', async () => {
    await trip(INSTRUMENT);
    const { id, symbol, lot } = await transact(desk.system, 'engine', (tx) => instrumentOf(tx, 'BTC/USD'));
    const book = emptyBook({ instrumentId: id, book: 'live' }, { symbol, lot, venue: null }, 1n);
    const traded = {
      type: 'trade',
      price: 1n,
      quantity: 1n,
      takerSide: 'buy',
      makerOrderId: id,
      makerAccountId: id,
      makerPersonId: id,
      makerRemaining: 0n,
      takerOrderId: id,
      takerAccountId: id,
      takerPersonId: id,
      takerRemaining: 0n,
    } as const;
    const cancelled = { type: 'ended', orderId: id, reason: 'requested' } as const;
    await transact(desk.system, 'engine', (tx) => refuseTripped(tx, [{ book, events: [cancelled] }]));
    const settling = transact(desk.system, 'engine', (tx) =>
      refuseTripped(tx, [{ book, events: [cancelled, traded] }]),
    );
    expect(await settling.catch((error: unknown) => error)).toBeInstanceOf(BreakerTripped);
    expect(book.tripped).toBe(true);
  });

  test('is lifted by two people, once, or by its time', async () => {
    const { id } = (await trip(INSTRUMENT)).body;
    const { approvalId } = (await askToLift(id)).body;
    expect((await approve(approvalId, maker)).body.code).toBe('self_approval');
    expect((await desk.place(buyer, 'buy 0.01 at 60000')).body.rejectionReason).toBe(
      'circuit_breaker_active',
    );
    expect((await approve(approvalId)).status).toBe(200);
    expect((await desk.place(buyer, 'buy 0.01 at 60000')).body.rejectionReason).toBeNull();
    expect((await askToLift(id)).body.code).toBe('breaker_lifted');

    const endsAt = new Date(Date.parse(desk.deps.clock.now()) + 60_000).toISOString();
    const timed = (await trip({ ...INSTRUMENT, endsAt })).body;
    await liftBreakers(desk.system);
    expect((await standing()).map((breaker) => breaker.id)).toEqual([timed.id]);
    desk.advance(61_000);
    await liftBreakers(desk.system);
    expect(await standing()).toEqual([]);
    const shown = (await desk.request(checker, 'GET', '/v1/risk/circuit-breakers?symbol=BTC%2FUSD')).body
      .data;
    expect(shown[0]).toMatchObject({ id: timed.id, liftReason: 'Its time was over', liftApprovalId: null });
    expect((await trip({ endsAt: '2020-01-01T00:00:00Z' })).body.code).toBe('breaker_end_past');
  });

  test('stands in the database, whatever the code does', async () => {
    const { id } = (await trip(INSTRUMENT)).body;
    const writes = [
      `update circuit_breakers set lifted_by = 'x', lifted_at = now(), lift_reason = 'x' where id = '${id}'`,
      `update circuit_breakers set reason = 'x' where id = '${id}'`,
      `delete from circuit_breakers where id = '${id}'`,
    ];
    for (const write of writes) {
      const refused = await desk.deps.db.engine.execute(sql.raw(write)).catch(sqlStateOf);
      expect([write, ['42501', 'PL045'].includes(refused as string)]).toEqual([write, true]);
    }
  });

  test('stands once for its target: a shorter one gives way to a longer, and one that adds nothing is refused', async () => {
    const within = (ms: number) => addMs(desk.deps.clock.now(), ms);
    const shorter = (await trip({ ...INSTRUMENT, endsAt: within(60_000) })).body;
    const { approvalId } = (await askToLift(shorter.id)).body;
    const longer = await trip({ ...INSTRUMENT, endsAt: within(600_000) });
    expect(longer.status).toBe(201);
    const refused = await trip({ ...INSTRUMENT, endsAt: within(300_000) });
    expect([refused.status, refused.body.code]).toEqual([409, 'breaker_stands']);
    const [open, again] = await Promise.all([trip(INSTRUMENT), trip(INSTRUMENT)]);
    expect([open.status, again.status].toSorted((left, right) => left - right)).toEqual([201, 409]);
    const [stands, ...others] = await standing();
    expect([stands?.endsAt, others]).toEqual([null, []]);
    // What two people were asked about is over; what took its place is for them to be asked about anew.
    expect((await approve(approvalId)).body.code).toBe('breaker_lifted');
    expect((await desk.place(buyer, 'buy 0.01 at 60000')).body.rejectionReason).toBe(
      'circuit_breaker_active',
    );
    const { body } = await desk.request(checker, 'GET', '/v1/risk/circuit-breakers?symbol=BTC%2FUSD');
    expect(body.data.slice(1, 3)).toMatchObject([
      { id: longer.body.id, supersededBy: stands?.id, liftedBy: maker.userId, liftApprovalId: null },
      { id: shorter.id, supersededBy: longer.body.id },
    ]);
    // The platform is another target.
    expect((await trip({})).status).toBe(201);
  });

  test('gives way in the database to nothing that does not stand as long', async () => {
    const endsAt = addMs(desk.deps.clock.now(), 60_000);
    const { id } = (await trip({ ...INSTRUMENT, endsAt })).body;
    const elsewhere = (await trip({})).body;
    const write = (by: string) =>
      desk.deps.db.engine
        .execute(sql`update circuit_breakers set lifted_by = 'x', lifted_at = now(), lift_reason = 'x',
          superseded_by = ${by}::uuid where id = ${id}::uuid`)
        .catch(sqlStateOf);
    expect([await write(elsewhere.id), await write(id), await write(newId())]).toEqual([
      'PL045',
      'PL045',
      'PL045',
    ]);
    const twice = sql`insert into circuit_breakers (id, scope, instrument_id, trigger, reason, tripped_by, tripped_at)
      select ${newId()}::uuid, scope, instrument_id, 'manual', reason, 'x', now() from circuit_breakers where id = ${id}::uuid`;
    expect(await desk.deps.db.engine.execute(twice).catch(sqlStateOf)).toBe('23505');
  });

  test('is for those whose work it is', async () => {
    const customer = await desk.newTrader();
    const [support, auditor] = [await desk.newStaff('support'), await desk.newStaff('auditor')];
    for (const person of [customer, support, auditor]) {
      expect((await trip(INSTRUMENT, person)).status).toBe(403);
    }
    expect((await desk.request(support, 'GET', '/v1/risk/circuit-breakers')).status).toBe(403);
    expect((await desk.request(auditor, 'GET', '/v1/risk/circuit-breakers')).status).toBe(200);
  });
});

describe('a rule', () => {
  const PATH = '/v1/risk/breaker-rules/BTC%2FUSD';
  const RULE = {
    active: true,
    moveBps: 500,
    windowSeconds: 60,
    pauseSeconds: 120,
    alertBps: 200,
    reason: 'Policy',
  };

  function setRule(change: object = {}, by: Trader = maker) {
    return desk.request(by, 'PUT', PATH, { body: { ...RULE, ...change } });
  }

  /** Agreed to where it has to be. */
  async function obey(change: object = {}): Promise<void> {
    const { approvalId } = (await setRule(change)).body;
    if (approvalId !== null) {
      expect((await approve(approvalId)).status).toBe(200);
    }
    await desk.deps.db.engine.delete(breakerPrices);
  }

  test('is tightened by one person and loosened by two', async () => {
    await obey({ active: false });
    expect((await setRule()).body).toMatchObject({ status: 'in_force', approvalId: null });
    expect((await setRule({ moveBps: 400 })).body.status).toBe('in_force');
    const looser = (await setRule({ moveBps: 600 })).body;
    expect(looser.status).toBe('pending');
    expect((await desk.request(maker, 'GET', PATH)).body.moveBps).toBe(400);
    expect((await approve(looser.approvalId)).status).toBe(200);
    expect((await desk.request(maker, 'GET', PATH)).body).toMatchObject({
      moveBps: 600,
      setBy: maker.userId,
    });
    expect((await setRule({ alertBps: 501 })).body.code).toBe('breaker_terms_invalid');
    const list = (await desk.request(checker, 'GET', '/v1/risk/breaker-rules')).body.data;
    expect(list).toMatchObject([{ symbol: 'BTC/USD', moveBps: 600 }]);
  });

  test('that was loosened on other terms than were there is asked for again', async () => {
    await obey();
    const { approvalId } = (await setRule({ moveBps: 900 })).body;
    await obey({ moveBps: 300 });
    expect((await approve(approvalId)).status).toBe(409);
    await obey();
  });

  test('trips on trades that move within its window, and not on those that take longer', async () => {
    await obey();
    expect(await trade('60000')).toEqual(['filled', 'filled']);
    desk.advance(30_000);
    expect(await trade('61500')).toEqual(['filled', 'filled']);
    expect(await standing()).toEqual([]);
    const deviations = await desk.request(maker, 'GET', '/v1/risk/alerts?kind=price_deviation');
    expect(deviations.body.data[0]).toMatchObject({ details: { from: '60000', to: '61500' } });
    desk.advance(61_000);
    expect(await trade('63500')).toEqual(['filled', 'filled']);
    expect(await standing()).toEqual([]);
    desk.advance(10_000);
    expect(await trade('64700')).toEqual(['filled', 'filled']);
    const [breaker] = await standing();
    expect(breaker).toMatchObject({ trigger: 'automatic' });
    expect((await desk.place(buyer, 'buy 0.01 at 60000')).body.rejectionReason).toBe(
      'circuit_breaker_active',
    );
    // Lifted by its time; what moved before is not held against what comes after.
    desk.advance(121_000);
    const [job] = riskDomain.jobs.filter(({ name }) => name === 'risk.lift-breakers');
    await job?.run(desk.system);
    expect(await trade('64700')).toEqual(['filled', 'filled']);
    expect(await standing()).toEqual([]);
  });

  test('stops everything where a leading instrument moves as far as that, its own breaker standing or not', async () => {
    await obey({ active: false });
    expect((await setRule({ platformMoveBps: 499 })).body).toMatchObject({
      code: 'breaker_terms_invalid',
      title: expect.stringContaining('platformMoveBps'),
    });
    expect((await setRule({ platformMoveBps: 1_000 })).body.status).toBe('in_force');
    expect((await setRule({ platformMoveBps: null })).body.status).toBe('pending');
    await desk.deps.db.engine.delete(breakerPrices);
    const quote = async (last: string) => {
      await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount(last), source: 'test' });
      await desk.engine.settled();
      desk.advance(1_000);
      await desk.engine.settled();
    };
    await quote('60000');
    await quote('63000');
    expect((await standing()).map(({ scope }) => scope)).toEqual(['instrument']);
    await quote('65999');
    expect(await standing()).toHaveLength(1);
    await quote('66000');
    const stopped = await standing();
    expect(stopped.map(({ scope }) => scope).toSorted()).toEqual(['instrument', 'platform']);
    expect(stopped.find(({ scope }) => scope === 'platform')).toMatchObject({
      trigger: 'automatic',
      instrumentId: null,
      fromPrice: parseAmount('60000'),
      toPrice: parseAmount('66000'),
    });
    expect((await desk.place(buyer, 'buy 0.01 at 60000')).body.rejectionReason).toBe(
      'circuit_breaker_active',
    );
    desk.advance(121_000);
    const [job] = riskDomain.jobs.filter(({ name }) => name === 'risk.lift-breakers');
    await job?.run(desk.system);
    await quote('66000');
    expect(await standing()).toEqual([]);
    await desk.deps.db.engine.delete(breakerPrices);
  });

  test('is not kept from stopping for long by a stop that is short', async () => {
    await obey();
    const quote = async (last: string) => {
      await setQuote(desk.system, { symbol: 'BTC/USD', last: parseAmount(last), source: 'test' });
      await desk.engine.settled();
      desk.advance(1_000);
      await desk.engine.settled();
    };
    await quote('60000');
    const short = await trip({ ...INSTRUMENT, endsAt: addMs(desk.deps.clock.now(), 5_000) });
    await quote('63000');
    await quote('63000');
    const [stands, ...more] = await standing();
    expect([stands?.trigger, more]).toEqual(['automatic', []]);
    const [gone] = await desk.deps.db.engine
      .select()
      .from(circuitBreakers)
      .where(eq(circuitBreakers.id, short.body.id));
    expect(gone?.supersededBy).toBe(stands?.id ?? '');
  });

  test('trips on quotes of a feed as well', async () => {
    await obey();
    const quote = (last: string) =>
      setQuote(desk.system, {
        symbol: 'BTC/USD',
        last: (BigInt(last) * 100_000_000n) as never,
        source: 'test',
      });
    await quote('60000');
    await desk.engine.settled();
    await quote('56000');
    await desk.engine.settled();
    const [breaker] = await standing();
    expect(breaker).toMatchObject({ trigger: 'automatic', scope: 'instrument' });
    const audit = await desk.deps.db.engine
      .select()
      .from(auditLogs)
      .where(eq(auditLogs.resourceId, breaker?.id ?? ''));
    expect(audit).toMatchObject([
      { eventType: 'circuit_breaker.tripped', after: { fromPrice: '60000', toPrice: '56000' } },
    ]);
  });

  test('trips on a price of a feed that only passed by, once, and looks at what came after it was lifted', async () => {
    await obey();
    await followFeed(desk.system, 'BTC/USD');
    const said = async (...batches: readonly (readonly string[])[]) => {
      await feedSays(desk.system, 'BTC/USD', ...batches);
      await desk.engine.settled();
    };
    await said(['60000']);
    await said(['60000', '58000', '60000'], ['60000']);
    expect(await standing()).toEqual([]);
    await said(['60000'], ['60000', '56900', '60000'], ['60000']);
    expect(await standing()).toMatchObject([
      { trigger: 'automatic', fromPrice: parseAmount('60000'), toPrice: parseAmount('56900') },
    ]);
    desk.advance(121_000);
    await liftBreakers(desk.system);
    await desk.engine.settled();
    expect(await standing()).toEqual([]);
    await followFeed(desk.system, 'BTC/USD', false);
  });

  test('looks at nothing that a feed said while nobody looked for as long as its window', async () => {
    await obey();
    await followFeed(desk.system, 'BTC/USD');
    await feedSays(desk.system, 'BTC/USD', ['60000']);
    await desk.engine.settled();
    await desk.engine.stop();
    await feedSays(desk.system, 'BTC/USD', ['60000', '55000', '60000']);
    desk.advance(61_000);
    await desk.engine.start();
    await desk.engine.settled();
    expect(await standing()).toEqual([]);
    await followFeed(desk.system, 'BTC/USD', false);
  });
});
