import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, asc, eq, isNull } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { parseInstant } from '../../../kernel/time.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  declarationOf,
  INNOCENT,
  LIST_ROWS,
  type Person,
  startComplianceDesk,
  upload,
} from '../../../testing/compliance-desk.ts';
import { placeRestriction } from '../../identity/index.ts';
import { gateRestrictions, users } from '../../identity/schema.ts';
import { kycStandings } from '../risk/schema.ts';
import { watchDormancy } from './dormancy.ts';
import { reviewCustomers } from './review-customers.ts';
import { escalationOf, reminderStage } from './rules.ts';
import { kycReviews } from './schema.ts';

const REASON = { reason: 'Verified against the originals' };
const DAY_MS = 86_400_000;

let desk: ComplianceDesk;
let mlro: Person;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList(LIST_ROWS);
  mlro = await desk.newPerson(INNOCENT, 'mlro');
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

/** A customer approved with a passport that is good for so many days. */
async function approved(days = 4_000, declared: object = {}): Promise<Person> {
  const person = await desk.newPerson();
  await approve(person, days, declared);
  return person;
}

async function approve(person: Person, days: number, declared: object = {}): Promise<string> {
  const body = { level: 'basic', declaration: { ...declarationOf(person), ...declared } };
  const created = await desk.call(person, 'POST', '/v1/kyc/applications', body);
  expect(created.status).toBe(201);
  const path = `/v1/kyc/applications/${created.body.id}`;
  const expiresOn = dayIn(days);
  expect((await desk.call(person, 'POST', `${path}/documents`, upload({ expiresOn }))).status).toBe(201);
  expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);
  await desk.settle();
  expect((await desk.call(desk.officer, 'POST', `${path}/approve`, REASON)).status).toBe(200);
  await desk.settle();
  return path;
}

function dayIn(days: number): string {
  return Temporal.PlainDate.from(desk.deps.clock.now().slice(0, 10)).add({ days }).toString();
}

async function reviewsOf({ userId }: Person, kind?: string) {
  return desk.deps.db.engine
    .select()
    .from(kycReviews)
    .where(and(eq(kycReviews.userId, userId), kind === undefined ? undefined : eq(kycReviews.kind, kind)))
    .orderBy(asc(kycReviews.id));
}

async function standsFor({ userId }: Person): Promise<readonly string[]> {
  const rows = await desk.deps.db.engine
    .select()
    .from(gateRestrictions)
    .where(and(eq(gateRestrictions.userId, userId), isNull(gateRestrictions.liftedAt)));
  return rows.map(({ cause, restriction }) => `${cause} ${restriction}`).sort();
}

/** Sets when somebody is due, as if that much time had passed for them alone. */
async function due({ userId }: Person, days: number): Promise<void> {
  const at = parseInstant(`${dayIn(days)}T12:00:00.000000Z`);
  await desk.deps.db.engine
    .update(kycStandings)
    .set({ nextReviewAt: at })
    .where(eq(kycStandings.userId, userId));
}

async function agree(approval: { readonly id: string }): Promise<number> {
  return (await desk.call(mlro, 'POST', `/v1/approvals/${approval.id}/approve`, REASON)).status;
}

