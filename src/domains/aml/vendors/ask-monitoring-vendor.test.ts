import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { and, asc, eq } from 'drizzle-orm';
import { openClient } from '../../../platform/db/client.ts';
import type { Ciphertext } from '../../../platform/db/columns.ts';
import { auditLogs, personKeys } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { parseMonitoringVendor } from '../../../platform/http/monitoring-vendor.ts';
import { type FundingDesk, HOLDER, type Person, startFundingDesk } from '../../../testing/funding-desk.ts';
import { customerGates } from '../../identity/schema.ts';
import { amlDomain, screenUser } from '../index.ts';
import { amlAlerts } from '../schema.ts';
import {
  APPROVES,
  MARBLE_KEY,
  MARBLE_SCENARIO,
  type Marble,
  type MarbleOutcome,
  startMarble,
} from '../testing/marble-server.ts';
import { askMonitoringVendorJob } from './ask-monitoring-vendor.ts';
import { personalAssessments } from './personal-data.ts';
import { monitoringVendorRequests, monitoringVendorResults } from './schema.ts';

let desk: FundingDesk;
let marble: Marble;
let officer: Person;
let mlro: Person;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file, [amlDomain]);
  marble = startMarble();
  officer = await desk.newStaff('compliance_officer');
  mlro = await desk.newStaff('mlro');
});

afterEach(async () => {
  marble.fault = undefined;
  marble.decide = APPROVES;
  await engine()
    .update(monitoringVendorRequests)
    .set({ nextAt: null, status: 'abandoned', settledAt: desk.deps.clock.now() })
    .where(eq(monitoringVendorRequests.status, 'waiting'));
  Object.assign(desk.deps, { monitoringVendor: null });
});

