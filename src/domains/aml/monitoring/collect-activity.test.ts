import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import { parseAmount } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, instantOfMs } from '../../../kernel/time.ts';
import { type Activity, type ActivitySource, NO_ACTIVITY } from '../../../platform/activity.ts';
import type { Ctx } from '../../../platform/context.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  type Person,
  startFundingDesk,
} from '../../../testing/funding-desk.ts';
import { amlDomain } from '../index.ts';
import { collectActivity } from './collect-activity.ts';
import { ruleSetOf } from './rule-set.ts';
import { activityCursors, monitoredActivity, ruleHits } from './schema.ts';
import { DAY_MS } from './sizes.ts';
import { keepActivities, watchActivities } from './watch-activity.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file, [amlDomain]);
  await collectActivity(desk.system);
});

afterAll(async () => {
  await desk.close();
});

const engine = () => desk.deps.db.engine;

function activityOf(userId: Id, more: Partial<Activity> = {}): Activity {
  return {
    ...NO_ACTIVITY,
    source: 'test',
    sourceId: newId(),
    kind: 'deposit',
    userId,
    occurredAt: desk.deps.clock.now(),
    asset: 'USD',
    amount: parseAmount('10'),
    direction: 'in',
    ...more,
  };
}

/** A source of these activities, in their order. */
function sourceOf(activities: readonly Activity[]): ActivitySource {
  const name = `test.${newId()}`;
  const placed = activities.map((activity, at) => ({
    activity: { ...activity, source: name },
    position: String(at).padStart(6, '0'),
  }));
  return {
    name,
    read: async (_tx, after, limit) => placed.filter(({ position }) => position > after).slice(0, limit),
    positionAt: () => '999999',
  };
}

/** Reads these sources and no others. */
function collect(...activitySources: readonly ActivitySource[]): Promise<void> {
  const ctx: Ctx = { ...desk.system, deps: { ...desk.deps, activitySources } };
  return collectActivity(ctx);
}

async function keptOf(source: ActivitySource): Promise<number> {
  return (await engine().select().from(monitoredActivity).where(eq(monitoredActivity.source, source.name)))
    .length;
}

async function cursorOf({ name }: ActivitySource): Promise<string | undefined> {
  const [cursor] = await engine().select().from(activityCursors).where(eq(activityCursors.source, name));
  return cursor?.position;
}

async function alarmsOf(activities: readonly Activity[]): Promise<number> {
  const ids = activities.map(({ sourceId }) => sourceId);
  const raised = and(
    eq(auditLogs.eventType, 'monitoring.activity_unwatched'),
    inArray(auditLogs.resourceId, ids),
  );
  return (await engine().select().from(auditLogs).where(raised)).length;
}

async function hitsOn({ userId }: Person): Promise<readonly string[]> {
  const mine = eq(ruleHits.userId, userId);
  const rows = await engine().select().from(ruleHits).where(mine).orderBy(asc(ruleHits.id));
  return rows.map(({ ruleKey, points }) => `${ruleKey} ${points}`);
}

/** Keeps and watches activities as the paths of money do. */
async function watch(...activities: readonly Activity[]): Promise<void> {
  await transact(desk.system, 'engine', async (tx) => {
    await watchActivities(tx, desk.system, await keepActivities(tx, desk.system, activities), ruleSetOf([]));
  });
}

