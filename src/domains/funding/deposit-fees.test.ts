import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { formatAmount, parseAmount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { transact } from '../../platform/db/transact.ts';
import { type FundingDesk, HOLDER, type Person, startFundingDesk } from '../../testing/funding-desk.ts';
import { writeUnguarded } from '../../testing/unguarded.ts';
import { journals, ledgerEntries, lots, wallets } from '../ledger/schema.ts';
import { clearingPeriods, deposits } from './schema.ts';
import { seedFundingFees } from './seed-funding-fees.ts';
import { camt053, nextOpening } from './testing/camt-sample.ts';

let desk: FundingDesk;
let customer: Person;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  const common = { tier: 'enhanced', direction: 'deposit' } as const;
  await transact(desk.system, 'engine', (tx) =>
    seedFundingFees(tx, desk.system, [
      { ...common, asset: 'USD', method: 'other', fixed: parseAmount('0.3'), rateBps: 250 },
      { ...common, asset: 'USD', method: 'mips', fixed: parseAmount('5'), rateBps: 0 },
      { ...common, asset: 'BTC', method: 'other', fixed: parseAmount('0.0001'), rateBps: 0 },
    ]),
  );
});

beforeEach(async () => {
  customer = await desk.newCustomer({
    kycStatus: 'approved',
    kycLevel: 'enhanced',
    screening: 'clear',
    restriction: 'none',
  });
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const announce = async (amount: string, method = 'other', asset = 'USD', person = customer) => {
  const body = { accountId: person.accountId, asset, amount, method };
  return desk.request(person, 'POST', '/v1/deposits', { body, key: newId() });
};

async function vote(id: string) {
  const path = `/v1/approvals/${id}/approve`;
  return desk.request(desk.operations2, 'POST', path, { body: { reason: 'Seen' } });
}

async function clear(id: string): Promise<void> {
  const asked = await desk.request(desk.operations, 'POST', `/v1/deposits/${id}/clear`, { body: {} });
  expect((await vote(asked.body.approval.id)).status).toBe(200);
}

async function earned(asset = 'USD'): Promise<bigint> {
  const [wallet] = await desk.deps.db.engine
    .select()
    .from(wallets)
    .where(and(eq(wallets.houseRole, 'fees_earned'), eq(wallets.asset, asset)));
  return wallet?.total ?? 0n;
}

const total = async (asset = 'USD') => (await desk.balance(customer, asset)).total;

describe('the fee of a deposit', () => {
  test('is shown when it is announced, and exactly that is taken when it is credited', async () => {
    const { body: deposit } = await announce('100');
    expect([deposit.fee, deposit.status]).toEqual(['2.8', 'pending']);
    const before = await earned();
    await clear(deposit.id);
    expect(await total()).toBe('97.2');
    expect(formatAmount((await earned()) - before)).toBe('2.8');
    const posted = await desk.deps.db.engine
      .select({ kind: journals.kind, amount: ledgerEntries.amount })
      .from(journals)
      .innerJoin(ledgerEntries, eq(ledgerEntries.journalId, journals.id))
      .where(and(eq(journals.referenceId, deposit.id), eq(ledgerEntries.userId, customer.userId)));
    expect(Object.fromEntries(posted.map(({ kind, amount }) => [kind, formatAmount(amount)]))).toEqual({
      deposit: '100',
      fee: '-2.8',
    });
  });

  test('comes back with the credit where the statement that showed the money is given up', async () => {
    const { body: deposit } = await announce('100');
    const before = await earned();
    const entries = [{ amount: '100', reference: deposit.paymentReference, name: HOLDER }];
    const { body } = await desk.importFile(camt053({ entries, opening: await nextOpening(desk.deps) }));
    expect([formatAmount((await earned()) - before), body.lines[0].depositId]).toEqual(['2.8', deposit.id]);
    const path = `/v1/bank-statements/${body.id}/void`;
    const asked = await desk.request(desk.operations, 'POST', path, { body: { reason: 'Another day' } });
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect([await total(), (await earned()) - before]).toEqual(['0', 0n]);
  });

  test('is what was shown, whatever the row says by then', async () => {
    const { body: deposit } = await announce('100');
    const basic = await desk.newCustomer({
      kycStatus: 'approved',
      kycLevel: 'standard',
      screening: 'clear',
      restriction: 'none',
    });
    expect((await announce('100', 'other', 'USD', basic)).body.fee).toBe('0');
    await desk.changeGate(customer, { kycLevel: 'standard' });
    await clear(deposit.id);
    expect(await total()).toBe('97.2');
  });

  test('is never more than the deposit', async () => {
    const { body: deposit } = await announce('3', 'mips');
    expect(deposit.fee).toBe('3');
    await clear(deposit.id);
    expect(await total()).toBe('0');
    const raised = desk.deps.db.engine
      .update(deposits)
      .set({ fee: parseAmount('4') })
      .where(eq(deposits.id, deposit.id));
    expect(
      await Promise.resolve(raised).then(
        () => 'written',
        () => 'refused',
      ),
    ).toBe('refused');
  });

  test('of coins leaves lots of what was credited', async () => {
    const { body: deposit } = await announce('0.5', 'other', 'BTC');
    await clear(deposit.id);
    expect(await total('BTC')).toBe('0.4999');
    const [lot] = await desk.deps.db.engine.select().from(lots).where(eq(lots.userId, customer.userId));
    expect(formatAmount(lot?.quantityOpen ?? 0n)).toBe('0.4999');
  });

  test('that is altered after it was put before another person is not taken', async () => {
    const { body: deposit } = await announce('100');
    const asked = await desk.request(desk.operations, 'POST', `/v1/deposits/${deposit.id}/clear`, {
      body: {},
    });
    const set = (fee: string) =>
      writeUnguarded(desk.database, 'deposits', (tx) =>
        tx
          .update(deposits)
          .set({ fee: parseAmount(fee) })
          .where(eq(deposits.id, deposit.id)),
      );
    await set('0');
    expect((await vote(asked.body.approval.id)).body.code).toBe('approved_request_changed');
    await set('2.8');
  });

  test('stays taken when the deposit goes back, and what is missing is a debt', async () => {
    const { body: deposit } = await announce('100');
    await clear(deposit.id);
    const asked = await desk.request(desk.operations, 'POST', `/v1/deposits/${deposit.id}/refund`, {
      body: { reason: 'Sent twice' },
    });
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect(await total()).toBe('0');
    const { body } = await desk.request(customer, 'GET', '/v1/debts');
    expect(body.data).toMatchObject([{ debtor: customer.userId, asset: 'USD', amount: '2.8' }]);
  });
});

describe('a way of paying in', () => {
  test('that has no clearing period is not announced, until two people gave it one', async () => {
    expect((await announce('10', 'blink')).body.code).toBe('method_not_supported');
    const ask = (days: number) =>
      desk.request(desk.compliance, 'POST', '/v1/funding/clearing-periods', {
        body: { method: 'blink', days, reason: 'By the scheme’s rules' },
      });
    const officer = await desk.newStaff('compliance_officer');
    for (const days of [2, 4]) {
      const asked = await ask(days);
      expect(asked.status).toBe(202);
      const path = `/v1/approvals/${asked.body.approval.id}/approve`;
      const own = await desk.request(desk.compliance, 'POST', path, { body: { reason: 'Mine' } });
      expect(own.body.code).toBe('self_approval');
      expect((await desk.request(officer, 'POST', path, { body: { reason: 'Agreed' } })).status).toBe(200);
    }
    expect((await announce('10', 'blink')).status).toBe(201);
    const [row] = await desk.deps.db.engine
      .select()
      .from(clearingPeriods)
      .where(eq(clearingPeriods.method, 'blink'));
    expect(row?.days).toBe(4);
    expect((await ask(366)).body.code).toBe('validation_failed');
  });
});
