import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { dayOf, endOfDay } from '../../kernel/business-date.ts';
import { newId } from '../../kernel/id.ts';
import { addMs, msOfInstant } from '../../kernel/time.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../testing/trading-desk.ts';
import { riskDomain } from './index.ts';

let desk: TradingDesk;
let maker: Trader;
let checker: Trader;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  maker = await desk.newStaff('risk_manager');
  checker = await desk.newStaff('risk_manager');
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

function propose(body: object, by: Trader = maker) {
  return desk.request(by, 'POST', '/v1/risk/limits', { body: { reason: 'Agreed', ...body } });
}

function approve(approvalId: string, by: Trader) {
  return desk.request(by, 'POST', `/v1/approvals/${approvalId}/approve`, { body: { reason: 'Seen' } });
}

describe('a limit', () => {
  test('binds orders once a second person approved it, and never before', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const limit = { scope: 'account', scopeId: trader.accountId, type: 'max_order_value', value: '500' };
    const proposed = await propose(limit);
    expect(proposed.status).toBe(202);
    const { limitId, approvalId } = proposed.body;
    expect((await desk.place(trader, 'buy 0.1 at 60000')).body.rejectionReason).toBeNull();
    const own = await approve(approvalId, maker);
    expect([own.status, own.body.code]).toEqual([403, 'self_approval']);
    expect((await approve(approvalId, checker)).status).toBe(200);
    const key = newId();
    const { body: refused } = await desk.place(trader, 'buy 0.1 at 60000', {}, key);
    // Which kind it is, not whose nor how much: now, later, and when the same is asked again.
    const told = { rejectionReason: 'limit_exceeded', exceededLimit: 'max_order_value' };
    expect(refused).toMatchObject(told);
    expect(await desk.later(trader, refused.id)).toMatchObject(told);
    expect((await desk.place(trader, 'buy 0.1 at 60000', {}, key)).body).toMatchObject(told);
    expect(JSON.stringify(refused)).not.toContain(limitId);
    const { body: kept } = await desk.place(trader, 'buy 0.008 at 60000');
    expect(kept).toMatchObject({ rejectionReason: null, exceededLimit: null });
    const rows = await desk.deps.db.engine.select().from(auditLogs).where(eq(auditLogs.resourceId, limitId));
    expect(rows).toMatchObject([
      { eventType: 'risk_limit.set', subjectUserId: trader.userId, actorUserId: checker.userId },
    ]);
    const path = `/v1/risk/limits?scope=account&scopeId=${trader.accountId}`;
    expect((await desk.request(maker, 'GET', path)).body.data).toMatchObject([
      { id: limitId, value: '500', setBy: maker.userId, approvalId },
    ]);
  });

  test('is shown to whom it binds, as it binds them, and nothing of others, reasons or people', async () => {
    const [trader, other] = [await desk.newTrader({ USD: '100000' }), await desk.newTrader({ USD: '1' })];
    const path = `/v1/accounts/${trader.accountId}/risk-limits`;
    const shown = async (query = '', as = trader) => (await desk.request(as, 'GET', `${path}${query}`)).body;
    const of = async (type: string, query = '') =>
      (await shown(query)).limits.filter((limit: { type: string }) => limit.type === type);
    const agree = async (body: object) => approve((await propose(body)).body.approvalId, checker);
    const [before] = await of('max_order_value', '?symbol=BTC/USD');
    expect(Object.keys(before)).toEqual(['type', 'value', 'currency']);
    const type = 'max_order_value';
    await agree({ scope: 'user', scopeId: other.userId, type, value: '77.01' });
    await agree({
      scope: 'account',
      scopeId: trader.accountId,
      type,
      value: '500',
      reason: 'Watched closely',
    });
    await agree({ scope: 'user', scopeId: trader.userId, type, value: '900' });
    await agree({
      scope: 'user',
      scopeId: trader.userId,
      type: 'max_daily_volume',
      value: '4000',
      currency: 'USD',
    });
    // On what it was set is not told from it: a person, an account, an instrument or all.
    const said = { type, value: '500', currency: null };
    expect(await of(type)).toEqual([said]);
    expect(await of(type, '?symbol=BTC/USD')).toEqual([said]);
    expect(await of('max_daily_volume', '?symbol=BTC/USD')).toEqual([
      { type: 'max_daily_volume', value: '4000', currency: 'USD' },
    ]);
    const soon = addMs(desk.deps.clock.now(), 3_600_000);
    await agree({
      scope: 'account',
      scopeId: trader.accountId,
      type: 'max_open_orders',
      value: '1',
      effectiveFrom: soon,
    });
    expect((await of('max_open_orders')).map(({ value }: { value: string }) => value)).not.toContain('1');
    const text = JSON.stringify([await shown(), await shown('?symbol=BTC/USD')]);
    for (const hidden of ['77.01', '"900"', 'Watched', maker.userId, 'setBy', 'scope']) {
      expect(text).not.toContain(hidden);
    }
    expect(await shown('', await desk.newStaff('support'))).toEqual(await shown());
    expect((await desk.request(other, 'GET', path)).status).toBe(404);
    expect((await desk.request(trader, 'GET', `${path}?symbol=NO/SUCH`)).status).toBe(404);
  });

  test('of zero forbids', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const limit = { scope: 'user', scopeId: trader.userId, type: 'max_open_orders', value: '0' };
    await approve((await propose(limit)).body.approvalId, checker);
    expect((await desk.place(trader, 'buy 0.1 at 60000')).body.rejectionReason).toBe('limit_exceeded');
  });

  test('that ran out binds no longer: the wider one does again', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const limit = {
      scope: 'account',
      scopeId: trader.accountId,
      type: 'max_order_value',
      value: '500',
      effectiveUntil: addMs(desk.deps.clock.now(), 3_600_000),
    };
    await approve((await propose(limit)).body.approvalId, checker);
    expect((await desk.place(trader, 'buy 0.1 at 60000')).body.rejectionReason).toBe('limit_exceeded');
    desk.advance(2 * 3_600_000);
    expect((await desk.place(trader, 'buy 0.1 at 60000')).body.rejectionReason).toBeNull();
    desk.advance(-2 * 3_600_000);
  });

  test('binds from its approval at the earliest, before what took effect since the day it names', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const limit = { scope: 'account', scopeId: trader.accountId, type: 'max_order_value' };
    await approve((await propose({ ...limit, value: '10000' })).body.approvalId, checker);
    desk.advance(60_000);
    const effectiveFrom = addMs(desk.deps.clock.now(), -30 * 86_400_000);
    const { limitId, approvalId } = (await propose({ ...limit, value: '500', effectiveFrom })).body;
    const agreedAt = desk.deps.clock.now();
    expect((await approve(approvalId, checker)).status).toBe(200);
    const listed = await desk.request(maker, 'GET', `/v1/risk/limits?scopeId=${trader.accountId}`);
    const stored = listed.body.data.find((row: { id: string }) => row.id === limitId);
    expect(stored.effectiveFrom >= agreedAt).toBe(true);
    expect((await desk.place(trader, 'buy 0.1 at 60000')).body.rejectionReason).toBe('limit_exceeded');
    desk.advance(-60_000);
  });

  test('whose time is over by the vote is not agreed to', async () => {
    const trader = await desk.newTrader();
    const limit = { scope: 'account', scopeId: trader.accountId, type: 'max_order_value', value: '500' };
    const { approvalId } = (await propose({ ...limit, effectiveUntil: addMs(desk.deps.clock.now(), 60_000) }))
      .body;
    desk.advance(120_000);
    const late = await approve(approvalId, checker);
    expect([late.status, late.body.code]).toEqual([422, 'limit_period_invalid']);
    const listed = await desk.request(maker, 'GET', `/v1/risk/limits?scopeId=${trader.accountId}`);
    expect(listed.body.data).toEqual([]);
    desk.advance(-120_000);
  });

  test('of open orders counts those of the same moment too', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const limit = { scope: 'account', scopeId: trader.accountId, type: 'max_open_orders', value: '3' };
    await approve((await propose(limit)).body.approvalId, checker);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => desk.place(trader, 'buy 0.01 at 50000')),
    );
    const reasons = answers.map(
      ({ body }: { body: { rejectionReason: string | null } }) => body.rejectionReason,
    );
    expect(reasons.filter((reason) => reason === null)).toHaveLength(3);
    expect(reasons.filter((reason) => reason === 'limit_exceeded')).toHaveLength(5);
  });

  test('of a person counts all their accounts, and two processes at once pass it by nothing', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const limit = { scope: 'user', scopeId: trader.userId, type: 'max_daily_volume', value: '3000' };
    await approve((await propose(limit)).body.approvalId, checker);
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, place) =>
        (place % 2 === 0 ? desk : desk.elsewhere).place(trader, 'buy 0.01 at 50000'),
      ),
    );
    const accepted = answers.filter(({ body }) => body.rejectionReason === null);
    expect(accepted).toHaveLength(6);
    expect(answers.filter(({ body }) => body.rejectionReason === 'limit_exceeded')).toHaveLength(18);
    // What is cancelled counts no longer.
    await desk.engine.start();
    await desk.request(trader, 'DELETE', `/v1/orders?accountId=${trader.accountId}`);
    await desk.engine.settled();
    expect((await desk.place(trader, 'buy 0.06 at 50000')).body.rejectionReason).toBeNull();
  });

  test('of a day counts what was traded, and begins anew at the midnight it names', async () => {
    await desk.engine.start();
    await desk.emptyTheBooks();
    const [buyer, seller] = [await desk.newTrader({ USD: '100000' }), await desk.newTrader({ BTC: '1' })];
    const limit = {
      scope: 'account',
      scopeId: buyer.accountId,
      type: 'max_daily_volume',
      value: '1000',
      dayZone: 'Asia/Kathmandu',
    };
    await approve((await propose(limit)).body.approvalId, checker);
    await desk.place(seller, 'sell 0.01 at 60000');
    await desk.place(buyer, 'buy 0.01 at 60000');
    await desk.engine.settled();
    expect((await desk.place(buyer, 'buy 0.01 at 60000')).body.rejectionReason).toBe('limit_exceeded');
    expect((await desk.place(buyer, 'buy 0.005 at 60000')).body.rejectionReason).toBeNull();
    const today = dayOf(desk.deps.clock.now(), 'Asia/Kathmandu');
    desk.advance(
      msOfInstant(endOfDay(today, 'Asia/Kathmandu')) - msOfInstant(desk.deps.clock.now()) - 60_000,
    );
    expect((await desk.place(buyer, 'buy 0.01 at 60000')).body.rejectionReason).toBe('limit_exceeded');
    desk.advance(120_000);
    expect((await desk.place(buyer, 'buy 0.01 at 60000')).body.rejectionReason).toBeNull();
    await desk.emptyTheBooks();
  });

  test('of a position counts what is held and told of before it is reached, once a day', async () => {
    const trader = await desk.newTrader({ USD: '100000', BTC: '0.1' });
    const limit = { scope: 'account', scopeId: trader.accountId, type: 'max_position', value: '10000' };
    const { limitId, approvalId } = (await propose(limit)).body;
    await approve(approvalId, checker);
    expect((await desk.place(trader, 'buy 0.1 at 60000')).body.rejectionReason).toBe('limit_exceeded');
    expect((await desk.place(trader, 'buy 0.05 at 60000')).body.rejectionReason).toBeNull();
    expect((await desk.place(trader, 'buy 0.001 at 60000')).body.rejectionReason).toBeNull();
    expect((await desk.place(trader, 'sell 0.1 at 60000')).body.rejectionReason).toBeNull();
    const path = `/v1/risk/alerts?userId=${trader.userId}`;
    const { data } = (await desk.request(maker, 'GET', path)).body;
    expect(data).toMatchObject([
      { kind: 'position_limit', severity: 'medium', details: { limitId, limit: '10000' } },
    ]);
    const acknowledge = (by: Trader) =>
      desk.request(by, 'POST', `/v1/risk/alerts/${data[0].id}/acknowledge`, { body: { note: 'Called' } });
    const support = await desk.newStaff('support');
    expect((await acknowledge(support)).status).toBe(403);
    expect((await desk.request(support, 'GET', path)).status).toBe(403);
    expect((await acknowledge(maker)).body).toMatchObject({ acknowledgedBy: maker.userId, note: 'Called' });
    expect((await acknowledge(checker)).body.code).toBe('alert_acknowledged');
    await desk.emptyTheBooks();
  });

  test('of a loss stops buying, not selling, and is told of without another order', async () => {
    await desk.engine.start();
    await desk.emptyTheBooks();
    const [loser, other] = [
      await desk.newTrader({ USD: '100000' }),
      await desk.newTrader({ USD: '100000', BTC: '1' }),
    ];
    const limit = { scope: 'account', scopeId: loser.accountId, type: 'max_daily_loss', value: '50' };
    await approve((await propose(limit)).body.approvalId, checker);
    await desk.place(other, 'sell 0.1 at 60000');
    await desk.place(loser, 'buy 0.1 at 60000');
    await desk.engine.settled();
    await desk.place(other, 'buy 0.05 at 59000');
    await desk.place(loser, 'sell 0.05 at 59000');
    await desk.engine.settled();
    const [watch] = riskDomain.jobs.filter(({ name }) => name === 'risk.watch-losses');
    await watch?.run(desk.system);
    const path = `/v1/risk/alerts?userId=${loser.userId}&kind=daily_loss`;
    expect((await desk.request(maker, 'GET', path)).body.data).toMatchObject([{ severity: 'high' }]);
    expect((await desk.place(loser, 'buy 0.01 at 59000')).body.rejectionReason).toBe('limit_exceeded');
    expect((await desk.place(loser, 'sell 0.01 at 59000')).body.rejectionReason).toBeNull();
    await desk.emptyTheBooks();
  });

  test('that cannot be compared refuses; staff see which it was, the customer does not', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    const limit = {
      scope: 'account',
      scopeId: trader.accountId,
      type: 'max_order_value',
      value: '5000000',
      currency: 'EUR',
    };
    const { limitId, approvalId } = (await propose(limit)).body;
    await approve(approvalId, checker);
    const { body } = await desk.place(trader, 'buy 0.1 at 60000');
    expect(body.rejectionReason).toBe('limit_missing');
    expect(JSON.stringify(body)).not.toContain(limitId);
    const events = await desk.request(trader, 'GET', `/v1/orders/${body.id}/events`);
    expect(JSON.stringify(events.body)).not.toContain(limitId);
    const rows = await desk.deps.db.engine.select().from(auditLogs).where(eq(auditLogs.resourceId, body.id));
    expect(rows).toMatchObject([{ eventType: 'order.rejected', after: { limitId } }]);
  });

  test('is taken back by two people, and what is not set then refuses', async () => {
    const trader = await desk.newTrader({ USD: '100000', BTC: '1' });
    const [seeded] = (await desk.request(maker, 'GET', '/v1/risk/limits?type=max_daily_loss&scope=platform'))
      .body.data;
    const withdraw = (by: Trader) =>
      desk.request(by, 'DELETE', `/v1/risk/limits/${seeded.id}`, { body: { reason: 'Set anew' } });
    const { approvalId } = (await withdraw(maker)).body;
    expect((await withdraw(checker)).body.code).toBe('approval_pending_exists');
    expect((await desk.place(trader, 'buy 0.01 at 50000')).body.rejectionReason).toBeNull();
    expect((await approve(approvalId, maker)).status).toBe(403);
    expect((await approve(approvalId, checker)).status).toBe(200);
    expect((await withdraw(maker)).body.code).toBe('limit_withdrawn');
    expect((await desk.place(trader, 'buy 0.01 at 50000')).body.rejectionReason).toBe('limit_missing');
    expect((await desk.place(trader, 'sell 0.01 at 70000')).body.rejectionReason).toBeNull();
    const again = { scope: 'platform', type: 'max_daily_loss', value: '10000000' };
    await approve((await propose(again)).body.approvalId, checker);
    expect((await desk.place(trader, 'buy 0.01 at 50000')).body.rejectionReason).toBeNull();
    const { data } = (await desk.request(maker, 'GET', '/v1/risk/limits?type=max_daily_loss&scope=platform'))
      .body;
    expect(
      data.map((limit: { active: boolean; withdrawalReason: string | null }) => [
        limit.active,
        limit.withdrawalReason,
      ]),
    ).toEqual([
      [true, null],
      [false, 'Set anew'],
    ]);
    await desk.emptyTheBooks();
  });

  test('and what is counted for it can be written by nobody', async () => {
    const engine = desk.deps.db.engine;
    const writes = [
      'update risk_limits set value = value + 1',
      'delete from risk_limits',
      'update risk_exposures set open_orders = 0',
      'delete from risk_turnovers',
      `insert into risk_limit_withdrawals select id, id, id, 'x', now() from risk_limits limit 1`,
    ];
    for (const write of writes) {
      const refused = await engine.execute(sql.raw(write)).catch(sqlStateOf);
      expect([write, ['42501', 'PL004', 'PL045'].includes(refused as string)]).toEqual([write, true]);
    }
  });
});

