import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import { operationsOf } from '../../app.ts';
import { allDomains, platformEndpoints } from '../../domains.ts';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { addMs, instantOfMs, msOfInstant } from '../../kernel/time.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { type IdentityDesk, startIdentityDesk } from '../../testing/identity-desk.ts';
import { API_SCOPES, scopeTable } from './api-key-format.ts';
import { authenticate, createApiKey, createUser } from './index.ts';
import { apiKeys } from './schema.ts';

let desk: IdentityDesk;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
  // Nobody acts as admin before there are two.
  await Promise.all([desk.newPerson('admin'), desk.newPerson('admin')]);
});

afterAll(async () => {
  await desk.close();
});

async function keyOf(extra: object = {}) {
  const person = await desk.newPerson();
  const token = await desk.tokenOf(person);
  const body = { name: 'bot', scopes: ['accounts:read'], ...extra };
  const created = await desk.request('POST', '/v1/api-keys', { token, body });
  return { person, token, created: created.body, key: created.body.secret as string };
}

const accounts = (token: string, ip?: string) =>
  desk.request('GET', '/v1/accounts', { token, ...(ip ? { headers: { 'x-forwarded-for': ip } } : {}) });

test('a key works for its scope, is shown once and stored as a hash', async () => {
  const { token, created, key } = await keyOf();
  expect(key).toMatch(/^pk_test_[0-9a-f]{32}_/);
  expect((await accounts(key)).status).toBe(200);
  const listed = (await desk.request('GET', '/v1/api-keys', { token })).body.data;
  expect(listed).toMatchObject([{ id: created.id, prefix: key.slice(0, 41), scopes: ['accounts:read'] }]);
  expect(JSON.stringify(listed)).not.toContain(key);
  const [row] = await desk.deps.db.engine.select().from(apiKeys).where(eq(apiKeys.id, created.id));
  expect(row?.lastUsedAt).not.toBeNull();
});

test('a key is refused beyond its scope, for anything with a second factor, and for itself', async () => {
  const { key } = await keyOf();
  const open = await desk.request('POST', '/v1/accounts', {
    token: key,
    body: { type: 'paper', baseCurrency: 'USD' },
  });
  expect(open.body.code).toBe('scope_missing');
  expect((await desk.request('GET', '/v1/me', { token: key })).body.code).toBe('scope_missing');
  expect((await desk.request('POST', '/v1/api-keys', { token: key, body: {} })).body.code).toBe(
    'step_up_required',
  );
});

test('a mistyped, revoked, expired or misplaced key is refused with one code', async () => {
  const { token, created, key } = await keyOf();
  const typo = `${key.slice(0, -1)}${key.endsWith('a') ? 'b' : 'a'}`;
  expect((await accounts(typo)).body.code).toBe('credential_invalid');
  expect((await desk.request('DELETE', `/v1/api-keys/${created.id}`, { token })).status).toBe(204);
  expect((await accounts(key)).body.code).toBe('credential_invalid');
  const soon = await keyOf({ expiresAt: instantOfMs(desk.deps.clock.realMs() + 3_600_000) });
  expect((await accounts(soon.key)).status).toBe(200);
  const clock = { ...desk.deps.clock, realNow: () => addMs(desk.deps.clock.realNow(), 3_600_000) };
  const request = new Request('http://localhost/v1/accounts');
  const later = async () =>
    authenticate({ ...desk.deps, clock }, soon.key, { ip: '127.0.0.1', userAgent: '' }, request);
  expect(await later().catch((error: unknown) => error)).toMatchObject({ code: 'credential_invalid' });
});

test('a key works from its networks only', async () => {
  const { key } = await keyOf({ allowedCidrs: ['203.0.113.0/24', '2001:db8::/32'] });
  expect((await accounts(key, '203.0.113.9')).status).toBe(200);
  expect((await accounts(key, '2001:db8::1')).status).toBe(200);
  expect((await accounts(key, '198.51.100.1')).body.code).toBe('credential_invalid');
  const person = await desk.newToken();
  const bad = { name: 'bot', scopes: ['accounts:read'], allowedCidrs: ['203.0.113.0/33'] };
  expect((await desk.request('POST', '/v1/api-keys', { token: person, body: bad })).status).toBe(422);
});

test('nobody ends the key of another person', async () => {
  const { created, key } = await keyOf();
  const stranger = await desk.newToken();
  expect((await desk.request('DELETE', `/v1/api-keys/${created.id}`, { token: stranger })).status).toBe(404);
  expect((await accounts(key)).status).toBe(200);
});

const rotate = (token: string, id: string, body: object = {}) =>
  desk.request('POST', `/v1/api-keys/${id}/rotate`, { token, body });

