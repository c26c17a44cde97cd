import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, inArray, like } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { newId } from '../../kernel/id.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import {
  type ComplianceDesk,
  dump,
  INNOCENT,
  LIST_ROWS,
  LISTED,
  type Person,
  startComplianceDesk,
  upload,
} from '../../testing/compliance-desk.ts';
import { customerGates, roleGrants } from '../identity/schema.ts';
import { amlAlerts, screeningLists, screenings } from './schema.ts';
import { screenApplicants } from './screening/consumers.ts';

const REASON = { reason: 'Another birth date and another nationality' };
const TRUE_MATCH = { disposition: 'true_match', ...REASON };
const FALSE_POSITIVE = { disposition: 'false_positive', ...REASON };

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

/** The list is loaded once; the tests may run in any order. */
let loaded: Promise<unknown> | undefined;
function withList(): Promise<unknown> {
  loaded ??= desk.loadList(LIST_ROWS);
  return loaded;
}

function screeningsOf(person: Person) {
  return desk.deps.db.engine
    .select()
    .from(screenings)
    .where(eq(screenings.userId, person.userId))
    .orderBy(screenings.id);
}

function alertsOf(person: Person) {
  return desk.deps.db.engine
    .select()
    .from(amlAlerts)
    .where(eq(amlAlerts.userId, person.userId))
    .orderBy(amlAlerts.id);
}

async function alertOf(person: Person): Promise<string> {
  const [alert] = await alertsOf(person);
  return `/v1/aml/alerts/${alert?.id}`;
}

function screen(person: Person, by = desk.officer) {
  return desk.call(by, 'POST', '/v1/aml/screenings', { userId: person.userId });
}

/** Asks for an alert to be cleared and lets a second person agree. */
async function clearAlert(alertPath: string): Promise<void> {
  const asked = await desk.call(desk.officer, 'POST', `${alertPath}/resolve`, FALSE_POSITIVE);
  expect(asked.status).toBe(202);
  const path = `/v1/approvals/${asked.body.approval.id}/approve`;
  expect((await desk.call(desk.officer2, 'POST', path, { reason: 'Agreed' })).status).toBe(200);
}