describe('a proposal', () => {
  const nobody = '01990000-0000-7000-8000-000000000000';
  const refused = [
    [{ scope: 'user', scopeId: nobody, type: 'max_leverage', value: '1' }, 'limit_scope_unknown'],
    [{ scope: 'account', scopeId: nobody, type: 'max_leverage', value: '1' }, 'limit_scope_unknown'],
    [{ scope: 'asset', scopeId: 'NOPE', type: 'max_leverage', value: '1' }, 'limit_scope_unknown'],
    [
      { scope: 'platform', type: 'max_leverage', value: '1', effectiveUntil: '2020-01-01T00:00:00Z' },
      'limit_period_invalid',
    ],
    [{ scope: 'platform', scopeId: nobody, type: 'max_leverage', value: '1' }, 'validation_failed'],
    [{ scope: 'platform', type: 'max_leverage', value: '-1' }, 'validation_failed'],
    [{ scope: 'platform', type: 'max_leverage', value: '1', dayZone: 'Mars/Olympus' }, 'limit_zone_unknown'],
  ] as const;
  for (const [body, code] of refused) {
    test(`is refused with ${code}: ${JSON.stringify(body)}`, async () => {
      const answer = await propose(body);
      expect([answer.status, answer.body.code]).toEqual([422, code]);
    });
  }

  test('of no amount is told what it has to be', async () => {
    for (const value of ['-1', 'much', '1e3', '0.123456789']) {
      const { errors } = (await propose({ scope: 'platform', type: 'max_leverage', value })).body;
      expect(errors).toMatchObject([{ pointer: '/value', detail: expect.stringContaining('must be 0 or') }]);
    }
  });

  test('of open orders is a whole number', async () => {
    const limit = { scope: 'platform', type: 'max_open_orders' };
    for (const value of ['1.5', '0.00000001']) {
      const { status, body } = await propose({ ...limit, value });
      const whole = [{ pointer: '/value', detail: 'must be a whole number of orders' }];
      expect([status, body.errors]).toMatchObject([422, whole]);
    }
    expect((await propose({ ...limit, value: '1.5', type: 'max_leverage' })).status).toBe(202);
    expect((await propose({ ...limit, value: '200.0' })).status).toBe(202);
  });

  test('on oneself is refused', async () => {
    const limit = { scope: 'user', scopeId: maker.userId, type: 'max_order_value', value: '1' };
    expect((await propose(limit)).body.code).toBe('self_approval');
  });

  test('and the list are for those whose work they are', async () => {
    const customer = await desk.newTrader();
    const support = await desk.newStaff('support');
    const auditor = await desk.newStaff('auditor');
    const limit = { scope: 'platform', type: 'max_leverage', value: '1' };
    for (const person of [customer, support, auditor]) {
      expect((await propose(limit, person)).status).toBe(403);
    }
    expect((await desk.request(customer, 'GET', '/v1/risk/limits')).status).toBe(403);
    expect((await desk.request(support, 'GET', '/v1/risk/limits')).status).toBe(403);
    expect((await desk.request(auditor, 'GET', '/v1/risk/limits')).status).toBe(200);
    expect((await desk.request(null, 'GET', '/v1/risk/limits')).status).toBe(401);
  });
});
