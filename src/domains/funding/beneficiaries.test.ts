import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import {
  BITCOIN_BENEFICIARY,
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { createList, importList } from '../aml/index.ts';
import { screenings } from '../aml/schema.ts';
import { addBeneficiary } from './add-beneficiary.ts';
import type { Destination } from './destination.ts';
import { rescreenPayees } from './rescreen-payees.ts';
import { beneficiaries } from './schema.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  await desk.close();
});

function add(person: Person, body: object) {
  return desk.request(person, 'POST', '/v1/beneficiaries', { body });
}

const PHONE = { kind: 'mobile_money', holderName: HOLDER, method: 'mcb_juice', phone: '+23052512345' };

test('banks, addresses and phones are registered, and shown by their last characters alone', async () => {
  const customer = await desk.newCustomer();
  const added = [
    await add(customer, { ...bankBeneficiary(), label: "Maman's account" }),
    await add(customer, BITCOIN_BENEFICIARY),
    await add(customer, PHONE),
  ];
  expect(added.map(({ status, body }) => [status, body.kind, body.hint, body.label, body.status])).toEqual([
    [201, 'bank', '0MUR', "Maman's account", 'active'],
    [201, 'crypto_wallet', 'f3t4', 'f3t4', 'active'],
    [201, 'mobile_money', '2345', '2345', 'active'],
  ]);
  const listed = await desk.request(customer, 'GET', '/v1/beneficiaries');
  expect(listed.body.data.map((row: { id: string }) => row.id)).toEqual(
    added.map(({ body }) => body.id).reverse(),
  );
  expect(JSON.stringify(listed.body)).not.toContain('MU17BOMM');
});

test('neither name, label nor destination reaches the database in the clear', async () => {
  const customer = await desk.newCustomer();
  await add(customer, { ...bankBeneficiary(), label: 'Maman Ramgoolam' });
  const [row] = await desk.deps.db.engine
    .select()
    .from(beneficiaries)
    .where(eq(beneficiaries.userId, customer.userId));
  const stored = JSON.stringify(row, (_key, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
  );
  for (const secret of ['Ramgoolam', 'Maman', 'MU17BOMM', 'MCBLMUMU']) {
    expect(stored).not.toContain(secret);
  }
});

test('what cannot be paid is refused by its field', async () => {
  const customer = await desk.newCustomer();
  const cases = [
    [{ ...bankBeneficiary(), iban: 'MU17BOMM0101101030300200001MUR' }, '/iban'],
    [{ ...bankBeneficiary(), bic: 'NOTABIC' }, '/bic'],
    [{ ...BITCOIN_BENEFICIARY, address: 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5' }, '/address'],
    [{ ...BITCOIN_BENEFICIARY, chain: 'ethereum' }, '/address'],
    [{ ...BITCOIN_BENEFICIARY, chain: 'dogecoin' }, '/chain'],
    [{ ...PHONE, phone: '52512345' }, '/phone'],
    [{ ...PHONE, iban: 'MU17BOMM0101101030300200000MUR' }, '/iban'],
    [{ ...bankBeneficiary(), kind: 'cheque' }, '/kind'],
    [{ ...bankBeneficiary(), holderName: [...HOLDER].join('\u1160') }, '/holderName'],
  ] as const;
  for (const [body, pointer] of cases) {
    const answer = await add(customer, body);
    expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed']);
    expect(answer.body.errors.map((fault: { pointer: string }) => fault.pointer)).toContain(pointer);
  }
});

test("another person's account is refused", async () => {
  const customer = await desk.newCustomer();
  const { status, body } = await add(customer, { ...bankBeneficiary(), holderName: 'Somebody Else' });
  expect([status, body.code]).toEqual([422, 'beneficiary_name_mismatch']);
});

test('the same account twice is refused, however it is written, also ten times at once', async () => {
  const customer = await desk.newCustomer();
  const spaced = {
    ...bankBeneficiary(),
    iban: 'mu17 bomm 0101 1010 3030 0200 000m ur',
    holderName: HOLDER.toUpperCase(),
  };
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) => add(customer, index % 2 === 0 ? bankBeneficiary() : spaced)),
  );
  expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
  expect(answers.filter((answer) => answer.body.code === 'beneficiary_exists')).toHaveLength(9);
  const other = await desk.newCustomer();
  expect((await add(other, bankBeneficiary())).status).toBe(201);
});

