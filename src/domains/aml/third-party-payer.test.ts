import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { transact } from '../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  LIST_ROWS,
  type Person,
  startComplianceDesk,
} from '../../testing/compliance-desk.ts';
import { amlAlertItems } from './alerts/schema.ts';
import { amlAlerts } from './schema.ts';
import { openThirdPartyAlert } from './third-party-payer.ts';

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList(LIST_ROWS);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

async function paidBy(payerName: string): Promise<Person> {
  const customer = await desk.newPerson();
  await desk.apply(customer);
  const payment = { userId: customer.userId, payerName };
  await transact(desk.system, 'engine', (tx) => openThirdPartyAlert(tx, desk.system, payment));
  return customer;
}

function alertsOf({ userId }: Person) {
  return desk.deps.db.engine
    .select()
    .from(amlAlerts)
    .where(eq(amlAlerts.userId, userId))
    .orderBy(amlAlerts.kind);
}

test('a payer who is on a list is a hit about the customer, told apart from the customer', async () => {
  const customer = await paidBy('Balthasar Ferrington');
  const alerts = await alertsOf(customer);
  expect(alerts).toMatchObject([
    { kind: 'sanctions', effect: 'stop' },
    { kind: 'third_party', effect: 'stop' },
  ]);
  const items = await desk.deps.db.engine
    .select()
    .from(amlAlertItems)
    .where(eq(amlAlertItems.alertId, alerts[0]?.id ?? ''));
  expect(items).toMatchObject([{ sourceId: 'x-1' }]);
  expect(items[0]?.party).toMatch(/^payer:[0-9a-f]{32}$/);
  expect(await desk.gateOf(customer)).toMatchObject({ screening: 'open' });
});

test('a further payment of a payer is looked at too before their first one is waved through', async () => {
  const customer = await paidBy('Zebulon Quickfall');
  const [alert] = await alertsOf(customer);
  const body = { disposition: 'false_positive', reason: 'Their employer' };
  const asked = await desk.call(desk.officer, 'POST', `/v1/aml/alerts/${alert?.id}/resolve`, body);
  const payment = { userId: customer.userId, payerName: 'Zebulon Quickfall' };
  await transact(desk.system, 'engine', (tx) => openThirdPartyAlert(tx, desk.system, payment));
  const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
  const refused = await desk.call(desk.officer2, 'POST', vote, { reason: 'Looked at it' });
  expect(refused.body.code).toBe('alert_changed');
  expect(await desk.gateOf(customer)).toMatchObject({ screening: 'open' });
});

test('a payer who is on none is somebody else, and nothing more', async () => {
  const customer = await paidBy('Zebulon Quickfall');
  expect(await alertsOf(customer)).toMatchObject([{ kind: 'third_party' }]);
});
