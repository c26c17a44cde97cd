import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, isNull, sql } from 'drizzle-orm';
import { decodeJwt } from 'jose';
import { newId } from '../../kernel/id.ts';
import { msOfInstant } from '../../kernel/time.ts';
import { transact } from '../../platform/db/transact.ts';
import {
  codeOf,
  type IdentityDesk,
  PASSWORD,
  type Person,
  startIdentityDesk,
} from '../../testing/identity-desk.ts';
import { mailsTo } from '../../testing/mails.ts';
import { startNode } from '../../testing/second-node.ts';
import { identityDomain } from './index.ts';
import { openSession, tokensOf } from './open-session.ts';
import { sessions } from './schema.ts';
import { sessionLimitsOf } from './session-limits.ts';
import { suspendUser } from './suspend-user.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

let desk: IdentityDesk;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
});
afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

async function signIn(person: Person) {
  const body = { email: person.email, password: PASSWORD, totp: codeOf(person.totpSecret) };
  const answer = await desk.request('POST', '/v1/auth/login', { body });
  expect(answer.status).toBe(200);
  return answer.body as { accessToken: string; refreshToken: string };
}

const sidOf = (token: string) => decodeJwt<{ sid: string }>(token).sid;
const sessionOf = async (token: string) => {
  const [row] = await desk.deps.db.engine
    .select()
    .from(sessions)
    .where(eq(sessions.id, sidOf(token)));
  return row;
};
const liveOf = (person: Person) =>
  desk.deps.db.engine.$count(sessions, and(eq(sessions.userId, person.userId), isNull(sessions.revokedAt)));

/** Refreshes as if that much time had passed. */
async function refreshAfter(refreshToken: string, aheadMs: number) {
  const node = startNode(desk, [identityDomain], { aheadMs });
  try {
    return await node.request('POST', '/v1/auth/refresh', { body: { refreshToken } });
  } finally {
    await node.close();
  }
}

const join = (person: Person) =>
  desk.deps.db.engine.execute(
    sql`insert into role_grants (user_id, role, granted_at) values (${person.userId}, 'support', now())`,
  );

describe('the limits of a session', () => {
  test('are half an hour and half a day for staff, half a day and a week for customers', () => {
    expect(sessionLimitsOf(['customer'])).toEqual({ idleMs: 12 * HOUR_MS, absoluteMs: 7 * DAY_MS });
    expect(sessionLimitsOf(['market_maker'])).toEqual(sessionLimitsOf(['customer']));
    for (const role of ['support', 'auditor', 'admin', 'mlro'] as const) {
      expect(sessionLimitsOf(['customer', role])).toEqual({
        idleMs: 30 * MINUTE_MS,
        absoluteMs: 12 * HOUR_MS,
      });
    }
  });

  test('are those of a person’s roles at sign-in', async () => {
    for (const roles of [['customer'], ['customer', 'operations']] as const) {
      const session = await sessionOf((await signIn(await desk.newPerson(...roles))).accessToken);
      const startedMs = msOfInstant(session?.loggedInAt ?? ('' as never));
      expect({
        idleMs: msOfInstant(session?.idleExpiresAt ?? ('' as never)) - startedMs,
        absoluteMs: msOfInstant(session?.absoluteExpiresAt ?? ('' as never)) - startedMs,
      }).toEqual(sessionLimitsOf([...roles]));
    }
  });

  test('end what nobody refreshed for too long', async () => {
    const customer = await signIn(await desk.newPerson());
    expect((await refreshAfter(customer.refreshToken, 13 * HOUR_MS)).body.code).toBe('credential_invalid');
    const clerk = await signIn(await desk.newPerson('support'));
    expect((await refreshAfter(clerk.refreshToken, 31 * MINUTE_MS)).body.code).toBe('credential_invalid');
    expect((await refreshAfter(clerk.refreshToken, 29 * MINUTE_MS)).status).toBe(200);
  });

  test('end a session however often it is refreshed', async () => {
    const { refreshToken, accessToken } = await signIn(await desk.newPerson('support'));
    await desk.deps.db.engine
      .update(sessions)
      .set({ loggedInAt: sql`logged_in_at - interval '11 hours 50 minutes'` })
      .where(eq(sessions.id, sidOf(accessToken)));
    const refreshed = await refreshAfter(refreshToken, 5 * MINUTE_MS);
    expect(refreshed.status).toBe(200);
    const session = await sessionOf(accessToken);
    expect(session?.idleExpiresAt).toBe(session?.absoluteExpiresAt as never);
    expect((await refreshAfter(refreshed.body.refreshToken, 11 * MINUTE_MS)).status).toBe(401);
  });

  test('become those of staff for someone who joins the staff', async () => {
    const person = await desk.newPerson();
    const [idle, busy, late] = [await signIn(person), await again(person), await again(person)];
    await join(person);
    expect((await refreshAfter(idle.refreshToken, 31 * MINUTE_MS)).status).toBe(401);
    expect((await refreshAfter(busy.refreshToken, 5 * MINUTE_MS)).status).toBe(200);
    const session = await sessionOf(busy.accessToken);
    const lastsMs =
      msOfInstant(session?.absoluteExpiresAt ?? ('' as never)) -
      msOfInstant(session?.loggedInAt ?? ('' as never));
    expect(lastsMs).toBe(12 * HOUR_MS);
    expect((await refreshAfter(late.refreshToken, 12 * HOUR_MS + MINUTE_MS)).status).toBe(401);
  });

  test('can be shorter for one sign-in, never longer', async () => {
    const person = await desk.newPerson('support');
    for (const [absoluteMs, lastsMs] of [
      [10 * MINUTE_MS, 10 * MINUTE_MS],
      [30 * DAY_MS, 12 * HOUR_MS],
    ] as const) {
      const opened = await transact(desk.system, 'engine', (tx) =>
        openSession(tx, desk.system, person.userId, { methods: ['pwd'], secondFactor: false, absoluteMs }),
      );
      const [row] = await desk.deps.db.engine.select().from(sessions).where(eq(sessions.id, opened.id));
      const startedMs = msOfInstant(row?.loggedInAt ?? ('' as never));
      expect(msOfInstant(row?.absoluteExpiresAt ?? ('' as never)) - startedMs).toBe(lastsMs);
      expect(msOfInstant(row?.idleExpiresAt ?? ('' as never)) - startedMs).toBeLessThanOrEqual(lastsMs);
    }
  });
});

