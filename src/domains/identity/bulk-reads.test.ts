import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { type IdentityDesk, type Person, startIdentityDesk } from '../../testing/identity-desk.ts';
import { getUser, listUsers } from './read-users.ts';
import { revealUsers } from './reveal-users.ts';

const THRESHOLD = 5;
const WHY = { purpose: 'complaint', reason: 'Complaint 12' } as const;

let desk: IdentityDesk;
let people: Person[];

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
  people = [];
  for (let made = 0; made < 12; made += 1) {
    people.push(await desk.newPerson());
  }
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

/** One of the staff at a node of its own: nothing is shared with another but the database. */
function at({ actor }: Person): Ctx {
  return { ...desk.ctx(actor), deps: { ...desk.deps, bulkReadThreshold: THRESHOLD }, requestId: newId() };
}

const idsOf = (from: number, to: number): Id[] => people.slice(from, to).map((person) => person.userId);

const alarmsOf = (person: Person) => desk.auditOf(person.userId, 'access.bulk_read');

test('a masked list records one row for each person shown', async () => {
  const support = await desk.newPerson('support');
  const ctx = at(support);
  const page = await listUsers(ctx, { limit: 3 });
  const rows = await desk.deps.db.engine
    .select({ subject: auditLogs.subjectUserId, type: auditLogs.eventType })
    .from(auditLogs)
    .where(eq(auditLogs.requestId, ctx.requestId));
  expect(rows.map((row) => row.subject as string).toSorted()).toEqual(
    page.data.map((user) => user.id as string).toSorted(),
  );
  expect(new Set(rows.map((row) => row.type))).toEqual(new Set(['user.listed']));
  const nobody = at(support);
  await listUsers(nobody, { limit: 3, email: 'nobody@example.mu' });
  const [search] = await desk.deps.db.engine
    .select()
    .from(auditLogs)
    .where(eq(auditLogs.requestId, nobody.requestId));
  expect(search).toMatchObject({ eventType: 'user.listed', subjectUserId: null, after: { count: 0 } });
});

describe('the alarm of bulk reading', () => {
  test('is raised at the threshold however small the pages are, once an hour, and names who looked', async () => {
    const support = await desk.newPerson('support');
    let cursor: string | undefined;
    for (let page = 0; page < 4; page += 1) {
      const { nextCursor } = await listUsers(at(support), { limit: 1, cursor });
      cursor = nextCursor ?? undefined;
    }
    expect(await alarmsOf(support)).toEqual([]);
    await listUsers(at(support), { limit: 1, cursor });
    expect(await alarmsOf(support)).toMatchObject([
      {
        severity: 'critical',
        class: 'restricted',
        actorUserId: support.userId,
        after: { people: THRESHOLD, threshold: THRESHOLD, windowMinutes: 60 },
      },
    ]);
    await listUsers(at(support), { limit: 10 });
    expect(await alarmsOf(support)).toHaveLength(1);
  });

  test('counts people, not looks: the same few never raise it', async () => {
    const officer = await desk.newPerson('compliance_officer');
    for (let look = 0; look < 3; look += 1) {
      await revealUsers(at(officer), { ...WHY, userIds: idsOf(0, THRESHOLD - 1) });
    }
    expect(await alarmsOf(officer)).toEqual([]);
  });

  test('adds up lists, single reads and reveals of one person, and of nobody else', async () => {
    const [officer, other] = [
      await desk.newPerson('compliance_officer'),
      await desk.newPerson('compliance_officer'),
    ];
    await revealUsers(at(officer), { ...WHY, userIds: idsOf(0, 2) });
    await getUser(at(officer), people[2]?.userId as Id);
    await revealUsers(at(other), { ...WHY, userIds: idsOf(4, 7) });
    await getUser(at(officer), people[3]?.userId as Id);
    expect(await alarmsOf(officer)).toEqual([]);
    await revealUsers(at(officer), { ...WHY, userIds: idsOf(4, 5) });
    expect(await alarmsOf(officer)).toHaveLength(1);
    expect(await alarmsOf(other)).toEqual([]);
  });

  test('is raised once where several nodes pass the threshold together', async () => {
    const officer = await desk.newPerson('mlro');
    await Promise.all(
      [0, 2, 4, 6, 8].map((from) => revealUsers(at(officer), { ...WHY, userIds: idsOf(from, from + 2) })),
    );
    expect(await alarmsOf(officer)).toHaveLength(1);
  });

  test('comes again in another hour', async () => {
    const officer = await desk.newPerson('mlro');
    await revealUsers(at(officer), { ...WHY, userIds: idsOf(0, 6) });
    const later = at(officer);
    const clock = { ...later.deps.clock, realNow: () => addMs(later.deps.clock.realNow(), 61 * 60_000) };
    await revealUsers({ ...later, deps: { ...later.deps, clock } }, { ...WHY, userIds: idsOf(0, 6) });
    expect(await alarmsOf(officer)).toHaveLength(2);
  });
});

