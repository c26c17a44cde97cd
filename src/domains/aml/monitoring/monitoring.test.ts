import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, asc, count, eq, inArray, sql } from 'drizzle-orm';
import { newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  type Person,
  startFundingDesk,
} from '../../../testing/funding-desk.ts';
import { customerGates } from '../../identity/schema.ts';
import { amlDomain, screenUser } from '../index.ts';
import { amlAlerts } from '../schema.ts';
import { collectActivity } from './collect-activity.ts';
import { judgeHits } from './judge-hits.ts';
import { loadViews } from './load-view.ts';
import { MARKET_ROWS_OF_MONEY, PAST_ROWS } from './past-window.ts';
import { figurePeers } from './peer-figures.ts';
import { RELEASED, ruleSetOf } from './rule-set.ts';
import { keepReleasedRules } from './rule-store.ts';
import { monitoredActivity, monitoringRules, peerFigures, ruleHitAlerts, ruleHits } from './schema.ts';
import { DAY_MS } from './sizes.ts';
import { standingsOf } from './totals.ts';

let desk: FundingDesk;
let mlro: Person;
let officer: Person;
/** Added payees before anybody watched. */
let early: Person;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file, [amlDomain]);
  mlro = await desk.newStaff('mlro');
  officer = await desk.newStaff('compliance_officer');
  early = await newCustomer();
  for (let number = 0; number < 4; number += 1) {
    await payee(early);
  }
  await collectActivity(desk.system);
});