describe('a document that expires', () => {
  test('opens one review sixty days ahead, however often the job runs', async () => {
    const [soon, later] = [await approved(59), await approved(62)];
    await Promise.all([reviewCustomers(desk.system), reviewCustomers(desk.system)]);
    await reviewCustomers(desk.system);
    expect(await reviewsOf(soon)).toMatchObject([{ kind: 'document_expiry', status: 'open', reminded: 0 }]);
    expect(await reviewsOf(later)).toEqual([]);
    expect(await standsFor(soon)).toEqual([]);
  });

  test('is told of once a stage, and one who jumps over stages is told once', async () => {
    const [near, nearer] = [await approved(20), await approved(3)];
    await reviewCustomers(desk.system);
    await reviewCustomers(desk.system);
    expect(await reviewsOf(near)).toMatchObject([{ reminded: 1, version: 2 }]);
    expect(await reviewsOf(nearer)).toMatchObject([{ reminded: 2, version: 2 }]);
  });

  test('that was renewed and approved in time restricts nobody', async () => {
    const person = await approved(20);
    await reviewCustomers(desk.system);
    await approve(person, 3_000);
    expect(await reviewsOf(person)).toMatchObject([{ status: 'done', outcome: 'renewed' }]);
    await reviewCustomers(desk.system);
    expect(await reviewsOf(person)).toHaveLength(1);
    expect(await standsFor(person)).toEqual([]);
  });

  test('does not end on a document that nobody approved', async () => {
    const person = await approved(20);
    await reviewCustomers(desk.system);
    const [review] = await reviewsOf(person);
    const refused = await desk.call(desk.officer, 'POST', `/v1/kyc/reviews-due/${review?.id}/complete`);
    expect(refused).toMatchObject({ status: 422, body: { code: 'review_evidence_missing' } });
  });
});

describe('a review nobody ended', () => {
  test('restricts when it is overdue, more strictly later, and is told in the words for everything', async () => {
    const person = await approved();
    await due(person, -1);
    await reviewCustomers(desk.system);
    expect(await standsFor(person)).toEqual(['kyc_review_overdue no_out']);
    expect(await desk.gateOf(person)).toMatchObject({ restriction: 'no_out' });
    const late = await approved();
    await due(late, -40);
    await reviewCustomers(desk.system);
    await reviewCustomers(desk.system);
    expect(await standsFor(late)).toEqual(['kyc_review_overdue reduce_only']);
    expect((await reviewsOf(late)).filter(({ kind }) => kind === 'periodic')).toHaveLength(1);
    const own = JSON.stringify((await desk.call(person, 'GET', '/v1/events')).body);
    expect(own).not.toMatch(/kyc_review|overdue|review_opened/);
  });

  test('is ended by two without evidence, and lifts nothing that stands for another reason', async () => {
    const person = await approved();
    await due(person, -1);
    await reviewCustomers(desk.system);
    await transact(desk.system, 'engine', (tx) =>
      placeRestriction(tx, desk.system, person.userId, {
        restriction: 'reduce_only',
        cause: 'aml_case',
        reference: { type: 'aml_case', id: newId() },
      }),
    );
    const [review] = await reviewsOf(person, 'periodic');
    const path = `/v1/kyc/reviews-due/${review?.id}`;
    const asked = await desk.call(desk.officer, 'POST', `${path}/waive`, REASON);
    expect(asked.status).toBe(202);
    expect(await standsFor(person)).toHaveLength(2);
    expect(await agree(asked.body.approval)).toBe(200);
    expect(await standsFor(person)).toEqual(['aml_case reduce_only']);
    expect(await desk.gateOf(person)).toMatchObject({ restriction: 'reduce_only' });
    expect(await reviewsOf(person, 'periodic')).toMatchObject([{ status: 'done', outcome: 'waived' }]);
    const [standing] = await desk.deps.db.engine
      .select()
      .from(kycStandings)
      .where(eq(kycStandings.userId, person.userId));
    expect((standing?.nextReviewAt ?? '') > dayIn(700)).toBe(true);
    expect((await desk.call(desk.officer, 'POST', `${path}/complete`)).body.code).toBe('review_closed');
  });

  test('is not ended by the engine without two people', async () => {
    const person = await approved();
    await due(person, 10);
    await reviewCustomers(desk.system);
    const [review] = await reviewsOf(person, 'periodic');
    const ending = desk.deps.db.engine
      .update(kycReviews)
      .set({ status: 'done', outcome: 'waived', closedBy: 'nobody', closedAt: desk.deps.clock.now() })
      .where(eq(kycReviews.id, review?.id as Id));
    expect(await codeOf(ending)).toBe('PL034');
  });

  test('is given to somebody who may do it, never to the person it is about', async () => {
    const person = await approved();
    await due(person, 10);
    await reviewCustomers(desk.system);
    const [review] = await reviewsOf(person, 'periodic');
    const path = `/v1/kyc/reviews-due/${review?.id}/assign`;
    const assign = (assigneeId: Id) => desk.call(desk.officer, 'POST', path, { assigneeId });
    expect((await assign(person.userId)).body.code).toBe('assignee_unsuitable');
    expect(await assign(mlro.userId)).toMatchObject({ status: 200, body: { assigneeId: mlro.userId } });
    expect((await desk.call(person, 'GET', '/v1/kyc/reviews-due')).status).toBe(403);
  });

  test('listed, comes first what is due first', async () => {
    for (const days of [20, 5, 12]) {
      await due(await approved(), days);
    }
    await reviewCustomers(desk.system);
    const { body } = await desk.call(desk.officer, 'GET', '/v1/kyc/reviews-due?kind=periodic&limit=200');
    const times = body.data.map(({ dueAt }: { dueAt: string }) => dueAt);
    expect(times).toEqual(times.toSorted());
    const first = await desk.call(desk.officer, 'GET', '/v1/kyc/reviews-due?kind=periodic&limit=1');
    const cursor = encodeURIComponent(first.body.nextCursor);
    const next = await desk.call(
      desk.officer,
      'GET',
      `/v1/kyc/reviews-due?kind=periodic&limit=1&cursor=${cursor}`,
    );
    expect(next.body.data[0].id).toBe(body.data[1].id);
  });
});

