import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { expireApprovals } from '../../platform/approvals/expire-approvals.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { writeUnguarded } from '../../testing/unguarded.ts';
import { wallets } from '../ledger/schema.ts';
import { fundingFees, withdrawals } from './schema.ts';

let desk: FundingDesk;
let officer: Person;
let second: Person;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  officer = await desk.newStaff('compliance_officer');
  second = await desk.newStaff('admin');
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const REASON = { reason: 'Looked at it' };
const BANK = { direction: 'withdrawal', method: 'bank_transfer', asset: 'USD' };

type Payer = Person & { readonly beneficiaryId: string };

async function payer(amount = '1000'): Promise<Payer> {
  const customer = await desk.newCustomer();
  await desk.fund(customer, 'USD', amount);
  const added = await desk.request(customer, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  return { ...customer, beneficiaryId: added.body.id };
}

function propose(fees: readonly object[], more: object = {}, tier = 'standard') {
  return desk.request(officer, 'PUT', `/v1/fees/${tier}`, { body: { fees, ...REASON, ...more } });
}

function vote(approvalId: string, by = second, how = 'approve') {
  return desk.request(by, 'POST', `/v1/approvals/${approvalId}/${how}`, { body: REASON });
}

async function set(fees: readonly object[], more: object = {}, tier = 'standard'): Promise<void> {
  const { body } = await propose(fees, more, tier);
  expect((await vote(body.approval.id)).status).toBe(200);
}

function withdraw(person: Payer, changes: object = {}) {
  const { accountId, beneficiaryId } = person;
  const body = { accountId, beneficiaryId, asset: 'USD', amount: '100', confirmDuplicate: true, ...changes };
  return desk.request(person, 'POST', '/v1/withdrawals', { body, key: newId() });
}

function quote(person: Payer, amount: string) {
  const query = `asset=USD&amount=${amount}&beneficiaryId=${person.beneficiaryId}`;
  return desk.request(person, 'GET', `/v1/funding/withdrawal-quote?${query}`);
}

function act(person: Person, id: string, step: string, body?: object) {
  const path = `/v1/withdrawals/${id}/${step}`;
  return desk.request(person, 'POST', path, body === undefined ? {} : { body });
}

async function earned(): Promise<bigint> {
  const [row] = await desk.deps.db.engine
    .select({ total: wallets.total })
    .from(wallets)
    .where(and(eq(wallets.houseRole, 'fees_earned'), eq(wallets.asset, 'USD')));
  return row?.total ?? 0n;
}

describe('the fees of a tier', () => {
  test('take effect by the vote of another person, whole, and the earlier ones are kept', async () => {
    const person = await payer();
    await set([{ ...BANK, fixed: '2.5', rateBps: 10, minimum: '5', maximum: '20' }]);
    const before = desk.deps.clock.now();
    const first = await quote(person, '100');
    expect(first.body).toMatchObject({ tier: 'standard', fee: '5', total: '105' });
    desk.advance(1_000);
    const asked = await propose([{ ...BANK, fixed: '7' }]);
    expect(asked.status).toBe(202);
    const { id } = asked.body.approval;
    expect((await vote(id, officer)).body.code).toBe('self_approval');
    expect((await vote(id, desk.operations)).status).toBe(404);
    expect((await quote(person, '100')).body.fee).toBe('5');
    expect((await vote(id)).status).toBe(200);
    expect((await quote(person, '100')).body.fee).toBe('7');
    const then = await desk.request(desk.operations, 'GET', `/v1/fees?tier=standard&at=${before}`);
    expect(then.body.data).toMatchObject([{ tier: 'standard', fees: [{ fixed: '2.5', rateBps: 10 }] }]);
    expect(then.body.data[0].fees[0].id).toBe(first.body.feeId);
    const [row] = await desk.deps.db.engine
      .select()
      .from(auditLogs)
      .where(
        and(
          eq(auditLogs.eventType, 'fee_schedule.changed'),
          sql`${auditLogs.after}::text like '%7 + 0 bps%'`,
        ),
      );
    expect(row).toBeDefined();
  });

  test.each([
    ['100', '5', 'is held up to the minimum'],
    ['3000.01', '5.51', 'rounds its share up to the cent'],
    ['40000', '20', 'is held down to the maximum'],
  ])('of %s is %s: it %s', async (amount, fee) => {
    const person = await payer();
    await set([{ ...BANK, fixed: '2.5', rateBps: 10, minimum: '5', maximum: '20' }]);
    expect((await quote(person, amount)).body.fee).toBe(fee);
  });

  test('that begin later wait for their day', async () => {
    const person = await payer();
    await set([{ ...BANK, fixed: '3' }]);
    const effectiveFrom = addMs(desk.deps.clock.now(), 3_600_000);
    await set([{ ...BANK, fixed: '9' }], { effectiveFrom });
    expect((await quote(person, '100')).body.fee).toBe('3');
    const planned = await desk.request(person, 'GET', `/v1/fees?at=${effectiveFrom}`);
    expect(planned.body.tier).toBe('standard');
    expect(planned.body.data.find((one: { tier: string }) => one.tier === 'standard').fees).toMatchObject([
      { fixed: '9' },
    ]);
    desk.advance(3_600_001);
    expect((await quote(person, '100')).body.fee).toBe('9');
    // What is past keeps its fee: a day that is over is no day to begin on.
    await set([{ ...BANK, fixed: '1' }], { effectiveFrom: '2020-01-01T00:00:00Z' });
    expect((await quote(person, '100')).body.fee).toBe('1');
    const past = await desk.request(person, 'GET', '/v1/fees?at=2020-01-02T00:00:00Z');
    expect(past.body.data).toEqual([]);
  });

  test('not named by a proposal cost nothing from then on', async () => {
    const person = await payer();
    await set([{ ...BANK, fixed: '3' }]);
    await set([]);
    expect((await quote(person, '100')).body).toMatchObject({ fee: '0', feeId: null });
  });

  test('are proposed one version at a time, and a vote on fees that changed is refused', async () => {
    await set([{ ...BANK, fixed: '3' }], {}, 'enhanced');
    const { body } = await propose([{ ...BANK, fixed: '4' }], {}, 'enhanced');
    expect((await propose([{ ...BANK, fixed: '5' }], {}, 'enhanced')).body.code).toBe(
      'approval_pending_exists',
    );
    expect((await vote(body.approval.id, second, 'reject')).status).toBe(200);
    await set([{ ...BANK, fixed: '5' }], {}, 'enhanced');
  });

  test('two first proposals for one tier leave one', async () => {
    const [first, other] = [
      await propose([], {}, 'basic'),
      await propose([{ ...BANK, fixed: '1' }], {}, 'basic'),
    ];
    expect((await vote(first.body.approval.id)).status).toBe(200);
    expect((await vote(other.body.approval.id)).body.code).toBe('fee_schedule_changed');
  });

  test.each([
    [[{ ...BANK }, { ...BANK, fixed: '1' }], 'fee_repeated'],
    [[{ ...BANK, asset: 'XYZ' }], 'unknown_asset'],
    [[{ ...BANK, method: 'crypto' }], 'fee_does_not_fit'],
    [[{ ...BANK, minimum: '5', maximum: '4' }], 'fee_does_not_fit'],
    [[{ ...BANK, fixed: '0.001' }], 'fee_does_not_fit'],
    [[{ ...BANK, fixed: '-1' }], 'validation_failed'],
    [[{ ...BANK, fixed: '1e3' }], 'validation_failed'],
    [[{ ...BANK, rateBps: 10_001 }], 'validation_failed'],
    [[{ ...BANK, rateBps: 0.5 }], 'validation_failed'],
  ])('%p are refused: %s', async (fees, code) => {
    const { status, body } = await propose(fees);
    expect([status, body.code]).toEqual([422, code]);
  });

  test('of no known tier are not found, and only some may propose', async () => {
    expect((await propose([], {}, 'gold')).status).toBe(404);
    const body = { fees: [], ...REASON };
    for (const person of [desk.operations, await desk.newCustomer()]) {
      expect((await desk.request(person, 'PUT', '/v1/fees/basic', { body })).status).toBe(403);
    }
  });

  test('cannot be rewritten, with the money login either', async () => {
    const { engine } = desk.deps.db;
    const rewrite = engine
      .update(fundingFees)
      .set({ rateBps: 1 })
      .execute()
      .catch((error: unknown) => sqlStateOf(error));
    expect(['42501', 'PL004']).toContain(String(await rewrite));
  });
});

describe('the fee of a withdrawal', () => {
  test('is cited, reserved with the amount, and earned only when the payout is booked', async () => {
    const person = await payer();
    await set([{ ...BANK, fixed: '2' }]);
    const start = await earned();
    const { body } = await withdraw(person, { expectedFee: '2' });
    expect(body).toMatchObject({ fee: '2', feeId: expect.any(String) });
    expect(await desk.balance(person, 'USD')).toEqual({ total: '1000', reserved: '102' });
    await set([{ ...BANK, fixed: '50' }]);
    await act(desk.compliance, body.id, 'approve', REASON);
    await act(desk.operations, body.id, 'process');
    expect(await earned()).toBe(start);
    await act(desk.operations, body.id, 'complete', { transactionReference: 'FT' });
    expect(await earned()).toBe(start + 200_000_000n);
    expect(await desk.balance(person, 'USD')).toEqual({ total: '898', reserved: '0' });
    await set([]);
  });

  test('other than the customer was shown is refused, and none is taken silently', async () => {
    const person = await payer();
    await set([{ ...BANK, fixed: '2' }]);
    const shown = (await quote(person, '100')).body.fee;
    await set([{ ...BANK, fixed: '3' }]);
    const refused = await withdraw(person, { expectedFee: shown });
    expect([refused.status, refused.body.code]).toEqual([409, 'fee_changed']);
    expect((await withdraw(person, { expectedFee: '0' })).body.code).toBe('fee_changed');
    const unasked = await withdraw(person);
    expect([unasked.status, unasked.body.code]).toEqual([409, 'fee_changed']);
    const unread = await withdraw(person, { expectedFee: 'none' });
    expect([unread.body.code, unread.body.errors[0].detail]).toEqual([
      'validation_failed',
      expect.stringContaining('a decimal string of zero or more'),
    ]);
    expect(await desk.balance(person, 'USD')).toEqual({ total: '1000', reserved: '0' });
    expect((await withdraw(person, { expectedFee: '3' })).status).toBe(201);
    await set([]);
  });

  test('comes back whole with the amount: rejected, cancelled, expired, failed', async () => {
    const person = await payer();
    await set([{ ...BANK, fixed: '2' }]);
    const start = await earned();
    const ids: string[] = [];
    for (let count = 0; count < 4; count += 1) {
      ids.push((await withdraw(person, { expectedFee: '2' })).body.id);
    }
    expect((await desk.balance(person, 'USD')).reserved).toBe('408');
    const [failed = '', cancelled = '', rejected = '', expired = ''] = ids;
    await act(desk.compliance, rejected, 'reject', REASON);
    await act(person, cancelled, 'cancel');
    await act(desk.compliance, failed, 'approve', REASON);
    await act(desk.operations, failed, 'process');
    const asked = await act(desk.operations, failed, 'fail', {});
    await vote(asked.body.approval.id, desk.operations2);
    const realNow = () => '2999-01-01T00:00:00.000000Z' as never;
    await expireApprovals({ ...desk.system, deps: { ...desk.deps, clock: { ...desk.deps.clock, realNow } } });
    const seen = await desk.request(person, 'GET', `/v1/withdrawals/${expired}`);
    expect(seen.body.status).toBe('rejected');
    expect(await desk.balance(person, 'USD')).toEqual({ total: '1000', reserved: '0' });
    expect(await earned()).toBe(start);
    await set([]);
  });

  test('beyond what an amount can hold is refused by name, quoted or asked for', async () => {
    const person = await payer();
    await set([{ ...BANK, rateBps: 10_000 }]);
    const quoted = await quote(person, '999999999999.99');
    expect([quoted.status, quoted.body.code]).toEqual([422, 'amount_too_large']);
    const asked = await withdraw(person, { amount: '999999999999.99' });
    expect([asked.status, asked.body.code]).toEqual([422, 'limit_exceeded']);
    await set([]);
  });

  test('is what its row makes of it, or reconcile says so', async () => {
    const person = await payer();
    await set([{ ...BANK, fixed: '2', rateBps: 3 }]);
    const { body } = await withdraw(person, { amount: '33.33', expectedFee: '2.01' });
    const its = eq(withdrawals.id, body.id);
    const charge = (fee: bigint) =>
      writeUnguarded(desk.database, 'withdrawals', (tx) =>
        tx
          .update(withdrawals)
          .set({ fee: fee as never })
          .where(its),
      );
    expect((await breaks()).filter((one) => one.includes(body.id))).toEqual([]);
    await charge(1n);
    expect((await breaks()).some((one) => one.includes(body.id))).toBe(true);
    await charge(201_000_000n);
    await act(person, body.id, 'cancel');
    await set([]);
  });
});

async function breaks(): Promise<string[]> {
  const report = await desk.reconcile();
  return report.checks
    .filter((check) => check.name === 'funding.fees_follow_their_schedule')
    .flatMap((check) => check.breaks.map((one) => one.object));
}
