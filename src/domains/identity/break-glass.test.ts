import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, desc, eq, gte } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { addMs } from '../../kernel/time.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { type IdentityDesk, PASSWORD, type Person, startIdentityDesk } from '../../testing/identity-desk.ts';
import { mailsTo } from '../../testing/mails.ts';
import { openBreakGlass } from './open-break-glass.ts';
import { breakGlassSeals, credentials, roleGrants, sessions, users } from './schema.ts';
import { type NewSeal, revokeBreakGlass, sealBreakGlass } from './seal-break-glass.ts';
import { forgetSessions } from './session-state.ts';
import { watchSeal } from './watch-seal.ts';

const WHY = { reason: 'Both admins lost their second factors' };

let desk: IdentityDesk;
/** Each test has a seal of its own. */
let seal: NewSeal;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
});

beforeEach(async () => {
  seal = await sealBreakGlass(desk.system);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

const post = (path: string, body: object, token?: string) =>
  desk.request('POST', path, { body, ...(token === undefined ? {} : { token }) });
const open = (firstHalf = seal.firstHalf, secondHalf = seal.secondHalf) =>
  post('/v1/auth/break-glass', { firstHalf, secondHalf, ...WHY });
const opened = async (): Promise<string> => (await open()).body.accessToken;
const stepUp = (token: string, { firstHalf, secondHalf } = seal) =>
  post('/v1/auth/break-glass/step-up', { firstHalf, secondHalf }, token);
const eventsOf = (eventType: string) =>
  desk.deps.db.engine.select().from(auditLogs).where(eq(auditLogs.eventType, eventType));
const openings = async () =>
  (await eventsOf('break_glass.opened')).filter((event) => event.resourceId === seal.id);
const readSeal = async () => {
  const [row] = await desk.deps.db.engine
    .select()
    .from(breakGlassSeals)
    .where(eq(breakGlassSeals.id, seal.id));
  return present(row, 'the seal was made');
};
const readSession = async () => {
  const id = present((await readSeal()).sessionId, 'the seal was opened');
  const [row] = await desk.deps.db.engine.select().from(sessions).where(eq(sessions.id, id));
  return present(row, 'the session was opened');
};
const changeSession = async (change: Partial<typeof sessions.$inferInsert>) => {
  const { id } = await readSession();
  await desk.deps.db.engine.update(sessions).set(change).where(eq(sessions.id, id));
  forgetSessions(desk.deps, [id]);
};
const subjectsTo = async (address: string) => (await mailsTo(desk.deps, address)).map((mail) => mail.subject);
const refused = (answer: { readonly status: number; readonly body: { readonly code: string } }) =>
  expect([answer.status, answer.body.code]).toEqual([403, 'seal_refused']);

describe('a seal', () => {
  test('is kept as hashes only, lives a year, and is one: the next kills it', async () => {
    const days = (Date.parse((await readSeal()).expiresAt) - desk.deps.clock.realMs()) / 86_400_000;
    expect([Math.round(days), seal.firstHalf === seal.secondHalf]).toEqual([365, false]);
    expect(seal.firstHalf).toMatch(/^(?:[0-9A-Z]{4}-){7}[0-9A-Z]{4}$/);
    const next = await sealBreakGlass(desk.system);
    expect([next.userId, next.replaced]).toEqual([seal.userId, 1]);
    refused(await open());
    expect((await open(next.firstHalf, next.secondHalf)).status).toBe(200);
  });

  test('is told to the admins, and leaves nothing of itself in the audit log', async () => {
    const admin = await desk.newPerson('admin');
    await sealBreakGlass(desk.system);
    await revokeBreakGlass(desk.system);
    expect(await subjectsTo(admin.email)).toEqual([
      'The emergency login was sealed',
      'The emergency login was revoked',
    ]);
    const rows = await desk.deps.db.engine.select().from(auditLogs).orderBy(desc(auditLogs.id));
    expect(JSON.stringify(rows)).not.toContain(seal.firstHalf);
  });

  test('opens with its halves as people type them', async () => {
    const typed = ` ${seal.firstHalf.toLowerCase().replaceAll('-', ' ')}`.trim();
    expect((await open(typed, seal.secondHalf.replaceAll('-', ''))).status).toBe(200);
  });

  test.each([
    ['swapped halves', async () => open(seal.secondHalf, seal.firstHalf)],
    ['one half twice', async () => open(seal.firstHalf, seal.firstHalf)],
    [
      'a half of another seal',
      async () => open(seal.firstHalf, (await sealBreakGlass(desk.system)).secondHalf),
    ],
    [
      'a seal after its year',
      async () => {
        const expiresAt = addMs(desk.deps.clock.realNow(), -1);
        await desk.deps.db.engine
          .update(breakGlassSeals)
          .set({ expiresAt })
          .where(eq(breakGlassSeals.id, seal.id));
        return open();
      },
    ],
    [
      'a seal that was opened',
      async () => {
        await open();
        return open();
      },
    ],
    [
      'a seal that was revoked',
      async () => {
        await revokeBreakGlass(desk.system);
        return open();
      },
    ],
  ])('is refused in the same words, audited and alarmed: %s', async (_title, attempt) => {
    const answer = await attempt();
    const madeUp = await open('7'.repeat(32), '8'.repeat(32));
    refused(answer);
    const { requestId: _one, instance: _two, ...said } = answer.body;
    expect(madeUp.body).toMatchObject(said);
    expect((await eventsOf('break_glass.refused')).map((event) => event.severity)).toContain('critical');
    expect(await subjectsTo('alarms@example.mu')).toContainEqual(
      expect.stringContaining('break_glass.refused'),
    );
    expect((await eventsOf('request.refused')).length).toBeGreaterThan(0);
  });

  test('calls people out for those who hold an envelope, and for nobody who made halves up', async () => {
    const strange = '7'.repeat(32);
    const alarmsOf = async (firstHalf: string, secondHalf: string) => {
      const before = (await eventsOf('break_glass.refused')).length;
      // A node of its own, which has called nobody out yet.
      const node = { ...desk.ctx({ kind: 'anonymous' }), deps: { ...desk.deps } };
      const opening = openBreakGlass(node, { firstHalf, secondHalf, ...WHY });
      expect(opening).rejects.toMatchObject({ code: 'seal_refused' });
      await opening.catch(() => {});
      return (await eventsOf('break_glass.refused')).length - before;
    };
    expect(await alarmsOf(strange, '8'.repeat(32))).toBe(0);
    expect(await alarmsOf(strange, strange)).toBe(0);
    expect(await alarmsOf(seal.firstHalf, strange)).toBe(1);
    expect(await alarmsOf(strange, seal.secondHalf)).toBe(1);
    const admin = await desk.newPerson('admin');
    const before = (await eventsOf('break_glass.refused')).length;
    refused(await stepUp(await desk.tokenOf(admin), { ...seal, firstHalf: strange, secondHalf: strange }));
    expect(await eventsOf('break_glass.refused')).toHaveLength(before);
  });

  test('opens for one of two who come at the same moment', async () => {
    const answers = await Promise.all([open(), open()]);
    expect(answers.map((answer) => answer.status).sort((left, right) => left - right)).toEqual([200, 403]);
    expect(await openings()).toHaveLength(1);
  });
});

test.each([
  ['is live', {}, 0],
  ['was revoked', { revokedAt: true }, 0],
  ['was opened', { openedAt: true }, 1],
  ['has expired', { expiresAt: true }, 1],
])('admins are reminded of a seal that needs another after it: it %s', async (_title, marks, mails) => {
  const admin = await desk.newPerson('admin');
  const now = desk.deps.clock.realNow();
  const set = Object.fromEntries(Object.keys(marks).map((column) => [column, now]));
  if (Object.keys(set).length > 0) {
    await desk.deps.db.engine.update(breakGlassSeals).set(set).where(eq(breakGlassSeals.id, seal.id));
  }
  await watchSeal(desk.system);
  const subjects = (await subjectsTo(admin.email)).filter((subject) => subject.includes('needs a new seal'));
  expect(subjects).toHaveLength(mails);
});

describe('the emergency session', () => {
  test('calls out the alarm addresses and every admin at once', async () => {
    const [admin, other] = [await desk.newPerson('admin'), await desk.newPerson('support')];
    expect((await open()).status).toBe(200);
    expect(await openings()).toMatchObject([
      { severity: 'critical', subjectUserId: seal.userId, after: WHY },
    ]);
    const alarms = await mailsTo(desk.deps, 'alarms@example.mu');
    expect(alarms.filter((mail) => mail.text.includes(seal.id))).toMatchObject([
      { subject: 'Plimsoll alarm: break_glass.opened' },
    ]);
    expect(await subjectsTo(admin.email)).toEqual(['The emergency login was opened']);
    expect(await subjectsTo(other.email)).toEqual([]);
  });

  test('ends after an hour, whatever is refreshed', async () => {
    const { accessToken, refreshToken } = (await open()).body;
    const session = await readSession();
    const minutes = (Date.parse(session.absoluteExpiresAt) - desk.deps.clock.realMs()) / 60_000;
    expect([Math.ceil(minutes), session.methods]).toEqual([60, ['break_glass']]);
    const refreshed = await post('/v1/auth/refresh', { refreshToken });
    expect((await readSession()).absoluteExpiresAt).toBe(session.absoluteExpiresAt);
    await changeSession({ absoluteExpiresAt: desk.deps.clock.realNow() });
    for (const token of [accessToken, refreshed.body.accessToken]) {
      expect((await desk.request('GET', '/v1/users', { token })).status).toBe(401);
    }
    const again = await post('/v1/auth/refresh', { refreshToken: refreshed.body.refreshToken });
    expect(again.status).toBe(401);
  });

  test('is fresh for five minutes, and again only with both halves', async () => {
    const token = await opened();
    const person = await desk.newPerson('support');
    await changeSession({ mfaAt: addMs(desk.deps.clock.realNow(), -301_000) });
    const grant = (bearer: string) =>
      desk.request('PUT', `/v1/users/${person.userId}/roles`, {
        token: bearer,
        body: { roles: ['support', 'risk_manager'], ...WHY },
      });
    expect((await grant(token)).body.code).toBe('step_up_required');
    refused(await stepUp(token, { ...seal, secondHalf: seal.firstHalf }));
    const fresh = await stepUp(token);
    expect(fresh.status).toBe(200);
    expect((await grant(fresh.body.accessToken)).status).toBe(202);
  });

  test('is the only one its halves prove anew', async () => {
    await opened();
    const admin = await desk.newPerson('admin');
    refused(await stepUp(await desk.tokenOf(admin)));
  });

  test('is recognised in every row it leaves', async () => {
    const startedAt = desk.deps.clock.realNow();
    const token = await opened();
    const bad = await desk.newPerson('admin');
    await post(`/v1/users/${bad.userId}/suspend`, WHY, token);
    await desk.request('GET', `/v1/users/${bad.userId}`, { token });
    await post(`/v1/users/${seal.userId}/suspend`, WHY, token);
    const rows = await desk.deps.db.engine
      .select({ eventType: auditLogs.eventType, outcome: auditLogs.outcome })
      .from(auditLogs)
      .where(and(eq(auditLogs.actorUserId, seal.userId), gte(auditLogs.recordedAt, startedAt)));
    expect(rows.map((row) => `${row.eventType} ${row.outcome}`).sort()).toEqual([
      'request.refused refused',
      'user.read success',
      'user.suspended success',
    ]);
  });
});

describe('an emergency it is for', () => {
  test('an admin who turned bad is shut out at once, by nobody else', async () => {
    const bad = await desk.newPerson('admin');
    const hisToken = await desk.tokenOf(bad);
    const suspended = await post(`/v1/users/${bad.userId}/suspend`, WHY, await opened());
    expect([suspended.status, suspended.body.status]).toEqual([200, 'suspended']);
    expect((await desk.request('GET', '/v1/users', { token: hisToken })).status).toBe(401);
  });

  test('no admin has a factor left: a compliance officer is the second pair of eyes', async () => {
    const lost = await desk.newPerson('admin');
    const officer = await desk.newPerson('compliance_officer');
    const asked = await post(`/v1/users/${lost.userId}/reset-second-factor`, WHY, await opened());
    expect(asked.status).toBe(202);
    const approved = await approve(asked.body.id, await desk.tokenOf(officer));
    expect([approved.status, approved.body.status]).toEqual([200, 'executed']);
    const login = await post('/v1/auth/login', { email: lost.email, password: PASSWORD });
    expect(login.body.mfaRequired).toBe(false);
    const enrolment = await post('/v1/me/mfa/totp', {}, login.body.accessToken);
    expect(enrolment.status).toBeLessThan(300);
  });

  test('one of two admins lost the factors: the other asks, the emergency login approves', async () => {
    const [lost, other] = [await desk.newPerson('admin'), await desk.newPerson('admin')];
    const asked = await post(`/v1/users/${lost.userId}/reset-second-factor`, WHY, await desk.tokenOf(other));
    const approved = await approve(asked.body.id, await opened());
    expect([approved.status, approved.body.status]).toEqual([200, 'executed']);
  });
});

const approve = (id: string, token: string) => post(`/v1/approvals/${id}/approve`, WHY, token);

describe('four eyes hold', () => {
  test('it does not approve what it asked for', async () => {
    const token = await opened();
    const person: Person = await desk.newPerson('support');
    const asked = await desk.request('PUT', `/v1/users/${person.userId}/roles`, {
      token,
      body: { roles: ['support', 'admin'], ...WHY },
    });
    expect(asked.status).toBe(202);
    expect((await approve(asked.body.id, token)).body.code).toBe('self_approval');
  });
});

/** What the database said to a write; undefined where it took it. */
async function stateOf(write: PromiseLike<unknown>): Promise<string | undefined> {
  try {
    await write;
    return undefined;
  } catch (error) {
    return sqlStateOf(error);
  }
}

describe('nothing but a seal opens it', () => {
  test('no password, factor or key can be given to it, by the session or by the database', async () => {
    const token = await opened();
    const tries = [
      await post('/v1/me/mfa/totp', {}, token),
      await post(
        '/v1/api-keys',
        {
          name: 'back door',
          scopes: ['users:read'],
          allowedCidrs: ['203.0.113.0/24'],
          expiresAt: addMs(desk.deps.clock.now(), 86_400_000),
        },
        token,
      ),
    ];
    expect(tries.map((answer) => [answer.status, answer.body.code])).toEqual([
      [403, 'forbidden'],
      [403, 'forbidden'],
    ]);
    const row = { userId: seal.userId, passwordHash: 'x', changedAt: desk.deps.clock.realNow() };
    expect(await stateOf(desk.deps.db.engine.insert(credentials).values(row))).toBe('PL403');
  });

  test('nobody takes it away: it is not suspended, and keeps its role', async () => {
    const admin = await desk.newPerson('admin');
    await desk.newPerson('admin');
    const token = await desk.tokenOf(admin);
    const suspend = await post(`/v1/users/${seal.userId}/suspend`, WHY, token);
    expect([suspend.status, suspend.body.code]).toEqual([403, 'forbidden']);
    for (const write of [
      desk.deps.db.engine.delete(roleGrants).where(eq(roleGrants.userId, seal.userId)),
      desk.deps.db.engine.update(users).set({ status: 'closed' }).where(eq(users.id, seal.userId)),
    ]) {
      expect(await stateOf(write)).toBe('PL403');
    }
    expect((await open()).status).toBe(200);
  });
});
