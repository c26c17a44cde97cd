import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { and, asc, eq } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { openClient } from '../../../platform/db/client.ts';
import type { Ciphertext } from '../../../platform/db/columns.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { parseScreeningVendor } from '../../../platform/http/screening-vendor.ts';
import {
  type ComplianceDesk,
  dump,
  LIST_ROWS,
  LISTED,
  type Person,
  startComplianceDesk,
} from '../../../testing/compliance-desk.ts';
import { users } from '../../identity/schema.ts';
import { amlAlerts } from '../schema.ts';
import { screenPayee } from '../screen.ts';
import { startYente, YENTE_KEY, type Yente } from '../testing/yente-server.ts';
import { askVendorJob } from './ask-vendor.ts';
import { personalVendorResults } from './personal-data.ts';
import { vendorRequests, vendorResults } from './schema.ts';

let desk: ComplianceDesk;
let yente: Yente;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  yente = startYente();
  await desk.loadList(LIST_ROWS);
});

afterEach(async () => {
  yente.fault = undefined;
  yente.queryFaults.clear();
  yente.unreadable.clear();
  await desk.deps.db.engine
    .update(vendorRequests)
    .set({ nextAt: null, status: 'abandoned', settledAt: desk.deps.clock.now() })
    .where(eq(vendorRequests.status, 'waiting'));
  use('compare');
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await yente.stop();
  await desk.close();
});

function use(mode: 'compare' | 'decide'): void {
  const screeningVendor = parseScreeningVendor(`yente:url=${yente.url};mode=${mode};key=${YENTE_KEY}`);
  Object.assign(desk.deps, { screeningVendor });
}

const run = () => askVendorJob.run(desk.system);

/** Somebody whose name is nobody else's. */
async function somebody(): Promise<Person> {
  const word = newId()
    .replaceAll('-', '')
    .replace(/[0-9]/g, (digit) => 'ghijklmnop'[Number(digit)] ?? 'x');
  return desk.newPerson({ firstName: `Ora${word.slice(-8)}`, lastName: `Vel${word.slice(-16, -8)}` });
}

/** Puts somebody on the vendor's list alone. */
function listAtVendor({ firstName, lastName }: Person, topics: readonly string[] = ['sanction']): void {
  yente.entities.push({ id: `NK-${newId()}`, name: `${firstName} ${lastName}`, topics });
}

async function requestsOf({ userId }: Person) {
  return desk.deps.db.engine
    .select()
    .from(vendorRequests)
    .where(eq(vendorRequests.userId, userId))
    .orderBy(asc(vendorRequests.id));
}

async function resultsOf({ userId }: Person) {
  return desk.deps.db.engine
    .select()
    .from(vendorResults)
    .where(eq(vendorResults.userId, userId))
    .orderBy(asc(vendorResults.id));
}

async function alertsOf({ userId }: Person) {
  return desk.deps.db.engine
    .select()
    .from(amlAlerts)
    .where(and(eq(amlAlerts.userId, userId), eq(amlAlerts.kind, 'provider')))
    .orderBy(asc(amlAlerts.id));
}

/** Screened by us, and waiting to be asked about. */
async function screened(person: Person): Promise<Id> {
  const { status, body } = await desk.call(desk.officer, 'POST', '/v1/aml/screenings', {
    userId: person.userId,
  });
  expect(status).toBe(201);
  return body.id;
}

async function makeDue({ userId }: Person): Promise<void> {
  await desk.deps.db.engine
    .update(vendorRequests)
    .set({ nextAt: desk.deps.clock.realNow() })
    .where(and(eq(vendorRequests.userId, userId), eq(vendorRequests.status, 'waiting')));
}

function askedAbout({ lastName }: Person) {
  return yente.calls.flatMap(({ queries }) =>
    Object.values(queries).filter(({ properties }) =>
      properties.name?.some((name) => name.includes(lastName)),
    ),
  );
}

