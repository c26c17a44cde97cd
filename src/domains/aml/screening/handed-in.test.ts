/** That nobody is clear by what they did not hand in, nor by what they said after they were approved. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  declarationOf,
  INNOCENT,
  LIST_ROWS,
  LISTED,
  type Person,
  startComplianceDesk,
  upload,
} from '../../../testing/compliance-desk.ts';
import { changeGate, createUser } from '../../identity/index.ts';
import { kycApplications } from '../../kyc/schema.ts';
import { screenLifted } from '../alerts/lift-customer.ts';
import { openAlert } from '../alerts/open-alert.ts';
import { createList, importList } from '../index.ts';
import { amlAlerts, screenings } from '../schema.ts';
import { screenApplicants } from './consumers.ts';
import { subjectsOf, undisputed } from './subjects.ts';

const REASON = { reason: 'Verified against the originals' };

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList(LIST_ROWS);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

function screeningsOf({ userId }: Person) {
  return desk.deps.db.engine
    .select()
    .from(screenings)
    .where(eq(screenings.userId, userId))
    .orderBy(screenings.id);
}

async function screeningOf(person: Person): Promise<string | undefined> {
  return (await desk.gateOf(person))?.screening;
}

function subjects({ userId }: Person) {
  return transact(desk.system, 'engine', (tx) => subjectsOf(tx, desk.system, userId));
}

describe('what was handed in', () => {
  /** Somebody clear who hands in a listed name, and has another alert before that name was screened. */
  async function alertedMeanwhile() {
    const customer = await desk.newPerson();
    const { userId } = customer;
    const first = await desk.apply(customer);
    await desk.call(desk.officer, 'POST', `${first}/reject`, REASON);
    const path = await desk.draft(customer, { ...LISTED, birthDate: '1961-02-28' });
    const id = (path.split('/').at(-1) ?? '') as Id;
    const alert = await transact(desk.system, 'engine', async (tx) => {
      // As handing in does, with its event still on the way.
      const handedIn = { status: 'submitted', submittedAt: desk.deps.clock.now() } as const;
      await tx.update(kycApplications).set(handedIn).where(eq(kycApplications.id, id));
      await changeGate(tx, desk.system, userId, { kycStatus: 'pending', screening: 'none' });
      const found = { kind: 'monitoring', dedupKey: 'money', severity: 'high', effect: 'stop' } as const;
      return openAlert(tx, desk.system, { userId, ...found });
    });
    expect(await screeningOf(customer)).toBe('open');
    return { customer, alert };
  }

  function arrive({ userId }: Person, consumer = screenApplicants): Promise<void> {
    return consumer.handle(desk.system, {
      id: newId(),
      position: 1n,
      type: consumer.types[0] ?? '',
      userId,
      accountId: null,
      data: {},
      occurredAt: desk.deps.clock.now(),
    });
  }

  async function clear(alertId: string): Promise<void> {
    const body = { disposition: 'false_positive', ...REASON };
    const asked = await desk.call(desk.officer, 'POST', `/v1/aml/alerts/${alertId}/resolve`, body);
    expect(asked.status).toBe(202);
    const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
    expect((await desk.call(desk.officer2, 'POST', vote, REASON)).status).toBe(200);
  }

  test('is screened although an alert for another cause opened the gate first, and once', async () => {
    const { customer, alert } = await alertedMeanwhile();
    await arrive(customer);
    await arrive(customer);
    expect(await screeningsOf(customer)).toMatchObject([{ result: 'clear' }, { result: 'alert' }]);
    await clear(alert.id);
    expect(await screeningOf(customer)).toBe('open');
    const alerts = await desk.deps.db.engine
      .select()
      .from(amlAlerts)
      .where(eq(amlAlerts.userId, customer.userId))
      .orderBy(amlAlerts.kind);
    expect(alerts.map(({ kind, status }) => [kind, status])).toEqual([
      ['monitoring', 'resolved'],
      ['sanctions', 'open'],
    ]);
  });

  test('is not cleared by the screening of what was handed in before, once that alert is closed', async () => {
    const { customer, alert } = await alertedMeanwhile();
    await clear(alert.id);
    expect(await screeningOf(customer)).toBe('none');
    await arrive(customer);
    expect(await screeningsOf(customer)).toMatchObject([{ result: 'clear' }, { result: 'alert' }]);
    expect(await screeningOf(customer)).toBe('open');
  });

  test('is screened anew after a lift, although an alert opened the gate first', async () => {
    const customer = await desk.newPerson();
    await desk.apply(customer);
    await transact(desk.system, 'engine', async (tx) => {
      await changeGate(tx, desk.system, customer.userId, { screening: 'none' });
      const found = { kind: 'monitoring', dedupKey: 'money', severity: 'high', effect: 'stop' } as const;
      return openAlert(tx, desk.system, { userId: customer.userId, ...found });
    });
    await arrive(customer, screenLifted);
    expect(await screeningsOf(customer)).toMatchObject([
      { trigger: 'kyc_application' },
      { trigger: 'lifted' },
    ]);
    expect(await screeningOf(customer)).toBe('open');
  });
});

