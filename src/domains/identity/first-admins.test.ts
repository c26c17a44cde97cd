import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { addMs } from '../../kernel/time.ts';
import { sha256 } from '../../platform/crypto/keyring.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { codeOf, type IdentityDesk, startIdentityDesk } from '../../testing/identity-desk.ts';
import { mailsTo } from '../../testing/mails.ts';
import { until } from '../../testing/until.ts';
import { type Invitation, inviteAdmins, withdrawInvitation } from './invite-admins.ts';
import { emailTokens, users } from './schema.ts';
import { sealBreakGlass } from './seal-break-glass.ts';

const PASSWORD = 'nine loud otters in the river';
const REASON = { reason: 'Asked for' };

const anjali = { email: 'anjali@firm.example', firstName: 'Anjali', lastName: 'Ramgoolam' };
const devi = { email: 'devi@firm.example', firstName: 'Devi', lastName: 'Appadoo' };
const third = { email: 'third@firm.example', firstName: 'Third', lastName: 'Person' };

/** Each test needs an installation of its own: that there are two admins cannot be taken back. */
let desk: IdentityDesk;

const begin = async () => {
  desk = await startIdentityDesk(import.meta.file);
};
const end = async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
};

const post = (path: string, body: object, token?: string) =>
  desk.request('POST', path, { body, ...(token === undefined ? {} : { token }) });
const invite = (...people: (typeof anjali)[]) => inviteAdmins(desk.system, people);
const setPassword = (invitation: Pick<Invitation, 'token'>) =>
  post('/v1/auth/password/reset', { token: invitation.token, password: PASSWORD });
const codeOfRefusal = async (refused: Promise<unknown>) => {
  const failure = await refused.then(
    () => undefined,
    (error: unknown) => error,
  );
  return (failure as { code?: string } | undefined)?.code;
};

describe('the first two admins', () => {
  beforeEach(begin);
  afterEach(end);

  test('are invited, set passwords and enrol; neither acts before both have, then both do', async () => {
    const [first, second] = (await invite(anjali, devi)) as [Invitation, Invitation];
    expect((await mailsTo(desk.deps, anjali.email))[0]?.text).toContain(first.token);
    const customer = await desk.newPerson();
    const suspend = (token: string) => post(`/v1/users/${customer.userId}/suspend`, REASON, token);

    const anjaliToken = await signInAndEnrol(anjali.email, first);
    const alone = await suspend(anjaliToken);
    expect([alone.status, alone.body.code]).toEqual([403, 'second_admin_missing']);

    const deviToken = await signInAndEnrol(devi.email, second);
    // Every node learns by notice that there are two; this one may learn a moment later.
    await until(async () => (await suspend(deviToken)).body.code !== 'second_admin_missing');
    expect((await desk.auditOf(customer.userId, 'user.suspended')).length).toBe(1);
    const asked = await post(`/v1/users/${customer.userId}/reactivate`, REASON, anjaliToken);
    expect(asked.status).toBe(202);
    const approved = await post(`/v1/approvals/${asked.body.id}/approve`, REASON, deviToken);
    expect([approved.status, approved.body.status]).toEqual([200, 'executed']);
  });

  test('are all the command makes: a third is refused and told of the ordinary way', async () => {
    const [first] = (await invite(anjali, devi)) as [Invitation];
    await setPassword(first);
    const refused = invite(third);
    expect(refused).rejects.toThrow('PUT /v1/users/{id}/roles');
    expect(await codeOfRefusal(refused)).toBe('admins_complete');
    expect(await codeOfRefusal(invite(anjali))).toBe('email_taken');
    expect(await codeOfRefusal(withdrawInvitation(desk.system, anjali.email))).toBe('invitation_unknown');
  });

  test('can be followed by a third where one of them is shut out, and the other is told', async () => {
    await invite(anjali, devi);
    await desk.deps.db.engine
      .update(users)
      .set({ status: 'suspended' })
      .where(eq(users.emailIndex, desk.deps.keyring.blindIndex('users.email', devi.email)));
    expect(await invite(third)).toHaveLength(1);
    const told = (await mailsTo(desk.deps, anjali.email)).map((mail) => mail.subject);
    expect(told).toContain('A new administrator was invited');
    expect((await mailsTo(desk.deps, devi.email)).map((mail) => mail.subject)).not.toContain(
      'A new administrator was invited',
    );
  });
});