describe('somebody who was not seen for a year', () => {
  async function unseen(days: number): Promise<Person> {
    const person = await approved();
    const at = parseInstant(`${dayIn(-days)}T12:00:00.000000Z`);
    await desk.deps.db.engine
      .update(users)
      .set({ lastLoginAt: at, createdAt: at })
      .where(eq(users.id, person.userId));
    await desk.deps.db.engine.execute(
      `update sessions set last_active_at = '${at}' where user_id = '${person.userId}'`,
    );
    return person;
  }

  test('lets nothing out until they are looked at, and comes back noticed', async () => {
    const [gone, here] = [await unseen(366), await unseen(300)];
    await watchDormancy(desk.system);
    await watchDormancy(desk.system);
    expect(await standsFor(gone)).toEqual(['kyc_dormant no_out']);
    expect(await reviewsOf(gone, 'dormant')).toHaveLength(1);
    expect(await standsFor(here)).toEqual([]);
    await desk.deps.db.engine
      .update(users)
      .set({ lastLoginAt: desk.deps.clock.now() })
      .where(eq(users.id, gone.userId));
    await watchDormancy(desk.system);
    await watchDormancy(desk.system);
    const told = await desk.deps.db.engine.execute<{ count: number }>(
      `select count(*)::int as count from outbox where type = 'kyc.dormant_reactivated' and user_id = '${gone.userId}'`,
    );
    expect(told[0]?.count).toBe(1);
    expect(await standsFor(gone)).toEqual(['kyc_dormant no_out']);
    await approve(gone, 3_000);
    expect(await standsFor(gone)).toEqual([]);
    expect(await reviewsOf(gone, 'dormant')).toMatchObject([{ status: 'done', outcome: 'confirmed' }]);
  });
});

test.each([
  [61, 0, null],
  [31, 0, null],
  [30, 1, null],
  [7, 2, null],
  [1, 2, null],
  [0, 3, 'no_out'],
  [-29, 3, 'no_out'],
  [-30, 3, 'reduce_only'],
  [-400, 3, 'reduce_only'],
] as const)('with %i days to go the reminder is %i and the restriction %p', (days, stage, restriction) => {
  const now = parseInstant('2026-06-15T08:00:00.000000Z');
  const dueAt = parseInstant(new Date(Date.parse(now) + days * DAY_MS).toISOString().replace('Z', '000Z'));
  expect(reminderStage(dueAt, now)).toBe(stage);
  expect(escalationOf(dueAt, now)).toBe(restriction);
});

async function codeOf(work: PromiseLike<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (thrown) {
    const { cause } = thrown as { cause?: { code?: string } };
    return cause?.code ?? String(thrown);
  }
}