describe('with a list', () => {
  beforeAll(() => withList());

  test('an applicant who is on none is clear, with the list version as evidence', async () => {
    const customer = await desk.newPerson();
    await desk.apply(customer);
    const [list] = await desk.deps.db.engine.select().from(screeningLists);
    expect(await screeningsOf(customer)).toMatchObject([
      {
        result: 'clear',
        trigger: 'kyc_application',
        requestedBy: 'aml.screen_applicants',
        listVersions: { [list?.id ?? '']: list?.activeVersionId },
      },
    ]);
    expect(await desk.gateOf(customer)).toMatchObject({ screening: 'clear' });
  });

  test('a listed applicant is an alert with explained matches, and cannot be approved', async () => {
    const customer = await desk.newPerson(LISTED);
    const path = await desk.apply(customer);
    expect(await desk.gateOf(customer)).toMatchObject({ screening: 'open' });
    const [screening] = await screeningsOf(customer);
    const file = await desk.call(desk.officer, 'GET', `/v1/aml/screenings/${screening?.id}`);
    expect(file.body).toMatchObject({
      result: 'alert',
      subject: { name: 'Balthazar Ferrington', birthDate: '1961-02-28', otherNames: [] },
      matches: [
        { listKind: 'own', sourceId: 'x-1', primaryName: 'Balthazar Ferrington', programs: ['TEST'] },
      ],
    });
    const features = file.body.matches[0].explanation.map((part: { feature: string }) => part.feature);
    expect(features).toEqual(expect.arrayContaining(['alignment', 'birth_date']));
    for (const officer of [desk.officer, desk.officer2]) {
      const refused = await desk.call(officer, 'POST', `${path}/approve`, REASON);
      expect(refused).toMatchObject({ status: 409, body: { code: 'screening_not_clear' } });
    }
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'pending', kycLevel: 'none' });
  });

  test('an event that comes twice screens once, and never undoes what people decided since', async () => {
    const customer = await desk.newPerson(LISTED);
    await desk.apply(customer);
    const again = () =>
      screenApplicants.handle(desk.system, {
        id: newId(),
        position: 1n,
        type: 'kyc.application_submitted',
        userId: customer.userId,
        accountId: null,
        data: {},
        occurredAt: desk.deps.clock.now(),
      });
    await Promise.all([again(), again()]);
    expect(await screeningsOf(customer)).toHaveLength(1);
    await clearAlert(await alertOf(customer));
    await again();
    expect(await desk.gateOf(customer)).toMatchObject({ screening: 'clear' });
    expect(await alertsOf(customer)).toHaveLength(1);
  });

  test('a name of the profile is compared although another one is declared', async () => {
    const customer = await desk.newPerson(LISTED);
    await desk.apply(customer, INNOCENT);
    const [screening] = await screeningsOf(customer);
    const { body } = await desk.call(desk.officer, 'GET', `/v1/aml/screenings/${screening?.id}`);
    expect(body).toMatchObject({
      result: 'alert',
      subject: { name: 'Anjali Ramgoolam', otherNames: ['Balthazar Ferrington'] },
      matches: [{ sourceId: 'x-1' }],
    });
  });

  test('a draft under another name does not take the place of what was handed in', async () => {
    const customer = await desk.newPerson(LISTED);
    const path = await desk.apply(customer);
    await desk.call(desk.officer, 'POST', `${path}/reject`, REASON);
    await desk.draft(customer, INNOCENT);
    const { body } = await screen(customer);
    expect(body).toMatchObject({ result: 'alert', subject: { name: 'Balthazar Ferrington' } });
  });

  test('a name that cannot be read is an error and an alert', async () => {
    const customer = await desk.newPerson();
    await desk.apply(customer, { firstName: Array.from({ length: 60 }, () => 'a').join(' ') });
    expect(await screeningsOf(customer)).toMatchObject([{ result: 'error' }]);
    expect(await desk.gateOf(customer)).toMatchObject({ screening: 'open' });
    expect(await alertsOf(customer)).toHaveLength(1);
  });

  test('a false positive frees nothing before a second person agrees', async () => {
    const customer = await desk.newPerson(LISTED);
    const path = await desk.apply(customer);
    const alert = await alertOf(customer);
    const asked = await desk.call(desk.officer, 'POST', `${alert}/resolve`, FALSE_POSITIVE);
    expect(asked).toMatchObject({ status: 202, body: { approval: { status: 'pending' } } });
    expect(await desk.gateOf(customer)).toMatchObject({ screening: 'open' });
    const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
    const own = await desk.call(desk.officer, 'POST', vote, REASON);
    expect(own).toMatchObject({ status: 403, body: { code: 'self_approval' } });
    const twice = await desk.call(desk.officer2, 'POST', `${alert}/resolve`, FALSE_POSITIVE);
    expect(twice.body.code).toBe('approval_pending_exists');
    expect((await desk.call(customer, 'POST', vote, REASON)).status).toBe(403);

    expect((await desk.call(desk.officer2, 'POST', vote, REASON)).status).toBe(200);
    expect(await desk.gateOf(customer)).toMatchObject({ screening: 'clear' });
    expect((await desk.call(desk.officer, 'GET', alert)).body).toMatchObject({
      status: 'resolved',
      disposition: 'false_positive',
      resolvedBy: desk.officer.userId,
    });
    // Another test's namesake who was found before takes a second reviewer; that they may be is what is held here.
    const approval = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
    expect([200, 202]).toContain(approval.status);
  });

  test('a true match freezes at once, and no other name, event or vote undoes it', async () => {
    const customer = await desk.newPerson(LISTED);
    const path = await desk.apply(customer);
    const alert = await alertOf(customer);
    const asked = await desk.call(desk.officer, 'POST', `${alert}/resolve`, FALSE_POSITIVE);
    const resolved = await desk.call(desk.officer2, 'POST', `${alert}/resolve`, TRUE_MATCH);
    expect(resolved).toMatchObject({
      status: 200,
      body: { status: 'open', disposition: null, proposedDisposition: 'true_match' },
    });
    const frozen = { screening: 'confirmed', restriction: 'frozen' };
    expect(await desk.gateOf(customer)).toMatchObject(frozen);

    const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
    expect((await desk.call(desk.officer2, 'POST', vote, REASON)).body.code).toBe('approval_not_pending');
    const agree = `/v1/approvals/${resolved.body.closeApprovalId}/approve`;
    expect((await desk.call(desk.officer2, 'POST', agree, REASON)).body.code).toBe('self_approval');
    expect((await desk.call(desk.officer, 'POST', agree, REASON)).status).toBe(200);
    expect((await desk.call(desk.officer, 'GET', alert)).body).toMatchObject({
      status: 'resolved',
      disposition: 'true_match',
      resolvedBy: desk.officer2.userId,
    });
    expect(
      (await desk.call(desk.officer, 'POST', `${alert}/assign`, { assigneeId: newId() })).body.code,
    ).toBe('alert_resolved');
    await desk.call(desk.officer, 'POST', `${path}/reject`, REASON);
    const next = await desk.draft(customer, INNOCENT);
    // Whoever was found is of the highest risk, which asks for more.
    for (const type of ['source_of_funds', 'source_of_wealth']) {
      await desk.call(customer, 'POST', `${next}/documents`, upload({ type }));
    }
    expect((await desk.call(customer, 'POST', `${next}/submit`)).status).toBe(200);
    await desk.settle();
    expect(await desk.gateOf(customer)).toMatchObject(frozen);
    const approval = await desk.call(desk.officer, 'POST', `${next}/approve`, REASON);
    expect(approval).toMatchObject({ status: 409, body: { code: 'screening_not_clear' } });
    expect(await screeningsOf(customer)).toHaveLength(2);
  });

  test('who hands in again while an alert is open stays shut until that alert is closed', async () => {
    const customer = await desk.newPerson(LISTED);
    const path = await desk.apply(customer);
    await desk.call(desk.officer, 'POST', `${path}/request-resubmission`, REASON);
    await desk.call(customer, 'POST', `${path}/documents`, upload());
    expect((await desk.call(customer, 'POST', `${path}/submit`)).status).toBe(200);
    await desk.settle();
    const alerts = await alertsOf(customer);
    expect(alerts).toMatchObject([{ occurrences: 2 }]);
    expect(await desk.gateOf(customer)).toMatchObject({ screening: 'open' });
    await clearAlert(`/v1/aml/alerts/${alerts[0]?.id}`);
    expect(await desk.gateOf(customer)).toMatchObject({ screening: 'clear' });
  });

  test('screenings, a decision and an approval of one person at once end frozen, without a failure', async () => {
    const customer = await desk.newPerson(LISTED);
    const path = await desk.apply(customer);
    const alert = await alertOf(customer);
    const answers = await Promise.all([
      screen(customer),
      desk.call(desk.officer, 'POST', `${alert}/resolve`, TRUE_MATCH),
      screen(customer, desk.officer2),
      desk.call(desk.officer2, 'POST', `${alert}/resolve`, TRUE_MATCH),
      desk.call(desk.officer2, 'POST', `${path}/approve`, REASON),
    ]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 201, 201, 409, 409]);
    expect(await desk.gateOf(customer)).toMatchObject({ screening: 'confirmed', restriction: 'frozen' });
  });

  test('a list that becomes active meanwhile is used whole or not at all', async () => {
    const people = await Promise.all([1, 2, 3, 4].map(() => desk.newPerson(LISTED)));
    const more = [...LIST_ROWS, `x-${newId()},person,Someone Else Entirely,,,,,TEST,`];
    const [version, ...answers] = await Promise.all([
      desk.loadList(more),
      ...people.map((one) => screen(one)),
    ]);
    expect(answers.map(({ status, body }) => [status, body.result, body.matchCount])).toEqual(
      people.map(() => [201, 'alert', 1]),
    );
    expect((await screen(people[0] as Person)).body.listVersions).toEqual({ [version.listId]: version.id });
  });
});