describe('what cannot be read', () => {
  test('of one source keeps nobody from reading the others, and is told', async () => {
    const { userId } = await desk.newCustomer();
    const broken: ActivitySource = {
      ...sourceOf([]),
      read: () => Promise.reject(new RangeError('a source that is broken')),
    };
    const [before, after] = [sourceOf([activityOf(userId)]), sourceOf([activityOf(userId)])];
    const failure = await collect(before, broken, after).catch((error: Error) => error.message);
    expect(failure).toBe('a source that is broken');
    expect([await keptOf(before), await keptOf(after)]).toEqual([1, 1]);
  });

  test('is one row, and it is passed by with an alarm while all others are watched', async () => {
    const { userId } = await desk.newCustomer();
    // Nobody of that id is there.
    const stray = activityOf(newId());
    const source = sourceOf([activityOf(userId), stray, activityOf(userId), activityOf(userId)]);
    await collect(source);
    expect(await keptOf(source)).toBe(3);
    expect(await alarmsOf([stray])).toBe(1);
    await collect(source);
    expect(await alarmsOf([stray])).toBe(1);
    expect(await cursorOf(source)).toBe('000003');
  });

  test('is many rows, and then it is no row that is passed by', async () => {
    const { userId } = await desk.newCustomer();
    const strays = Array.from({ length: 40 }, () => activityOf(newId()));
    for (const source of [sourceOf(strays), sourceOf([activityOf(userId), ...strays])]) {
      for (let runs = 0; runs < 2; runs += 1) {
        expect(await collect(source).catch(() => 'failed')).toBe('failed');
      }
      expect(await cursorOf(source)).toBe('');
    }
    expect(await alarmsOf(strays)).toBe(0);
  });

  test('is passed by once, and keeps nothing behind it from being read while its places are read again', async () => {
    const { userId } = await desk.newCustomer();
    const told: Activity[] = [];
    const name = `test.${newId()}`;
    const source: ActivitySource = {
      name,
      // Of what is kept it tells nothing, and all of it may be followed by what commits late.
      read: async (tx, after, limit, isKept) => {
        const rows = await tx.execute<{ id: string; position: string }>(sql`
          select one.id, lpad(place::text, 6, '0') as position
          from unnest(string_to_array(${told.map(({ sourceId }) => sourceId).join(' ')}, ' ')) with ordinality as one (id, place)
          where not ${isKept(sql`one.id`)} and lpad(place::text, 6, '0') > ${after} order by place limit ${limit}`);
        return rows.map(({ id, position }) => ({
          activity: { ...(told.find(({ sourceId }) => sourceId === id) as Activity), source: name },
          position,
        }));
      },
      positionAt: () => '',
    };
    const strays: Activity[] = [];
    for (let run = 1; run <= 4; run += 1) {
      const stray = [activityOf(newId()), activityOf(newId())];
      strays.push(...stray);
      told.push(activityOf(userId), ...stray, activityOf(userId));
      await collect(source);
      expect([await keptOf(source), await alarmsOf(strays)]).toEqual([2 * run, 2 * run]);
    }
    await collect(source);
    expect(await alarmsOf(strays)).toBe(8);
  });

  test('is passed by only once another row went through: alone it may be us who fail', async () => {
    const { userId } = await desk.newCustomer();
    const [stray, known, later] = [activityOf(newId()), activityOf(userId), activityOf(userId)];
    const activities = [known];
    const { name, positionAt } = sourceOf([]);
    const source: ActivitySource = {
      name,
      // Reads all of it each time, as what was read a moment before is.
      read: async () =>
        activities.map((activity, at) => ({ activity: { ...activity, source: name }, position: `${at}` })),
      positionAt,
    };
    await collect(source);
    activities.push(stray);
    expect(await collect(source).catch(() => 'failed')).toBe('failed');
    expect([await cursorOf(source), await alarmsOf([stray])]).toEqual(['0', 0]);
    activities.push(later);
    await collect(source);
    expect([await cursorOf(source), await alarmsOf([stray])]).toEqual(['2', 1]);
    expect(await keptOf(source)).toBe(2);
  });
});

