import { afterAll, beforeAll, expect, test } from 'bun:test';
import { newId } from '../../kernel/id.ts';
import { type FundingDesk, HOLDER, type Person, startFundingDesk } from '../../testing/funding-desk.ts';
import { camt053, nextOpening } from './testing/camt-sample.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

async function setLimit(maximum: string, windowHours = 24): Promise<void> {
  const limit = { kycLevel: 'standard', asset: 'USD', direction: 'deposit', method: 'card', windowHours };
  const body = { ...limit, maximum, reason: 'Cards are charged back' };
  const { body: asked } = await desk.request(desk.compliance, 'POST', '/v1/funding/limits', { body });
  const mlro = await desk.newStaff('mlro');
  const path = `/v1/approvals/${asked.approval.id}/approve`;
  expect((await desk.request(mlro, 'POST', path, { body: { reason: 'Agreed' } })).status).toBe(200);
}

function announce(person: Person, amount: string, method = 'card') {
  const body = { accountId: person.accountId, asset: 'USD', amount, method };
  return desk.request(person, 'POST', '/v1/deposits', { body, key: newId() });
}

async function remaining(person: Person): Promise<string> {
  const { body } = await desk.request(person, 'GET', '/v1/funding/limits');
  return body.data.find((limit: { direction: string }) => limit.direction === 'deposit').remaining;
}

test('a limit on paying in holds for what is announced, also twenty times at once', async () => {
  const person = await desk.newCustomer();
  expect((await announce(person, '900')).status).toBe(201);
  await setLimit('1000');
  const answers = await Promise.all(Array.from({ length: 20 }, () => announce(person, '60')));
  expect(answers.filter((answer) => answer.status === 201).length).toBe(1);
  const refused = answers.filter((answer) => answer.status !== 201);
  expect(refused.every((answer) => answer.status === 422 && answer.body.code === 'limit_exceeded')).toBe(
    true,
  );
  expect(await remaining(person)).toBe('40');
  expect((await announce(person, '5000', 'bank_transfer')).status).toBe(201);
});

test('a deposit that failed, and one of the day before, leave room again', async () => {
  await setLimit('1000');
  const person = await desk.newCustomer();
  const { body: deposit } = await announce(person, '1000');
  expect((await announce(person, '0.01')).body.code).toBe('limit_exceeded');
  await desk.request(desk.operations, 'POST', `/v1/deposits/${deposit.id}/fail`, {
    body: { reason: 'Nothing came' },
  });
  expect((await announce(person, '1000')).status).toBe(201);
  expect(await remaining(person)).toBe('0');
  desk.advance(86_400_000);
  expect((await announce(person, '1000')).status).toBe(201);
});

test('what was taken back and paid all the same counts, and so does what nobody announced', async () => {
  await setLimit('1000');
  const person = await desk.newCustomer();
  const { body: deposit } = await announce(person, '900');
  await desk.request(person, 'POST', `/v1/deposits/${deposit.id}/cancel`);
  expect(await remaining(person)).toBe('1000');
  const entries = [{ amount: '900', reference: deposit.paymentReference, name: HOLDER }, { amount: '50' }];
  const { body } = await desk.importFile(camt053({ entries, opening: await nextOpening(desk.deps) }));
  for (const { receiptId } of body.lines) {
    const given = { accountId: person.accountId, reason: 'Their transfer' };
    const path = `/v1/unallocated-receipts/${receiptId}/allocate`;
    const asked = await desk.request(desk.operations, 'POST', path, { body: given });
    const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
    expect((await desk.request(desk.operations2, 'POST', vote, { body: { reason: 'Seen' } })).status).toBe(
      200,
    );
  }
  expect([await remaining(person), (await desk.balance(person, 'USD')).total]).toEqual(['100', '950']);
  expect((await announce(person, '100.01')).body.code).toBe('limit_exceeded');
  const listed = await desk.request(person, 'GET', '/v1/deposits?status=cleared&method=bank_transfer');
  expect(listed.body.data).toMatchObject([{ amount: '50', fee: '0' }]);
});
