/**
 * Every fault of an access token has one answer that tells nothing, and leaves a row in the audit log. Only of a token
 * of ours in which nothing else is wrong is it told that its time is over.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { decodeJwt, decodeProtectedHeader, type JWTPayload, SignJWT } from 'jose';
import { newId } from '../../kernel/id.ts';
import { type IdentityDesk, type Person, startIdentityDesk } from '../../testing/identity-desk.ts';
import { rotateTokenKeys } from './rotate-token-keys.ts';
import { publishedKeys, signingKey } from './token-keys.ts';

let desk: IdentityDesk;
let person: Person;
let good: string;
let retired: string;
let addresses = 0;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
  person = await desk.newPerson();
  retired = await desk.tokenOf(person);
  await rotateTokenKeys(desk.system, 'compromised');
  good = await desk.tokenOf(person);
});
afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

type Change = {
  readonly head?: Readonly<Record<string, unknown>>;
  readonly body?: JWTPayload;
  readonly drop?: readonly string[];
};

/** The good token with other words, signed with the key that signs good ones. */
async function signed({ head = {}, body = {}, drop = [] }: Change): Promise<string> {
  const { privateJwk } = await signingKey(desk.deps);
  const claims = { ...decodeJwt(good), jti: newId(), ...body };
  const kept = Object.fromEntries(Object.entries(claims).filter(([name]) => !drop.includes(name)));
  return new SignJWT(kept)
    .setProtectedHeader({ ...decodeProtectedHeader(good), ...head, alg: 'EdDSA' })
    .sign({ ...privateJwk });
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const parts = () => good.split('.') as [string, string, string];
const now = () => Math.floor(desk.deps.clock.realMs() / 1000);

/** A token under HMAC whose key is what everybody knows: the public half. */
async function confused(): Promise<string> {
  const [key] = await publishedKeys(desk.deps);
  const input = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: key?.kid })}.${parts()[1]}`;
  const mac = createHmac('sha256', Buffer.from(key?.x ?? '', 'base64url'))
    .update(input)
    .digest('base64url');
  return `${input}.${mac}`;
}

async function foreign(head: object = {}, body: JWTPayload = {}): Promise<string> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const known = decodeProtectedHeader(good);
  return new SignJWT({ ...decodeJwt(good), ...body })
    .setProtectedHeader({ ...known, ...head, alg: 'EdDSA' })
    .sign(privateKey);
}

const EXPIRED = (): JWTPayload => ({ iat: now() - 700, exp: now() - 100 });
const expired = (body: JWTPayload = {}) => signed({ body: { ...EXPIRED(), ...body } });
const forgedOnto = (body: JWTPayload) =>
  `${parts()[0]}.${encode({ ...decodeJwt(good), ...body })}.${parts()[2]}`;

const faults: readonly (readonly [fault: string, make: () => string | Promise<string>])[] = [
  ['is no token at all', () => 'nonsense'],
  ['is only dots', () => '..'],
  ['lacks its signature', () => `${parts()[0]}.${parts()[1]}`],
  ['has an empty signature', () => `${parts()[0]}.${parts()[1]}.`],
  ['has a fourth part', () => `${good}.${parts()[2]}`],
  ['is cut off', () => good.slice(0, -10)],
  ['has another spelling of its signature', () => `${good}=`],
  ['has a signature of the wrong length', () => `${parts()[0]}.${parts()[1]}.${'A'.repeat(128)}`],
  [
    'has another body under a signature',
    () => `${parts()[0]}.${encode({ ...decodeJwt(good), sub: newId() })}.${parts()[2]}`,
  ],
  [
    'has a head that is no JSON',
    () => `${Buffer.from('{').toString('base64url')}.${parts()[1]}.${parts()[2]}`,
  ],
  ['has no algorithm', () => `${encode({ alg: 'none', typ: 'at+jwt' })}.${parts()[1]}.`],
  [
    'has no algorithm but a signature',
    () => `${encode({ ...decodeProtectedHeader(good), alg: 'none' })}.${parts()[1]}.${parts()[2]}`,
  ],
  ['is under HMAC with the public key', confused],
  ['is signed by a stranger who names our key', () => foreign()],
  [
    'is signed by a stranger who brings the key along',
    () => foreign({ jwk: { kty: 'OKP', crv: 'Ed25519', x: 'AA' } }),
  ],
  ['names a key that is not known', () => foreign({ kid: newId() })],
  ['names a key that is no identifier', () => foreign({ kid: '../../etc/passwd' })],
  ['names no key', () => signed({ head: { kid: undefined } })],
  ['is of type JWT', () => signed({ head: { typ: 'JWT' } })],
  ['is of no type', () => signed({ head: { typ: undefined } })],
  ['is an ID token', () => signed({ head: { typ: 'id_token+jwt' }, body: { nonce: 'n' } })],
  ['has an extension that must be understood', () => signed({ head: { crit: ['b64'], b64: true } })],
  ['is for another audience', () => signed({ body: { aud: 'another-api' } })],
  ['is for several audiences', () => signed({ body: { aud: ['plimsoll-api', 'another-api'] } })],
  ['is for no audience', () => signed({ drop: ['aud'] })],
  ['is from another issuer', () => signed({ body: { iss: 'https://plimsoll.example' } })],
  ['is from no issuer', () => signed({ drop: ['iss'] })],
  ['has expired, and another body under its signature', () => forgedOnto({ exp: now() - 100 })],
  ['has expired, and is for another audience', () => expired({ aud: 'another-api' })],
  ['has expired, and names no session', async () => signed({ body: EXPIRED(), drop: ['sid'] })],
  ['has expired, and lived longer than we let tokens live', () => expired({ iat: now() - 3_600 })],
  ['has expired, and was issued tomorrow', () => expired({ nbf: now() + 86_400 })],
  ['has expired, and is of type JWT', () => signed({ head: { typ: 'JWT' }, body: EXPIRED() })],
  ['has expired, and is signed by a stranger who names our key', () => foreign({}, EXPIRED())],
  ['never expires', () => signed({ drop: ['exp'] })],
  ['lives longer than we let tokens live', () => signed({ body: { exp: now() + 3_600 } })],
  ['was issued tomorrow', () => signed({ body: { iat: now() + 86_400, exp: now() + 86_900 } })],
  ['is not valid yet', () => signed({ body: { nbf: now() + 300 } })],
  ['has times that are text', () => signed({ body: { exp: `${now() + 300}` as never } })],
  [
    'names a session of someone else',
    async () => signed({ body: { sid: (await othersSession()) as never } }),
  ],
  ['names a session that never was', () => signed({ body: { sid: newId() } })],
  ['names no session', () => signed({ drop: ['sid'] })],
  ['names no person', () => signed({ drop: ['sub'] })],
  [
    'names someone else for the session',
    async () => signed({ body: { sub: (await desk.newPerson()).userId } }),
  ],
  ['is signed by a key that was withdrawn', () => retired],
  ['is larger than a header may be', () => 'a'.repeat(5_000)],
  ['is as large as it may be', () => `${parts()[0]}.${'A'.repeat(3_500)}.${parts()[2]}`],
  ['is a refresh token', () => `rt_${'A'.repeat(107)}`],
];

async function othersSession(): Promise<unknown> {
  return decodeJwt(await desk.tokenOf(await desk.newPerson())).sid;
}

test('a token that is signed again with the same words is good: the faults below are what they say', async () => {
  expect((await desk.request('GET', '/v1/me', { token: await signed({}) })).status).toBe(200);
});

test.each(faults)('a token that %s has the one answer', async (_fault, make) => {
  addresses += 1;
  const token = await make();
  const forwarded = { 'x-forwarded-for': `203.0.113.${addresses}` };
  const ask = (bearer: string) => desk.request('GET', '/v1/me', { token: bearer, headers: forwarded });
  const answer = await ask(token);
  const plain = await desk.request('GET', '/v1/me', { token: 'x' });
  expect(answer.status).toBe(401);
  expect({ ...answer.body, requestId: '' }).toEqual({ ...plain.body, requestId: '' });
  expect(answer.body.code).toBe('credential_invalid');
  expect(answer.body).not.toHaveProperty('errors');
  expect([...answer.headers.keys()].sort()).toEqual([...plain.headers.keys()].sort());
  expect(answer.headers.get('www-authenticate')).toBe(plain.headers.get('www-authenticate'));
  const rows = await desk.deps.db.engine.execute<{ code: string }>(
    sql`select after ->> 'code' as code from audit_logs where request_id = ${answer.body.requestId}`,
  );
  expect(rows.map((row) => row.code)).toEqual(['credential_invalid']);
  // Asked again, and with what was remembered meanwhile, it stays the same.
  expect((await ask(token)).status).toBe(401);
});

test.each([
  ['some time ago', () => expired()],
  ['this second', () => signed({ body: { iat: now() - 600, exp: now() } })],
  ['and whose session is over too', async () => signed({ body: { ...EXPIRED(), sid: newId() } })],
])('a token of ours that expired %s is told so, and nothing else', async (_when, make) => {
  addresses += 1;
  const headers = { 'x-forwarded-for': `203.0.113.${addresses}` };
  const token = await make();
  const answer = await desk.request('GET', '/v1/me', { token, headers });
  expect([answer.status, answer.body.code]).toEqual([401, 'token_expired']);
  expect(answer.body).not.toHaveProperty('errors');
  expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
  const rows = await desk.deps.db.engine.execute<{ code: string; actor: string }>(
    sql`select after ->> 'code' as code, actor_kind as actor from audit_logs
      where request_id = ${answer.body.requestId}`,
  );
  expect([...rows]).toEqual([{ code: 'token_expired', actor: 'anonymous' }]);
});
