import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { codeOf, type IdentityDesk, PASSWORD, startIdentityDesk } from '../../testing/identity-desk.ts';
import { credentials, totpSecrets, users } from './schema.ts';

let desk: IdentityDesk;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

const login = (email: string, extra: object = {}) =>
  desk.request('POST', '/v1/auth/login', { body: { email, password: PASSWORD, ...extra } });
const register = (email: string) =>
  desk.request('POST', '/v1/auth/register', {
    body: { email, password: PASSWORD, firstName: 'Anjali', lastName: 'Ramgoolam' },
  });

describe('registration', () => {
  test('registers, verifies and signs in a customer with a closed gate', async () => {
    const email = 'first@example.mu';
    const registered = await register(email);
    expect(registered.status).toBe(202);
    expect((await login(email)).body.code).toBe('email_not_verified');
    const token = registered.body.sandbox.emailToken;
    expect((await desk.request('POST', '/v1/auth/email/verify', { body: { token } })).status).toBe(204);
    const tokens = await login(email);
    expect(tokens.status).toBe(200);
    expect(tokens.body).toMatchObject({ tokenType: 'Bearer', expiresIn: 600, mfaRequired: false });
    const me = await desk.request('GET', '/v1/me', { token: tokens.body.accessToken });
    expect(me.body).toMatchObject({
      email,
      roles: ['customer'],
      kycStatus: 'not_started',
      firstName: 'Anjali',
    });
    expect(me.body).not.toHaveProperty('screening');
    expect(me.headers.get('etag')).toBe(`"${me.body.version}"`);
  });

  test('answers a known address as an unknown one, with a token that opens nothing', async () => {
    const fresh = await register('twice@example.mu');
    const known = await register('TWICE@example.mu');
    expect(known.status).toBe(fresh.status);
    expect(Object.keys(known.body)).toEqual(Object.keys(fresh.body));
    expect(known.body.message).toBe(fresh.body.message);
    const token = known.body.sandbox.emailToken;
    expect(token).toHaveLength(fresh.body.sandbox.emailToken.length);
    const verified = await desk.request('POST', '/v1/auth/email/verify', { body: { token } });
    expect(verified.body.code).toBe('email_token_invalid');
    const people = await desk.deps.db.engine
      .select({ id: users.id })
      .from(users)
      .where(eq(users.emailIndex, desk.deps.keyring.blindIndex('users.email', 'twice@example.mu')));
    expect(people).toHaveLength(1);
  });

  test('makes one user of two registrations at once', async () => {
    const answers = await Promise.all([register('race@example.mu'), register('race@example.mu')]);
    expect(answers.map((answer) => answer.status)).toEqual([202, 202]);
  });

  test('uses an e-mail token once', async () => {
    const token = (await register('once@example.mu')).body.sandbox.emailToken;
    const verify = () => desk.request('POST', '/v1/auth/email/verify', { body: { token } });
    expect([(await verify()).status, (await verify()).status]).toEqual([204, 422]);
  });

  test.each(['short', 'password12345!', 'Qwertyuiop123', 'commoncommon1', 'aaaaaaaaaaaaaa'])(
    'refuses the password %s',
    async (password) => {
      const answer = await desk.request('POST', '/v1/auth/register', {
        body: { email: 'common@example.mu', password, firstName: 'A', lastName: 'B' },
      });
      expect(answer.status).toBe(422);
    },
  );
});