test('a wallet in capitals is the same wallet', async () => {
  const customer = await desk.newCustomer();
  const capitals = { ...BITCOIN_BENEFICIARY, address: BITCOIN_BENEFICIARY.address.toUpperCase() };
  expect((await add(customer, capitals)).status).toBe(201);
  expect((await add(customer, BITCOIN_BENEFICIARY)).body.code).toBe('beneficiary_exists');
});

test('a removed one is gone from the list and can be registered anew', async () => {
  const customer = await desk.newCustomer();
  const { body } = await add(customer, bankBeneficiary());
  const path = `/v1/beneficiaries/${body.id}`;
  const other = await desk.newCustomer();
  expect((await desk.request(other, 'DELETE', path)).status).toBe(404);
  expect((await desk.request(customer, 'DELETE', path)).status).toBe(204);
  expect((await desk.request(customer, 'DELETE', path)).status).toBe(404);
  expect((await desk.request(customer, 'GET', '/v1/beneficiaries')).body.data).toEqual([]);
  expect((await add(customer, bankBeneficiary())).status).toBe(201);
});

test('a second factor of the last five minutes is needed to add and to remove', async () => {
  const customer = await desk.newCustomer();
  const { body } = await add(customer, bankBeneficiary());
  const stale: Person = {
    ...customer,
    actor: { ...customer.actor, mfaAtMs: desk.deps.clock.realMs() - 6 * 60_000 } as Person['actor'],
  };
  expect((await add(stale, PHONE)).body.code).toBe('step_up_required');
  const removal = await desk.request(stale, 'DELETE', `/v1/beneficiaries/${body.id}`);
  expect(removal.body.code).toBe('step_up_required');
});

test('staff see that there are beneficiaries, not what customers call them', async () => {
  const customer = await desk.newCustomer();
  await add(customer, { ...bankBeneficiary(), label: 'My secret' });
  const listed = await desk.request(desk.operations, 'GET', `/v1/beneficiaries?userId=${customer.userId}`);
  expect(listed.body.data).toMatchObject([{ kind: 'bank', hint: '0MUR', label: null }]);
});

test('in production a new beneficiary cools off for a day', async () => {
  const customer = await desk.newCustomer();
  const ctx = customer.ctx();
  const destination: Destination = {
    kind: 'bank',
    holderName: HOLDER,
    iban: 'MU17BOMM0101101030300200000MUR',
    bic: 'MCBLMUMU',
  };
  const added = await addBeneficiary({ ...ctx, deps: { ...ctx.deps, mode: 'production' } }, { destination });
  await desk.fund(customer, 'USD', '10');
  const request = () =>
    desk.request(customer, 'POST', '/v1/withdrawals', {
      body: { accountId: customer.accountId, asset: 'USD', amount: '1', beneficiaryId: added.id },
      key: newId(),
    });
  expect((await request()).body.code).toBe('beneficiary_not_usable');
  desk.advance(24 * 3_600_000);
  expect((await request()).status).toBe(201);
});

