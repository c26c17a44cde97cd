import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, asc, eq, isNull } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, parseInstant } from '../../../kernel/time.ts';
import type { Ciphertext } from '../../../platform/db/columns.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import {
  type ComplianceDesk,
  declarationOf,
  INNOCENT,
  LIST_ROWS,
  type Person,
  startComplianceDesk,
  upload,
} from '../../../testing/compliance-desk.ts';
import { mailsTo } from '../../../testing/mails.ts';
import { placeRestriction } from '../../identity/index.ts';
import { gateRestrictions, users } from '../../identity/schema.ts';
import { kycItems } from '../applications/schema.ts';
import { inBatches } from '../in-batches.ts';
import { kycStandings } from '../risk/schema.ts';
import { kycApplications } from '../schema.ts';
import { watchDormancy } from './dormancy.ts';
import { openReview, type ReviewKind } from './open-review.ts';
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
  await desk.certify(person, path);
  await finish(person, path);
  return path;
}

/** Begun with these documents of identity and no others, in the order they were uploaded. */
async function drafted(...forms: readonly Readonly<Record<string, string>>[]) {
  const person = await desk.newPerson();
  const path = await desk.draft(person);
  const { documents } = (await desk.call(person, 'GET', path)).body;
  await desk.call(person, 'DELETE', `${path}/documents/${documents[0].id}`);
  for (const fields of forms) {
    const form = upload(fields);
    if (fields.expiresOn === '') {
      form.delete('expiresOn');
    }
    expect((await desk.call(person, 'POST', `${path}/documents`, form)).status).toBe(201);
  }
  return { person, path };
}

/** Approved with these documents of identity and no others, in the order they were uploaded. */
async function approvedWith(...forms: readonly Readonly<Record<string, string>>[]): Promise<Person> {
  const { person, path } = await drafted(...forms);
  await finish(person, path);
  return person;
}

/** Hands in what was begun and approves it. */
async function finish(person: Person, path: string): Promise<void> {
  await desk.certify(person, path);
  expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);
  await desk.settle();
  const asked = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
  if (asked.status === 202) {
    expect(await agree(asked.body.approval)).toBe(200);
  } else {
    expect(asked.status).toBe(200);
  }
  await desk.settle();
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

/** Somebody approved whose review was opened in time and is due in so many days. */
async function due(days: number, kind: ReviewKind = 'periodic'): Promise<Person> {
  const person = await approved();
  const { userId } = person;
  const dueAt = parseInstant(`${dayIn(days)}T12:00:00.000000Z`);
  await transact(desk.system, 'engine', (tx) =>
    openReview(tx, desk.system, { userId, kind, referenceId: userId, dueAt }),
  );
  return person;
}

async function standingOf({ userId }: Person) {
  const rows = await desk.deps.db.engine.select().from(kycStandings).where(eq(kycStandings.userId, userId));
  return rows[0];
}

/** Something that AML tells of a person. */
async function tell({ userId }: Person, type: string, data: object = {}): Promise<void> {
  await transact(desk.system, 'engine', (tx) =>
    publish(tx, desk.system, [{ type, userId, customerVisible: false, data }]),
  );
  await desk.settle();
}

/** How often a person was mailed this. */
async function mailed(address: string, subject: string): Promise<number> {
  return (await mailsTo(desk.deps, address)).filter((mail) => mail.subject === subject).length;
}

async function addressOf(person: Person): Promise<string> {
  return (await desk.call(person, 'GET', '/v1/me')).body.email;
}

async function agree(approval: { readonly id: string }): Promise<number> {
  return (await voted(approval)).status;
}

function voted(approval: { readonly id: string }) {
  return desk.call(mlro, 'POST', `/v1/approvals/${approval.id}/approve`, REASON);
}

const MONTH_MS = 30 * DAY_MS;