describe('sign-in', () => {
  test('tells an unknown address from a wrong password in nothing', async () => {
    const person = await desk.newPerson();
    const wrong = await login(person.email, { password: 'not the password at all' });
    const unknown = await login('nobody@example.mu');
    for (const answer of [wrong, unknown]) {
      expect(answer.status).toBe(401);
      expect({ ...answer.body, requestId: '' }).toEqual({ ...wrong.body, requestId: '' });
    }
  });

  test('asks for the second factor only once the password is right, and gives no token without it', async () => {
    const person = await desk.newPerson();
    const half = await login(person.email);
    expect(half.status).toBe(200);
    expect(half.body).toEqual({ mfaRequired: true, factors: ['totp'] });
    expect((await login(person.email, { password: 'not the password at all' })).status).toBe(401);
  });

  test('takes a code once', async () => {
    const person = await desk.newPerson();
    const totp = codeOf(person.totpSecret);
    expect((await login(person.email, { totp })).status).toBe(200);
    expect((await login(person.email, { totp })).body.code).toBe('login_failed');
  });

  test('spends a code once of two sign-ins at the same moment', async () => {
    const person = await desk.newPerson();
    const totp = codeOf(person.totpSecret);
    const answers = await Promise.all([login(person.email, { totp }), login(person.email, { totp })]);
    expect(answers.map((answer) => answer.status).sort((left, right) => left - right)).toEqual([200, 401]);
  });

  test('locks after five failures, says nothing of the password then, and opens again', async () => {
    const person = await desk.newPerson();
    await desk.deps.db.engine.delete(totpSecrets).where(eq(totpSecrets.userId, person.userId));
    for (let failure = 0; failure < 5; failure += 1) {
      await login(person.email, { password: 'not the password at all' });
    }
    const locked = await login(person.email);
    expect(locked.body.code).toBe('login_failed');
    expect(await desk.auditOf(person.userId, 'login.locked')).toHaveLength(1);
    expect(await desk.auditOf(person.userId, 'login.failed')).toHaveLength(4);
    await desk.deps.db.engine
      .update(credentials)
      .set({ lockedUntil: desk.deps.clock.realNow() })
      .where(eq(credentials.userId, person.userId));
    expect((await login(person.email)).status).toBe(200);
  });

  test('bounds guesses made at the same moment', async () => {
    const person = await desk.newPerson();
    await desk.deps.db.engine.delete(totpSecrets).where(eq(totpSecrets.userId, person.userId));
    const guesses = Array.from({ length: 9 }, () =>
      login(person.email, { password: 'not the password at all' }),
    );
    await Promise.all(guesses);
    const [row] = await desk.deps.db.engine
      .select()
      .from(credentials)
      .where(eq(credentials.userId, person.userId));
    expect(row?.failedAttempts).toBe(5);
  });
});

describe('access tokens', () => {
  test('verify with the published keys and any JOSE library', async () => {
    const person = await desk.newPerson();
    const token = await desk.tokenOf(person);
    const { body: keySet } = await desk.request('GET', '/.well-known/jwks.json');
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(keySet), {
      issuer: 'plimsoll',
      audience: 'plimsoll-api',
      typ: 'at+jwt',
    });
    expect(protectedHeader.alg).toBe('EdDSA');
    expect(payload.sub).toBe(person.userId);
    expect(keySet.keys[0]).not.toHaveProperty('d');
  });

  test('one refusal for every fault', async () => {
    const token = await desk.newToken();
    const [head = '', body = '', signature = ''] = token.split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const faults = [
      'nonsense',
      `${head}.${body}`,
      `${head}.${encode({ ...claims, sub: desk.system.requestId })}.${signature}`,
      `${encode({ alg: 'none', typ: 'at+jwt' })}.${body}.`,
      `${encode({ alg: 'HS256', typ: 'at+jwt', kid: 'x' })}.${body}.${signature}`,
      'pk_test_0199c4b27d4e7c119a6b3f3c55d0a001_111111111111111111111111111111111111111111111',
    ];
    for (const fault of faults) {
      const answer = await desk.request('GET', '/v1/me', { token: fault });
      expect([answer.status, answer.body.code]).toEqual([401, 'credential_invalid']);
    }
    expect((await desk.request('GET', '/v1/me', { token })).status).toBe(200);
  });

  test('stop working at log-out', async () => {
    const token = await desk.newToken();
    expect((await desk.request('POST', '/v1/auth/logout', { token })).status).toBe(204);
    expect((await desk.request('GET', '/v1/me', { token })).status).toBe(401);
  });
});