describe('a screening', () => {
  test('waits for no vendor: it is asked by a job, once, and only for what it needs', async () => {
    use('compare');
    const person = await somebody();
    await desk.apply(person);
    expect(askedAbout(person)).toEqual([]);
    expect(await requestsOf(person)).toMatchObject([{ status: 'waiting', failures: 0, vendor: 'yente' }]);
    await run();
    await run();
    const [query, ...more] = askedAbout(person);
    expect(more).toEqual([]);
    expect(query).toEqual({
      schema: 'Person',
      properties: {
        name: [`${person.firstName} ${person.lastName}`],
        birthDate: ['1961-02-28'],
        nationality: ['mu'],
        passportNumber: [expect.any(String)],
      },
    });
    expect(await resultsOf(person)).toMatchObject([
      {
        result: 'clear',
        ownResult: 'clear',
        agreed: true,
        mode: 'compare',
        matchCount: 0,
        bestScoreBps: null,
      },
    ]);
    expect(await requestsOf(person)).toMatchObject([{ status: 'answered', alertId: null, nextAt: null }]);
    expect(await alertsOf(person)).toEqual([]);
  });

  test('is asked about nowhere where no vendor is set up', async () => {
    Object.assign(desk.deps, { screeningVendor: null });
    const person = await somebody();
    await screened(person);
    await run();
    expect(await requestsOf(person)).toEqual([]);
    const { body } = await desk.call(desk.officer, 'GET', '/v1/aml/vendor-comparison');
    expect(body.current).toBeNull();
  });

  test('of words alone is asked about as it was put', async () => {
    use('compare');
    const word = newId().slice(-12);
    const subject = { name: `Lantern ${word}`, kind: 'organisation', country: 'MU' };
    const { body } = await desk.call(desk.officer, 'POST', '/v1/aml/screenings', { subject });
    await run();
    const shown = await desk.call(desk.officer, 'GET', `/v1/aml/screenings/${body.id}/vendor-results`);
    expect(shown.body.data).toMatchObject([{ userId: null, status: 'answered', result: { agreed: true } }]);
    const names = yente.calls.flatMap(({ queries }) => Object.values(queries));
    expect(names).toContainEqual({
      schema: 'Organization',
      properties: { name: [subject.name], country: ['mu'] },
    });
  });

  test('of a payee asks about the payee by itself, and not as another name of the customer', async () => {
    use('compare');
    const [person, payee] = [await somebody(), await somebody()];
    const name = `${payee.firstName} ${payee.lastName}`;
    await transact(desk.system, 'engine', (tx) =>
      screenPayee(tx, desk.system, { userId: person.userId, name }),
    );
    await run();
    expect(askedAbout(payee)).toEqual([{ schema: 'LegalEntity', properties: { name: [name] } }]);
    expect(askedAbout(person)).toHaveLength(1);
  });
});