describe('protects', () => {
  beforeAll(() => withList());

  test('the customer from learning of it, and the log from everybody else', async () => {
    const customer = await desk.newPerson(LISTED);
    const path = await desk.apply(customer);
    await desk.call(desk.officer, 'POST', `${await alertOf(customer)}/resolve`, TRUE_MATCH);
    for (const target of [path, '/v1/kyc/applications', '/v1/me', '/v1/events', '/v1/accounts']) {
      const { status, body } = await desk.call(customer, 'GET', target);
      expect(`${target} ${status}`).toBe(`${target} 200`);
      expect(JSON.stringify(body)).not.toMatch(/screen|alert|aml|sanction|match|confirmed|frozen/i);
    }
    const rows = await desk.deps.db.engine
      .select({ type: auditLogs.eventType, class: auditLogs.class })
      .from(auditLogs)
      .where(
        and(
          eq(auditLogs.subjectUserId, customer.userId),
          inArray(auditLogs.resourceType, ['screening', 'aml_alert', 'gate']),
        ),
      );
    expect(rows.length).toBeGreaterThan(4);
    expect(rows.filter((row) => row.class !== 'restricted')).toEqual([]);
  });

  test('every operation from customers and from staff of other roles', async () => {
    const customer = await desk.newPerson();
    const support = await desk.newPerson(INNOCENT, 'support', 'operations', 'risk_manager', 'admin');
    const auditor = await desk.newPerson(INNOCENT, 'auditor');
    const reads = ['/v1/aml/screenings', '/v1/aml/lists', '/v1/aml/alerts', `/v1/aml/alerts/${newId()}`];
    const writes = [
      ['/v1/aml/screenings', { subject: { name: 'Anybody' } }],
      ['/v1/aml/lists', { kind: 'own', name: 'Mine' }],
      [`/v1/aml/alerts/${newId()}/resolve`, TRUE_MATCH],
      [`/v1/aml/alerts/${newId()}/assign`, { assigneeId: customer.userId }],
    ] as const;
    for (const path of reads) {
      expect((await desk.call(customer, 'GET', path)).status).toBe(403);
      expect((await desk.call(support, 'GET', path)).status).toBe(403);
      expect((await desk.call(null, 'GET', path)).status).toBe(401);
      expect([200, 404]).toContain((await desk.call(auditor, 'GET', path)).status);
    }
    for (const [path, body] of writes) {
      for (const person of [customer, support, auditor]) {
        expect((await desk.call(person, 'POST', path, body)).status).toBe(403);
      }
    }
    const refused = await desk.deps.db.engine
      .select({ class: auditLogs.class })
      .from(auditLogs)
      .where(and(eq(auditLogs.actorId, customer.userId), like(auditLogs.description, '%/v1/aml/%')));
    expect(refused).toEqual([...reads, ...writes].map(() => ({ class: 'restricted' })));
  });

  test('an officer from seeing or working on what concerns themselves', async () => {
    const customer = await desk.newPerson(LISTED);
    await desk.apply(customer);
    const alert = await alertOf(customer);
    const [screening] = await screeningsOf(customer);
    await desk.deps.db.engine.insert(roleGrants).values({
      userId: customer.userId,
      role: 'mlro',
      grantedAt: desk.deps.clock.now(),
    });
    const insider = await desk.signIn(customer, 'customer', 'mlro');
    expect((await desk.call(insider, 'GET', alert)).status).toBe(404);
    expect((await desk.call(insider, 'GET', `/v1/aml/screenings/${screening?.id}`)).status).toBe(404);
    for (const listing of ['alerts', 'screenings']) {
      const { body } = await desk.call(insider, 'GET', `/v1/aml/${listing}?limit=200`);
      expect(JSON.stringify(body)).not.toContain(customer.userId);
    }
    const assign = { assigneeId: desk.officer.userId };
    expect((await desk.call(insider, 'POST', `${alert}/assign`, assign)).body.code).toBe('self_review');
    expect((await desk.call(insider, 'POST', `${alert}/resolve`, FALSE_POSITIVE)).body.code).toBe(
      'self_review',
    );
    expect((await screen(customer, insider)).body.code).toBe('self_review');
    const asked = await desk.call(desk.officer, 'POST', `${alert}/resolve`, FALSE_POSITIVE);
    const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
    expect((await desk.call(insider, 'POST', vote, REASON)).body.code).toBe('not_found');
    expect((await desk.call(desk.officer2, 'POST', `${alert}/assign`, assign)).body).toMatchObject({
      status: 'assigned',
      assigneeId: desk.officer.userId,
    });
  });

  test('who was screened: no table, log or event quotes their name or birth date', async () => {
    const customer = await desk.newPerson({ firstName: 'Baltazzar', lastName: 'Ferrinqton' });
    await desk.apply(customer, { birthDate: '1961-02-27' });
    const subject = { name: 'Balthasarr Ferringtonn', birthDate: '1961-02-26' };
    const asked = await desk.call(desk.officer, 'POST', '/v1/aml/screenings', { subject });
    expect(asked).toMatchObject({ status: 201, body: { result: 'alert', userId: null } });
    expect(await screeningsOf(customer)).toMatchObject([{ result: 'alert' }]);
    const stored = (
      await dump(desk, ['screenings', 'screening_matches', 'aml_alerts', 'audit_logs', 'outbox'])
    ).toLowerCase();
    for (const secret of ['baltazzar', 'ferrinqton', '1961-02-27', 'balthasarr', '1961-02-26']) {
      expect(`${secret} ${stored.includes(secret)}`).toBe(`${secret} false`);
    }
    expect(stored).toContain('balthazar');
  });
});