describe('refresh', () => {
  const refresh = (refreshToken: string) =>
    desk.request('POST', '/v1/auth/refresh', { body: { refreshToken } });

  test('rotates, and the reuse of any older token ends the session', async () => {
    const person = await desk.newPerson();
    const first = (await login(person.email, { totp: codeOf(person.totpSecret) })).body;
    const second = (await refresh(first.refreshToken)).body;
    const third = (await refresh(second.refreshToken)).body;
    expect((await desk.request('GET', '/v1/me', { token: third.accessToken })).status).toBe(200);
    expect((await refresh(first.refreshToken)).body.code).toBe('credential_invalid');
    expect((await refresh(third.refreshToken)).status).toBe(401);
    expect((await desk.request('GET', '/v1/me', { token: third.accessToken })).status).toBe(401);
    const events = await desk.auditOf(person.userId, 'session.refresh_reused');
    expect(events.map((event) => event.severity)).toEqual(['critical']);
  });

  test('refuses a made-up token and ends nothing', async () => {
    const person = await desk.newPerson();
    const { body } = await login(person.email, { totp: codeOf(person.totpSecret) });
    const forged = `${body.refreshToken.slice(0, -4)}AAAA`;
    expect((await refresh(forged)).status).toBe(401);
    expect((await refresh(body.refreshToken)).status).toBe(200);
  });

  test('lets one of two uses at the same moment through', async () => {
    const person = await desk.newPerson();
    const { body } = await login(person.email, { totp: codeOf(person.totpSecret) });
    const answers = await Promise.all([refresh(body.refreshToken), refresh(body.refreshToken)]);
    expect(answers.map((answer) => answer.status).sort((left, right) => left - right)).toEqual([200, 401]);
  });
});

describe('passwords', () => {
  test('a reset ends every session and works once', async () => {
    const person = await desk.newPerson();
    const token = await desk.tokenOf(person);
    const forgot = await desk.request('POST', '/v1/auth/password/forgot', { body: { email: person.email } });
    const unknown = await desk.request('POST', '/v1/auth/password/forgot', {
      body: { email: 'no@example.mu' },
    });
    expect([forgot.status, unknown.status]).toEqual([202, 202]);
    expect(Object.keys(unknown.body)).toEqual(Object.keys(forgot.body));
    const body = { token: forgot.body.sandbox.emailToken, password: 'nine loud otters in the river' };
    const reset = () => desk.request('POST', '/v1/auth/password/reset', { body });
    expect([(await reset()).status, (await reset()).status]).toEqual([204, 422]);
    expect((await desk.request('GET', '/v1/me', { token })).status).toBe(401);
    expect((await login(person.email)).status).toBe(401);
    expect((await login(person.email, { password: body.password })).body).toEqual({
      mfaRequired: true,
      factors: ['totp'],
    });
  });

  test('a reset verifies the address, so that a lost first mail locks nobody out', async () => {
    const email = 'late@example.mu';
    await register(email);
    const forgot = await desk.request('POST', '/v1/auth/password/forgot', { body: { email } });
    const body = { token: forgot.body.sandbox.emailToken, password: 'nine loud otters in the river' };
    expect((await desk.request('POST', '/v1/auth/password/reset', { body })).status).toBe(204);
    expect((await login(email, { password: body.password })).body.mfaRequired).toBe(false);
  });

  test('a change needs the current one, keeps this session and ends the others', async () => {
    const person = await desk.newPerson();
    const [mine, other] = [await desk.tokenOf(person), await desk.tokenOf(person)];
    const change = (currentPassword: string) =>
      desk.request('POST', '/v1/auth/password/change', {
        token: mine,
        body: { currentPassword, newPassword: 'nine loud otters in the river' },
      });
    expect((await change('not the password at all')).body.code).toBe('password_incorrect');
    expect((await change(PASSWORD)).status).toBe(204);
    expect((await desk.request('GET', '/v1/me', { token: mine })).status).toBe(200);
    expect((await desk.request('GET', '/v1/me', { token: other })).status).toBe(401);
  });
});
