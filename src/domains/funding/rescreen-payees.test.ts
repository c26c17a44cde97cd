import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq, inArray } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import type { Ciphertext } from '../../platform/db/columns.ts';
import { auditLogs, outbox } from '../../platform/db/schema.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { createList, importList } from '../aml/index.ts';
import { amlAlerts } from '../aml/schema.ts';
import { customerGates } from '../identity/schema.ts';
import { rescreenPayees } from './rescreen-payees.ts';
import { beneficiaries } from './schema.ts';
import { settleBeneficiaries } from './settle-beneficiaries.ts';
import { executionDay } from './testing/execution-day.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

type Payer = Person & { readonly beneficiaryId: string; readonly withdrawalId: string };

async function payer(): Promise<Payer> {
  const customer = await desk.newCustomer();
  await desk.fund(customer, 'USD', '1000');
  const added = await desk.request(customer, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  const body = {
    accountId: customer.accountId,
    asset: 'USD',
    amount: '100',
    beneficiaryId: added.body.id,
  };
  const asked = await desk.request(customer, 'POST', '/v1/withdrawals', { body, key: newId() });
  await act(desk.compliance, asked.body.id, 'approve', { reason: 'Looked at it' });
  return { ...customer, beneficiaryId: added.body.id, withdrawalId: asked.body.id };
}

function act(person: Person, id: string, step: string, body?: object) {
  const path = `/v1/withdrawals/${id}/${step}`;
  return desk.request(person, 'POST', path, body === undefined ? {} : { body });
}

async function publish(name: string): Promise<void> {
  const list = await createList(desk.system, { kind: 'own', name: newId() });
  const file = `id,kind,name,aliases,birth_dates,countries,gender,programs,remarks
${newId()},person,${name},,,,,TEST,A name of a test
`;
  await importList(desk.system, list.id, { file: new Uint8Array(Buffer.from(file)) });
}

async function payeeOf(person: Payer) {
  const [row] = await desk.deps.db.engine
    .select()
    .from(beneficiaries)
    .where(eq(beneficiaries.id, person.beneficiaryId as never));
  return row;
}

test('a hit stops what was approved already, shuts the gate, and tells nobody why', async () => {
  const [person, broken, third] = [await payer(), await payer(), await payer()];
  const { engine } = desk.deps.db;
  // One person whose payee cannot be read keeps none of the others unscreened.
  const sealed = (await payeeOf(broken))?.destination;
  await engine
    .update(beneficiaries)
    .set({ destination: new Uint8Array(64) as Ciphertext })
    .where(eq(beneficiaries.id, broken.beneficiaryId as never));
  await publish(HOLDER);
  expect(await rescreenPayees(desk.system).catch((error: Error) => error.name)).toBe('SealError');
  for (const one of [person, third]) {
    expect((await payeeOf(one))?.status).toBe('pending');
    const [gate] = await engine.select().from(customerGates).where(eq(customerGates.userId, one.userId));
    expect(gate?.screening).toBe('open');
    const alerts = await engine.select().from(amlAlerts).where(eq(amlAlerts.userId, one.userId));
    expect(alerts).toHaveLength(1);
  }
  expect((await payeeOf(broken))?.status).toBe('active');
  await engine
    .update(beneficiaries)
    .set({ destination: sealed as Ciphertext })
    .where(eq(beneficiaries.id, broken.beneficiaryId as never));
  await rescreenPayees(desk.system);
  expect((await payeeOf(broken))?.status).toBe('pending');

  expect((await act(desk.operations, person.withdrawalId, 'process')).body.code).toBe('under_review');
  // With the gate open again, the payee itself still waits.
  await desk.changeGate(person, { screening: 'clear' });
  expect((await act(desk.operations, person.withdrawalId, 'process')).body.code).toBe(
    'beneficiary_not_usable',
  );
  const body = { asset: 'USD', withdrawalIds: [person.withdrawalId], executionDate: executionDay(desk.deps) };
  const file = await desk.request(desk.operations, 'POST', '/v1/payout-files', { body, key: newId() });
  expect(file.body.code).toBe('beneficiary_not_usable');

  const listed = await desk.request(person, 'GET', '/v1/beneficiaries');
  expect(JSON.stringify(listed.body)).not.toMatch(/screen|sanction|match|alert|held/i);
  const told = await engine.select().from(outbox).where(eq(outbox.userId, person.userId));
  expect(told.map((event) => event.type).filter((type) => type.includes('beneficiary'))).toEqual([
    'funding.beneficiary_added',
  ]);
  const rows = await engine
    .select()
    .from(auditLogs)
    .where(inArray(auditLogs.eventType, ['beneficiary.held', 'beneficiary.rescreened']));
  expect(new Set(rows.map((row) => row.class))).toEqual(new Set(['restricted']));

  const alert = eq(amlAlerts.userId, person.userId);
  await engine.update(amlAlerts).set({ status: 'resolved', disposition: 'false_positive' }).where(alert);
  await settleBeneficiaries(desk.system);
  expect((await payeeOf(person))?.status).toBe('active');
  await rescreenPayees(desk.system);
  expect((await payeeOf(person))?.status).toBe('active');
  expect((await act(desk.operations, person.withdrawalId, 'process')).body.status).toBe('processing');
});
