import { afterAll, beforeAll, expect, test } from 'bun:test';
import { newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { NO_ACTIVITY } from '../../../platform/activity.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type FundingDesk, startFundingDesk } from '../../../testing/funding-desk.ts';
import { amlDomain } from '../index.ts';
import { RELEASED } from './rule-set.ts';
import { DAY_MS } from './sizes.ts';
import { keepActivities } from './watch-activity.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file, [amlDomain]);
});

afterAll(async () => {
  await desk.close();
});

test('a rule is put into force without any history where the approval says so, unless some came meanwhile', async () => {
  const [officer, mlro] = [await desk.newStaff('compliance_officer'), await desk.newStaff('mlro')];
  const key = 'circular_transfers';
  const body = { key, content: RELEASED.get(key), reason: 'From the first day on' };
  const { body: draft } = await desk.request(officer, 'POST', '/v1/aml/rules', { body });
  const path = `/v1/aml/rules/${draft.id}`;
  const now = desk.deps.clock.now();
  const time = { from: addMs(now, -DAY_MS), to: addMs(now, DAY_MS) };
  await desk.request(officer, 'POST', `${path}/simulate`, { body: time });
  const asked = await desk.request(officer, 'POST', `${path}/activate`);
  expect(asked.status).toBe(202);
  const { payload, id } = asked.body.approval;
  expect(payload).toMatchObject({ isHistoryEmpty: true, activitiesLookedAt: 0 });

  const vote = () =>
    desk.request(mlro, 'POST', `/v1/approvals/${id}/approve`, { body: { reason: 'Nothing to try it on' } });
  const { userId } = await desk.newCustomer();
  const transfer = { ...NO_ACTIVITY, source: 'test', sourceId: newId(), kind: 'transfer', userId } as const;
  await transact(desk.system, 'engine', (tx) =>
    keepActivities(tx, desk.system, [{ ...transfer, occurredAt: now }]),
  );
  expect((await vote()).body.code).toBe('rule_simulation_empty');
});