describe('what somebody says of themselves', () => {
  let made = 0;
  /** Somebody approved under a name that nobody else has, whose application for more was sent back. */
  async function sentBack() {
    made += 1;
    const name = {
      firstName: 'Zebulon',
      lastName: ['Quickfall', 'Wetherspoon', 'Pemberley'][made - 1] ?? '',
    };
    const customer = await desk.newPerson(name);
    const declaration = { ...declarationOf(customer), gender: 'male' };
    const basic = await desk.apply(customer, declaration);
    expect((await desk.call(desk.officer, 'POST', `${basic}/approve`, REASON)).status).toBe(200);
    const begun = await desk.call(customer, 'POST', '/v1/kyc/applications', {
      level: 'standard',
      declaration,
    });
    const path = `/v1/kyc/applications/${begun.body.id}`;
    await desk.call(customer, 'POST', `${path}/documents`, upload());
    await desk.call(customer, 'POST', `${path}/documents`, upload({ type: 'proof_of_address' }));
    await desk.certify(customer, path);
    expect((await desk.call(customer, 'POST', `${path}/submit`)).status).toBe(200);
    await desk.settle();
    expect((await desk.call(desk.officer, 'POST', `${path}/request-resubmission`, REASON)).status).toBe(200);
    return { customer, declaration, path };
  }

  async function say(customer: Person, path: string, declaration: object): Promise<void> {
    const { version } = (await desk.call(customer, 'GET', path)).body;
    const answer = await desk.request('PATCH', path, {
      token: customer.token,
      body: { declaration },
      headers: { 'if-match': `"${version}"` },
    });
    expect(answer.status).toBe(200);
  }

  const OTHER = { birthDate: '1999-12-31', nationality: 'FRA', gender: 'female' };

  test('once approved is compared although what was sent back now says otherwise', async () => {
    const { customer, declaration, path } = await sentBack();
    await say(customer, path, { ...declaration, ...OTHER });
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'approved', screening: 'clear' });
    const { firstName, lastName } = customer;
    const list = await createList(desk.system, { kind: 'own', name: newId() });
    const file = [
      'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks',
      `${newId()},person,${firstName} ${lastName},,1961-02-28,MU,male,TEST,`,
    ];
    await importList(desk.system, list.id, { file: Buffer.from(file.join('\n')) });
    const { body } = await desk.call(desk.officer, 'POST', '/v1/aml/screenings', { userId: customer.userId });
    expect(body).toMatchObject({ result: 'alert', matchCount: 1 });
    expect(await screeningOf(customer)).toBe('open');
    const kept = await desk.call(desk.officer, 'GET', `/v1/aml/screenings/${body.id}`);
    expect(kept.body.subject).toMatchObject({ name: `${firstName} ${lastName}`, otherNames: [] });
  });

  test('once approved stands beside what was taken back', async () => {
    const { customer, declaration, path } = await sentBack();
    await say(customer, path, { ...declaration, ...OTHER });
    expect((await desk.call(customer, 'POST', `${path}/withdraw`)).status).toBe(200);
    const { own } = await subjects(customer);
    expect(own.map(({ birthDate, countries, gender }) => [birthDate, countries, gender])).toEqual([
      ['1999-12-31', ['FR'], 'female'],
      ['1961-02-28', ['MU'], 'male'],
    ]);
  });

  test('and says the same again is one', async () => {
    const { customer, declaration, path } = await sentBack();
    await say(customer, path, { ...declaration, occupation: 'Cartographer' });
    expect((await subjects(customer)).own).toHaveLength(1);
  });

  test.each<[string, { birthDate?: string; nationality?: string }, readonly string[]]>([
    [
      'with another birth date is compared too',
      { birthDate: '1961-02-28' },
      ['1950-01-01 MU', '1961-02-28 '],
    ],
    ['with another nationality is compared too', { nationality: 'FRA' }, ['1950-01-01 MU', ' FR']],
    ['with what was declared is not another', { birthDate: '1950-01-01' }, ['1950-01-01 MU']],
    ['with nothing but a name is not another', {}, ['1950-01-01 MU']],
  ])('in a profile %s', async (_title, profile, expected) => {
    const email = `${newId()}@example.mu`;
    const user = { ...INNOCENT, ...profile, email, roles: ['customer'] as const, emailVerified: true };
    const { id } = await createUser(desk.system, user);
    const customer = await desk.signIn({ ...(await desk.newPerson()), userId: id }, 'customer');
    await desk.apply(customer, { birthDate: '1950-01-01' });
    const { own } = await subjects(customer);
    const said = own.map(({ birthDate = '', countries = [] }) => `${birthDate} ${countries.join()}`);
    expect(said).toEqual([...expected]);
  });

  test('in two ways is left out where one of them has to be chosen', () => {
    const person = { name: 'Zebulon Quickfall', kind: 'person', countries: ['MU'], gender: 'male' } as const;
    const one = { ...person, birthDate: '1961-02-28' };
    const other = { ...person, birthDate: '1999-12-31' };
    expect(undisputed([one, other])).toEqual(person);
    expect(undisputed([one, person])).toEqual(one);
    expect(undisputed([one])).toEqual(one);
  });
});