describe('comparing', () => {
  test('raises an alert that only asks for a look where the vendor alone finds somebody', async () => {
    use('compare');
    const person = await somebody();
    listAtVendor(person);
    await desk.apply(person);
    await run();
    expect(await resultsOf(person)).toMatchObject([
      { result: 'match', ownResult: 'clear', agreed: false, bestScoreBps: 10_000, matchCount: 1 },
    ]);
    const [alert] = await alertsOf(person);
    expect(alert).toMatchObject({ effect: 'review', severity: 'medium', status: 'open' });
    expect(await requestsOf(person)).toMatchObject([{ alertId: alert?.id }]);
    expect((await desk.gateOf(person))?.screening).toBe('clear');
  });

  test('takes a further screening into the alert that is open, and knows what was called false', async () => {
    use('compare');
    const person = await somebody();
    listAtVendor(person);
    await screened(person);
    await run();
    await screened(person);
    await run();
    const [alert, ...more] = await alertsOf(person);
    expect(more).toEqual([]);
    expect(alert).toMatchObject({ occurrences: 2 });
    const closed = await desk.call(desk.officer, 'POST', `/v1/aml/alerts/${alert?.id}/resolve`, {
      disposition: 'false_positive',
      reason: 'Another person of this name',
    });
    expect(closed.status).toBeLessThan(300);
    await screened(person);
    await run();
    expect(await alertsOf(person)).toHaveLength(1);
    expect(await resultsOf(person)).toHaveLength(3);
    // Somebody else of this name is another question.
    listAtVendor(person);
    await screened(person);
    await run();
    expect(await alertsOf(person)).toHaveLength(2);
  });

  test('clears nobody: where we alone find somebody, the gate stays shut', async () => {
    use('decide');
    const person = await desk.newPerson(LISTED);
    await desk.apply(person);
    const before = await desk.gateOf(person);
    await run();
    expect(await resultsOf(person)).toMatchObject([{ result: 'clear', ownResult: 'alert', agreed: false }]);
    expect(before?.screening).toBe('open');
    expect(await desk.gateOf(person)).toEqual(before);
  });

  test('is counted, without naming anybody', async () => {
    use('compare');
    const from = desk.deps.clock.now();
    desk.advance(1_000);
    const [clear, found, waiting] = [await somebody(), await somebody(), await somebody()];
    listAtVendor(found);
    await screened(clear);
    await screened(found);
    await run();
    await screened(waiting);
    const path = `/v1/aml/vendor-comparison?from=${encodeURIComponent(from)}`;
    const { status, body } = await desk.call(desk.officer, 'GET', path);
    expect(status).toBe(200);
    expect(body.current).toEqual({ vendor: 'yente', mode: 'compare' });
    expect(body.vendors).toMatchObject([
      {
        vendor: 'yente',
        asked: 3,
        waiting: 1,
        answered: 2,
        bothClear: 1,
        onlyVendorFound: 1,
        onlyWeFound: 0,
        agreedBps: 5_000,
        alerts: { open: 1, falsePositive: 0 },
      },
    ]);
    expect(JSON.stringify(body)).not.toContain(found.userId);
  });
});

describe('deciding', () => {
  test('shuts the gate where the vendor alone finds a sanctioned person', async () => {
    use('decide');
    const person = await somebody();
    listAtVendor(person);
    await desk.apply(person);
    expect((await desk.gateOf(person))?.screening).toBe('clear');
    await run();
    expect(await alertsOf(person)).toMatchObject([{ effect: 'stop', severity: 'high' }]);
    expect((await desk.gateOf(person))?.screening).toBe('open');
  });

  test('is undone for those who were looked at: whom the vendor found since has to be asked about again', async () => {
    use('decide');
    const person = await somebody();
    listAtVendor(person);
    await desk.apply(person);
    await run();
    const [alert] = await alertsOf(person);
    const path = `/v1/aml/alerts/${alert?.id}/resolve`;
    const body = { disposition: 'false_positive', reason: 'Another person of this name' };
    const asked = await desk.call(desk.officer, 'POST', path, body);
    listAtVendor(person);
    await screened(person);
    await run();
    const vote = `/v1/approvals/${asked.body.approval.id}`;
    const reason = { reason: 'Looked at it' };
    const refused = await desk.call(desk.officer2, 'POST', `${vote}/approve`, reason);
    expect(refused).toMatchObject({ status: 409, body: { code: 'alert_changed' } });
    expect((await desk.gateOf(person))?.screening).toBe('open');

    await desk.call(desk.officer2, 'POST', `${vote}/reject`, reason);
    const again = await desk.call(desk.officer, 'POST', path, body);
    // The same found once more is nothing new.
    await screened(person);
    await run();
    const agreed = `/v1/approvals/${again.body.approval.id}/approve`;
    expect((await desk.call(desk.officer2, 'POST', agreed, reason)).status).toBe(200);
    expect((await desk.gateOf(person))?.screening).toBe('clear');
  });

  test('only asks for a look where the vendor finds a politically exposed person', async () => {
    use('decide');
    const person = await somebody();
    listAtVendor(person, ['role.pep']);
    await desk.apply(person);
    await run();
    expect(await alertsOf(person)).toMatchObject([{ effect: 'review' }]);
    expect((await desk.gateOf(person))?.screening).toBe('clear');
  });
});