afterAll(async () => {
  await desk.settle();
  const report = await desk.reconcile();
  await marble.stop();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const engine = () => desk.deps.db.engine;
const run = () => askMonitoringVendorJob.run(desk.system);

function use(mode: 'compare' | 'decide', kinds = 'deposit,withdrawal_requested'): void {
  const text = `marble:url=${marble.url};mode=${mode};scenario=${MARBLE_SCENARIO};key=${MARBLE_KEY};kinds=${kinds}`;
  Object.assign(desk.deps, { monitoringVendor: parseMonitoringVendor(text) });
}

function says(outcome: MarbleOutcome, score = 50): void {
  marble.decide = () => ({ outcome, score });
}

async function newCustomer(): Promise<Person> {
  const person = await desk.newCustomer();
  await screenUser(desk.system, person.userId, 'manual');
  return person;
}

async function requestsOf({ userId }: Person) {
  return engine()
    .select()
    .from(monitoringVendorRequests)
    .where(eq(monitoringVendorRequests.userId, userId))
    .orderBy(asc(monitoringVendorRequests.id));
}

async function resultsOf({ userId }: Person) {
  return engine()
    .select()
    .from(monitoringVendorResults)
    .where(eq(monitoringVendorResults.userId, userId))
    .orderBy(asc(monitoringVendorResults.id));
}

async function alertsOf({ userId }: Person) {
  return engine()
    .select()
    .from(amlAlerts)
    .where(and(eq(amlAlerts.userId, userId), eq(amlAlerts.dedupKey, 'monitoring_vendor:marble')))
    .orderBy(asc(amlAlerts.id));
}

async function gateOf({ userId }: Person): Promise<string | undefined> {
  const [gate] = await engine().select().from(customerGates).where(eq(customerGates.userId, userId));
  return gate?.screening;
}

async function makeDue({ userId }: Person): Promise<void> {
  await engine()
    .update(monitoringVendorRequests)
    .set({ nextAt: desk.deps.clock.realNow() })
    .where(and(eq(monitoringVendorRequests.userId, userId), eq(monitoringVendorRequests.status, 'waiting')));
}

async function askedAbout(person: Person) {
  const refs: readonly unknown[] = (await requestsOf(person)).map(({ activityId }) => activityId);
  return marble.calls.filter(({ trigger }) => refs.includes(trigger.object_id));
}

async function eventsOf({ userId }: Person, eventType: string) {
  return engine()
    .select({ id: auditLogs.id })
    .from(auditLogs)
    .where(and(eq(auditLogs.eventType, eventType), eq(auditLogs.subjectUserId, userId)));
}

describe('what a customer did', () => {
  test('waits for no vendor: a job asks about it, once, and names nobody', async () => {
    use('compare');
    const person = await newCustomer();
    await desk.fund(person, 'USD', '1000.5');
    expect(await askedAbout(person)).toEqual([]);
    expect(await requestsOf(person)).toMatchObject([{ status: 'waiting', failures: 0, vendor: 'marble' }]);
    await run();
    await run();
    const [call, ...more] = await askedAbout(person);
    expect(more).toEqual([]);
    expect(call?.trigger).toEqual({
      object_id: (await requestsOf(person))[0]?.activityId,
      updated_at: expect.any(String),
      customer_ref: expect.stringMatching(/^[0-9a-f]{32}$/),
      kind: 'deposit',
      direction: 'in',
      asset: 'USD',
      amount: 1000.5,
      size_bps: 1_000,
    });
    for (const word of [person.userId, person.accountId, ...HOLDER.split(' ')]) {
      expect(call?.text).not.toContain(word);
    }
    expect(await resultsOf(person)).toMatchObject([
      { verdict: 'pass', score: 0, ownVerdict: 'none', agreed: true, mode: 'compare' },
    ]);
    expect(await requestsOf(person)).toMatchObject([{ status: 'answered', alertId: null, nextAt: null }]);
    expect(await alertsOf(person)).toEqual([]);
    expect(await eventsOf(person, 'monitoring_vendor_result.recorded')).toHaveLength(1);
  });

  test('is the same person to the vendor each time, and another is another', async () => {
    use('compare');
    const [one, other] = [await newCustomer(), await newCustomer()];
    await desk.fund(one, 'USD', '10');
    await desk.fund(one, 'USD', '20');
    await desk.fund(other, 'USD', '30');
    await run();
    const refsOf = async (person: Person) =>
      new Set((await askedAbout(person)).map(({ trigger }) => trigger.customer_ref));
    const [mine, theirs] = [await refsOf(one), await refsOf(other)];
    expect([mine.size, theirs.size]).toEqual([1, 1]);
    expect(mine).not.toEqual(theirs);
  });

  test('is told to nobody where no vendor is set up, or where it is of another kind', async () => {
    const person = await newCustomer();
    await desk.fund(person, 'USD', '10');
    use('compare', 'transfer');
    await desk.fund(person, 'USD', '10');
    await run();
    expect(await requestsOf(person)).toEqual([]);
  });

  test('that the vendor does not look at is counted as that, and is no disagreement', async () => {
    use('decide');
    marble.decide = () => null;
    const person = await newCustomer();
    await desk.fund(person, 'USD', '10');
    await run();
    expect(await resultsOf(person)).toMatchObject([{ verdict: 'skipped', agreed: null, score: null }]);
    expect(await alertsOf(person)).toEqual([]);
  });
});

describe('comparing', () => {
  test('raises an alert that only asks for a look where the vendor alone finds something', async () => {
    use('compare');
    says('decline', 120);
    const person = await newCustomer();
    await desk.fund(person, 'USD', '10');
    await desk.fund(person, 'USD', '11');
    await run();
    expect(await resultsOf(person)).toMatchObject([
      { verdict: 'stop', score: 120, ownVerdict: 'none', agreed: false },
      { verdict: 'stop' },
    ]);
    const [alert, ...more] = await alertsOf(person);
    expect(more).toEqual([]);
    expect(alert).toMatchObject({
      kind: 'monitoring',
      effect: 'review',
      severity: 'medium',
      occurrences: 2,
      sourceRef: 'monitoring_vendor:marble',
    });
    expect(await requestsOf(person)).toMatchObject([{ alertId: alert?.id }, { alertId: alert?.id }]);
    expect(await gateOf(person)).toBe('clear');
  });

  test('lets nothing pass: what our own rules found stands, whatever the vendor says', async () => {
    use('decide');
    const person = await newCustomer();
    for (let number = 0; number < 5; number += 1) {
      await desk.fund(person, 'USD', '9000.01');
    }
    await desk.settle();
    expect(await gateOf(person)).toBe('open');
    await run();
    expect((await resultsOf(person)).map(({ ownVerdict, agreed }) => [ownVerdict, agreed])).toEqual([
      ['none', true],
      ['none', true],
      ['stop', false],
      ['stop', false],
      ['stop', false],
    ]);
    expect(await alertsOf(person)).toEqual([]);
    expect(await gateOf(person)).toBe('open');
  });

  test('is counted, without naming anybody', async () => {
    use('compare');
    const from = desk.deps.clock.now();
    desk.advance(1_000);
    const [passes, found, waiting] = [await newCustomer(), await newCustomer(), await newCustomer()];
    await desk.fund(passes, 'USD', '10');
    await run();
    says('review');
    await desk.fund(found, 'USD', '10');
    await run();
    await desk.fund(waiting, 'USD', '10');
    const path = `/v1/aml/monitoring-vendor-comparison?from=${encodeURIComponent(from)}`;
    const { status, body } = await desk.request(officer, 'GET', path);
    expect(status).toBe(200);
    expect(body.current).toEqual({ vendor: 'marble', mode: 'compare' });
    expect(body.vendors).toMatchObject([
      {
        vendor: 'marble',
        asked: 3,
        waiting: 1,
        answered: 2,
        skipped: 0,
        neitherFound: 1,
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
  test('shuts the gate where the vendor would stop it, until two people closed the alert', async () => {
    use('decide');
    says('block_and_review');
    const person = await newCustomer();
    await desk.fund(person, 'USD', '10');
    expect(await gateOf(person)).toBe('clear');
    await run();
    const [alert] = await alertsOf(person);
    expect(alert).toMatchObject({ effect: 'stop', severity: 'high', kind: 'monitoring' });
    expect(await gateOf(person)).toBe('open');
    const body = { disposition: 'false_positive', reason: 'A salary', whitelistDays: 0 };
    const asked = await desk.request(officer, 'POST', `/v1/aml/alerts/${alert?.id}/resolve`, { body });
    expect(asked.status).toBe(202);
    const path = `/v1/approvals/${asked.body.approval.id}/approve`;
    expect((await desk.request(mlro, 'POST', path, { body: { reason: 'Seen' } })).status).toBe(200);
    expect(await gateOf(person)).toBe('clear');
  });

  test('is undone for those who were looked at: what the vendor found since makes them ask again', async () => {
    use('compare');
    says('review');
    const person = await newCustomer();
    await desk.fund(person, 'USD', '10');
    await run();
    use('decide');
    says('decline');
    await desk.fund(person, 'USD', '10');
    await run();
    const [alert] = await alertsOf(person);
    const body = { disposition: 'false_positive', reason: 'A salary', whitelistDays: 0 };
    const asked = await desk.request(officer, 'POST', `/v1/aml/alerts/${alert?.id}/resolve`, { body });
    await desk.changeGate(person, { screening: 'clear' });
    await desk.fund(person, 'USD', '10');
    await run();
    const path = `/v1/approvals/${asked.body.approval.id}/approve`;
    const refused = await desk.request(mlro, 'POST', path, { body: { reason: 'Seen' } });
    expect([refused.status, refused.body.code]).toEqual([409, 'alert_changed']);
  });

  test('only asks for a look where the vendor wants no more than that', async () => {
    use('decide');
    says('review');
    const person = await newCustomer();
    await desk.fund(person, 'USD', '10');
    await run();
    expect(await alertsOf(person)).toMatchObject([{ effect: 'review' }]);
    expect(await gateOf(person)).toBe('clear');
  });
});

describe('a vendor that does not answer', () => {
  test('leaves our own word standing, and is asked again until it does', async () => {
    use('decide');
    const person = await newCustomer();
    await desk.fund(person, 'USD', '10');
    for (const fault of [{ status: 500 }, 'redirect', 'truncated', { status: 401 }] as const) {
      marble.fault = fault;
      await makeDue(person);
      await run();
    }
    expect(await requestsOf(person)).toMatchObject([
      { status: 'waiting', failures: 4, lastFailure: 'unauthorised' },
    ]);
    expect(await gateOf(person)).toBe('clear');
    expect(await resultsOf(person)).toEqual([]);
    marble.fault = undefined;
    await run();
    expect(await resultsOf(person)).toEqual([]);
    await makeDue(person);
    await run();
    expect(await resultsOf(person)).toMatchObject([{ verdict: 'pass' }]);
  });

  test('is an alert about nobody once it lasts', async () => {
    use('compare');
    const person = await newCustomer();
    await desk.fund(person, 'USD', '10');
    marble.fault = { status: 500 };
    for (let tries = 0; tries < 5; tries += 1) {
      await makeDue(person);
      await run();
    }
    const outages = await engine()
      .select()
      .from(amlAlerts)
      .where(eq(amlAlerts.dedupKey, 'monitoring_vendor_outage:marble'));
    expect(outages).toMatchObject([{ userId: null, effect: 'review', status: 'open' }]);
  });

  test('is left alone for as long as it asks, also about others', async () => {
    use('compare');
    const [one, other] = [await newCustomer(), await newCustomer()];
    await desk.fund(one, 'USD', '10');
    marble.fault = { status: 429, retryAfter: '3600' };
    await run();
    marble.fault = undefined;
    await desk.fund(other, 'USD', '10');
    const calls = marble.calls.length;
    await run();
    expect(marble.calls).toHaveLength(calls);
    await makeDue(one);
    await run();
    expect(await resultsOf(other)).toHaveLength(1);
    expect(await resultsOf(one)).toHaveLength(1);
  });

  test('is given up about what it refuses again and again, which the log tells', async () => {
    use('compare');
    const person = await newCustomer();
    await desk.fund(person, 'USD', '10');
    marble.fault = 'other_object';
    for (let tries = 0; tries < 8; tries += 1) {
      await makeDue(person);
      await run();
    }
    expect(await requestsOf(person)).toMatchObject([
      { status: 'abandoned', failures: 8, lastFailure: 'malformed' },
    ]);
    expect(await eventsOf(person, 'monitoring_vendor_request.abandoned')).toHaveLength(1);
  });
});

describe('a person whose key cannot be opened', () => {
  async function breakKey({ userId }: Person): Promise<() => Promise<void>> {
    const theirs = eq(personKeys.userId, userId);
    const [row] = await engine().select().from(personKeys).where(theirs);
    const write = async (wrappedKey: Ciphertext) => {
      expect(await engine().update(personKeys).set({ wrappedKey }).where(theirs).returning()).toHaveLength(1);
    };
    await write(new Uint8Array(64) as Ciphertext);
    return () => write(row?.wrappedKey as Ciphertext);
  }

  test('keeps nobody else from being asked about, and is asked about once it can', async () => {
    use('compare');
    const [broken, good] = [await newCustomer(), await newCustomer()];
    await desk.fund(broken, 'USD', '10');
    await desk.fund(good, 'USD', '10');
    const mend = await breakKey(broken);
    try {
      desk.deps.personKeys.forgetAll();
      await run();
    } finally {
      await mend();
    }
    expect(await resultsOf(good)).toHaveLength(1);
    expect(await requestsOf(broken)).toMatchObject([
      { status: 'waiting', failures: 1, lastFailure: 'unreadable' },
    ]);
    expect(await askedAbout(broken)).toEqual([]);
    await makeDue(broken);
    await run();
    expect(await resultsOf(broken)).toHaveLength(1);
  });

  test('once the vendor has answered keeps nothing else from being kept, and is asked about again', async () => {
    use('compare');
    const [broken, good] = [await newCustomer(), await newCustomer()];
    await desk.fund(broken, 'USD', '10');
    await desk.fund(good, 'USD', '10');
    const mend = await breakKey(broken);
    // What is in memory serves for the question; by the answer it is gone.
    marble.decide = () => {
      desk.deps.personKeys.forgetAll();
      return { outcome: 'approve', score: 0 };
    };
    try {
      await run();
    } finally {
      await mend();
    }
    expect(await askedAbout(broken)).toHaveLength(1);
    expect(await resultsOf(good)).toHaveLength(1);
    expect(await requestsOf(broken)).toMatchObject([
      { status: 'waiting', failures: 1, lastFailure: 'malformed' },
    ]);
  });
});

describe('what a vendor said', () => {
  test('is kept once, whoever asks at once', async () => {
    use('decide');
    says('decline');
    const person = await newCustomer();
    await desk.fund(person, 'USD', '10');
    await Promise.all([run(), run(), run()]);
    expect(await resultsOf(person)).toHaveLength(1);
    expect(await alertsOf(person)).toMatchObject([{ occurrences: 1 }]);
  });

  test('stays as it was', async () => {
    use('compare');
    const person = await newCustomer();
    await desk.fund(person, 'USD', '10');
    await run();
    const [result] = await resultsOf(person);
    const owner = openClient(desk.database.owner, 1);
    const change = await owner.unsafe('update monitoring_vendor_results set agreed = not agreed').then(
      () => 'changed',
      (error: { readonly code: string }) => error.code,
    );
    await owner.end();
    expect(change).not.toBe('changed');
    expect(await resultsOf(person)).toEqual([result as NonNullable<typeof result>]);
  });

  test('is read by officers, which the log tells, and never by the customer or about oneself', async () => {
    use('compare');
    says('review', 60);
    const person = await newCustomer();
    await desk.fund(person, 'USD', '10');
    await run();
    const path = `/v1/aml/monitoring-vendor-results?userId=${person.userId}`;
    const { status, body } = await desk.request(officer, 'GET', `${path}&verdict=review`);
    expect(status).toBe(200);
    expect(body.data).toMatchObject([
      {
        status: 'answered',
        userId: person.userId,
        result: {
          verdict: 'review',
          score: 60,
          ownVerdict: 'none',
          agreed: false,
          answer: { data: [{ outcome: 'review', rules: [{ score_modifier: 0.5 }] }] },
        },
      },
    ]);
    const none = await desk.request(officer, 'GET', `${path}&verdict=pass`);
    expect(none.body.data).toEqual([]);
    expect((await desk.request(person, 'GET', path)).status).toBe(403);
    expect(await eventsOf(person, 'restricted_record.read')).not.toEqual([]);
    const both: Person = {
      ...person,
      actor: { ...officer.actor, userId: person.userId } as Person['actor'],
    };
    expect((await desk.request(both, 'GET', path)).body.data).toEqual([]);
  });

  test('ends with the person: nobody is asked about who is gone', async () => {
    use('compare');
    const person = await newCustomer();
    await desk.fund(person, 'USD', '10');
    await run();
    await desk.fund(person, 'USD', '10');
    await transact(desk.system, 'engine', async (tx) => {
      await personalAssessments.erase?.(tx, desk.system, person.userId);
    });
    expect(await requestsOf(person)).toMatchObject([
      { status: 'answered' },
      { status: 'abandoned', lastFailure: 'erased' },
    ]);
  });
});
