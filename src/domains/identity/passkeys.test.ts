import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { createApp } from '../../app.ts';
import { addMs } from '../../kernel/time.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { runJob } from '../../platform/jobs/jobs.ts';
import {
  codeOf,
  type IdentityDesk,
  PASSWORD,
  type Person,
  startIdentityDesk,
} from '../../testing/identity-desk.ts';
import { send } from '../../testing/send.ts';
import { type SoftPasskey, softPasskey, type Twist } from '../../testing/soft-authenticator.ts';
import { authenticate, identityDomain } from './index.ts';
import { issueChallenge } from './passkey-challenges.ts';
import { passkeyChallenges, passkeys, sessions, totpSecrets, users } from './schema.ts';

let desk: IdentityDesk;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

const ascending = (left: number, right: number) => left - right;

const post = (path: string, body: unknown, token?: string) =>
  desk.request('POST', path, { body, ...(token === undefined ? {} : { token }) });

async function creationOptions(token: string) {
  return (await desk.request('POST', '/v1/me/passkeys/options', { token })).body;
}

async function requestOptions(purpose = 'sign_in') {
  return (await post('/v1/auth/passkey/options', { purpose })).body;
}

/** Registers a passkey in this session, faithfully or not. */
async function register(token: string, passkey: SoftPasskey, twist: Twist = {}) {
  const response = passkey.create(await creationOptions(token), twist);
  return post('/v1/me/passkeys', { name: 'Phone', response }, token);
}

/** Somebody with a passkey and no other factor. */
async function passkeyHolder(...roles: Parameters<IdentityDesk['newPerson']>) {
  const person = await desk.newPerson(...roles);
  await desk.deps.db.engine.delete(totpSecrets).where(eq(totpSecrets.userId, person.userId));
  const token = await desk.tokenOf(person, false);
  const passkey = softPasskey();
  const added = await register(token, passkey);
  expect(added.status).toBe(201);
  return { person, token, passkey, added: added.body };
}

async function signIn(passkey: SoftPasskey, twist: Twist = {}) {
  return post('/v1/auth/passkey/login', { response: passkey.get(await requestOptions(), twist) });
}

async function login(person: Person, extra: object = {}) {
  return post('/v1/auth/login', { email: person.email, password: PASSWORD, ...extra });
}

