import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { newId } from '../../../kernel/id.ts';
import { type ComplianceDesk, type Person, startComplianceDesk } from '../../../testing/compliance-desk.ts';
import { customerGates } from '../../identity/schema.ts';
import { createList, importList } from '../index.ts';
import { amlAlerts } from '../schema.ts';

const REASON = { reason: 'Born in another year, of another nationality' };

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

/** Lists somebody on a list of its own. */
async function list(name: string, purpose: 'sanctions' | 'pep'): Promise<void> {
  const { id } = await createList(desk.system, { kind: 'own', name: newId(), purpose });
  const header = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';
  const row = `${newId()},person,${name},,1961-02-28,RU,,TEST,`;
  await importList(desk.system, id, { file: Buffer.from([header, row].join('\n')) });
}

async function applicant(name: string, purpose: 'sanctions' | 'pep', declared = {}): Promise<Person> {
  await list(name, purpose);
  const [firstName = '', lastName = ''] = name.split(' ');
  const person = await desk.newPerson({ firstName, lastName });
  await desk.apply(person, declared);
  return person;
}

/** Takes back what somebody handed in and lets them hand in something else. */
async function applyAnew(person: Person, declared: object): Promise<void> {
  const [application] = (await desk.call(person, 'GET', '/v1/kyc/applications')).body.data;
  const path = `/v1/kyc/applications/${application.id}`;
  expect((await desk.call(person, 'POST', `${path}/withdraw`)).status).toBe(200);
  await desk.apply(person, declared);
}

/** Changes a profile that a reviewer unlocked. */
async function changeProfile(person: Person, body: object): Promise<void> {
  const { engine } = desk.deps.db;
  const mine = eq(customerGates.userId, person.userId);
  await engine.update(customerGates).set({ kycStatus: 'not_started' }).where(mine);
  const { headers } = await desk.call(person, 'GET', '/v1/me');
  const changed = await desk.request('PATCH', '/v1/me', {
    token: person.token,
    headers: { 'if-match': headers.get('etag') ?? '' },
    body,
  });
  expect(changed.status).toBe(200);
  await desk.settle();
}

function alertsOf({ userId }: Person) {
  return desk.deps.db.engine
    .select()
    .from(amlAlerts)
    .where(eq(amlAlerts.userId, userId))
    .orderBy(amlAlerts.id);
}

function screen({ userId }: Person) {
  return desk.call(desk.officer, 'POST', '/v1/aml/screenings', { userId });
}

/** Asks for an alert to be closed; the path of the second person's vote. */
async function ask(alertId: string, disposition: string): Promise<string> {
  const resolution = { disposition, ...REASON };
  const asked = await desk.call(desk.officer, 'POST', `/v1/aml/alerts/${alertId}/resolve`, resolution);
  const approvalId =
    asked.body.approval?.id ?? asked.body.closeApprovalId ?? asked.body.alert?.closeApprovalId;
  return `/v1/approvals/${approvalId}/approve`;
}

describe('a second person', () => {
  test('agrees to nothing about somebody who says something else of themselves since', async () => {
    const wrong = { birthDate: '1962-02-28', nationality: 'MUS' };
    const person = await applicant('Ermintrude Wolverstone', 'sanctions', wrong);
    const [alert] = await alertsOf(person);
    const vote = await ask(alert?.id ?? '', 'false_positive');
    await applyAnew(person, { birthDate: '1961-02-28', nationality: 'RUS' });
    expect(await alertsOf(person)).toMatchObject([{ id: alert?.id, status: 'open', severity: 'critical' }]);
    expect((await desk.call(desk.officer2, 'POST', vote, REASON)).body.code).toBe('alert_changed');
    expect(await alertsOf(person)).toMatchObject([{ status: 'open' }]);
    expect(await desk.gateOf(person)).toMatchObject({ screening: 'open' });
  });

  test('agrees where the same was found again of the same person', async () => {
    const person = await applicant('Hildegarde Ravensworth', 'sanctions');
    const [alert] = await alertsOf(person);
    const vote = await ask(alert?.id ?? '', 'false_positive');
    await screen(person);
    expect((await desk.call(desk.officer2, 'POST', vote, REASON)).status).toBe(200);
    expect(await desk.gateOf(person)).toMatchObject({ screening: 'clear' });
  });
});

describe('somebody two people know to be politically exposed', () => {
  async function confirmed(name: string): Promise<Person> {
    const person = await applicant(name, 'pep');
    const [alert] = await alertsOf(person);
    expect(alert).toMatchObject({ kind: 'pep', effect: 'review' });
    const vote = await ask(alert?.id ?? '', 'true_match');
    expect((await desk.call(desk.officer2, 'POST', vote, REASON)).status).toBe(200);
    return person;
  }

  test('is no new alert each time the same is found again', async () => {
    const person = await confirmed('Leocadia Fairweather');
    for (const _day of [1, 2]) {
      expect((await screen(person)).body).toMatchObject({ result: 'warning', matchCount: 1 });
    }
    expect(await alertsOf(person)).toMatchObject([{ status: 'resolved', disposition: 'true_match' }]);
  });

  test('is one where another entry names them, or where they say something else of themselves', async () => {
    const person = await confirmed('Crescentia Applegarth');
    await changeProfile(person, { birthDate: '1961-02-27' });
    expect(await alertsOf(person)).toMatchObject([{ status: 'resolved' }, { status: 'open' }]);
    const other = await confirmed('Eulalia Thornbury');
    await list('Eulalia Thornbury', 'pep');
    await screen(other);
    expect(await alertsOf(other)).toMatchObject([{ status: 'resolved' }, { status: 'open' }]);
  });
});