describe('a session', () => {
  test('is not opened by a sign-in that a suspension overtook', async () => {
    const person = await desk.newPerson();
    const suspended = Promise.withResolvers<void>();
    const opened = transact(desk.system, 'engine', async (tx) => {
      await suspended.promise;
      return openSession(tx, desk.system, person.userId, { methods: ['pwd'], secondFactor: false });
    });
    const admin = await desk.newPerson('admin');
    await suspendUser({ ...desk.ctx(admin.actor), login: 'staff' }, person.userId, 'Reported stolen device');
    suspended.resolve();
    expect(opened).rejects.toThrow('restricted');
    await opened.catch(() => {});
    expect(await liveOf(person)).toBe(0);
  });

  test('tells how its person proved who they are, to them and in each token', async () => {
    const { accessToken } = await signIn(await desk.newPerson());
    expect(decodeJwt(accessToken).amr).toEqual(['pwd', 'otp']);
    const listed = await desk.request('GET', '/v1/me/sessions', { token: accessToken });
    expect(listed.body.data[0]).toMatchObject({ methods: ['pwd', 'otp'], secondFactor: true, current: true });
  });
});

describe('all other sessions', () => {
  test('of one’s own end at once, and the one that asks stays', async () => {
    const person = await desk.newPerson();
    const [mine, ...others] = [
      await desk.tokenOf(person),
      await desk.tokenOf(person),
      await desk.tokenOf(person),
    ];
    const answer = await desk.request('DELETE', '/v1/me/sessions', { token: mine });
    expect([answer.status, answer.body]).toEqual([200, { ended: 2 }]);
    expect((await desk.request('GET', '/v1/me', { token: mine })).status).toBe(200);
    for (const token of others) {
      expect((await desk.request('GET', '/v1/me', { token })).status).toBe(401);
    }
    const [event] = await desk.auditOf(person.userId, 'user.sessions_ended');
    expect(event?.after).toEqual({ ended: 2, revokedReason: 'others_ended' });
  });
});

