import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import {
  codeOf,
  type IdentityDesk,
  PASSWORD,
  type Person,
  startIdentityDesk,
} from '../../testing/identity-desk.ts';
import { mailsTo } from '../../testing/mails.ts';
import { RECOVERY_CODE_PATTERN, readRecoveryCode } from './recovery-code-format.ts';
import { passkeys, recoveryCodes, totpSecrets } from './schema.ts';

let desk: IdentityDesk;
let admins: readonly [Person, Person];

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
  // Nobody acts as admin before there are two.
  admins = [await desk.newPerson('admin'), await desk.newPerson('admin')];
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

const ascending = (left: number, right: number) => left - right;

const post = (path: string, body: unknown, token?: string) =>
  desk.request('POST', path, { body, ...(token === undefined ? {} : { token }) });

/** Somebody who has just enrolled an authenticator app, with the codes that came with it. */
async function enrolled(...roles: Parameters<IdentityDesk['newPerson']>) {
  const person = await desk.newPerson(...roles);
  await desk.deps.db.engine.delete(totpSecrets).where(eq(totpSecrets.userId, person.userId));
  const token = await desk.tokenOf(person, false);
  const { secret } = (await desk.request('POST', '/v1/me/mfa/totp', { token })).body;
  const confirmed = await post('/v1/me/mfa/totp/confirm', { totp: codeOf(secret) }, token);
  const codes: readonly string[] = confirmed.body.recoveryCodes;
  const recover = (recoveryCode: string, password = PASSWORD) =>
    post('/v1/auth/recovery-code', { email: person.email, password, recoveryCode });
  return { person, token, codes, secret, recover };
}