/** As if everything about a customer had happened that long ago. */
async function approvedLongAgo(months: number): Promise<Person> {
  const person = await approved();
  const at = addMs(desk.deps.clock.now(), -months * MONTH_MS);
  await desk.deps.db.engine
    .update(kycStandings)
    .set({ reviewedAt: at })
    .where(eq(kycStandings.userId, person.userId));
  return person;
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
    const [near, nearer] = [await approved(20), await due(3)];
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

  test('is no reason where a good one for the same use was accepted with it', async () => {
    const person = await approvedWith({ expiresOn: dayIn(-1) }, { expiresOn: dayIn(3_000) });
    await reviewCustomers(desk.system);
    expect(await reviewsOf(person)).toEqual([]);
    expect(await standsFor(person)).toEqual([]);
  });

  test('is a reason whatever lies beside it that nobody accepted', async () => {
    const person = await approvedWith({ expiresOn: dayIn(3_000) }, { expiresOn: dayIn(20) });
    await reviewCustomers(desk.system);
    expect(await reviewsOf(person)).toMatchObject([{ kind: 'document_expiry', status: 'open' }]);
  });

  test('is no reason beside a good one of an application from before items were kept', async () => {
    const { person, path } = await drafted({ expiresOn: dayIn(3_000) }, { expiresOn: dayIn(20) });
    await desk.certify(person, path);
    expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);
    await desk.settle();
    const { engine } = desk.deps.db;
    await engine.update(kycItems).set({ status: 'dropped' }).where(eq(kycItems.userId, person.userId));
    await engine
      .update(kycApplications)
      .set({ requirementSet: null })
      .where(eq(kycApplications.userId, person.userId));
    expect((await desk.call(desk.officer, 'POST', `${path}/approve`, REASON)).status).toBe(200);
    await desk.settle();
    await reviewCustomers(desk.system);
    expect(await reviewsOf(person)).toEqual([]);
  });

  test('is seen on whichever side of a card its last day stands', async () => {
    const card = { type: 'national_id', number: newId() };
    const number = newId();
    const soon = await approvedWith(
      { ...card, number, side: 'front', expiresOn: dayIn(20) },
      { ...card, number, side: 'back', expiresOn: '' },
    );
    const late = await approvedWith(
      { ...card, side: 'front', expiresOn: dayIn(3_000) },
      { ...card, side: 'back', expiresOn: '' },
    );
    await reviewCustomers(desk.system);
    expect(await reviewsOf(soon)).toMatchObject([{ kind: 'document_expiry', status: 'open' }]);
    const [review] = await reviewsOf(soon);
    expect(review?.dueAt.slice(0, 10)).toBe(dayIn(30));
    expect(await reviewsOf(late)).toEqual([]);
  });

  test('and shows nothing that was asked for is no reason', async () => {
    const person = await desk.newPerson();
    const path = await desk.draft(person);
    const form = upload({ type: 'source_of_funds', expiresOn: dayIn(5) });
    expect((await desk.call(person, 'POST', `${path}/documents`, form)).status).toBe(201);
    await finish(person, path);
    await reviewCustomers(desk.system);
    expect(await reviewsOf(person)).toEqual([]);
  });

  test('restricts nobody within thirty days of the first they hear of it', async () => {
    const person = await approved(3);
    await reviewCustomers(desk.system);
    const [review] = await reviewsOf(person);
    expect(review?.dueAt.slice(0, 10)).toBe(dayIn(30));
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
    const person = await due(-1);
    await reviewCustomers(desk.system);
    expect(await standsFor(person)).toEqual(['kyc_review_overdue no_out']);
    expect(await desk.gateOf(person)).toMatchObject({ restriction: 'no_out' });
    const late = await due(-40);
    await reviewCustomers(desk.system);
    await reviewCustomers(desk.system);
    expect(await standsFor(late)).toEqual(['kyc_review_overdue reduce_only']);
    expect((await reviewsOf(late)).filter(({ kind }) => kind === 'periodic')).toHaveLength(1);
    const own = JSON.stringify((await desk.call(person, 'GET', '/v1/events')).body);
    expect(own).not.toMatch(/kyc_review|overdue|review_opened/);
  });

  test('is ended by two without evidence, and lifts nothing that stands for another reason', async () => {
    const person = await due(-1);
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
    const person = await due(10);
    await reviewCustomers(desk.system);
    const [review] = await reviewsOf(person, 'periodic');
    const ending = desk.deps.db.engine
      .update(kycReviews)
      .set({ status: 'done', outcome: 'waived', closedBy: 'nobody', closedAt: desk.deps.clock.now() })
      .where(eq(kycReviews.id, review?.id as Id));
    expect(await codeOf(ending)).toBe('PL034');
  });

  test('is given to somebody who may do it, never to the person it is about', async () => {
    const person = await due(10);
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
      await due(days);
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

describe('what was learnt of somebody', () => {
  test('is answered by no approval while they may not be served, whatever was approved since it was learnt', async () => {
    const person = await approved();
    const { userId } = person;
    const { engine } = desk.deps.db;
    const now = desk.deps.clock.now();
    const id = newId();
    const learnt = { id, userId, kind: 'edd', referenceId: userId, status: 'open' } as const;
    await engine
      .insert(kycReviews)
      .values({ ...learnt, openedAt: addMs(now, -DAY_MS), dueAt: addMs(now, DAY_MS) });
    const level = (await standingOf(person))?.level ?? 'low';
    const rated = (as: string) =>
      engine.update(kycStandings).set({ level: as }).where(eq(kycStandings.userId, userId));
    const complete = () => desk.call(desk.officer, 'POST', `/v1/kyc/reviews-due/${id}/complete`);
    await rated('prohibited');
    expect((await complete()).body.code).toBe('review_evidence_missing');
    await rated(level);
    expect(await complete()).toMatchObject({ status: 200, body: { outcome: 'confirmed' } });
  });

  test('neither restricts them nor writes to them the next morning, however long ago they were approved', async () => {
    const person = await approvedLongAgo(20);
    const address = await addressOf(person);
    const before = await mailsTo(desk.deps, address);
    await tell(person, 'aml.suspicion_recorded', { caseId: newId() });
    const standing = await standingOf(person);
    expect(standing?.level).toBe('high');
    expect((standing?.nextReviewAt ?? '') < desk.deps.clock.now()).toBe(true);
    await reviewCustomers(desk.system);
    await reviewCustomers(desk.system);
    const [periodic] = await reviewsOf(person, 'periodic');
    expect(periodic).toMatchObject({ status: 'open', reminded: 0, escalatedTo: null });
    expect((periodic?.dueAt ?? '') > addMs(desk.deps.clock.now(), 59 * DAY_MS)).toBe(true);
    expect(await standsFor(person)).toEqual([]);
    expect(await mailsTo(desk.deps, address)).toEqual(before);
  });

  test('is not answered by papers that were handed in before', async () => {
    const declared = { birthDate: '1961-02-28' };
    const person = await approved(4_000, declared);
    const path = await begun(person, 'standard', declared);
    expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);
    await desk.settle();
    await tell(person, 'aml.suspicion_recorded', { caseId: newId() });
    expect(await reviewsOf(person, 'edd')).toMatchObject([{ status: 'open' }]);
    const early = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
    expect(early.body.code).toBe('items_missing');
    const [open] = await reviewsOf(person, 'edd');
    const complete = await desk.call(desk.officer, 'POST', `/v1/kyc/reviews-due/${open?.id}/complete`);
    expect(complete.body.code).toBe('review_evidence_missing');
    expect((await desk.call(desk.officer, 'POST', `${path}/request-resubmission`, REASON)).status).toBe(200);
    await showAll(person, path);
    await finish(person, path);
    expect(await reviewsOf(person, 'edd')).toMatchObject([{ status: 'done', outcome: 'confirmed' }]);
  });

  /** An application with all that anybody may be asked for. */
  async function begun(person: Person, level: string, declared: object): Promise<string> {
    const body = { level, declaration: { ...declarationOf(person), ...declared } };
    const { id } = (await desk.call(person, 'POST', '/v1/kyc/applications', body)).body;
    const path = `/v1/kyc/applications/${id}`;
    await showAll(person, path);
    await desk.certify(person, path);
    return path;
  }

  async function showAll(person: Person, path: string): Promise<void> {
    for (const type of ['passport', 'proof_of_address', 'source_of_funds', 'source_of_wealth']) {
      expect((await desk.call(person, 'POST', `${path}/documents`, upload({ type }))).status).toBe(201);
    }
  }
});

describe('a waiver', () => {
  async function asked(person: Person, kind: string) {
    const [review] = await reviewsOf(person, kind);
    return desk.call(desk.officer, 'POST', `/v1/kyc/reviews-due/${review?.id}/waive`, REASON);
  }

  async function raise({ userId }: Person, score: number): Promise<void> {
    const body = { userId, score, reason: 'Adverse press' };
    expect((await desk.call(desk.officer, 'POST', '/v1/kyc/ratings', body)).status).toBe(201);
  }

  test('agreed on at one risk does not let out who may not be served any more', async () => {
    const person = await approved();
    await raise(person, 80);
    const waiver = await asked(person, 'edd');
    expect(waiver.status).toBe(202);
    await raise(person, 99);
    expect(await standsFor(person)).toEqual(['risk no_out']);
    const vote = await voted(waiver.body.approval);
    expect(vote).toMatchObject({ status: 409, body: { code: 'review_not_waivable' } });
    expect(await asked(person, 'edd')).toMatchObject({ status: 409, body: { code: 'review_not_waivable' } });
    expect(await standsFor(person)).toEqual(['risk no_out']);
    expect(await reviewsOf(person, 'edd')).toMatchObject([{ status: 'open' }]);
  });

  test('agreed on at one risk does not hold for a higher one', async () => {
    const person = await due(10);
    const waiver = await asked(person, 'periodic');
    await raise(person, 80);
    expect((await voted(waiver.body.approval)).body.code).toBe('review_changed');
    expect(await reviewsOf(person, 'periodic')).toMatchObject([{ status: 'open' }]);
  });

  test('of what restricted nobody does not lift what restricts since', async () => {
    const person = await due(-1);
    const waiver = await asked(person, 'periodic');
    expect(waiver.body.approval.payload).toMatchObject({ kind: 'periodic', escalatedTo: null, level: 'low' });
    await reviewCustomers(desk.system);
    expect(await standsFor(person)).toEqual(['kyc_review_overdue no_out']);
    expect((await voted(waiver.body.approval)).body.code).toBe('review_changed');
    expect(await standsFor(person)).toEqual(['kyc_review_overdue no_out']);
  });
});

describe('one whose data cannot be read', () => {
  test('keeps nobody else from their turn, and the job is seen to fail', async () => {
    const [broken, whole] = [await approved(20), await approved(20)];
    const late = await due(-1);
    const of = eq(users.id, broken.userId);
    const [{ email } = { email: null }] = await desk.deps.db.engine.select().from(users).where(of);
    const unreadable = Buffer.alloc(email?.length ?? 0, 1) as unknown as Ciphertext;
    await desk.deps.db.engine.update(users).set({ email: unreadable }).where(of);
    try {
      expect(await codeOf(reviewCustomers(desk.system))).not.toBe('done');
    } finally {
      await desk.deps.db.engine
        .update(users)
        .set({ email: email as Ciphertext })
        .where(of);
    }
    expect(await reviewsOf(broken)).toMatchObject([{ status: 'open', reminded: 0 }]);
    expect(await reviewsOf(whole)).toMatchObject([{ status: 'open', reminded: 1 }]);
    expect(await standsFor(late)).toEqual(['kyc_review_overdue no_out']);
  });

  test('is skipped wherever it stands in a page, and the first failure is told', async () => {
    const ids = [newId(), newId(), newId()];
    const done: string[] = [];
    const work = inBatches(
      desk.system,
      async (_tx, _ctx, after) => (after === null ? ids : []),
      async (_tx, _ctx, id) => {
        if (id !== ids[2]) {
          throw new Error(`of ${id}`);
        }
        done.push(id);
      },
    );
    expect(await codeOf(work)).toBe(`Error: of ${ids[0]}`);
    expect(done).toEqual([ids[2] as string]);
  });
});

describe('somebody who was not seen for a year', () => {
  async function unseen(days: number): Promise<Person> {
    const person = await approved();
    await absent(person, days);
    return person;
  }

  async function absent(person: Person, days: number): Promise<void> {
    const at = parseInstant(`${dayIn(-days)}T12:00:00.000000Z`);
    await desk.deps.db.engine
      .update(users)
      .set({ lastLoginAt: at, createdAt: at })
      .where(eq(users.id, person.userId));
    await desk.deps.db.engine.execute(
      `update sessions set last_active_at = '${at}' where user_id = '${person.userId}'`,
    );
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
    const { userId } = gone;
    const noticed = await desk.deps.db.engine
      .select()
      .from(auditLogs)
      .where(and(eq(auditLogs.eventType, 'kyc_standing.reactivated'), eq(auditLogs.subjectUserId, userId)));
    expect(noticed).toHaveLength(1);
    expect(await standsFor(gone)).toEqual(['kyc_dormant no_out']);
    await approve(gone, 3_000);
    expect(await standsFor(gone)).toEqual([]);
    expect(await reviewsOf(gone, 'dormant')).toMatchObject([{ status: 'done', outcome: 'confirmed' }]);
  });

  test('was reminded twice before, and not again for the same absence', async () => {
    const reminder = 'Please sign in to your account';
    const person = await approved();
    const address = await addressOf(person);
    await absent(person, 300);
    await watchDormancy(desk.system);
    expect(await mailed(address, reminder)).toBe(0);
    let passed = 300;
    for (const [days, times] of [
      [336, 1],
      [340, 1],
      [359, 2],
    ] as const) {
      await absent(person, days);
      // As if that much time had passed since they were told, too.
      await desk.deps.db.engine.execute(
        `update kyc_standings set dormancy_told_at = dormancy_told_at - interval '${days - passed} days'
          where user_id = '${person.userId}'`,
      );
      passed = days;
      await watchDormancy(desk.system);
      await watchDormancy(desk.system);
      expect([days, await mailed(address, reminder)]).toEqual([days, times]);
    }
    expect(await standsFor(person)).toEqual([]);
  });

  test('is let be for another year where two people looked at them and let it pass', async () => {
    const gone = await unseen(366);
    await watchDormancy(desk.system);
    const [review] = await reviewsOf(gone, 'dormant');
    const waiver = await desk.call(desk.officer, 'POST', `/v1/kyc/reviews-due/${review?.id}/waive`, REASON);
    expect(await agree(waiver.body.approval)).toBe(200);
    await watchDormancy(desk.system);
    expect(await standsFor(gone)).toEqual([]);
    expect(await reviewsOf(gone, 'dormant')).toMatchObject([{ status: 'done', outcome: 'waived' }]);
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