describe('refuses', () => {
  beforeAll(() => withList());

  test('to screen nobody, and an alert that is not there', async () => {
    expect((await desk.call(desk.officer, 'POST', '/v1/aml/screenings', { userId: newId() })).status).toBe(
      404,
    );
    const nameless = await desk.call(desk.officer, 'POST', '/v1/aml/screenings', { subject: { name: '…' } });
    expect(nameless).toMatchObject({ status: 422, body: { code: 'name_unusable' } });
    const missing = `/v1/aml/alerts/${newId()}`;
    expect((await desk.call(desk.officer, 'POST', `${missing}/resolve`, TRUE_MATCH)).status).toBe(404);
    expect((await desk.call(desk.officer, 'GET', missing)).status).toBe(404);
  });
});

describe('reconcile finds', () => {
  beforeAll(() => withList());

  async function planted(person: Person, screening: 'clear' | 'open'): Promise<string> {
    const set = (value: 'none' | 'clear' | 'open' | 'confirmed') =>
      desk.deps.db.engine
        .update(customerGates)
        .set({ screening: value })
        .where(eq(customerGates.userId, person.userId));
    const before = (await desk.gateOf(person))?.screening ?? 'none';
    await set(screening);
    const found = await desk.breaks();
    await set(before);
    return found.filter((line) => line.includes(person.userId)).join('\n');
  }

  test('a clear gate without evidence, with an open alert, or after a true match', async () => {
    expect(await planted(await desk.newPerson(), 'clear')).toContain('is clear without a screening');
    const listed = await desk.newPerson(LISTED);
    await desk.apply(listed);
    expect(await planted(listed, 'clear')).toContain('is clear while an alert is open');
    const [alert] = await alertsOf(listed);
    const decided = { status: 'resolved', disposition: 'true_match' } as const;
    const mine = eq(amlAlerts.id, alert?.id as Id);
    await desk.deps.db.engine.update(amlAlerts).set(decided).where(mine);
    expect(await planted(listed, 'open')).toContain('is a true match and not confirmed');
    await desk.deps.db.engine.update(amlAlerts).set({ status: 'open', disposition: null }).where(mine);
    const unreadable = await desk.newPerson();
    await desk.apply(unreadable, { firstName: Array.from({ length: 60 }, () => 'a').join(' ') });
    expect(await planted(unreadable, 'clear')).toContain('although the newest screening failed');
  });

  test('an alert that one person cleared alone', async () => {
    const listed = await desk.newPerson(LISTED);
    await desk.apply(listed);
    const [alert] = await alertsOf(listed);
    const set = (values: Partial<typeof amlAlerts.$inferInsert>) =>
      desk.deps.db.engine
        .update(amlAlerts)
        .set(values)
        .where(eq(amlAlerts.id, alert?.id as Id));
    await set({ status: 'resolved', disposition: 'false_positive', resolvedBy: desk.officer.userId });
    expect(await desk.breaks()).toEqual([
      `aml.cleared_alerts_name_two_people: alert ${alert?.id} was cleared without a second person`,
    ]);
    await set({ status: 'open', disposition: null, resolvedBy: null });
  });
});
