import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { newId } from '../../../kernel/id.ts';
import { type ComplianceDesk, type Person, startComplianceDesk } from '../../../testing/compliance-desk.ts';
import { amlAlertItems } from '../alerts/schema.ts';
import { createList, importList } from '../index.ts';
import { rescreen } from '../rescreening/rescreen.ts';
import { amlAlerts } from '../schema.ts';

const REASON = { reason: 'Others of the same name' };

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
});

/** Nobody is behind for what another test did, and no event of it is still on its way. */
beforeEach(async () => {
  await desk.settle();
  await rescreen(desk.system);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

/** A list on which so many have one name. */
async function crowd(
  name: string,
  count: number,
  purpose: 'sanctions' | 'pep',
  birthDate = '',
): Promise<void> {
  const { id } = await createList(desk.system, { kind: 'own', name: newId(), purpose });
  const rows = Array.from({ length: count }, (_unused, at) => `c-${at},person,${name},,${birthDate},,,TEST,`);
  const header = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';
  await importList(desk.system, id, { file: Buffer.from([header, ...rows].join('\n')) });
}

async function applicant(name: string): Promise<Person> {
  const [firstName = '', lastName = ''] = name.split(' ');
  const person = await desk.newPerson({ firstName, lastName });
  await desk.apply(person);
  return person;
}

async function alertsOf({ userId }: Person) {
  const alerts = await desk.deps.db.engine.select().from(amlAlerts).where(eq(amlAlerts.userId, userId));
  return alerts.sort((left, right) => (left.kind < right.kind ? -1 : 1));
}

async function itemsOf(alertId: string | undefined): Promise<number> {
  const { engine } = desk.deps.db;
  return (
    await engine
      .select()
      .from(amlAlertItems)
      .where(eq(amlAlertItems.alertId, alertId ?? ''))
  ).length;
}

async function screen({ userId }: Person) {
  return (await desk.call(desk.officer, 'POST', '/v1/aml/screenings', { userId })).body;
}

/** Two people call an alert a false positive. */
async function clear(alertId: string | undefined): Promise<void> {
  const resolution = { disposition: 'false_positive', ...REASON };
  const asked = await desk.call(desk.officer, 'POST', `/v1/aml/alerts/${alertId}/resolve`, resolution);
  const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
  expect((await desk.call(desk.officer2, 'POST', vote, REASON)).status).toBe(200);
}

test('somebody sanctioned tomorrow is found among any number of namesakes who hold an office', async () => {
  await crowd('Wilfreda Stonegarth', 80, 'pep');
  const person = await applicant('Wilfreda Stonegarth');
  expect(await desk.gateOf(person)).toMatchObject({ screening: 'clear' });
  expect(await alertsOf(person)).toMatchObject([{ kind: 'pep' }]);
  await crowd('Wilfreda Stonegarth', 1, 'sanctions', '1961-02-28');
  await desk.settle();
  await rescreen(desk.system);
  expect(await desk.gateOf(person)).toMatchObject({ screening: 'open' });
  expect(await alertsOf(person)).toMatchObject([
    { kind: 'pep', effect: 'review' },
    { kind: 'sanctions', effect: 'stop', severity: 'critical' },
  ]);
});

test('more of those who stop than people are shown at a time is an error until all were looked at', async () => {
  await crowd('Gwendoline Ashbourne', 53, 'sanctions');
  const person = await applicant('Gwendoline Ashbourne');
  const [first, failed] = (await alertsOf(person)).reverse();
  expect([first?.kind, failed?.kind]).toEqual(['screening_error', 'sanctions']);
  expect(await itemsOf(failed?.id)).toBe(50);
  await clear(failed?.id);
  await clear(first?.id);
  // Nobody saw the other three: clearing what was shown clears nobody.
  expect(await desk.gateOf(person)).toMatchObject({ screening: 'none' });
  expect(await screen(person)).toMatchObject({ result: 'alert', matchCount: 53 });
  const rest = (await alertsOf(person)).find(({ status }) => status === 'open');
  expect(await itemsOf(rest?.id)).toBe(3);
  expect(await desk.gateOf(person)).toMatchObject({ screening: 'open' });
  await clear(rest?.id);
  expect(await desk.gateOf(person)).toMatchObject({ screening: 'clear' });
  expect(await screen(person)).toMatchObject({ result: 'clear', matchCount: 53 });
});