describe('making a passkey', () => {
  test('asks the browser for one that is found without a name and unlocked by its owner', async () => {
    const { person, token, added } = await passkeyHolder();
    expect(added).toMatchObject({ name: 'Phone', deviceType: 'singleDevice', transports: ['internal'] });
    expect(added).not.toHaveProperty('publicKey');
    const options = await creationOptions(token);
    expect(options).toMatchObject({
      rp: { id: 'localhost', name: 'Plimsoll' },
      user: { id: Buffer.from(person.userId.replaceAll('-', ''), 'hex').toString('base64url') },
      attestation: 'none',
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    });
    expect(options.excludeCredentials).toHaveLength(1);
    expect(options.challenge).toMatch(/^[\w-]{136}$/);
  });

  test('is a second factor, ends the other sessions and is told in the log', async () => {
    const person = await desk.newPerson();
    await desk.deps.db.engine.delete(totpSecrets).where(eq(totpSecrets.userId, person.userId));
    const [token, other] = [await desk.tokenOf(person, false), await desk.tokenOf(person, false)];
    expect((await register(token, softPasskey())).status).toBe(201);
    expect((await desk.request('GET', '/v1/me', { token })).body.secondFactorEnabled).toBe(true);
    expect((await desk.request('GET', '/v1/me', { token: other })).status).toBe(401);
    expect((await desk.request('GET', '/v1/me/passkeys', { token })).body.data).toHaveLength(1);
    const [event] = await desk.auditOf(person.userId, 'passkey.added');
    expect(event?.after).toEqual({ deviceType: 'singleDevice', backedUp: false, ended: 1 });
    const [session] = await desk.deps.db.engine
      .select()
      .from(sessions)
      .where(eq(sessions.userId, person.userId))
      .orderBy(sessions.id);
    expect(session?.methods).toEqual(['hwk', 'pwd']);
  });

  const twists: readonly [string, Twist][] = [
    ['from another site', { origin: 'https://evil.example' }],
    ['from a site whose name begins like ours', { origin: 'http://localhost.evil.example' }],
    ['from inside a frame of another site', { crossOrigin: true }],
    ['for another relying party', { rpId: 'evil.example' }],
    ['to a challenge of its own making', { challenge: 'A'.repeat(136) }],
    ['of another ceremony', { type: 'webauthn.get' }],
    ['without its owner unlocking it', { userVerified: false }],
    ['without anybody there', { userPresent: false }],
    ['under the id of another credential', { credentialId: 'AAAAAAAAAAAAAAAAAAAAAA' }],
    ['with a certificate to be looked up', { attestation: 'packed' }],
  ];
  test.each(twists)('refuses an answer %s, without a word on why', async (_what, twist) => {
    const person = await desk.newPerson();
    const token = await desk.tokenOf(person);
    const answer = await register(token, softPasskey(), twist);
    expect([answer.status, answer.body.code, answer.body.detail]).toEqual([
      422,
      'passkey_refused',
      'The passkey could not be verified',
    ]);
    expect(answer.body.errors).toBeUndefined();
    expect(await desk.deps.db.engine.$count(passkeys, eq(passkeys.userId, person.userId))).toBe(0);
  });

  test('takes a challenge of the same session only, and once', async () => {
    const person = await desk.newPerson();
    const [mine, other] = [await desk.tokenOf(person), await desk.tokenOf(person)];
    const stranger = await desk.newToken();
    for (const token of [other, stranger]) {
      const response = softPasskey().create(await creationOptions(mine));
      const refused = await post('/v1/me/passkeys', { name: 'x', response }, token);
      expect(refused.body.code).toBe('passkey_refused');
      // The wrong session spent it.
      expect((await post('/v1/me/passkeys', { name: 'x', response }, mine)).body.code).toBe(
        'passkey_refused',
      );
    }
    const signInChallenge = await requestOptions();
    const options = { ...(await creationOptions(mine)), challenge: signInChallenge.challenge };
    const response = softPasskey().create(options);
    expect((await post('/v1/me/passkeys', { name: 'x', response }, mine)).status).toBe(422);
  });

  test('makes one passkey of two answers at once', async () => {
    const token = await desk.newToken();
    const response = softPasskey().create(await creationOptions(token));
    const add = () => post('/v1/me/passkeys', { name: 'Phone', response }, token);
    const statuses = (await Promise.all([add(), add(), add()])).map((answer) => answer.status);
    expect(statuses.toSorted(ascending)).toEqual([201, 422, 422]);
  });

  test('refuses an authenticator that is registered already, its owner’s or another’s', async () => {
    const { passkey, token } = await passkeyHolder();
    expect((await register(token, passkey)).body.code).toBe('passkey_refused');
    expect((await register(await desk.newToken(), passkey)).body.code).toBe('passkey_refused');
  });

  test('needs fresh proof: the factor there is, else a sign-in of the last quarter of an hour', async () => {
    const enrolled = await desk.newPerson();
    const withoutStepUp = await desk.tokenOf(enrolled, false);
    const refused = await desk.request('POST', '/v1/me/passkeys/options', { token: withoutStepUp });
    expect([refused.status, refused.body.code]).toEqual([403, 'step_up_required']);
    const fresh = await desk.newPerson();
    await desk.deps.db.engine.delete(totpSecrets).where(eq(totpSecrets.userId, fresh.userId));
    const token = await desk.tokenOf(fresh, false);
    const response = softPasskey().create(await creationOptions(token));
    const before = new Date(desk.deps.clock.realMs() - 16 * 60_000).toISOString() as never;
    await desk.deps.db.engine
      .update(sessions)
      .set({ loggedInAt: before })
      .where(eq(sessions.userId, fresh.userId));
    for (const answer of [
      await desk.request('POST', '/v1/me/passkeys/options', { token }),
      await post('/v1/me/passkeys', { name: 'Phone', response }, token),
      await desk.request('POST', '/v1/me/mfa/totp', { token }),
    ]) {
      expect(answer.body.code).toBe('step_up_required');
    }
  });

  test('ends at twenty of them', async () => {
    const { token, person } = await passkeyHolder();
    const [row] = await desk.deps.db.engine.select().from(passkeys).where(eq(passkeys.userId, person.userId));
    const more = Array.from({ length: 19 }, () => ({
      ...row,
      id: crypto.randomUUID(),
      credentialId: crypto.getRandomValues(new Uint8Array(16)),
    }));
    await desk.deps.db.engine.insert(passkeys).values(more as never);
    const refused = await desk.request('POST', '/v1/me/passkeys/options', { token });
    expect([refused.status, refused.body.code]).toEqual([422, 'passkey_limit_reached']);
  });
});

