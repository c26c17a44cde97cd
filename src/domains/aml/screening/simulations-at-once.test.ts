import { afterAll, beforeAll, expect, test } from 'bun:test';
import { newId } from '../../../kernel/id.ts';
import { type ComplianceDesk, LIST_ROWS, startComplianceDesk } from '../../../testing/compliance-desk.ts';
import { screeningConfigDefault } from '../config.ts';
import { RELEASED } from '../monitoring/rule-set.ts';

/** More than there are connections, so that whoever needs two of them at once waits for good. */
const AT_ONCE = 40;

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList(LIST_ROWS);
});

afterAll(async () => {
  await desk.close();
});

async function statusesOf(path: string, body?: object): Promise<readonly number[]> {
  const asked = Array.from({ length: AT_ONCE }, () => desk.call(desk.officer, 'POST', path, body));
  return [...new Set((await Promise.all(asked)).map(({ status }) => status))];
}

test('many simulations of a configuration at once all come to their end', async () => {
  const content = { ...screeningConfigDefault, version: newId() };
  const body = { content, reason: 'A stricter threshold' };
  const draft = await desk.call(desk.officer, 'POST', '/v1/aml/screening-configs', body);
  expect(await statusesOf(`/v1/aml/screening-configs/${draft.body.id}/simulate`)).toEqual([200]);
}, 30_000);

test('many simulations of a rule at once all come to their end', async () => {
  const content = { ...RELEASED.get('typology.structuring'), alertAt: 39 };
  const body = { content, reason: 'Looked at earlier' };
  const draft = await desk.call(desk.officer, 'POST', '/v1/aml/rules', {
    key: 'typology.structuring',
    ...body,
  });
  expect(draft.status).toBe(201);
  const time = { from: '2026-01-01T00:00:00Z', to: '2026-02-01T00:00:00Z' };
  expect(await statusesOf(`/v1/aml/rules/${draft.body.id}/simulate`, time)).toEqual([200]);
}, 30_000);