test('a key is replaced by one with another secret, and goes on working for the overlap', async () => {
  const { person, token, created, key } = await keyOf({
    allowedCidrs: ['127.0.0.0/8'],
    expiresAt: instantOfMs(desk.deps.clock.realMs() + 86_400_000 * 90),
  });
  const replaced = await rotate(token, created.id, { overlapSeconds: 60 });
  expect(replaced.status).toBe(201);
  expect(replaced.body.secret).not.toBe(key);
  for (const member of ['name', 'scopes', 'allowedCidrs', 'expiresAt', 'mode', 'service']) {
    expect([member, replaced.body[member]]).toEqual([member, created[member]]);
  }
  expect(replaced.body.rotatedFromId).toBe(created.id);
  expect([(await accounts(key)).status, (await accounts(replaced.body.secret)).status]).toEqual([200, 200]);
  const listed = (await desk.request('GET', '/v1/api-keys', { token })).body.data;
  const old = listed.find((each: { id: string }) => each.id === created.id);
  expect(msOfInstant(old.expiresAt) - desk.deps.clock.realMs()).toBeLessThanOrEqual(60_000);
  expect(JSON.stringify(listed)).not.toContain(replaced.body.secret);
  expect(await desk.auditOf(person.userId, 'api_key.rotated')).toHaveLength(1);
});

test('a key replaced without overlap is refused at once, and one that ends sooner ends as it would have', async () => {
  const { token, created, key } = await keyOf();
  const replaced = await rotate(token, created.id, { overlapSeconds: 0 });
  expect((await accounts(key)).body.code).toBe('credential_invalid');
  expect((await accounts(replaced.body.secret)).status).toBe(200);
  const expiresAt = instantOfMs(desk.deps.clock.realMs() + 5_000);
  const soon = await keyOf({ expiresAt });
  const successor = await rotate(soon.token, soon.created.id, { overlapSeconds: 600 });
  expect(successor.body.expiresAt).toBe(expiresAt);
  const [row] = await desk.deps.db.engine.select().from(apiKeys).where(eq(apiKeys.id, soon.created.id));
  expect(row?.expiresAt).toBe(expiresAt);
});

test('of many who replace one key at the same moment one succeeds', async () => {
  const { token, created } = await keyOf();
  const answers = await Promise.all(Array.from({ length: 6 }, () => rotate(token, created.id)));
  expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
  expect(answers.filter((answer) => answer.body.code === 'api_key_rotated')).toHaveLength(5);
  const listed = (await desk.request('GET', '/v1/api-keys', { token })).body.data;
  expect(listed).toHaveLength(2);
  const [row] = await desk.deps.db.engine.select().from(apiKeys).where(eq(apiKeys.id, created.id));
  const twin = { ...present(row, 'the key is there'), id: newId(), secretHash: new Uint8Array(32) };
  const planted = desk.deps.db.engine.insert(apiKeys).values({ ...twin, rotatedFromId: created.id });
  expect(await planted.catch(sqlStateOf)).toBe('23505');
});

test('a key that ended, or is not theirs, is replaced by nobody', async () => {
  const { token, created } = await keyOf();
  expect((await rotate(await desk.newToken(), created.id)).status).toBe(404);
  const weak = await desk.tokenOf(await desk.newPerson(), false);
  expect((await rotate(weak, created.id)).body.code).toBe('step_up_required');
  await desk.request('DELETE', `/v1/api-keys/${created.id}`, { token });
  expect((await rotate(token, created.id)).body.code).toBe('api_key_not_active');
  for (const overlapSeconds of [-1, 604_801, 0.5, '60']) {
    const other = await keyOf();
    expect((await rotate(other.token, other.created.id, { overlapSeconds })).status).toBe(422);
  }
});

test('a person has so many keys and no more, and replaces the last one all the same', async () => {
  const token = await desk.newToken();
  const body = { name: 'bot', scopes: ['accounts:read'] };
  const create = () => desk.request('POST', '/v1/api-keys', { token, body });
  const made = await Promise.all(Array.from({ length: 20 }, create));
  expect(made.map((answer) => answer.status)).toEqual(Array(20).fill(201));
  expect((await create()).body.code).toBe('api_key_limit_reached');
  expect((await rotate(token, made[0]?.body.id)).status).toBe(201);
  expect((await rotate(token, made[1]?.body.id)).body.code).toBe('api_key_limit_reached');
});