describe('signing in with a passkey', () => {
  test('opens a session that counts as two factors', async () => {
    const { passkey, person } = await passkeyHolder('customer');
    const answer = await signIn(passkey);
    expect(answer.status).toBe(200);
    const token = answer.body.accessToken;
    expect((await desk.request('GET', '/v1/me', { token })).body.id).toBe(person.userId);
    expect((await desk.request('POST', '/v1/me/mfa/recovery-codes', { token })).status).toBe(201);
    const list = await desk.request('GET', '/v1/me/sessions', { token });
    expect(list.body.data[0]).toMatchObject({ current: true, methods: ['hwk'], secondFactor: true });
  });

  test('asks everybody the same question and names no credential', async () => {
    const [first, second] = [await requestOptions(), await requestOptions('step_up')];
    expect(Object.keys(first)).toEqual(Object.keys(second));
    expect(first).toMatchObject({ rpId: 'localhost', allowCredentials: [], userVerification: 'required' });
    expect(first.challenge).not.toBe(second.challenge);
  });

  const twists: readonly [string, Twist][] = [
    ['from another site', { origin: 'https://evil.example' }],
    ['from inside a frame of another site', { crossOrigin: true }],
    ['for another relying party', { rpId: 'evil.example' }],
    ['to a challenge of its own making', { challenge: 'A'.repeat(136) }],
    ['of another ceremony', { type: 'webauthn.create' }],
    ['without its owner unlocking it', { userVerified: false }],
    ['without anybody there', { userPresent: false }],
    ['of a credential nobody has', { credentialId: 'AAAAAAAAAAAAAAAAAAAAAA' }],
    ['in the name of nobody', { userHandle: null }],
    ['in the name of somebody else', { userHandle: 'AZnEsn1OfBGaaz88VdCgAQ' }],
    ['with the signature of another key', { forged: true }],
    ['that says it can be copied, as it did not when it was made', { backupEligible: true }],
  ];
  test.each(twists)('refuses an answer %s, as it refuses a wrong password', async (_what, twist) => {
    const { passkey, person } = await passkeyHolder();
    const refused = await signIn(passkey, twist);
    const wrongPassword = await login(person, { password: 'not the password at all' });
    const plain = (answer: typeof refused) => ({ ...answer.body, instance: '', requestId: '' });
    expect(refused.status).toBe(401);
    expect(plain(refused)).toEqual(plain(wrongPassword));
    expect((await signIn(passkey)).status).toBe(200);
  });

  test('refuses a challenge that was answered before, is too old or was meant for a step-up', async () => {
    const { passkey } = await passkeyHolder();
    const options = await requestOptions();
    const attempt = (response: object) => post('/v1/auth/passkey/login', { response });
    expect((await attempt(passkey.get(options))).status).toBe(200);
    expect((await attempt(passkey.get(options))).body.code).toBe('login_failed');
    expect((await attempt(passkey.get(await requestOptions('step_up')))).body.code).toBe('login_failed');
    const { clock } = desk.deps;
    const ago = { ...clock, realMs: () => clock.realMs() - 5 * 60_000 };
    const late = issueChallenge({ ...desk.system, deps: { ...desk.deps, clock: ago } }, 'sign_in');
    expect((await attempt(passkey.get({ ...options, challenge: late }))).body.code).toBe('login_failed');
  });

  test('takes nothing for a challenge but what was issued, as it was issued', async () => {
    const { passkey } = await passkeyHolder();
    const options = await requestOptions();
    const bytes = Buffer.from(options.challenge, 'base64url');
    const attempt = async (challenge: string) =>
      (await post('/v1/auth/passkey/login', { response: passkey.get({ ...options, challenge }) })).status;
    // One bit of the random bytes, the expiry, the binding and the MAC each.
    for (const place of [0, 33, 40, 101]) {
      const changed = Buffer.from(bytes);
      changed[place] = (changed[place] ?? 0) ^ 1;
      expect([place, await attempt(changed.toString('base64url'))]).toEqual([place, 401]);
    }
    expect(await attempt(`${options.challenge}=`)).toBe(401);
    expect(await attempt(bytes.subarray(0, 70).toString('base64url'))).toBe(401);
    expect(await attempt(options.challenge)).toBe(200);
  });

  test('writes nothing for those who only ask, and keeps an answer until nobody could repeat it', async () => {
    const { passkey } = await passkeyHolder();
    const count = () => desk.deps.db.engine.$count(passkeyChallenges);
    const rows = () => desk.deps.db.engine.$count(auditLogs);
    const before = [await count(), await rows()];
    const asked = [];
    for (let times = 0; times < 20; times += 1) {
      asked.push(await requestOptions(times % 2 === 0 ? 'sign_in' : 'step_up'));
    }
    expect([await count(), await rows()]).toEqual(before as [number, number]);
    const response = passkey.get(asked[0]);
    expect((await post('/v1/auth/passkey/login', { response })).status).toBe(200);
    expect(await count()).toBe((before[0] ?? 0) + 1);
    const job = identityDomain.jobs.find(({ name }) => name.endsWith('challenges')) as never;
    await runJob(desk.deps, job);
    expect((await post('/v1/auth/passkey/login', { response })).status).toBe(401);
    const past = addMs(desk.deps.clock.realNow(), -6 * 60_000);
    await desk.deps.db.engine.update(passkeyChallenges).set({ expiresAt: past });
    await runJob(desk.deps, job);
    expect(await count()).toBe(0);
  });

  test('spends a challenge even on an answer that proves nothing', async () => {
    const { passkey } = await passkeyHolder();
    const options = await requestOptions();
    const attempt = (response: object) => post('/v1/auth/passkey/login', { response });
    expect((await attempt(passkey.get(options, { forged: true }))).status).toBe(401);
    expect((await attempt(passkey.get(options))).status).toBe(401);
  });

  test('makes one session of the same answer sent several times at once', async () => {
    const { passkey, person } = await passkeyHolder();
    const response = passkey.get(await requestOptions());
    const attempts = Array.from({ length: 4 }, () => post('/v1/auth/passkey/login', { response }));
    const statuses = (await Promise.all(attempts)).map((answer) => answer.status);
    expect(statuses.toSorted(ascending)).toEqual([200, 401, 401, 401]);
    expect(await desk.auditOf(person.userId, 'session.opened')).toHaveLength(2);
  });

  test('refuses a counter that did not rise, and raises an alarm', async () => {
    const { passkey, person } = await passkeyHolder();
    expect((await signIn(passkey, { counter: 7 })).status).toBe(200);
    expect((await signIn(passkey, { counter: 7 })).body.code).toBe('login_failed');
    expect((await signIn(passkey, { counter: 3 })).body.code).toBe('login_failed');
    const alarms = await desk.auditOf(person.userId, 'passkey.counter_went_back');
    expect(alarms.map((alarm) => [alarm.severity, alarm.after])).toEqual(
      expect.arrayContaining([
        ['critical', { expectedAbove: 7, signCount: 7 }],
        ['critical', { expectedAbove: 7, signCount: 3 }],
      ]),
    );
    expect((await signIn(passkey, { counter: 8 })).status).toBe(200);
  });

  test('raises no alarm for a counter nobody signed, and minds none that stays at zero', async () => {
    const { passkey, person } = await passkeyHolder();
    expect((await signIn(passkey, { counter: 0 })).status).toBe(200);
    expect((await signIn(passkey, { counter: 0 })).status).toBe(200);
    await signIn(passkey, { counter: 9 });
    await signIn(passkey, { counter: 1, forged: true });
    expect(await desk.auditOf(person.userId, 'passkey.counter_went_back')).toEqual([]);
  });

  test('lets one of two answers with the same counter in', async () => {
    const { passkey } = await passkeyHolder();
    const [first, second] = [await requestOptions(), await requestOptions()];
    const answers = [passkey.get(first, { counter: 5 }), passkey.get(second, { counter: 5 })];
    const statuses = await Promise.all(
      answers.map(async (response) => (await post('/v1/auth/passkey/login', { response })).status),
    );
    expect(statuses.toSorted(ascending)).toEqual([200, 401]);
  });

  test('ends with the removal of the passkey, which ends the other sessions', async () => {
    const { passkey, token, added } = await passkeyHolder();
    const other = (await signIn(passkey)).body.accessToken;
    const path = `/v1/me/passkeys/${added.id}`;
    expect((await desk.request('DELETE', path, { token: await desk.newToken() })).status).toBe(404);
    expect((await desk.request('DELETE', path, { token })).status).toBe(204);
    expect((await desk.request('DELETE', path, { token })).body.code).toBe('step_up_required');
    expect((await signIn(passkey)).body.code).toBe('login_failed');
    expect((await desk.request('GET', '/v1/me', { token: other })).status).toBe(401);
    expect((await desk.request('GET', '/v1/me', { token })).body.secondFactorEnabled).toBe(false);
    expect((await desk.request('GET', '/v1/me/mfa/recovery-codes', { token })).body.left).toBe(0);
  });

  test('obeys what shuts a person out', async () => {
    const { passkey, person } = await passkeyHolder();
    const set = (change: object) =>
      desk.deps.db.engine.update(users).set(change).where(eq(users.id, person.userId));
    await set({ status: 'suspended' });
    expect((await signIn(passkey)).body.code).toBe('account_restricted');
    expect((await signIn(passkey, { forged: true })).body.code).toBe('login_failed');
    await set({ status: 'active', emailVerifiedAt: null });
    expect((await signIn(passkey)).body.code).toBe('email_not_verified');
  });

  test('is not locked out by who guesses at the password, and does not unlock it', async () => {
    const { passkey, person, token } = await passkeyHolder();
    for (let failure = 0; failure < 5; failure += 1) {
      await login(person, { password: 'not the password at all' });
    }
    expect(await desk.auditOf(person.userId, 'login.locked')).toHaveLength(1);
    expect((await signIn(passkey)).status).toBe(200);
    const stepped = await post(
      '/v1/auth/step-up',
      { passkey: passkey.get(await requestOptions('step_up')) },
      token,
    );
    expect(stepped.status).toBe(200);
    expect((await login(person)).body.code).toBe('login_failed');
    const beside = { passkey: passkey.get(await requestOptions()) };
    expect((await login(person, beside)).body.code).toBe('login_failed');
  });

  test('locks nothing when it fails, however often, and each failure is in the log', async () => {
    const { passkey, person, token } = await passkeyHolder();
    for (let failure = 0; failure < 6; failure += 1) {
      expect((await signIn(passkey, { forged: true })).status).toBe(401);
    }
    const forged = passkey.get(await requestOptions('step_up'), { forged: true });
    expect((await post('/v1/auth/step-up', { passkey: forged }, token)).status).toBe(403);
    expect(await desk.auditOf(person.userId, 'login.locked')).toEqual([]);
    const failures = await desk.auditOf(person.userId, 'login.failed');
    expect(failures.map((row) => row.after)).toEqual(
      Array.from({ length: 7 }, () => ({ reason: 'passkey' })),
    );
    expect((await login(person)).body.mfaRequired).toBe(true);
  });
});

