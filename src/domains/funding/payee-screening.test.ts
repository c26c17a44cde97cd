import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { bankBeneficiary, type FundingDesk, HOLDER, startFundingDesk } from '../../testing/funding-desk.ts';
import { createList, importList } from '../aml/index.ts';
import { amlAlerts } from '../aml/schema.ts';
import { customerGates } from '../identity/schema.ts';
import { beneficiaries } from './schema.ts';
import { settleBeneficiaries } from './settle-beneficiaries.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  await desk.close();
});

test('a payee whose name a list holds waits, looks like any other, and opens an alert', async () => {
  const [before, person] = [await desk.newCustomer(), await desk.newCustomer()];
  await desk.fund(person, 'USD', '10');
  const clear = await desk.request(before, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  expect(clear.body.status).toBe('active');
  const list = await createList(desk.system, { kind: 'own', name: 'Names of a test' });
  const file = `id,kind,name,aliases,birth_dates,countries,gender,programs,remarks
test-1,person,${HOLDER},,,,,TEST,A name every customer of the desk bears
`;
  await importList(desk.system, list.id, { file: new Uint8Array(Buffer.from(file)) });
  const hit = await desk.request(person, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  expect(hit.body.status).toBe('active');
  expect(Object.keys(hit.body)).toEqual(Object.keys(clear.body));
  expect(JSON.stringify(hit.body)).not.toMatch(/screen|sanction|match|alert/i);
  const { engine } = desk.deps.db;
  const alerts = await engine.select().from(amlAlerts).where(eq(amlAlerts.userId, person.userId));
  expect(alerts).toHaveLength(1);
  const [gate] = await engine.select().from(customerGates).where(eq(customerGates.userId, person.userId));
  expect(gate?.screening).toBe('open');

  await settleBeneficiaries(desk.system);
  const { id } = hit.body;
  const listed = await desk.request(person, 'GET', '/v1/beneficiaries');
  expect(listed.body.data).toMatchObject([{ id, status: 'active' }]);
  const held = await engine.select().from(beneficiaries).where(eq(beneficiaries.id, id));
  expect(held).toMatchObject([{ status: 'pending' }]);
  // The gate shuts the customer out first; with it open again, the payee itself still waits.
  await desk.changeGate(person, { screening: 'clear' });
  const body = { accountId: person.accountId, asset: 'USD', amount: '1', beneficiaryId: id };
  const ask = () => desk.request(person, 'POST', '/v1/withdrawals', { body, key: newId() });
  expect((await ask()).body.code).toBe('beneficiary_not_usable');

  const alert = eq(amlAlerts.userId, person.userId);
  await engine.update(amlAlerts).set({ status: 'resolved', disposition: 'false_positive' }).where(alert);
  await settleBeneficiaries(desk.system);
  await settleBeneficiaries(desk.system);
  const [row] = await engine.select().from(beneficiaries).where(eq(beneficiaries.id, id));
  expect(row?.status).toBe('active');
  expect((await ask()).status).toBe(201);
});