afterAll(async () => {
  await desk.settle();
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const engine = () => desk.deps.db.engine;

/** A verified customer who was really screened, so that closing an alert opens the gate again. */
async function newCustomer(): Promise<Person> {
  const person = await desk.newCustomer();
  await screenUser(desk.system, person.userId, 'manual');
  return person;
}

/** An account number nobody else of these tests uses. */
function ownAccount() {
  return { ...bankBeneficiary(), iban: ibanOf(Math.trunc(performance.now() * 1_000) + counter++) };
}

let counter = 0;

/** How the database refuses a statement. */
async function refusalOf(statement: PromiseLike<unknown>): Promise<string | undefined> {
  return statement.then(
    () => 'accepted',
    (error: { cause?: { code?: string } }) => error.cause?.code,
  );
}

/** A German account number with its check digits. */
function ibanOf(number: number): string {
  const body = `${37040044}${String(number).padStart(10, '0').slice(-10)}`;
  const check = 98n - (BigInt(`${body}131400`) % 97n);
  return `DE${String(check).padStart(2, '0')}${body}`;
}

async function payee(person: Person, body: object = { ...ownAccount(), bic: 'COBADEFF' }): Promise<string> {
  const { body: added } = await desk.request(person, 'POST', '/v1/beneficiaries', { body });
  expect(added.id).toBeString();
  return added.id;
}

function withdraw(person: Person, beneficiaryId: string, amount: string, more: object = {}) {
  const body = { accountId: person.accountId, beneficiaryId, asset: 'USD', amount, ...more };
  return desk.request(person, 'POST', '/v1/withdrawals', { body, key: newId() });
}

function vote(person: Person, approvalId: string) {
  return desk.request(person, 'POST', `/v1/approvals/${approvalId}/approve`, {
    body: { reason: 'Looked at it' },
  });
}

async function hitsOn(person: Person): Promise<readonly string[]> {
  const rows = await engine()
    .select()
    .from(ruleHits)
    .where(eq(ruleHits.userId, person.userId))
    .orderBy(asc(ruleHits.id));
  return rows.map((row) => `${row.ruleKey} ${row.points}${row.snoozeId === null ? '' : ' snoozed'}`);
}

async function alertsOn(person: Person) {
  return engine()
    .select()
    .from(amlAlerts)
    .where(and(eq(amlAlerts.userId, person.userId), inArray(amlAlerts.kind, ['monitoring', 'market_abuse'])))
    .orderBy(asc(amlAlerts.id));
}

async function gateOf({ userId }: Person): Promise<string | undefined> {
  const [gate] = await engine().select().from(customerGates).where(eq(customerGates.userId, userId));
  return gate?.screening;
}

/** Pays in just below the reference amount, so many times. */
async function payInBelow(person: Person, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    await desk.fund(person, 'USD', '9000.01');
  }
}

describe('deposits that are credited', () => {
  test('are held against the rules in the transaction of the credit, and raise one alert', async () => {
    const person = await newCustomer();
    await payInBelow(person, 3);
    expect(await hitsOn(person)).toEqual(['structuring 40']);
    await desk.settle();
    expect(await alertsOn(person)).toMatchObject([
      {
        kind: 'monitoring',
        severity: 'medium',
        effect: 'review',
        points: 40,
        sourceRef: 'structuring',
        occurrences: 1,
      },
    ]);
    // A look is all it asks for.
    expect(await gateOf(person)).toBe('clear');

    await payInBelow(person, 1);
    await desk.settle();
    expect(await alertsOn(person)).toMatchObject([{ occurrences: 2, effect: 'review' }]);
    const linked = await engine()
      .select()
      .from(ruleHitAlerts)
      .innerJoin(ruleHits, eq(ruleHits.id, ruleHitAlerts.hitId))
      .where(eq(ruleHits.userId, person.userId));
    expect(linked).toHaveLength(2);
  });

  test('that reach what money is held at shut the gate until two people closed the alert', async () => {
    const person = await newCustomer();
    await payInBelow(person, 5);
    await desk.settle();
    const [alert] = await alertsOn(person);
    expect(alert).toMatchObject({ severity: 'high', effect: 'stop' });
    expect(await gateOf(person)).toBe('open');

    const answer = await desk.request(officer, 'POST', `/v1/aml/alerts/${alert?.id}/resolve`, {
      body: { disposition: 'false_positive', reason: 'A salary in parts', whitelistDays: 0 },
    });
    expect(answer.status).toBe(202);
    expect((await vote(officer, answer.body.approval.id)).status).toBe(403);
    expect((await vote(mlro, answer.body.approval.id)).status).toBe(200);
    expect(await gateOf(person)).toBe('clear');

    // What people looked at counts no more.
    await desk.fund(person, 'USD', '10');
    await desk.settle();
    expect(await alertsOn(person)).toHaveLength(1);
    expect(await gateOf(person)).toBe('clear');
  });

  test('are watched once, however often they are told', async () => {
    const person = await newCustomer();
    await payInBelow(person, 3);
    await collectActivity(desk.system);
    await collectActivity(desk.system);
    expect(await hitsOn(person)).toEqual(['structuring 40']);
    const rows = await engine()
      .select()
      .from(monitoredActivity)
      .where(eq(monitoredActivity.userId, person.userId));
    expect(rows.map(({ kind }) => kind)).toEqual(['deposit', 'deposit', 'deposit']);
  });
});

describe('a withdrawal that is asked for', () => {
  test('waits for two people and the MLRO where the rules say so, in the words of any review', async () => {
    const person = await newCustomer();
    const beneficiaryId = await payee(person);
    await collectActivity(desk.system);
    await desk.fund(person, 'USD', '6000');
    const answer = await withdraw(person, beneficiaryId, '5800');
    expect(await hitsOn(person)).toEqual(['rapid_in_out 45', 'new_beneficiary_large 25']);
    expect(answer).toMatchObject({ status: 201, body: { status: 'under_review' } });
    const { body } = await desk.request(officer, 'GET', `/v1/withdrawals/${answer.body.id}/approvals`);
    expect(body.data).toMatchObject([{ quorum: 2, checkerRoles: expect.arrayContaining(['mlro']) }]);

    await desk.settle();
    expect(await alertsOn(person)).toMatchObject([{ sourceRef: 'pass_through', effect: 'stop', points: 70 }]);
    const later = await withdraw(person, beneficiaryId, '1');
    expect(later.body.code).toBe('under_review');
  });

  test('is stopped by what its deposit left before anybody raised an alert of it', async () => {
    const person = await newCustomer();
    const beneficiaryId = await payee(person);
    await payInBelow(person, 5);
    const answer = await withdraw(person, beneficiaryId, '100');
    // Whether or not the alert was raised in between.
    expect([answer.body.status, answer.body.code]).toContain('under_review');
  });

  test('goes on as before where nothing was found', async () => {
    const person = await newCustomer();
    await desk.fund(person, 'USD', '1000');
    const answer = await withdraw(person, await payee(person), '100');
    expect(answer.body.status).toBe('pending');
    expect(await hitsOn(person)).toEqual([]);
  });

  test('and the deposits of the same person at once neither wait for each other nor are lost', async () => {
    const person = await newCustomer();
    await desk.fund(person, 'USD', '5000');
    const beneficiaryId = await payee(person);
    const moves = Array.from({ length: 16 }, (_unused, number) =>
      number % 2 === 0
        ? desk
            .fund(person, 'USD', '9000.01')
            .catch((error: Error) => expect(error.message).toContain('under_review'))
        : withdraw(person, beneficiaryId, `${number}`).then(({ status, body }) =>
            expect([201, 'under_review']).toContain(status === 201 ? status : body.code),
          ),
    );
    await Promise.all(moves);
    await desk.settle();
    const kept = await engine()
      .select()
      .from(monitoredActivity)
      .where(and(eq(monitoredActivity.userId, person.userId), eq(monitoredActivity.kind, 'deposit')));
    // The fifth of them shut the gate with its credit; whichever came behind it is refused like any money in.
    expect(kept).toHaveLength(6);
    expect(await alertsOn(person)).toMatchObject([{ sourceRef: 'structuring', effect: 'stop' }]);
  });
});

describe('accounts of several people', () => {
  test('are told to compliance from the third person on', async () => {
    const account = { ...ownAccount(), bic: 'COBADEFF' };
    const people = [await newCustomer(), await newCustomer(), await newCustomer()];
    await collectActivity(desk.system);
    for (const person of people) {
      await payee(person, account);
    }
    await collectActivity(desk.system);
    await desk.settle();
    const found = await Promise.all(people.map(hitsOn));
    expect(found).toEqual([[], [], ['shared_counterparty 40']]);
    expect(await alertsOn(people[2] as Person)).toMatchObject([{ sourceRef: 'networks' }]);
  });
});

describe('the collector', () => {
  test('reads what came about before it first ran as history, which raises nothing', async () => {
    expect(await hitsOn(early)).toEqual([]);
    const rows = await engine()
      .select()
      .from(monitoredActivity)
      .where(eq(monitoredActivity.userId, early.userId));
    expect(rows.map(({ kind }) => kind)).toEqual(Array.from({ length: 4 }, () => 'beneficiary_added'));
    // It is part of the past that rules look at.
    await payee(early);
    await collectActivity(desk.system);
    expect(await hitsOn(early)).toEqual(['many_beneficiaries 20']);
  });

  test('figures what the people of a level moved', async () => {
    const person = await newCustomer();
    await desk.fund(person, 'USD', '2000');
    await withdraw(person, await payee(person), '10');
    await figurePeers(desk.system);
    const rows = await engine().select().from(peerFigures).where(eq(peerFigures.peerGroup, 'standard'));
    expect(rows.map(({ direction }) => direction).toSorted()).toEqual(['in', 'out']);
    expect(rows.every(({ people, highBps }) => people >= 1 && highBps >= 10)).toBe(true);
  });
});

describe('the past of a person', () => {
  test('is read in part, however much they did', async () => {
    const person = await newCustomer();
    await engine().execute(sql`
      insert into monitored_activity (id, source, source_id, kind, is_market, user_id, occurred_at, collected_at,
        direction, data)
      select gen_random_uuid(), 'test', ${person.userId} || n, case when n % 2 = 0 then 'fill' else 'deposit' end,
        n % 2 = 0, ${person.userId}::uuid, now() - n * interval '1 second', now(), 'none', '{}'
      from generate_series(1, 4000) n`);
    await desk.fund(person, 'USD', '10');
    const [newest] = await engine()
      .select()
      .from(monitoredActivity)
      .where(
        and(eq(monitoredActivity.userId, person.userId), eq(monitoredActivity.source, 'funding.deposits')),
      );
    const stored = newest as typeof monitoredActivity.$inferSelect;
    const [views] = await transact(desk.system, 'engine', (tx) =>
      Array.fromAsync(loadViews(tx, [stored], ruleSetOf([]))),
    );
    const past = views?.[0]?.[1].past ?? [];
    expect(past).toHaveLength(PAST_ROWS + MARKET_ROWS_OF_MONEY);
    const times = past.map(({ occurredAt }) => occurredAt);
    expect(times).toEqual(times.toSorted().toReversed());
    // Whoever hides among so many is looked at for that.
    expect(await hitsOn(person)).toContain('crowded_past 40');
  });

  test.each(['transfer', 'beneficiary_added', 'withdrawal_requested'])(
    'keeps each deposit, however much of kind %s lies between them',
    async (kind) => {
      const person = await newCustomer();
      await payInBelow(person, 2);
      await engine().execute(sql`
        insert into monitored_activity (id, source, source_id, kind, is_market, user_id, occurred_at, collected_at,
          asset, amount, direction, data)
        select gen_random_uuid(), 'test', ${person.userId} || n, ${kind}, false, ${person.userId}::uuid,
          ${desk.deps.clock.now()}::timestamptz, now(), 'USD', 0.01, 'none', '{}'
        from generate_series(1, ${PAST_ROWS + 1}) n`);
      await payInBelow(person, 1);
      expect(await hitsOn(person)).toContain('structuring 40');
    },
  );
});

describe('what was found', () => {
  /** Plants hits that nobody made an alert of yet, each of an activity of its own. */
  async function plantHits({ userId }: Person, count: number, points: number): Promise<void> {
    const at = desk.deps.clock.now();
    await engine().execute(sql`
      with activity as (
        insert into monitored_activity (id, source, source_id, kind, is_market, user_id, occurred_at, collected_at,
          direction, data)
        select gen_random_uuid(), 'planted', gen_random_uuid()::text, 'deposit', false, ${userId}::uuid,
          ${at}::timestamptz - interval '399 days', ${at}::timestamptz, 'none', '{}'
        from generate_series(1, ${count}) n
        returning id)
      insert into rule_hits (id, rule_key, rule_version, content_hash, typology, activity_id, user_id, measure, points,
        adds_each, facts, at)
      select gen_random_uuid(), 'planted', 0, '', 'structuring', id, ${userId}::uuid, 1, ${points}::int, true, '{}',
        ${at}::timestamptz
      from activity`);
  }

  function judge({ userId }: Person): Promise<void> {
    const event = { id: newId(), position: 1n, type: judgeHits.types[0] ?? '', userId, accountId: null };
    return judgeHits.handle(desk.system, { ...event, data: {}, occurredAt: desk.deps.clock.now() });
  }

  function close(alertId: string | undefined, by = officer) {
    const body = { disposition: 'false_positive', reason: 'A salary in parts', whitelistDays: 0 };
    return desk.request(by, 'POST', `/v1/aml/alerts/${alertId}/resolve`, { body });
  }

  test('and nobody saw yet still counts when one person closes what they saw', async () => {
    const person = await newCustomer();
    await payInBelow(person, 3);
    await desk.settle();
    const [seen] = await alertsOn(person);
    await plantHits(person, 1, 60);
    expect((await close(seen?.id)).body.status).toBe('resolved');
    const standings = await transact(desk.system, 'engine', (tx) =>
      standingsOf(tx, person.userId, desk.deps.clock.now(), ruleSetOf([])),
    );
    expect(standings).toMatchObject([{ typology: 'structuring', points: 60, isHold: true, isTold: false }]);
    await judge(person);
    expect(await alertsOn(person)).toMatchObject([
      { status: 'resolved', points: 40 },
      { status: 'open', points: 60, effect: 'stop' },
    ]);
    expect(await gateOf(person)).toBe('open');
  });

  test('after somebody asked to close an alert makes them ask again', async () => {
    const person = await newCustomer();
    await plantHits(person, 1, 60);
    await judge(person);
    const [alert] = await alertsOn(person);
    const asked = await close(alert?.id);
    await plantHits(person, 1, 10);
    await judge(person);
    const refused = await vote(mlro, asked.body.approval.id);
    expect([refused.status, refused.body.code]).toEqual([409, 'alert_changed']);
    expect(await gateOf(person)).toBe('open');

    const no = await desk.request(mlro, 'POST', `/v1/approvals/${asked.body.approval.id}/reject`, {
      body: { reason: 'There is more now' },
    });
    expect(no.status).toBe(200);
    const again = await close(alert?.id);
    expect((await vote(mlro, again.body.approval.id)).status).toBe(200);
    expect(await gateOf(person)).toBe('clear');
  });

  test('is judged in parts, however much it is, and each hit goes into the alert once', async () => {
    const person = await newCustomer();
    // More than one statement could name.
    await plantHits(person, 22_000, 1);
    await judge(person);
    await judge(person);
    expect(await alertsOn(person)).toMatchObject([{ occurrences: 22, points: 22_000, effect: 'stop' }]);
    const [linked] = await engine()
      .select({ hits: count() })
      .from(ruleHitAlerts)
      .innerJoin(ruleHits, eq(ruleHits.id, ruleHitAlerts.hitId))
      .where(eq(ruleHits.userId, person.userId));
    expect(linked).toEqual({ hits: 22_000 });
  }, 60_000);
});

describe('a snooze', () => {
  async function snooze(person: Person, days: number, by = officer) {
    const until = addMs(desk.deps.clock.now(), days * DAY_MS);
    const body = { userId: person.userId, ruleKey: 'structuring', until, reason: 'Pays in parts' };
    return desk.request(by, 'POST', '/v1/aml/rule-snoozes', { body });
  }

  test('needs another person, keeps what the rule finds and lets it count for nothing', async () => {
    const person = await newCustomer();
    const asked = await snooze(person, 30);
    expect(asked.status).toBe(202);
    expect((await vote(officer, asked.body.approval.id)).status).toBe(403);
    await payInBelow(person, 3);
    expect((await vote(mlro, asked.body.approval.id)).status).toBe(200);
    await payInBelow(person, 1);
    expect(await hitsOn(person)).toEqual(['structuring 40', 'structuring 40 snoozed']);

    const path = `/v1/aml/rule-snoozes?userId=${person.userId}`;
    const { body } = await desk.request(mlro, 'GET', path);
    const { id } = body.data[0];
    expect((await desk.request(mlro, 'POST', `/v1/aml/rule-snoozes/${id}/end`)).status).toBe(200);
    const again = await desk.request(mlro, 'POST', `/v1/aml/rule-snoozes/${id}/end`);
    expect([again.status, again.body.code]).toEqual([409, 'snooze_ended']);
    await payInBelow(person, 1);
    expect((await hitsOn(person)).at(-1)).toBe('structuring 60');
  });

  test('is for ninety days at most, never about oneself, and cannot be written around the vote', async () => {
    const person = await newCustomer();
    expect((await snooze(person, 91)).body.code).toBe('snooze_too_long');
    expect((await snooze(person, -1)).body.code).toBe('snooze_too_long');
    expect((await snooze(officer, 30)).body.code).toBe('self_review');
    const planted = engine().execute(sql`
      insert into rule_snoozes (id, user_id, rule_key, until, approval_id, created_by, created_at)
      values (${newId()}, ${person.userId}, 'structuring', now() + interval '1 day', ${newId()}, ${newId()}, now())`);
    expect(await refusalOf(planted)).toBe('PL032');
  });
});

describe('a version of a rule', () => {
  const STRICTER = {
    ...RELEASED.get('round_amounts'),
    bands: [{ atLeast: 2, points: 45 }],
  };

  function draft(content: object = STRICTER, key = 'round_amounts') {
    const body = { key, content, reason: 'Alerts come too late' };
    return desk.request(officer, 'POST', '/v1/aml/rules', { body });
  }

  function simulate(id: string) {
    const now = desk.deps.clock.now();
    const body = { from: addMs(now, -DAY_MS), to: addMs(now, DAY_MS) };
    return desk.request(officer, 'POST', `/v1/aml/rules/${id}/simulate`, { body });
  }

  function activate(id: string) {
    return desk.request(officer, 'POST', `/v1/aml/rules/${id}/activate`);
  }

  test('is simulated over what people did, put into force by two, and only then finds', async () => {
    await keepReleasedRules(desk.deps);
    const person = await newCustomer();
    await desk.fund(person, 'USD', '1000');
    await desk.fund(person, 'USD', '2000');
    expect(await hitsOn(person)).toEqual([]);

    const drafted = await draft();
    expect(drafted).toMatchObject({ status: 201, body: { status: 'draft' } });
    const { id, version } = drafted.body;
    expect(version).toBeGreaterThanOrEqual(2);
    expect((await activate(id)).body.code).toBe('rule_not_simulated');
    const { body: simulated } = await simulate(id);
    const { simulation } = simulated;
    expect(simulation.newAlerts).toBeGreaterThanOrEqual(1);
    expect(simulation.hitsAfter).toBeGreaterThan(simulation.hitsBefore);
    expect(simulation.byBand['2']).toBeGreaterThanOrEqual(1);
    expect(await hitsOn(person)).toEqual([]);
    expect(await alertsOn(person)).toEqual([]);

    const asked = await activate(id);
    expect(asked.status).toBe(202);
    expect((await vote(officer, asked.body.approval.id)).status).toBe(403);
    expect((await vote(mlro, asked.body.approval.id)).status).toBe(200);
    await desk.fund(person, 'USD', '3000');
    expect(await hitsOn(person)).toEqual(['round_amounts 45']);
    const { body } = await desk.request(mlro, 'GET', `/v1/aml/rule-hits?userId=${person.userId}`);
    expect(body.data).toMatchObject([
      {
        ruleVersion: version,
        contentHash: drafted.body.contentHash,
        measure: 3,
        activity: { kind: 'deposit', amount: '3000' },
      },
    ]);
    expect((await activate(id)).body.code).toBe('rule_not_draft');
    const events = await engine()
      .select({ event: auditLogs.eventType })
      .from(auditLogs)
      .where(eq(auditLogs.resourceId, id))
      .orderBy(asc(auditLogs.id));
    expect(events.map(({ event }) => event)).toEqual([
      'monitoring_rule.drafted',
      'monitoring_rule.simulated',
      'monitoring_rule.activated',
    ]);
    // The other tests of this file go by what was released.
    await restore();
  });

  /** Puts what was released back into force, as two people would. */
  async function restore(): Promise<void> {
    const { body } = await draft(RELEASED.get('round_amounts'));
    await simulate(body.id);
    const asked = await activate(body.id);
    expect((await vote(mlro, asked.body.approval.id)).status).toBe(200);
  }

  test('names in its simulation the alerts it would raise, and nobody their own', async () => {
    const person = await newCustomer();
    await desk.fund(person, 'USD', '1000');
    await desk.fund(person, 'USD', '2000');
    const { body: drafted } = await draft();
    const path = `/v1/aml/rules/${drafted.id}/simulated-alerts?limit=200`;
    expect((await desk.request(mlro, 'GET', path)).body.data).toEqual([]);
    const { body } = await simulate(drafted.id);
    const { body: named } = await desk.request(mlro, 'GET', path);
    type Named = { readonly userId: string };
    const mine = (named.data as Named[]).filter(({ userId }) => userId === person.userId);
    expect(mine).toMatchObject([{ change: 'new', typology: 'structuring', points: 45 }]);
    expect(body.simulation.namedAlerts).toBe(named.data.length);
    expect(body.simulation.newAlerts + body.simulation.lostAlerts).toBe(named.data.length);
    const both: Person = {
      ...person,
      actor: { ...officer.actor, userId: person.userId } as Person['actor'],
    };
    const own = (await desk.request(both, 'GET', path)).body.data as Named[];
    expect(own.some(({ userId }) => userId === person.userId)).toBe(false);
    // A second simulation names its own, and those of the first count no more.
    await simulate(drafted.id);
    expect((await desk.request(mlro, 'GET', path)).body.data).toHaveLength(named.data.length);
  });

  test('is not put into force on a time in which nobody did what it looks at', async () => {
    await desk.fund(await newCustomer(), 'USD', '1000');
    const { body } = await draft();
    const now = desk.deps.clock.now();
    const empty = { from: addMs(now, -900 * DAY_MS), to: addMs(now, -899 * DAY_MS) };
    const path = `/v1/aml/rules/${body.id}/simulate`;
    const { body: seen } = await desk.request(officer, 'POST', path, { body: empty });
    expect(seen.simulation).toMatchObject({ activities: 0, activitiesLookedAt: 0 });
    const refused = await activate(body.id);
    expect([refused.status, refused.body.code]).toEqual([409, 'rule_simulation_empty']);
    await simulate(body.id);
    const asked = await activate(body.id);
    expect([asked.status, asked.body.approval.payload.isHistoryEmpty]).toEqual([202, false]);
    expect(asked.body.approval.payload.activitiesLookedAt).toBeGreaterThan(0);
  });

  test.each([
    ['was cut short', { isCut: true }, 'rule_simulation_cut'],
    ['is older than seven days', { at: '2020-01-01T00:00:00.000000Z' }, 'rule_simulation_old'],
  ])('is not put into force on a simulation that %s, asked for or agreed to', async (_what, told, code) => {
    const { body } = await draft();
    await simulate(body.id);
    const asked = await activate(body.id);
    expect(asked.status).toBe(202);
    await transact(desk.system, 'engine', async (tx) => {
      await tx.execute(sql`update monitoring_rules set simulation = simulation || ${JSON.stringify(told)}::jsonb
        where id = ${body.id}`);
    });
    const refused = await vote(mlro, asked.body.approval.id);
    expect([refused.status, refused.body.code]).toEqual([409, code]);
    const path = `/v1/approvals/${asked.body.approval.id}/reject`;
    await desk.request(mlro, 'POST', path, { body: { reason: 'Simulate it again' } });
    const again = await activate(body.id);
    expect([again.status, again.body.code]).toEqual([409, code]);
  });

  test('finds in a simulation what it would have found on the day', async () => {
    const person = await newCustomer();
    await payInBelow(person, 5);
    const since = desk.deps.clock.now();
    await desk.settle();
    const { body } = await draft(RELEASED.get('typology.networks'), 'typology.networks');
    const { body: simulated } = await simulate(body.id);
    const counted = await engine().select({ id: ruleHits.id }).from(ruleHits);
    expect(since).toBeString();
    // Nothing differs from what is in force, so nothing is new and nothing is lost.
    expect(simulated.simulation).toMatchObject({ newAlerts: 0, lostAlerts: 0, sample: [] });
    expect(simulated.simulation.hitsAfter).toBe(simulated.simulation.hitsBefore);
    expect(counted.length).toBeGreaterThanOrEqual(3);
  });

  test.each([
    [422, 'rule_unknown', 'nothing_of_the_kind', {}],
    [422, 'rule_content_invalid', 'round_amounts', { isEnabled: true }],
    [422, 'rule_content_invalid', 'typology.structuring', { alertAt: 0, holdAt: null, windowDays: 7 }],
    [422, 'rule_content_invalid', 'reference', { amounts: { USD: '0' }, highRiskCountries: [] }],
  ])('is refused with %i %s where it is not one', async (status, code, key, content) => {
    const answer = await draft(content, key);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  test('stays as it was drafted, and is not put into force around the vote', async () => {
    const { body } = await draft(RELEASED.get('reference'), 'reference');
    const row = eq(monitoringRules.id, body.id);
    const refused = async (change: Promise<unknown>) =>
      change.then(
        () => 'accepted',
        (error: { cause?: { code?: string } }) => error.cause?.code,
      );
    const set = (values: object) =>
      refused(transact(desk.system, 'engine', (tx) => tx.update(monitoringRules).set(values).where(row)));
    expect(await set({ status: 'active' })).toBe('PL032');
    expect(await set({ content: {} })).toBe('42501');
    expect(await set({ status: 'retired' })).toBe('PL032');
  });
});

describe('what is watched', () => {
  test('is hidden from staff whom it is about, and from customers altogether', async () => {
    const person = await newCustomer();
    await payInBelow(person, 3);
    const both: Person = {
      ...person,
      actor: { ...officer.actor, userId: person.userId } as Person['actor'],
    };
    const own = await desk.request(both, 'GET', `/v1/aml/rule-hits?userId=${person.userId}`);
    expect([own.status, own.body.data]).toEqual([200, []]);
    expect((await desk.request(person, 'GET', '/v1/aml/rule-hits')).status).toBe(403);
    const events = await desk.request(person, 'GET', '/v1/deposits');
    expect(JSON.stringify(events.body)).not.toContain('structuring');
  });

  test('stays as it was: only the keyed hash of the other side goes', async () => {
    const person = await newCustomer();
    await desk.fund(person, 'USD', '10');
    const rows = eq(monitoredActivity.userId, person.userId);
    const owner = desk.database.owner;
    const [row] = await engine().select().from(monitoredActivity).where(rows);
    expect(row).toBeDefined();
    expect(owner).toBeDefined();
    const changed = engine().update(monitoredActivity).set({ asset: 'EUR' }).where(rows);
    expect(await refusalOf(changed)).toBe('42501');
    const replaced = engine()
      .update(monitoredActivity)
      .set({ counterpartyIndex: new Uint8Array(32) })
      .where(rows);
    expect(await refusalOf(replaced)).toBe('PL032');
    await engine().update(monitoredActivity).set({ counterpartyIndex: null }).where(rows);
  });
});