test('in production a page of the public address counts, and no other of this machine', async () => {
  const deps = { ...desk.deps, mode: 'production', publicUrl: 'https://trade.example.mu' } as const;
  const app = createApp(deps, {
    domains: [identityDomain],
    platformEndpoints: [],
    authenticate,
    clientAddress: () => '127.0.0.1',
  });
  const token = await desk.newToken();
  for (const [origin, status] of [
    ['http://localhost:8080', 422],
    ['http://trade.example.mu', 422],
    ['https://trade.example.mu:8443', 422],
    ['https://www.trade.example.mu', 422],
    ['https://trade.example.mu', 201],
  ] as const) {
    const { body: options } = await send(app, 'POST', '/v1/me/passkeys/options', { token });
    expect(options.rp.id).toBe('trade.example.mu');
    const body = { name: 'Phone', response: softPasskey(origin).create(options) };
    const added = await send(app, 'POST', '/v1/me/passkeys', { token, body });
    expect([origin, added.status]).toEqual([origin, status]);
  }
});

describe('a passkey beside the password', () => {
  test('is asked for by name, of someone who knows the password only', async () => {
    const { person, passkey } = await passkeyHolder();
    expect((await login(person)).body).toEqual({
      mfaRequired: true,
      factors: ['passkey', 'recovery_code'],
    });
    const wrong = await login(person, { password: 'not the password at all' });
    expect(wrong.body).not.toHaveProperty('factors');
    const signedIn = await login(person, { passkey: passkey.get(await requestOptions()) });
    expect(signedIn.body.mfaRequired).toBe(false);
    const list = await desk.request('GET', '/v1/me/sessions', { token: signedIn.body.accessToken });
    expect(list.body.data[0].methods).toEqual(['pwd', 'hwk']);
  });

  test('must be of the same person, and of one who knows the password', async () => {
    const [{ person }, stranger] = [await passkeyHolder(), await passkeyHolder()];
    const passkey = stranger.passkey.get(await requestOptions());
    expect((await login(person, { passkey })).body.code).toBe('login_failed');
    const own = { passkey: stranger.passkey.get(await requestOptions()) };
    const refused = await login(stranger.person, { ...own, password: 'not the password at all' });
    expect(refused.body.code).toBe('login_failed');
    expect((await login(stranger.person, own)).body.code).toBe('login_failed');
    const unknown = { email: 'nobody@example.mu', password: PASSWORD };
    const spent = stranger.passkey.get(await requestOptions());
    expect((await post('/v1/auth/login', { ...unknown, passkey: spent })).status).toBe(401);
    expect((await login(stranger.person, { passkey: spent })).status).toBe(401);
  });

  test('stands alone or not at all', async () => {
    const { person, passkey } = await passkeyHolder();
    const both = { totp: '123456', passkey: passkey.get(await requestOptions()) };
    const refused = await login(person, both);
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, '/passkey']);
  });
});