describe('a reveal', () => {
  const reveal = async (person: Person, body: object) =>
    desk.request('POST', '/v1/users/reveal', { token: await desk.tokenOf(person), body });

  test('shows whole profiles to compliance and what payments need to operations', async () => {
    const [officer, teller] = [
      await desk.newPerson('compliance_officer'),
      await desk.newPerson('operations'),
    ];
    const target = people[0] as Person;
    const body = { ...WHY, userIds: [target.userId] };
    expect((await reveal(officer, body)).body).toEqual({
      data: [
        {
          id: target.userId,
          erased: false,
          email: target.email,
          phone: null,
          firstName: 'Anjali',
          lastName: 'Ramgoolam',
          birthDate: '1990-04-01',
          nationality: 'MUS',
        },
      ],
    });
    expect((await reveal(officer, { ...body, fields: ['lastName'] })).body.data).toEqual([
      { id: target.userId, erased: false, lastName: 'Ramgoolam' },
    ]);
    const paid = (await reveal(teller, body)).body.data;
    expect(Object.keys(paid[0]).toSorted()).toEqual([
      'email',
      'erased',
      'firstName',
      'id',
      'lastName',
      'phone',
    ]);
    const beyond = await reveal(teller, { ...body, fields: ['lastName', 'birthDate'] });
    expect([beyond.status, beyond.body.code, beyond.body.detail]).toEqual([
      403,
      'fields_not_allowed',
      'Not for this role: birthDate',
    ]);
  });

  test('records its purpose for each person, where only examiners see it', async () => {
    const officer = await desk.newPerson('compliance_officer');
    await reveal(officer, { ...WHY, userIds: idsOf(8, 10), fields: ['email'] });
    for (const subject of idsOf(8, 10)) {
      const rows = await desk.deps.db.engine
        .select()
        .from(auditLogs)
        .where(and(eq(auditLogs.subjectUserId, subject), eq(auditLogs.actorUserId, officer.userId)));
      expect(rows).toMatchObject([
        { eventType: 'user.revealed', class: 'restricted', after: { ...WHY, fields: ['email'] } },
      ]);
    }
  });

  test('shows nobody where one of them does not exist, is oneself, or no purpose is named', async () => {
    const officer = await desk.newPerson('compliance_officer');
    const known = idsOf(10, 11);
    const before = (await desk.auditOf(known[0] as Id, 'user.revealed')).length;
    const answers = await Promise.all([
      reveal(officer, { ...WHY, userIds: [...known, newId()] }),
      reveal(officer, { ...WHY, userIds: [...known, officer.userId] }),
      reveal(officer, { purpose: 'curiosity', reason: 'Looking around', userIds: known }),
      reveal(officer, { purpose: 'complaint', userIds: known }),
      reveal(officer, { ...WHY, userIds: [] }),
      reveal(officer, { ...WHY, userIds: Array.from({ length: 201 }, () => newId()) }),
    ]);
    expect(answers.map(({ status, body }) => `${status} ${body.code}`)).toEqual([
      '404 not_found',
      '403 self_action',
      ...Array.from({ length: 4 }, () => '422 validation_failed'),
    ]);
    expect(await desk.auditOf(known[0] as Id, 'user.revealed')).toHaveLength(before);
  });

  test('is not for support, and not without a second factor', async () => {
    const officer = await desk.newPerson('compliance_officer');
    const body = { ...WHY, userIds: idsOf(0, 1) };
    expect((await reveal(await desk.newPerson('support'), body)).body.code).toBe('forbidden');
    const token = await desk.tokenOf(officer, false);
    const answer = await desk.request('POST', '/v1/users/reveal', { token, body });
    expect(answer.body.code).toBe('second_factor_required');
  });
});
