import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { createApp } from '../../app.ts';
import { addMs } from '../../kernel/time.ts';
import { sha256 } from '../../platform/crypto/keyring.ts';
import { serveMetrics } from '../../platform/http/metrics.ts';
import { MAIL_QUEUE_LIMITS, startMailQueue } from '../../platform/mail/mail-queue.ts';
import {
  codeOf,
  type IdentityDesk,
  PASSWORD,
  type Person,
  startIdentityDesk,
} from '../../testing/identity-desk.ts';
import { mailsTo } from '../../testing/mails.ts';
import { send } from '../../testing/send.ts';
import { authenticate, identityDomain } from './index.ts';
import { credentials, emailTokens, users } from './schema.ts';

const FRESH = 'nine loud otters in the river';

let desk: IdentityDesk;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

const post = (path: string, body: object, token?: string) =>
  desk.request('POST', path, { body, ...(token === undefined ? {} : { token }) });
const login = (email: string, password = PASSWORD) => post('/v1/auth/login', { email, password });
const register = (email: string, more: object = {}) =>
  post('/v1/auth/register', {
    email,
    password: PASSWORD,
    firstName: 'Anjali',
    lastName: 'Ramgoolam',
    ...more,
  });
const verify = (token: string) => post('/v1/auth/email/verify', { token });
const reset = (token: string, password = FRESH) => post('/v1/auth/password/reset', { token, password });
const resetTokenOf = async (email: string): Promise<string> =>
  (await post('/v1/auth/password/forgot', { email })).body.sandbox.emailToken;
const change = (token: string, newPassword: string, currentPassword = PASSWORD) =>
  post('/v1/auth/password/change', { currentPassword, newPassword }, token);
const expire = (token: string) =>
  desk.deps.db.engine
    .update(emailTokens)
    .set({ expiresAt: addMs(desk.deps.clock.realNow(), -1) })
    .where(eq(emailTokens.tokenHash, sha256(token)));
const subjectsTo = async (person: Pick<Person, 'email'>) =>
  (await mailsTo(desk.deps, person.email)).map((mail) => mail.subject);
const statuses = (answers: readonly { readonly status: number }[]) =>
  answers.map((answer) => answer.status).sort((left, right) => left - right);

describe('a token sent by mail', () => {
  test('is kept as its hash only, and lives as long as the mail says', async () => {
    const person = await desk.newPerson();
    const token = await resetTokenOf(person.email);
    const rows = await desk.deps.db.engine
      .select()
      .from(emailTokens)
      .where(eq(emailTokens.userId, person.userId));
    expect(JSON.stringify(rows)).not.toContain(token);
    const minutes = (Date.parse(rows[0]?.expiresAt ?? '') - desk.deps.clock.realMs()) / 60_000;
    expect(minutes).toBeGreaterThan(29);
    expect(minutes).toBeLessThanOrEqual(30);
  });

  test('is refused after its time, with the words for any token that is not valid', async () => {
    const person = await desk.newPerson();
    const token = await resetTokenOf(person.email);
    await expire(token);
    const unknown = await reset('a'.repeat(43));
    const late = await reset(token);
    expect([late.status, late.body.code]).toEqual([422, 'email_token_invalid']);
    expect({ ...late.body, requestId: '' }).toEqual({ ...unknown.body, requestId: '' });
    const first = (await register('late-verify@example.mu')).body.sandbox.emailToken;
    await expire(first);
    expect((await verify(first)).status).toBe(422);
  });

  test('is refused for anything but what it was made for', async () => {
    const toVerify = (await register('purpose@example.mu')).body.sandbox.emailToken;
    expect((await reset(toVerify)).body.code).toBe('email_token_invalid');
    const toReset = await resetTokenOf('purpose@example.mu');
    expect((await verify(toReset)).body.code).toBe('email_token_invalid');
    expect((await login('purpose@example.mu')).body.code).toBe('email_not_verified');
    expect((await verify(toVerify)).status).toBe(204);
  });

  test('works for one of two uses at the same moment', async () => {
    const person = await desk.newPerson();
    const token = await resetTokenOf(person.email);
    expect(statuses(await Promise.all([reset(token), reset(token)]))).toEqual([204, 422]);
    const toVerify = (await register('verify-race@example.mu')).body.sandbox.emailToken;
    expect(statuses(await Promise.all([verify(toVerify), verify(toVerify)]))).toEqual([204, 422]);
  });

  test('is not spent by a password that is refused', async () => {
    const person = await desk.newPerson();
    const token = await resetTokenOf(person.email);
    expect((await reset(token, 'password12345!')).body.code).toBe('password_too_common');
    expect((await reset(token)).status).toBe(204);
  });

  test('gives way to the next one, and to a change of the password', async () => {
    const person = await desk.newPerson();
    const [first, second] = [await resetTokenOf(person.email), await resetTokenOf(person.email)];
    expect((await reset(first)).status).toBe(422);
    expect((await change(await desk.tokenOf(person), FRESH)).status).toBe(204);
    expect((await reset(second, 'eleven calm herons in the reeds')).status).toBe(422);
    expect((await login(person.email, FRESH)).body.mfaRequired).toBe(true);
  });

  test('is not made for someone who is closed, and the answer is the same', async () => {
    const person = await desk.newPerson();
    await desk.deps.db.engine
      .update(users)
      .set({ status: 'closed', closedAt: desk.deps.clock.now() })
      .where(eq(users.id, person.userId));
    const closed = await post('/v1/auth/password/forgot', { email: person.email });
    const open = await post('/v1/auth/password/forgot', { email: (await desk.newPerson()).email });
    expect([closed.status, Object.keys(closed.body)]).toEqual([202, Object.keys(open.body)]);
    expect((await reset(closed.body.sandbox.emailToken)).status).toBe(422);
    expect(await subjectsTo(person)).toEqual([]);
  });
});