describe('a step-up', () => {
  test('is made with a passkey, whose challenge was asked for that', async () => {
    const { person, passkey } = await passkeyHolder();
    const token = await desk.tokenOf(person, false);
    const codes = (bearer: string) => desk.request('POST', '/v1/me/mfa/recovery-codes', { token: bearer });
    expect((await codes(token)).body.code).toBe('step_up_required');
    const wrong = passkey.get(await requestOptions('sign_in'));
    expect((await post('/v1/auth/step-up', { passkey: wrong }, token)).body.code).toBe(
      'second_factor_invalid',
    );
    const right = passkey.get(await requestOptions('step_up'));
    const stepped = await post('/v1/auth/step-up', { passkey: right }, token);
    expect(stepped.status).toBe(200);
    expect((await codes(stepped.body.accessToken)).status).toBe(201);
    expect((await post('/v1/auth/step-up', { passkey: right }, token)).status).toBe(403);
  });

  test('takes one proof, not two and not none', async () => {
    const { token, passkey } = await passkeyHolder();
    const assertion = passkey.get(await requestOptions('step_up'));
    for (const body of [{}, { totp: '123456', passkey: assertion }]) {
      expect((await post('/v1/auth/step-up', body, token)).status).toBe(422);
    }
  });

  test('cannot be made with another’s passkey', async () => {
    const [{ token }, stranger] = [await passkeyHolder(), await passkeyHolder()];
    const passkey = stranger.passkey.get(await requestOptions('step_up'));
    expect((await post('/v1/auth/step-up', { passkey }, token)).body.code).toBe('second_factor_invalid');
  });
});

describe('staff', () => {
  test('keep at least one second factor', async () => {
    const { token, added, person } = await passkeyHolder('operations');
    const path = `/v1/me/passkeys/${added.id}`;
    expect((await desk.request('DELETE', path, { token })).body.code).toBe('last_second_factor');
    const { secret } = (await desk.request('POST', '/v1/me/mfa/totp', { token })).body;
    const confirmed = await post('/v1/me/mfa/totp/confirm', { totp: codeOf(secret) }, token);
    expect(confirmed.body).toEqual({ enabled: true, confirmedAt: expect.any(String) });
    const remove = (gone: string) => desk.request('DELETE', gone, { token });
    const answers = await Promise.all([remove(path), remove('/v1/me/mfa/totp')]);
    expect(answers.map((answer) => answer.status).toSorted(ascending)).toEqual([204, 409]);
    expect((await desk.request('GET', '/v1/users', { token })).status).toBe(200);
    expect(await desk.auditOf(person.userId, 'totp.removed')).toHaveLength(
      answers[1]?.status === 204 ? 1 : 0,
    );
  });
});