test('a changed list screens every payee again, once, and clear ones stay as they are', async () => {
  const customer = await desk.newCustomer();
  const { body } = await add(customer, bankBeneficiary());
  const { engine } = desk.deps.db;
  const its = async () => (await engine.select().from(beneficiaries).where(eq(beneficiaries.id, body.id)))[0];
  const screened = () => engine.select().from(screenings).where(eq(screenings.userId, customer.userId));
  const before = await its();
  await rescreenPayees(desk.system);
  expect((await its())?.screeningId).toBe(before?.screeningId ?? null);
  const list = await createList(desk.system, { kind: 'own', name: newId() });
  const file = `id,kind,name,aliases,birth_dates,countries,gender,programs,remarks
z-1,person,Zebulon Quisquater,,,,,TEST,Nobody at the desk
`;
  await importList(desk.system, list.id, { file: new Uint8Array(Buffer.from(file)) });
  await rescreenPayees(desk.system);
  const after = await its();
  expect(after?.screeningId).not.toBe(before?.screeningId ?? null);
  expect(after).toEqual({ ...before, screeningId: after?.screeningId } as never);
  const count = (await screened()).length;
  expect(count).toBe(2);
  await rescreenPayees(desk.system);
  expect((await screened()).length).toBe(count);
});

test.each([
  ['MU17BOMM0101101030300200000MUR', 'MCBLMUMU', 201],
  ['MU17BOMM0101101030300200000MUR', 'DEUTDEFF', 422],
  ['DE89370400440532013000', 'COBADEFFXXX', 201],
  ['GB29NWBK60161331926819', 'NWBKGB2L', 201],
  ['GB29NWBK60161331926819', 'RBOSJESX', 201],
  ['FR1420041010050500013M02606', 'BRSLRERX', 201],
  ['FR1420041010050500013M02606', 'CITIMUMU', 422],
  ['XX89370400440532013000', 'COBADEFF', 422],
  ['DE8937040044053201300', 'COBADEFF', 422],
])('an account %s at the bank %s: %d', async (iban, bic, status) => {
  const customer = await desk.newCustomer();
  const answer = await add(customer, { ...bankBeneficiary(), iban, bic });
  expect(answer.status).toBe(status);
});

test.each([
  'Ramgoolam Anaïs',
  'ANAIS RAMGOOLAM',
  'Anai\u0308s  Ramgoolam',
  'anaïs-ramgoolam',
  'Ａnaïs Ramgoolam',
])('the holder %s is the customer', async (holderName) => {
  const customer = await desk.newCustomer();
  expect((await add(customer, { ...bankBeneficiary(), holderName })).status).toBe(201);
});

test.each(['Anaïs', 'Anaïs Anaïs Ramgoolam', 'A Ramgoolam', 'Anaïs Ramgoolam Ltd', '…'])(
  'the holder %s is not',
  async (holderName) => {
    const customer = await desk.newCustomer();
    const { body } = await add(customer, { ...bankBeneficiary(), holderName });
    expect(body.code).toBe('beneficiary_name_mismatch');
  },
);

test('adding a removed one anew begins its cooling-off anew', async () => {
  const customer = await desk.newCustomer();
  await desk.fund(customer, 'USD', '10');
  const ctx = customer.ctx();
  const cooling = { ...ctx, deps: { ...ctx.deps, mode: 'production' as const } };
  const { kind: _kind, ...bank } = bankBeneficiary();
  const destination: Destination = { kind: 'bank', ...bank };
  const first = await addBeneficiary(cooling, { destination });
  desk.advance(24 * 3_600_000);
  await desk.request(customer, 'DELETE', `/v1/beneficiaries/${first.id}`);
  const again = await addBeneficiary(cooling, { destination });
  expect(again.usableFrom > first.usableFrom).toBe(true);
  const body = { accountId: customer.accountId, asset: 'USD', amount: '1' };
  const ask = (beneficiaryId: string) =>
    desk.request(customer, 'POST', '/v1/withdrawals', { body: { ...body, beneficiaryId }, key: newId() });
  expect((await ask(again.id)).body.code).toBe('beneficiary_not_usable');
  expect((await ask(first.id)).body.code).toBe('beneficiary_not_usable');
  desk.advance(24 * 3_600_000);
  expect((await ask(first.id)).body.code).toBe('beneficiary_not_usable');
  expect((await ask(again.id)).status).toBe(201);
});
