import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { transact } from '../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  LIST_ROWS,
  type Person,
  startComplianceDesk,
} from '../../testing/compliance-desk.ts';
import { amlAlerts, screenings } from './schema.ts';
import { openThirdPartyAlert } from './third-party-payer.ts';

const REASON = { reason: 'Another birth date and another nationality' };

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

function screeningsOf(person: Person) {
  return desk.deps.db.engine
    .select()
    .from(screenings)
    .where(eq(screenings.userId, person.userId))
    .orderBy(screenings.id);
}

/** Asks for each alert on a person to be cleared and lets a second person agree. */
async function clearAlerts(person: Person): Promise<void> {
  const alerts = await desk.deps.db.engine
    .select()
    .from(amlAlerts)
    .where(eq(amlAlerts.userId, person.userId));
  for (const { id } of alerts) {
    const path = `/v1/aml/alerts/${id}/resolve`;
    const asked = await desk.call(desk.officer, 'POST', path, { disposition: 'false_positive', ...REASON });
    expect(asked.status).toBe(202);
    const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
    expect((await desk.call(desk.officer2, 'POST', vote, { reason: 'Agreed' })).status).toBe(200);
  }
}

test('without an active list nobody is clear: an error, an alert, a shut gate, and clearing the alert opens nothing', async () => {
  const customer = await desk.newPerson();
  const path = await desk.apply(customer);
  expect(await screeningsOf(customer)).toMatchObject([{ result: 'error', listVersions: {} }]);
  expect(await desk.gateOf(customer)).toMatchObject({ screening: 'open', kycStatus: 'pending' });
  const approval = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
  expect(approval).toMatchObject({ status: 409, body: { code: 'screening_not_clear' } });
  const stranger = { subject: { name: 'Anybody At All' } };
  expect(await desk.call(desk.officer, 'POST', '/v1/aml/screenings', stranger)).toMatchObject({
    status: 503,
    body: { code: 'no_active_list' },
  });

  await clearAlerts(customer);
  expect(await desk.gateOf(customer)).toMatchObject({ screening: 'none' });
  // A check of another kind came last, and compared nobody with a list.
  const paid = await desk.newPerson();
  await desk.apply(paid);
  const payment = { userId: paid.userId, payerName: 'Zebulon Quickfall' };
  await transact(desk.system, 'engine', (tx) => openThirdPartyAlert(tx, desk.system, payment));
  expect((await screeningsOf(paid)).map(({ checkType, result }) => [checkType, result])).toEqual([
    ['sanctions_screening', 'error'],
    ['transaction_monitoring', 'alert'],
  ]);
  await clearAlerts(paid);
  expect(await desk.gateOf(paid)).toMatchObject({ screening: 'none' });
  await desk.loadList(LIST_ROWS);
  expect(
    (await desk.call(desk.officer, 'POST', '/v1/aml/screenings', { userId: customer.userId })).body,
  ).toMatchObject({ result: 'clear' });
  expect((await desk.call(desk.officer, 'POST', `${path}/approve`, REASON)).status).toBe(200);
});