describe('staff', () => {
  const end = async (clerk: Person, userId: string, query = '?reason=lost_device') =>
    desk.request('DELETE', `/v1/users/${userId}/sessions${query}`, { token: await desk.tokenOf(clerk) });

  test.each(['support', 'compliance_officer', 'mlro'] as const)(
    'who are %s end every session of a person, who is told',
    async (role) => {
      const [clerk, person] = [await desk.newPerson(role), await desk.newPerson()];
      const tokens = [await desk.tokenOf(person), await desk.tokenOf(person)];
      const answer = await end(clerk, person.userId);
      expect([answer.status, answer.body]).toEqual([200, { ended: 2 }]);
      for (const token of tokens) {
        expect((await desk.request('GET', '/v1/me', { token })).status).toBe(401);
      }
      expect(await liveOf(person)).toBe(0);
      const [event] = await desk.auditOf(person.userId, 'user.sessions_ended');
      expect(event?.actorUserId).toBe(clerk.userId);
      expect(event?.after).toEqual({ ended: 2, revokedReason: 'ended_by_staff', reason: 'lost_device' });
      const mails = await mailsTo(desk.deps, person.email);
      expect(mails.map((mail) => mail.subject)).toEqual(['Your sessions were ended']);
      expect((await end(clerk, person.userId)).body).toEqual({ ended: 0 });
    },
  );

  test('of support or of the MLRO end none of the firm’s own people, whom an admin or compliance ends', async () => {
    const target = await desk.newPerson('operations');
    await desk.tokenOf(target);
    for (const role of ['support', 'mlro'] as const) {
      const refused = await end(await desk.newPerson(role), target.userId);
      expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
    }
    expect(await liveOf(target)).toBe(1);
    const trader = await desk.newPerson('customer', 'market_maker');
    expect((await end(await desk.newPerson('support'), trader.userId)).status).toBe(200);
    expect((await end(await desk.newPerson('compliance_officer'), target.userId)).body).toEqual({ ended: 1 });
    await desk.tokenOf(target);
    await desk.newPerson('admin');
    const admin = await desk.newPerson('support', 'admin');
    expect((await end(admin, target.userId)).body).toEqual({ ended: 1 });
  });

  test('say why in a word that is known, and end nobody’s sessions otherwise', async () => {
    const [clerk, person] = [await desk.newPerson('support'), await desk.newPerson()];
    await desk.tokenOf(person);
    for (const query of ['', '?reason=because', '?reason=']) {
      expect((await end(clerk, person.userId, query)).status).toBe(422);
    }
    expect(await liveOf(person)).toBe(1);
  });

  test('do not end their own that way, nor those of nobody', async () => {
    const clerk = await desk.newPerson('support');
    expect((await end(clerk, clerk.userId)).body.code).toBe('self_action');
    expect((await end(clerk, newId())).status).toBe(404);
    expect((await end(await desk.newPerson('operations'), clerk.userId)).body.code).toBe('forbidden');
    expect((await end(await desk.newPerson(), clerk.userId)).body.code).toBe('forbidden');
  });
});

describe('a refresh token that is used again', () => {
  test('ends its session, raises an alarm and tells the person', async () => {
    const person = await desk.newPerson();
    const first = await signIn(person);
    const second = await desk.request('POST', '/v1/auth/refresh', {
      body: { refreshToken: first.refreshToken },
    });
    const again = await desk.request('POST', '/v1/auth/refresh', {
      body: { refreshToken: first.refreshToken },
    });
    expect([second.status, again.status]).toEqual([200, 401]);
    expect((await desk.request('GET', '/v1/me', { token: second.body.accessToken })).status).toBe(401);
    const newest = { refreshToken: second.body.refreshToken };
    expect((await desk.request('POST', '/v1/auth/refresh', { body: newest })).status).toBe(401);
    const [event] = await desk.auditOf(person.userId, 'session.refresh_reused');
    expect(event?.severity).toBe('critical');
    const alarms = await desk.deps.db.engine.execute<{ alarm: string }>(sql`
      select data ->> 'alarm' as alarm from outbox
      where type = 'security.alarm_raised' and data ->> 'resourceId' = ${sidOf(first.accessToken)}`);
    expect(alarms.map((row) => row.alarm)).toEqual(['session.refresh_reused']);
    const told = (await mailsTo(desk.deps, person.email)).map((mail) => mail.subject);
    expect(told).toContain('A session was ended for safety');
    const duty = await mailsTo(desk.deps, 'alarms@example.mu');
    expect(duty.some((mail) => mail.subject.includes('session.refresh_reused'))).toBe(true);
  });
});

/** Another session of the same person, whose code was used in this half minute. */
async function again(person: Person): Promise<{ accessToken: string; refreshToken: string }> {
  const opened = await transact(desk.system, 'engine', (tx) =>
    openSession(tx, desk.system, person.userId, { methods: ['pwd'], secondFactor: false }),
  );
  return tokensOf(desk.deps, opened, person.roles);
}
