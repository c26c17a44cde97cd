import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { auditLogs } from '../../platform/db/schema.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../testing/trading-desk.ts';
import { riskLimits } from './schema.ts';

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
    expect((await desk.place(trader, 'buy 0.1 at 60000')).body.status).toBe('pending');
    const own = await approve(approvalId, maker);
    expect([own.status, own.body.code]).toEqual([403, 'self_approval']);
    expect((await approve(approvalId, checker)).status).toBe(200);
    expect((await desk.place(trader, 'buy 0.1 at 60000')).body.rejectionReason).toBe('limit_exceeded');
    expect((await desk.place(trader, 'buy 0.008 at 60000')).body.status).toBe('pending');
    const rows = await desk.deps.db.engine.select().from(auditLogs).where(eq(auditLogs.resourceId, limitId));
    expect(rows).toMatchObject([
      { eventType: 'risk_limit.set', subjectUserId: trader.userId, actorUserId: checker.userId },
    ]);
    const path = `/v1/risk/limits?scope=account&scopeId=${trader.accountId}`;
    expect((await desk.request(maker, 'GET', path)).body.data).toMatchObject([
      { id: limitId, value: '500', setBy: maker.userId, approvalId },
    ]);
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
      effectiveUntil: new Date(Date.now() + 3_600_000).toISOString(),
    };
    await approve((await propose(limit)).body.approvalId, checker);
    expect((await desk.place(trader, 'buy 0.1 at 60000')).body.rejectionReason).toBe('limit_exceeded');
    desk.advance(2 * 3_600_000);
    expect((await desk.place(trader, 'buy 0.1 at 60000')).body.status).toBe('pending');
    desk.advance(-2 * 3_600_000);
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

  test('that is not set refuses', async () => {
    const trader = await desk.newTrader({ USD: '100000' });
    await desk.deps.db.engine.update(riskLimits).set({ active: false }).where(eq(riskLimits.currency, 'USD'));
    expect((await desk.place(trader, 'buy 0.1 at 60000')).body.rejectionReason).toBe('limit_missing');
    await desk.deps.db.engine.update(riskLimits).set({ active: true }).where(eq(riskLimits.currency, 'USD'));
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
  ] as const;
  for (const [body, code] of refused) {
    test(`is refused with ${code}: ${JSON.stringify(body)}`, async () => {
      const answer = await propose(body);
      expect([answer.status, answer.body.code]).toEqual([422, code]);
    });
  }

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