describe('a vendor that does not answer', () => {
  test('neither clears nor blocks anybody, and is asked again until it does', async () => {
    use('decide');
    const person = await somebody();
    await desk.apply(person);
    const before = await desk.gateOf(person);
    for (const fault of [{ status: 500 }, 'truncated', 'redirect', { status: 401 }] as const) {
      yente.fault = fault;
      await makeDue(person);
      await run();
    }
    expect(await requestsOf(person)).toMatchObject([
      { status: 'waiting', failures: 4, lastFailure: 'unauthorised' },
    ]);
    expect(await desk.gateOf(person)).toEqual(before);
    expect(await resultsOf(person)).toEqual([]);
    yente.fault = undefined;
    await run();
    expect(await resultsOf(person)).toEqual([]);
    await makeDue(person);
    await run();
    expect(await resultsOf(person)).toMatchObject([{ result: 'clear', agreed: true }]);
  });

  test('is an alert about nobody once it lasts', async () => {
    use('compare');
    const person = await somebody();
    await screened(person);
    yente.fault = { status: 500 };
    for (let tries = 0; tries < 5; tries += 1) {
      await makeDue(person);
      await run();
    }
    const outages = await desk.deps.db.engine
      .select()
      .from(amlAlerts)
      .where(eq(amlAlerts.dedupKey, 'vendor_outage:yente'));
    expect(outages).toMatchObject([{ userId: null, effect: 'review', status: 'open' }]);
  });

  test('is left alone for as long as it asks, also about others', async () => {
    use('compare');
    const [one, other] = [await somebody(), await somebody()];
    await screened(one);
    yente.fault = { status: 429, retryAfter: '3600' };
    await run();
    yente.fault = undefined;
    await screened(other);
    const calls = yente.calls.length;
    await run();
    expect(yente.calls).toHaveLength(calls);
    await makeDue(one);
    await run();
    expect(await resultsOf(other)).toHaveLength(1);
    expect(await resultsOf(one)).toHaveLength(1);
  });

  test('for one person whose data cannot be opened is asked about the others, and about them once it can', async () => {
    use('compare');
    const [broken, good] = [await somebody(), await somebody()];
    await screened(broken);
    await screened(good);
    const { engine } = desk.deps.db;
    const theirs = eq(users.id, broken.userId);
    const [row] = await engine.select().from(users).where(theirs);
    await engine
      .update(users)
      .set({ profile: new Uint8Array(64) as Ciphertext })
      .where(theirs);
    await run();
    expect(await resultsOf(good)).toHaveLength(1);
    expect(await requestsOf(broken)).toMatchObject([
      { status: 'waiting', failures: 1, lastFailure: 'unreadable' },
    ]);
    await engine
      .update(users)
      .set({ profile: row?.profile as Ciphertext })
      .where(theirs);
    await makeDue(broken);
    await run();
    expect(await resultsOf(broken)).toHaveLength(1);
  });

  test('for one question is asked about the others', async () => {
    use('compare');
    const [bad, good] = [await somebody(), await somebody()];
    yente.queryFaults.set(`${bad.firstName} ${bad.lastName}`, { status: 400 });
    await screened(bad);
    await screened(good);
    await run();
    expect(await resultsOf(good)).toHaveLength(1);
    expect(await requestsOf(bad)).toMatchObject([{ status: 'waiting', lastFailure: 'query_refused' }]);
  });

  test('as a whole for what one question says is asked about each alone', async () => {
    use('compare');
    const [bad, good] = [await somebody(), await somebody()];
    yente.unreadable.add(`${bad.firstName} ${bad.lastName}`);
    await screened(bad);
    await screened(good);
    await run();
    expect(await resultsOf(good)).toHaveLength(1);
    expect(await requestsOf(bad)).toMatchObject([{ status: 'waiting', lastFailure: 'refused' }]);
  });

  test('in a way nobody can read is asked about one alone, before others are charged with it', async () => {
    use('compare');
    const [one, other] = [await somebody(), await somebody()];
    await screened(one);
    await screened(other);
    yente.fault = 'html';
    const calls = yente.calls.length;
    await run();
    expect(yente.calls).toHaveLength(calls + 2);
    expect(await requestsOf(one)).toMatchObject([
      { status: 'waiting', failures: 1, lastFailure: 'malformed' },
    ]);
    expect(await requestsOf(other)).toMatchObject([{ status: 'waiting', failures: 0 }]);
  });

  test('is given up about what it refuses again and again, which the log tells', async () => {
    use('compare');
    const person = await somebody();
    yente.queryFaults.set(`${person.firstName} ${person.lastName}`, 'score_text');
    await screened(person);
    for (let tries = 0; tries < 8; tries += 1) {
      await makeDue(person);
      await run();
    }
    const [request] = await requestsOf(person);
    expect(request).toMatchObject({ status: 'abandoned', failures: 8, lastFailure: 'malformed' });
    const logged = await desk.deps.db.engine
      .select({ event: auditLogs.eventType })
      .from(auditLogs)
      .where(
        and(eq(auditLogs.eventType, 'vendor_request.abandoned'), eq(auditLogs.subjectUserId, person.userId)),
      );
    expect(logged).toHaveLength(1);
  });
});

