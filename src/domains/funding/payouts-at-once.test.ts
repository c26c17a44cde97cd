import { afterAll, beforeAll, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  type Person,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { createList, importList } from '../aml/index.ts';
import { screenings } from '../aml/schema.ts';
import { executionDay } from './testing/execution-day.ts';

/** Twice as many requests as this are more than a pool has connections. */
const PAYERS = 12;

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

async function putInFile({ withdrawalId }: Payer) {
  const body = { asset: 'USD', withdrawalIds: [withdrawalId], executionDate: executionDay(desk.deps) };
  const { status } = await desk.request(desk.operations, 'POST', '/v1/payout-files', { body, key: newId() });
  return status;
}

async function publishSomebody(): Promise<void> {
  const list = await createList(desk.system, { kind: 'own', name: newId() });
  const header = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';
  const row = `${newId()},person,Zebulon Quickfall,,,,,TEST,A name of a test`;
  await importList(desk.system, list.id, { file: Buffer.from(`${header}\n${row}`) });
}

test('files asked for at once, twice each, are made once each, and each owner is looked at once for both', async () => {
  const payers: Payer[] = [];
  for (let each = 0; each < PAYERS; each += 1) {
    payers.push(await payer());
  }
  await publishSomebody();
  const statuses = await Promise.all(
    payers.map(async (one) =>
      (await Promise.all([putInFile(one), putInFile(one)])).toSorted((a, b) => a - b),
    ),
  );
  expect(statuses).toEqual(payers.map(() => [201, 409]));
  const looks = await Promise.all(
    payers.map(({ userId }) =>
      desk.deps.db.engine
        .select({ id: screenings.id })
        .from(screenings)
        .where(and(eq(screenings.userId, userId), eq(screenings.trigger, 'payout'))),
    ),
  );
  expect(looks.map((found) => found.length)).toEqual(payers.map(() => 1));
}, 120_000);