describe('what a person is told', () => {
  test('a reset, with the request before it', async () => {
    const person = await desk.newPerson();
    const token = await resetTokenOf(person.email);
    await reset(token);
    const mails = await mailsTo(desk.deps, person.email);
    expect(mails.map((mail) => mail.subject)).toEqual(['Set a new password', 'Your password was set anew']);
    expect(mails[0]?.text).toContain(token);
    expect(mails[1]?.text).not.toContain(token);
  });

  test('a change, without the password', async () => {
    const person = await desk.newPerson();
    await change(await desk.tokenOf(person), FRESH);
    const mails = await mailsTo(desk.deps, person.email);
    expect(mails.map((mail) => mail.subject)).toEqual(['Your password was changed']);
    expect(mails[0]?.text).not.toContain(FRESH);
  });

  test('a lock, and nothing before it', async () => {
    const person = await desk.newPerson();
    for (let failure = 0; failure < 4; failure += 1) {
      await login(person.email, 'not the password at all');
    }
    expect(await subjectsTo(person)).toEqual([]);
    await login(person.email, 'not the password at all');
    expect(await subjectsTo(person)).toEqual(['Signing in is paused']);
  });

  test('a sign-in after three failures', async () => {
    const person = await desk.newPerson();
    const totp = codeOf(person.totpSecret);
    for (let failure = 0; failure < 3; failure += 1) {
      await login(person.email, 'not the password at all');
    }
    const body = { email: person.email, password: PASSWORD, totp };
    expect((await post('/v1/auth/login', body)).status).toBe(200);
    expect(await subjectsTo(person)).toEqual(['A sign-in after failed attempts']);
  });

  test('wrong codes from someone who knows the password, once they are no typing error', async () => {
    const person = await desk.newPerson();
    const right = codeOf(person.totpSecret);
    const wrong = right === '000000' ? '111111' : '000000';
    const body = { email: person.email, password: PASSWORD, totp: wrong };
    await post('/v1/auth/login', body);
    await post('/v1/auth/login', body);
    expect(await subjectsTo(person)).toEqual([]);
    await post('/v1/auth/login', body);
    expect(await subjectsTo(person)).toEqual(['Wrong codes were given for your account']);
  });

  test('that someone tried to register with their address; the answer tells that someone nothing', async () => {
    const person = await desk.newPerson();
    expect((await register(person.email)).status).toBe(202);
    expect(await subjectsTo(person)).toEqual(['Someone tried to register with your address']);
  });
});