test('staff see and end the keys of others, never their own, and each look is recorded', async () => {
  const { person, created, key } = await keyOf();
  const admin = await desk.newPerson('admin');
  const token = await desk.tokenOf(admin);
  const of = `/v1/users/${person.userId}/api-keys`;
  const listed = await desk.request('GET', of, { token });
  expect(listed.body.data).toMatchObject([{ id: created.id, prefix: key.slice(0, 41) }]);
  expect(JSON.stringify(listed.body)).not.toContain(key);
  const [look] = await desk.auditOf(person.userId, 'api_key.listed');
  expect(look).toMatchObject({ actorUserId: admin.userId, after: { count: 1 } });
  const own = `/v1/users/${admin.userId}/api-keys`;
  expect((await desk.request('GET', own, { token })).body.code).toBe('self_action');
  expect((await desk.request('DELETE', `${own}/${created.id}`, { token })).body.code).toBe('self_action');
  const elsewhere = `/v1/users/${(await desk.newPerson()).userId}/api-keys/${created.id}`;
  expect((await desk.request('DELETE', elsewhere, { token })).status).toBe(404);
  expect((await accounts(key)).status).toBe(200);
  const officer = await desk.newToken('compliance_officer');
  expect((await desk.request('DELETE', `${of}/${created.id}`, { token: officer })).status).toBe(204);
  expect((await accounts(key)).body.code).toBe('credential_invalid');
  expect(await desk.auditOf(person.userId, 'api_key.revoked')).toHaveLength(1);
  expect((await desk.request('GET', of, { token: await desk.newToken('support') })).body.code).toBe(
    'forbidden',
  );
});

test.each(['the owner is suspended', 'it is revoked'])(
  'a key is refused once %s, also on a node that had just seen it',
  async (what) => {
    const { person, token, created, key } = await keyOf();
    const other = { ...desk.deps };
    const request = new Request('http://localhost/v1/accounts');
    const seenThere = async () => authenticate(other, key, { ip: '127.0.0.1', userAgent: '' }, request);
    expect(await seenThere()).toMatchObject({ kind: 'apiKey' });
    const suspend = { token: await desk.newToken('admin'), body: { reason: 'Reported stolen' } };
    const answer =
      what === 'it is revoked'
        ? await desk.request('DELETE', `/v1/api-keys/${created.id}`, { token })
        : await desk.request('POST', `/v1/users/${person.userId}/suspend`, suspend);
    expect(answer.status).toBeLessThan(300);
    for (let tries = 0; (await seenThere().catch(() => 'refused')) !== 'refused'; tries += 1) {
      expect(tries).toBeLessThan(5_000);
      await Bun.sleep(1);
    }
    expect((await accounts(key)).body.code).toBe('credential_invalid');
  },
);

test('the use of a key is noted to the minute', async () => {
  const { created, key } = await keyOf();
  const usedAt = async () => {
    const [row] = await desk.deps.db.engine.select().from(apiKeys).where(eq(apiKeys.id, created.id));
    return row?.lastUsedAt;
  };
  await accounts(key);
  const first = await usedAt();
  await accounts(key);
  expect([typeof first, await usedAt()]).toEqual(['string', first]);
});

test('making and replacing a key is told to its owner by mail, without the key', async () => {
  const { token, created, key } = await keyOf();
  const replaced = await rotate(token, created.id);
  await desk.deps.mail.drained();
  const folder = join(desk.deps.dataDir, 'mail');
  const mails = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  expect(mails.some((mail) => mail.includes('An API key was created'))).toBe(true);
  expect(mails.some((mail) => mail.includes('An API key was replaced'))).toBe(true);
  expect(mails.some((mail) => mail.includes(key) || mail.includes(replaced.body.secret))).toBe(false);
});

test('every scope at once exists in the sandbox only, and not over HTTP', async () => {
  const token = await desk.newToken();
  const body = { name: 'bot', scopes: ['*'] };
  expect((await desk.request('POST', '/v1/api-keys', { token, body })).status).toBe(422);
  const user = await createUser(desk.system, { email: 'key@example.mu', firstName: 'A', lastName: 'B' });
  const { secret } = await createApiKey(desk.system, { userId: user.id, name: 'demo', scopes: ['*'] });
  expect((await accounts(secret)).status).toBe(200);
  const production = { ...desk.system, deps: { ...desk.deps, mode: 'production' as const } };
  const wide = createApiKey(production, { userId: user.id, name: 'demo', scopes: ['*'] });
  expect(await wide.catch((error: unknown) => error)).toMatchObject({ code: 'scope_unknown' });
  const made = createApiKey(production, { userId: user.id, name: 'demo', scopes: ['accounts:read'] });
  expect(await made.catch((error: Error) => error.name)).toBe('AssertionError');
});

test('every scope an operation asks for can be given to a key, and every other exists for nothing', () => {
  const asked = operationsOf({ domains: allDomains, platformEndpoints }).flatMap((operation) =>
    'scope' in operation.access && operation.access.scope !== undefined ? [operation.access.scope] : [],
  );
  expect([...new Set(asked)].sort()).toEqual([...API_SCOPES].sort());
});

test('the scopes are documented as they are', () => {
  const readme = readFileSync(join(import.meta.dir, 'README.md'), 'utf8');
  expect(readme).toContain(`\n\n${scopeTable()}\n\n`);
});
