import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { parseAmount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { transact } from '../../platform/db/transact.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { accounts } from '../accounts/schema.ts';
import { holds } from '../ledger/schema.ts';
import { requestWithdrawal } from './request-withdrawal.ts';
import { withdrawals } from './schema.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterEach(async () => {
  const report = await desk.reconcile();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

afterAll(async () => {
  await desk.close();
});

async function payer(amount: string): Promise<Person & { readonly beneficiaryId: string }> {
  const customer = await desk.newCustomer();
  await desk.fund(customer, 'USD', amount);
  const added = await desk.request(customer, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  return { ...customer, beneficiaryId: added.body.id };
}

function withdraw(
  person: Person & { readonly beneficiaryId: string },
  amount: string,
  key: string = newId(),
) {
  const { accountId, beneficiaryId } = person;
  const body = { accountId, beneficiaryId, asset: 'USD', amount, confirmDuplicate: true };
  return desk.request(person, 'POST', '/v1/withdrawals', { body, key });
}

function act(person: Person, id: string, step: string, body?: object) {
  return desk.request(person, 'POST', `/v1/withdrawals/${id}/${step}`, body === undefined ? {} : { body });
}

function tally(answers: readonly { readonly status: number; readonly body: { readonly code?: string } }[]) {
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) {
    const outcome = body.code ?? `${status}`;
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

test('a thousand withdrawals in flight at once from a balance that covers ten are exactly ten', async () => {
  const person = await payer('100');
  const answers = await Promise.all(Array.from({ length: 1000 }, () => withdraw(person, '10')));
  expect(tally(answers)).toEqual({ '201': 10, insufficient_funds: 990 });
  expect(await desk.balance(person, 'USD')).toEqual({ total: '100', reserved: '100' });
}, 180_000);

test('one key sent fifty times at once is one withdrawal and fifty equal answers', async () => {
  const person = await payer('100');
  const key = newId();
  const answers = await Promise.all(Array.from({ length: 50 }, () => withdraw(person, '10', key)));
  expect(new Set(answers.map((answer) => JSON.stringify([answer.status, answer.body]))).size).toBe(1);
  expect(answers[0]?.status).toBe(201);
  expect(await desk.balance(person, 'USD')).toEqual({ total: '100', reserved: '10' });
  const { engine } = desk.deps.db;
  const rows = await engine.select().from(withdrawals).where(eq(withdrawals.userId, person.userId));
  const reserved = await engine.select().from(holds).where(eq(holds.userId, person.userId));
  expect([rows.length, reserved.length]).toEqual([1, 1]);
});

test('two accounts of one person share one limit, also at once', async () => {
  const person = await payer('60000');
  const added = await desk.request(person, 'POST', '/v1/beneficiaries', { body: bankBeneficiary(1) });
  const second = { ...person, accountId: newId(), beneficiaryId: added.body.id as string };
  const { engine } = desk.deps.db;
  const [first] = await engine.select().from(accounts).where(eq(accounts.id, person.accountId));
  await engine
    .insert(accounts)
    .values({ ...(first as typeof accounts.$inferInsert), id: second.accountId, isDefault: false });
  await desk.fund(second, 'USD', '60000');
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, index) => withdraw(index % 2 === 0 ? person : second, '9000')),
  );
  expect(tally(answers)).toEqual({ '201': 5, limit_exceeded: 7 });
});

test('approving and cancelling at once end in one of both, with the money where it belongs', async () => {
  const person = await payer('1000');
  for (let round = 0; round < 8; round += 1) {
    const { body } = await withdraw(person, '10');
    const answers = await Promise.all([
      act(desk.compliance, body.id, 'approve', { reason: 'Looked at it' }),
      act(person, body.id, 'cancel'),
      act(desk.operations2, body.id, 'reject', { reason: 'Looked at it too' }),
    ]);
    expect(answers.some((answer) => answer.status === 200)).toBe(true);
    expect(answers.every((answer) => [200, 409].includes(answer.status))).toBe(true);
    const { body: after } = await desk.request(person, 'GET', `/v1/withdrawals/${body.id}`);
    if (after.status === 'approved') {
      await act(person, body.id, 'cancel');
    } else {
      expect(['cancelled', 'rejected']).toContain(after.status);
    }
    expect(await desk.balance(person, 'USD')).toEqual({ total: '1000', reserved: '0' });
  }
});

test('completing ten times at once books once', async () => {
  const person = await payer('1000');
  const { body } = await withdraw(person, '10');
  await act(desk.compliance, body.id, 'approve', { reason: 'Looked at it' });
  await act(desk.operations, body.id, 'process');
  const answers = await Promise.all(
    Array.from({ length: 10 }, () =>
      act(desk.operations, body.id, 'complete', { transactionReference: 'FT-1' }),
    ),
  );
  expect(answers.filter((answer) => answer.status === 200).length).toBeGreaterThan(0);
  expect(answers.every((answer) => [200, 409].includes(answer.status))).toBe(true);
  expect(await desk.balance(person, 'USD')).toEqual({ total: '990', reserved: '0' });
});

test('a beneficiary is not removed under a withdrawal that is being requested', async () => {
  const person = await payer('100');
  const { accountId, beneficiaryId } = person;
  const order = { accountId, beneficiaryId, asset: 'USD', amount: parseAmount('10') };
  const removal = await transact(desk.system, 'engine', async (tx) => {
    await requestWithdrawal({ ...person.ctx(), tx }, order);
    const asked = desk.request(person, 'DELETE', `/v1/beneficiaries/${beneficiaryId}`);
    await Bun.sleep(200);
    return { asked };
  });
  expect((await removal.asked).body.code).toBe('beneficiary_in_use');
});