describe('a source with more than is read', () => {
  const DAY_BEFORE = -DAY_MS;

  /** Reads these sources, where a read takes so long by the clock. */
  function slowly(ms: number, ...sources: readonly ActivitySource[]) {
    let nowMs = desk.deps.clock.realMs();
    const clock = { ...desk.deps.clock, realMs: () => nowMs, realNow: () => instantOfMs(nowMs) };
    const activitySources = sources.map((source): ActivitySource => {
      const read: ActivitySource['read'] = async (...asked) => {
        nowMs += ms;
        return source.read(...asked);
      };
      return { ...source, read };
    });
    return () => collectActivity({ ...desk.system, deps: { ...desk.deps, clock, activitySources } });
  }

  async function toldOf({ name }: ActivitySource): Promise<readonly string[]> {
    const rows = await engine()
      .select()
      .from(auditLogs)
      .where(and(eq(auditLogs.resourceType, 'activity_source'), eq(auditLogs.resourceId, name)))
      .orderBy(asc(auditLogs.id));
    return rows.map(({ eventType }) => eventType);
  }

  function manyOf(userId: Id, count: number): ActivitySource {
    const occurredAt = addMs(desk.deps.clock.now(), DAY_BEFORE);
    return sourceOf(Array.from({ length: count }, () => activityOf(userId, { occurredAt })));
  }

  test('is read on while there is time, and leaves some of it to the others', async () => {
    const { userId } = await desk.newCustomer();
    const [busy, quiet] = [manyOf(userId, 2_600), manyOf(userId, 1)];
    const run = slowly(18_000, busy, quiet);
    await run();
    expect([await keptOf(busy), await keptOf(quiet)]).toEqual([2_000, 1]);
    await run();
    expect([await keptOf(busy), await keptOf(quiet)]).toEqual([2_600, 1]);
    expect([await toldOf(busy), await toldOf(quiet)]).toEqual([[], []]);
  });

  test('is told once it is minutes behind, and once it has caught up', async () => {
    const { userId } = await desk.newCustomer();
    const source = manyOf(userId, 2_600);
    const run = slowly(160_000, source);
    const told: (readonly string[])[] = [];
    for (let runs = 0; runs < 4; runs += 1) {
      await run();
      told.push(await toldOf(source));
    }
    const behind = 'monitoring.source_behind';
    const both = [behind, 'monitoring.source_caught_up'];
    expect(told).toEqual([[], [behind], both, both]);
  });

  test('is told as well where nothing of it can be read', async () => {
    const broken: ActivitySource = {
      ...sourceOf([]),
      read: () => Promise.reject(new RangeError('a source that is broken')),
    };
    const run = slowly(100_000, broken);
    for (let runs = 0; runs < 6; runs += 1) {
      expect(await run().catch(() => 'failed')).toBe('failed');
    }
    expect(await toldOf(broken)).toEqual(['monitoring.source_behind']);
  });
});

describe('a measure', () => {
  test('beyond what a column holds is cut, and the money is watched', async () => {
    const person = await desk.newCustomer();
    const { userId } = person;
    const at = addMs(desk.deps.clock.now(), -DAY_MS);
    const small = Array.from({ length: 5 }, () =>
      activityOf(userId, { amount: parseAmount('1'), occurredAt: at }),
    );
    await watch(...small);
    await watch(activityOf(userId, { amount: parseAmount('21474900') }));
    expect(await hitsOn(person)).toContain('velocity_self 35');
    const [hit] = await engine()
      .select()
      .from(ruleHits)
      .where(and(eq(ruleHits.userId, userId), eq(ruleHits.ruleKey, 'velocity_self')));
    expect(hit?.measure).toBe(1_000_000_000);
  });
});

