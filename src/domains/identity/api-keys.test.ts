import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { operationsOf } from '../../app.ts';
import { allDomains, platformEndpoints } from '../../domains.ts';
import { instantOfMs } from '../../kernel/time.ts';
import { type IdentityDesk, startIdentityDesk } from '../../testing/identity-desk.ts';
import { API_SCOPES } from './api-key-format.ts';
import { createApiKey, createUser } from './index.ts';
import { apiKeys } from './schema.ts';

let desk: IdentityDesk;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
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
  const soon = await keyOf({ expiresAt: instantOfMs(desk.deps.clock.realMs() + 300) });
  expect((await accounts(soon.key)).status).toBe(200);
  await Bun.sleep(400);
  expect((await accounts(soon.key)).body.code).toBe('credential_invalid');
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
});

test('every scope an operation asks for can be given to a key, and every other exists for nothing', () => {
  const asked = operationsOf({ domains: allDomains, platformEndpoints }).flatMap((operation) =>
    'scope' in operation.access && operation.access.scope !== undefined ? [operation.access.scope] : [],
  );
  expect([...new Set(asked)].sort()).toEqual([...API_SCOPES].sort());
});