describe('recovery codes', () => {
  test('come with the first second factor: ten, all different, of 120 random bits, never in clear', async () => {
    const { codes, token, person } = await enrolled();
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) {
      expect(code).toMatch(/^(?:[0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/);
    }
    const left = await desk.request('GET', '/v1/me/mfa/recovery-codes', { token });
    expect(left.body).toEqual({ left: 10, createdAt: expect.any(String) });
    const rows = await desk.deps.db.engine
      .select()
      .from(recoveryCodes)
      .where(eq(recoveryCodes.userId, person.userId));
    expect(rows.every((row) => row.codeHash.length === 32)).toBe(true);
    const [event] = await desk.auditOf(person.userId, 'recovery_codes.made');
    expect(event?.after).toEqual({ count: 10 });
  });

  test('sign in with the password, each once, as two factors, and the person is told', async () => {
    const { codes, recover, person } = await enrolled();
    const [code = ''] = codes;
    const answer = await recover(code.toLowerCase().replaceAll('-', ' '));
    expect(answer.status).toBe(200);
    const token = answer.body.accessToken;
    const list = await desk.request('GET', '/v1/me/sessions', { token });
    expect(list.body.data[0]).toMatchObject({ methods: ['pwd', 'recovery'], secondFactor: true });
    expect((await desk.request('GET', '/v1/me/mfa/recovery-codes', { token })).body.left).toBe(9);
    expect((await recover(code)).body.code).toBe('login_failed');
    const [event] = await desk.auditOf(person.userId, 'recovery_code.used');
    expect(event?.after).toEqual({ left: 9 });
    const subjects = (await mailsTo(desk.deps, person.email)).map((mail) => mail.subject);
    expect(subjects).toEqual(['An authenticator app was added', 'A recovery code was used']);
  });

  test('work once, also when sent several times at once', async () => {
    const { codes, recover } = await enrolled();
    const answers = await Promise.all(Array.from({ length: 4 }, () => recover(codes[0] ?? '')));
    expect(answers.map((answer) => answer.status).toSorted(ascending)).toEqual([200, 401, 401, 401]);
  });

  test('are refused as a wrong password is, and spent by nobody who lacks it', async () => {
    const [{ codes, recover, person }, other] = [await enrolled(), await enrolled()];
    const body = { email: person.email, password: 'not the password at all' };
    const wrongPassword = await post('/v1/auth/login', body);
    const plain = (answer: typeof wrongPassword) => ({ ...answer.body, instance: '', requestId: '' });
    for (const refused of [
      await recover(codes[0] ?? '', body.password),
      await recover(other.codes[0] ?? ''),
      await post('/v1/auth/recovery-code', {
        email: 'nobody@example.mu',
        password: PASSWORD,
        recoveryCode: codes[0],
      }),
    ]) {
      expect(refused.status).toBe(401);
      expect(plain(refused)).toEqual(plain(wrongPassword));
    }
    expect((await recover(codes[0] ?? '')).status).toBe(200);
    expect((await other.recover(other.codes[0] ?? '')).status).toBe(200);
  });

  test('stand in for no factor that is not there', async () => {
    const person = await desk.newPerson();
    await desk.deps.db.engine.delete(totpSecrets).where(eq(totpSecrets.userId, person.userId));
    const body = { email: person.email, password: PASSWORD, recoveryCode: 'A'.repeat(24) };
    expect((await post('/v1/auth/recovery-code', body)).body.code).toBe('login_failed');
  });

  test('share the lock of the password', async () => {
    const { codes, recover, person, secret } = await enrolled();
    for (let failure = 0; failure < 5; failure += 1) {
      expect((await recover('Z'.repeat(24))).status).toBe(401);
    }
    expect(await desk.auditOf(person.userId, 'login.locked')).toHaveLength(1);
    const subjects = (await mailsTo(desk.deps, person.email)).map((mail) => mail.subject);
    expect(subjects).toEqual([
      'An authenticator app was added',
      'Wrong codes were given for your account',
      'Signing in is paused',
    ]);
    expect((await recover(codes[0] ?? '')).body.code).toBe('login_failed');
    const totp = codeOf(secret, 1);
    const answer = await post('/v1/auth/login', { email: person.email, password: PASSWORD, totp });
    expect(answer.body.code).toBe('login_failed');
  });

  test('are replaced after a step-up, and the older ones stop working', async () => {
    const { codes, recover, person, token } = await enrolled();
    const half = await desk.tokenOf(person, false);
    const refused = await desk.request('POST', '/v1/me/mfa/recovery-codes', { token: half });
    expect(refused.body.code).toBe('step_up_required');
    const made = await desk.request('POST', '/v1/me/mfa/recovery-codes', { token });
    expect([made.status, made.body.recoveryCodes.length]).toEqual([201, 10]);
    expect((await recover(codes[0] ?? '')).status).toBe(401);
    expect((await recover(made.body.recoveryCodes[0])).status).toBe(200);
  });

  test('go with the last second factor', async () => {
    const { codes, recover, token, person } = await enrolled();
    expect((await desk.request('DELETE', '/v1/me/mfa/totp', { token })).status).toBe(204);
    const where = eq(recoveryCodes.userId, person.userId);
    expect(await desk.deps.db.engine.$count(recoveryCodes, where)).toBe(0);
    expect((await recover(codes[0] ?? '')).status).toBe(401);
  });

  test('are read with the slips of someone who copies them from paper', () => {
    expect(readRecoveryCode('7k2m 9qxa-tb4c-OhJZ-vw3n-eI1l')).toBe('7K2M9QXATB4C0HJZVW3NE111');
    for (const text of ['7K2M', '7K2M--9QXA-TB4C-0HJZ-VW3N-E8RD', `${'A'.repeat(24)}!`]) {
      expect(text).not.toMatch(RECOVERY_CODE_PATTERN);
    }
  });
});

describe('a reset of the second factors', () => {
  const reset = (id: string, token: string) =>
    post(`/v1/users/${id}/reset-second-factor`, { reason: 'Lost the telephone' }, token);
  const approve = (id: string, token: string) =>
    post(`/v1/approvals/${id}/approve`, { reason: 'Seen in a video call' }, token);

  test('is asked for by one admin and decided by another; then the password alone signs in', async () => {
    const { person, token, codes, recover } = await enrolled();
    const [maker, checker] = [await desk.tokenOf(admins[0]), await desk.tokenOf(admins[1])];
    const asked = await reset(person.userId, maker);
    expect(asked.status).toBe(202);
    expect((await reset(person.userId, checker)).body.code).toBe('approval_pending_exists');
    expect((await approve(asked.body.id, maker)).body.code).toBe('self_approval');
    expect((await desk.request('GET', '/v1/me', { token })).body.secondFactorEnabled).toBe(true);
    expect((await approve(asked.body.id, checker)).status).toBe(200);
    expect((await desk.request('GET', '/v1/me', { token })).status).toBe(401);
    for (const table of [totpSecrets, passkeys, recoveryCodes]) {
      expect(await desk.deps.db.engine.$count(table, eq(table.userId, person.userId))).toBe(0);
    }
    expect((await recover(codes[0] ?? '')).status).toBe(401);
    const signedIn = await post('/v1/auth/login', { email: person.email, password: PASSWORD });
    expect(signedIn.body.mfaRequired).toBe(false);
    const [event] = await desk.auditOf(person.userId, 'user.second_factor_reset');
    expect(event?.before).toEqual({ totp: true, passkeys: 0 });
  });

  test('is for nobody on themselves, by admins only, after a step-up, of factors that are there', async () => {
    const [admin, person] = [admins[0], await desk.newPerson()];
    const token = await desk.tokenOf(admin);
    expect((await reset(admin.userId, token)).body.code).toBe('self_action');
    expect((await reset(person.userId, await desk.newToken('compliance_officer'))).status).toBe(403);
    expect((await reset(person.userId, await desk.tokenOf(admin, false))).status).toBe(403);
    expect((await reset(crypto.randomUUID(), token)).status).toBe(404);
    await desk.deps.db.engine.delete(totpSecrets).where(eq(totpSecrets.userId, person.userId));
    expect((await reset(person.userId, token)).body.code).toBe('second_factor_not_enrolled');
  });

  test('of staff leaves them unable to act until they enrol anew', async () => {
    const { person } = await enrolled('operations');
    const asked = await reset(person.userId, await desk.tokenOf(admins[0]));
    expect((await approve(asked.body.id, await desk.tokenOf(admins[1]))).status).toBe(200);
    const { accessToken } = (await post('/v1/auth/login', { email: person.email, password: PASSWORD })).body;
    const act = () => desk.request('GET', '/v1/users', { token: accessToken });
    expect((await act()).body.code).toBe('second_factor_required');
    const { secret } = (await desk.request('POST', '/v1/me/mfa/totp', { token: accessToken })).body;
    const confirmed = await post('/v1/me/mfa/totp/confirm', { totp: codeOf(secret) }, accessToken);
    expect(confirmed.body.recoveryCodes).toHaveLength(10);
    expect((await act()).status).toBe(200);
  });
});