/** Everything an invited person does until they hold a second factor; answers their access token. */
async function signInAndEnrol(email: string, invitation: Invitation): Promise<string> {
  expect((await post('/v1/auth/login', { email, password: PASSWORD })).status).toBe(401);
  expect((await setPassword(invitation)).status).toBe(204);
  expect((await setPassword(invitation)).status).toBe(422);
  const signedIn = await post('/v1/auth/login', { email, password: PASSWORD });
  expect(signedIn.body.mfaRequired).toBe(false);
  const token: string = signedIn.body.accessToken;
  const enrolment = await post('/v1/me/mfa/totp', {}, token);
  const confirmed = await post('/v1/me/mfa/totp/confirm', { totp: codeOf(enrolment.body.secret) }, token);
  expect(confirmed.status).toBeLessThan(300);
  return token;
}

describe('the emergency login', () => {
  beforeEach(begin);
  afterEach(end);

  test('is neither of the two', async () => {
    const { firstHalf, secondHalf } = await sealBreakGlass(desk.system);
    await post('/v1/auth/break-glass', { firstHalf, secondHalf, ...REASON });
    const alone = await desk.newPerson('admin');
    const customer = await desk.newPerson();
    const answer = await post(`/v1/users/${customer.userId}/suspend`, REASON, await desk.tokenOf(alone));
    expect([answer.status, answer.body.code]).toEqual([403, 'second_admin_missing']);
    expect(await invite(anjali)).toHaveLength(1);
    expect(await codeOfRefusal(invite(devi))).toBe('admins_complete');
  });
});

describe('an invitation', () => {
  beforeEach(begin);
  afterEach(end);

  test('is kept as a hash, lives 24 hours, and is recorded as the system’s act without the person', async () => {
    const [invitation] = (await invite(anjali)) as [Invitation];
    const [row] = await desk.deps.db.engine
      .select()
      .from(emailTokens)
      .where(eq(emailTokens.tokenHash, sha256(invitation.token)));
    const hours = (Date.parse(row?.expiresAt ?? '') - desk.deps.clock.realMs()) / 3_600_000;
    expect(hours).toBeGreaterThan(23.9);
    expect(hours).toBeLessThanOrEqual(24);
    const events = await desk.auditOf(invitation.userId, 'admin.invited');
    expect(events).toMatchObject([{ actorKind: 'system', severity: 'warning', outcome: 'success' }]);
    const rows = await desk.deps.db.engine
      .select({ before: auditLogs.before, after: auditLogs.after })
      .from(auditLogs)
      .where(eq(auditLogs.subjectUserId, invitation.userId));
    expect(JSON.stringify(rows)).not.toMatch(/anjali|ramgoolam/i);
    expect(JSON.stringify(rows)).not.toContain(invitation.token);
  });

  test('is made anew for someone who has not come, and the old one dies', async () => {
    const [dead] = (await invite(anjali)) as [Invitation];
    const [again] = (await invite(anjali)) as [Invitation];
    await desk.deps.db.engine
      .update(emailTokens)
      .set({ expiresAt: addMs(desk.deps.clock.realNow(), -1) })
      .where(eq(emailTokens.tokenHash, sha256(again.token)));
    expect((await setPassword(again)).status).toBe(422);
    expect((await setPassword(dead)).status).toBe(422);
    const [renewed] = (await invite(anjali)) as [Invitation];
    expect(renewed.userId).toBe(again.userId);
    expect((await setPassword(renewed)).status).toBe(204);
  });

  test('is all or nothing for two, and makes two of any number at once', async () => {
    const [first] = (await invite(anjali)) as [Invitation];
    await setPassword(first);
    expect(await codeOfRefusal(invite(devi, anjali))).toBe('email_taken');
    expect((await mailsTo(desk.deps, devi.email)).length).toBe(0);
    const codes = await Promise.all(
      ['a', 'b', 'c'].map((name) => codeOfRefusal(invite({ ...third, email: `${name}@firm.example` }))),
    );
    expect(codes.filter((code) => code === undefined)).toHaveLength(1);
    expect(codes.filter((code) => code === 'admins_complete')).toHaveLength(2);
  });

  test('to a wrong address can be withdrawn, which makes room', async () => {
    await invite(anjali, third);
    expect(await codeOfRefusal(invite(devi))).toBe('admins_complete');
    await withdrawInvitation(desk.system, third.email);
    expect(await codeOfRefusal(invite(third))).toBe('email_taken');
    const [invitation] = (await invite(devi)) as [Invitation];
    expect((await setPassword(invitation)).status).toBe(204);
  });
});