describe('whoever comes back', () => {
  test('is found however long they were away, and whatever they asked for a moment before', async () => {
    const person = await desk.newCustomer();
    const { userId } = person;
    const now = desk.deps.clock.now();
    await watch(activityOf(userId, { occurredAt: addMs(now, -900 * DAY_MS) }));
    const moment = addMs(now, -1_000);
    await watch(
      activityOf(userId, { kind: 'transfer', direction: 'none', occurredAt: moment }),
      activityOf(userId, { kind: 'withdrawal_requested', direction: 'out', occurredAt: moment }),
      activityOf(userId, {
        kind: 'withdrawal_ended',
        direction: 'out',
        occurredAt: moment,
        data: { end: 'cancelled' },
      }),
      activityOf(userId, {
        kind: 'order_placed',
        direction: 'none',
        instrument: 'BTC/USD',
        occurredAt: moment,
      }),
    );
    await watch(activityOf(userId, { amount: parseAmount('5000') }));
    expect(await hitsOn(person)).toContain('dormant_reactivation 35');
  });

  test('is found where a token payment comes before the large one, years or half a year later', async () => {
    for (const [awayDays, hit] of [
      [900, 'dormant_reactivation 35'],
      [200, 'dormant_reactivation 25'],
    ] as const) {
      const person = await desk.newCustomer();
      const { userId } = person;
      const now = desk.deps.clock.now();
      await watch(activityOf(userId, { occurredAt: addMs(now, -awayDays * DAY_MS) }));
      await watch(activityOf(userId, { occurredAt: addMs(now, -DAY_MS), amount: parseAmount('1') }));
      await watch(activityOf(userId, { amount: parseAmount('5000') }));
      expect(await hitsOn(person)).toContain(hit);
    }
  });

  test('is not who was paid, or traded, the day before', async () => {
    const yesterday = addMs(desk.deps.clock.now(), -DAY_MS);
    const paid = { kind: 'withdrawal_ended', direction: 'out', data: { end: 'completed' } } as const;
    const traded = { kind: 'fill', direction: 'none', instrument: 'BTC/USD', side: 'buy' } as const;
    for (const moved of [paid, traded]) {
      const person = await desk.newCustomer();
      const { userId } = person;
      await watch(
        activityOf(userId, { occurredAt: addMs(yesterday, -900 * DAY_MS) }),
        activityOf(userId, { ...moved, occurredAt: yesterday, amount: parseAmount('600') }),
      );
      await watch(activityOf(userId, { amount: parseAmount('5000') }));
      expect((await hitsOn(person)).filter((hit) => hit.startsWith('dormant'))).toEqual([]);
    }
  });
});

describe('what became of a withdrawal', () => {
  const act = (person: Person, id: string, step: string, body?: object) =>
    desk.request(person, 'POST', `/v1/withdrawals/${id}/${step}`, body === undefined ? {} : { body });

  test('is told once it ended: paid, refused, or taken back', async () => {
    const person = await desk.newCustomer();
    await desk.fund(person, 'USD', '100');
    const payee = await desk.request(person, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
    const ask = async (amount: string) => {
      const { accountId } = person;
      const body = { accountId, beneficiaryId: payee.body.id, asset: 'USD', amount };
      const asked = await desk.request(person, 'POST', '/v1/withdrawals', { body, key: newId() });
      expect(asked.status).toBe(201);
      return asked.body.id as string;
    };
    const [paid, refused, back] = [await ask('1'), await ask('2'), await ask('3')];
    await ask('4');
    const reason = { reason: 'Looked at it' };
    await act(desk.compliance, paid, 'approve', reason);
    await act(desk.operations, paid, 'process');
    const done = await act(desk.operations, paid, 'complete', { transactionReference: newId() });
    expect(done.body.status).toBe('completed');
    await act(desk.compliance, refused, 'reject', reason);
    await act(person, back, 'cancel');
    await collectActivity(desk.system);
    await collectActivity(desk.system);
    const rows = await engine()
      .select()
      .from(monitoredActivity)
      .where(and(eq(monitoredActivity.userId, person.userId), eq(monitoredActivity.kind, 'withdrawal_ended')))
      .orderBy(asc(monitoredActivity.amount));
    expect(rows.map(({ sourceId, data }) => [sourceId, data.end])).toEqual([
      [paid, 'completed'],
      [refused, 'rejected'],
      [back, 'cancelled'],
    ]);
    expect(rows.every(({ counterpartyIndex }) => counterpartyIndex !== null)).toBe(true);
  });
});