describe('a locked sign-in', () => {
  test('answers a right password as a wrong one and an unknown address, and changes nothing', async () => {
    const person = await desk.newPerson();
    for (let failure = 0; failure < 5; failure += 1) {
      await login(person.email, 'not the password at all');
    }
    const lockOf = () =>
      desk.deps.db.engine.select().from(credentials).where(eq(credentials.userId, person.userId));
    const before = await lockOf();
    const right = await login(person.email);
    const wrong = await login(person.email, 'not the password at all');
    const unknown = await login('nobody-at-all@example.mu');
    expect(right.status).toBe(401);
    for (const answer of [wrong, unknown]) {
      expect({ ...answer.body, requestId: '' }).toEqual({ ...right.body, requestId: '' });
    }
    expect(await lockOf()).toEqual(before);
  });

  test('does not keep its owner from setting a new password, which opens it', async () => {
    const person = await desk.newPerson();
    for (let failure = 0; failure < 5; failure += 1) {
      await login(person.email, 'not the password at all');
    }
    expect((await reset(await resetTokenOf(person.email))).status).toBe(204);
    expect((await login(person.email, FRESH)).body.mfaRequired).toBe(true);
  });

  test('answers a change of the password as a wrong current one', async () => {
    const person = await desk.newPerson();
    const token = await desk.tokenOf(person);
    for (let failure = 0; failure < 5; failure += 1) {
      await login(person.email, 'not the password at all');
    }
    expect((await change(token, FRESH)).body.code).toBe('password_incorrect');
  });
});

describe('a new password', () => {
  test.each([
    ['register', 'Ramgoolam1990!'],
    ['register', 'anjali.context@example'],
    ['register', 'Plimsoll2026!!'],
  ])('is not made of what is known of its owner or the firm: %s %s', async (_where, password) => {
    const answer = await register('anjali.context@example.mu', { password });
    expect([answer.status, answer.body.code]).toEqual([422, 'password_too_common']);
  });

  test('is held to the same at a reset and a change, where the person is known by the token', async () => {
    const person = await desk.newPerson();
    const refused = await reset(await resetTokenOf(person.email), 'Ramgoolam1990!');
    expect(refused.body.code).toBe('password_too_common');
    const changed = await change(await desk.tokenOf(person), 'Ramgoolam1990!');
    expect(changed.body.errors).toEqual([expect.objectContaining({ pointer: '/newPassword' })]);
  });

  test('needs no particular kinds of characters, and may be long', async () => {
    for (const [index, password] of [
      'seven quiet otters',
      'семь тихих выдр у реки',
      'a river, some reeds, '.repeat(2) + 'and '.repeat(19),
    ].entries()) {
      expect((await register(`kinds-${index}@example.mu`, { password })).status).toBe(202);
    }
  });

  test('is as long as people count, in its one spelling', async () => {
    const short = '👩‍🌾🦦🐦🪶🌾🌊';
    expect(short.length).toBeGreaterThanOrEqual(12);
    for (const password of [short, 'ab\u0301c\u0301d\u0301e\u0301fgé']) {
      expect((await register('length@example.mu', { password })).status).toBe(422);
    }
  });

  test('is the same however the keyboard composes it, and differs in case', async () => {
    const email = 'compose@example.mu';
    const token = (await register(email, { password: 'été à la rivière noire' })).body.sandbox.emailToken;
    await verify(token);
    expect((await login(email, 'été à la rivière noire'.normalize('NFD'))).status).toBe(200);
    expect((await login(email, 'Été à la rivière noire')).status).toBe(401);
  });

  test('is kept as argon2id with at least 19 MiB and two passes', async () => {
    const person = await desk.newPerson();
    const [row] = await desk.deps.db.engine
      .select()
      .from(credentials)
      .where(and(eq(credentials.userId, person.userId)));
    expect(row?.passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });
});

test('register and forgot answer while a mail server takes nothing', async () => {
  const person = await desk.newPerson();
  const transport = { deliver: () => new Promise<void>(() => {}), close: () => {} };
  const mail = startMailQueue(transport, desk.deps.log, { ...MAIL_QUEUE_LIMITS, stopWithinMs: 1 });
  const deps = { ...desk.deps, mail };
  const app = createApp(deps, {
    domains: [identityDomain],
    platformEndpoints: [],
    authenticate,
    clientAddress: () => '127.0.0.1',
  });
  const known = { email: person.email };
  const fresh = { email: 'dead-mail@example.mu', firstName: 'Anjali', lastName: 'Ramgoolam' };
  const answers = [
    await send(app, 'POST', '/v1/auth/register', { body: { ...fresh, password: PASSWORD } }),
    await send(app, 'POST', '/v1/auth/password/forgot', { body: known }),
  ];
  expect(answers.map((answer) => answer.status)).toEqual([202, 202]);
  expect(mail.counts()).toEqual({ sent: 0, lost: 0, waiting: 2 });
  const port = freePort();
  const metrics = serveMetrics(deps, '127.0.0.1', port);
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  await metrics.stop();
  expect(text).toContain('plimsoll_mails{state="waiting"} 2');
  await mail.stop();
});

function freePort(): number {
  const server = Bun.serve({ port: 0, fetch: () => new Response() });
  const { port } = server;
  void server.stop(true);
  return port ?? 0;
}
