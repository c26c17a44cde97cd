import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { createList, importList } from '../aml/index.ts';
import { amlAlerts, screenings } from '../aml/schema.ts';
import { customerGates } from '../identity/schema.ts';
import { downloadPayoutFile } from './download-payout-file.ts';
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

type Payer = Person & { readonly withdrawalId: string };

async function payer(): Promise<Payer> {
  const customer = await desk.newCustomer();
  await desk.fund(customer, 'USD', '1000');
  const added = await desk.request(customer, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  const body = { accountId: customer.accountId, asset: 'USD', amount: '100', beneficiaryId: added.body.id };
  const asked = await desk.request(customer, 'POST', '/v1/withdrawals', { body, key: newId() });
  const path = `/v1/withdrawals/${asked.body.id}/approve`;
  await desk.request(desk.compliance, 'POST', path, { body: { reason: 'Looked at it' } });
  return { ...customer, withdrawalId: asked.body.id };
}

function process({ withdrawalId }: Payer) {
  return desk.request(desk.operations, 'POST', `/v1/withdrawals/${withdrawalId}/process`);
}

function putInFile({ withdrawalId }: Payer) {
  const body = { asset: 'USD', withdrawalIds: [withdrawalId], executionDate: executionDay(desk.deps) };
  return desk.request(desk.operations, 'POST', '/v1/payout-files', { body, key: newId() });
}

function download(fileId: string) {
  return desk.request(desk.operations, 'GET', `/v1/payout-files/${fileId}/download`);
}

async function publish(name: string): Promise<void> {
  const list = await createList(desk.system, { kind: 'own', name: newId() });
  const header = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';
  const row = `${newId()},person,${name},,,,,TEST,A name of a test`;
  await importList(desk.system, list.id, { file: Buffer.from(`${header}\n${row}`) });
}

test('money does not leave for somebody who became listed since, though no job looked at them yet', async () => {
  const [alone, inFile, before, filed] = [await payer(), await payer(), await payer(), await payer()];
  await publish('Zebulon Quickfall');
  expect((await process(before)).body.status).toBe('processing');
  const fileId = (await putInFile(filed)).body.id;
  await publish('Ermintrude Halfpenny');
  expect((await download(fileId)).status).toBe(200);
  await publish(HOLDER);
  expect((await process(alone)).body.code).toBe('under_review');
  expect((await putInFile(inFile)).body.code).toBe('under_review');
  // A file made while everybody was clear; whoever did not ask for the look before is told to.
  const unasked = downloadPayoutFile(desk.system, fileId).catch((error: { code?: string }) => error.code);
  expect(await unasked).toBe('screening_behind');
  expect((await download(fileId)).body.code).toBe('payout_file_stopped');
  for (const { userId } of [alone, inFile, filed]) {
    // What was found stays, although the payout was refused and rolled back.
    const { engine } = desk.deps.db;
    const [gate] = await engine.select().from(customerGates).where(eq(customerGates.userId, userId));
    expect(gate?.screening).toBe('open');
    expect(await engine.select().from(amlAlerts).where(eq(amlAlerts.userId, userId))).toHaveLength(1);
    const kept = await engine.select().from(screenings).where(eq(screenings.userId, userId));
    expect(kept.map(({ trigger }) => trigger)).toContain('payout');
  }
});