describe('what a vendor said', () => {
  test('is kept once, whoever asks at once', async () => {
    use('compare');
    const person = await somebody();
    listAtVendor(person);
    await screened(person);
    await Promise.all([run(), run(), run()]);
    expect(await resultsOf(person)).toHaveLength(1);
    expect(await alertsOf(person)).toMatchObject([{ occurrences: 1 }]);
  });

  test('rests sealed and stays as it was', async () => {
    use('compare');
    const person = await somebody();
    listAtVendor(person);
    await screened(person);
    await run();
    expect(await dump(desk, ['vendor_results', 'vendor_requests'])).not.toContain(person.lastName);
    const [result] = await resultsOf(person);
    const owner = openClient(desk.database.owner, 1);
    const change = owner.unsafe('update vendor_results set agreed = not agreed').then(
      () => 'changed',
      (error: { readonly code: string }) => error.code,
    );
    expect(await change).not.toBe('changed');
    await owner.end();
    expect(await resultsOf(person)).toEqual([result as NonNullable<typeof result>]);
  });

  test('is read by officers, which the log tells, and by nobody else', async () => {
    use('compare');
    const person = await somebody();
    listAtVendor(person);
    const id = await screened(person);
    await run();
    const path = `/v1/aml/screenings/${id}/vendor-results`;
    const { status, body } = await desk.call(desk.officer, 'GET', path);
    expect(status).toBe(200);
    expect(body.data).toMatchObject([
      {
        status: 'answered',
        result: {
          result: 'match',
          answer: [{ results: [{ caption: `${person.firstName} ${person.lastName}` }] }],
        },
      },
    ]);
    expect((await desk.call(person, 'GET', path)).status).toBe(403);
    const logged = await desk.deps.db.engine
      .select({ event: auditLogs.eventType })
      .from(auditLogs)
      .where(and(eq(auditLogs.eventType, 'vendor_result.read'), eq(auditLogs.subjectUserId, person.userId)));
    expect(logged).toHaveLength(1);
  });

  test('of staff is not theirs to read', async () => {
    use('compare');
    const id = await screened(desk.officer2);
    const answer = await desk.call(desk.officer2, 'GET', `/v1/aml/screenings/${id}/vendor-results`);
    expect(answer.status).toBe(404);
  });

  test('ends with the person: nobody is asked about who is gone', async () => {
    use('compare');
    const person = await somebody();
    listAtVendor(person);
    await screened(person);
    await run();
    await screened(person);
    await transact(desk.system, 'engine', async (tx) => {
      await personalVendorResults.erase?.(tx, desk.system, person.userId);
    });
    expect(await requestsOf(person)).toMatchObject([
      { status: 'answered', matchDigest: null },
      { status: 'abandoned', lastFailure: 'erased', matchDigest: null },
    ]);
  });
});
