/** Keys that ask for signatures, over HTTP and on more than one node. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { and, eq } from 'drizzle-orm';
import { createApp } from '../../app.ts';
import { allDomains, platformEndpoints } from '../../domains.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { done } from '../../testing/drivers/driver.ts';
import { type Answer, send } from '../../testing/send.ts';
import { signRequest } from '../../testing/sign-request.ts';
import { type Member, startWorld, type World } from '../../testing/world.ts';
import { authenticate } from './index.ts';
import { dropNonces, spendNonce } from './request-nonces.ts';
import { apiKeys, requestNonces } from './schema.ts';

const REPOSITORY = join(import.meta.dir, '..', '..', '..');

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(async () => {
  await world.close();
});

type SignedKey = {
  readonly owner: Member;
  readonly id: Id;
  readonly secret: string;
  readonly privateKey: KeyObject;
};

const SCOPES = ['accounts:read', 'funding:read', 'funding:write'];

function pair(): { readonly privateKey: KeyObject; readonly signingPublicKey: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const x = present(publicKey.export({ format: 'jwk' }).x, 'a public key');
  return { privateKey, signingPublicKey: Buffer.from(x, 'base64url').toString('base64') };
}

async function signedKey(): Promise<SignedKey> {
  const owner = await world.newCustomer();
  const { privateKey, signingPublicKey } = pair();
  const body = { name: 'signed', scopes: SCOPES, signingPublicKey };
  const { id, secret } = await done(world.call('createApiKey', { as: owner, body }));
  return { owner, id, secret, privateKey };
}

type Asked = { readonly method?: string; readonly path?: string; readonly body?: unknown };
type Prepared = {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly headers: Record<string, string>;
};

/** What the documented client sends. */
function signed(key: Pick<SignedKey, 'id' | 'privateKey'>, asked: Asked = {}): Prepared {
  const { method = 'GET', path = '/v1/accounts', body } = asked;
  const url = new URL(path, 'http://localhost').href;
  const given = new Headers(
    body === undefined ? {} : { 'content-type': 'application/json', 'idempotency-key': newId() },
  );
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const headers = signRequest({ method, url, headers: given, ...text }, key.id, key.privateKey);
  return { method, path, body, headers: Object.fromEntries(headers) };
}

function ask(key: Pick<SignedKey, 'secret'>, { method, path, body, headers }: Prepared): Promise<Answer> {
  return world.request(method, path, { token: key.secret, headers, ...(body === undefined ? {} : { body }) });
}

function codeOf(answer: Answer): string {
  return `${answer.status} ${answer.body.code ?? ''}`.trim();
}

function announcement(key: SignedKey, amount = '100'): Asked {
  const body = { accountId: key.owner.accountId, asset: 'USD', amount, method: 'bank_transfer' };
  return { method: 'POST', path: '/v1/deposits', body };
}

describe('a key with a signing key', () => {
  test('works with the documented client, with a query and with a body', async () => {
    const key = await signedKey();
    expect(codeOf(await ask(key, signed(key)))).toBe('200');
    expect(codeOf(await ask(key, signed(key, { path: '/v1/deposits?limit=2' })))).toBe('200');
    expect(codeOf(await ask(key, signed(key, announcement(key))))).toBe('201');
  });

  test('shows its public key, and signs nothing itself', async () => {
    const key = await signedKey();
    const [listed] = (await world.call('listApiKeys', { as: key.owner })).body.data;
    const [row] = await world.deps.db.engine.select().from(apiKeys).where(eq(apiKeys.id, key.id));
    expect(Buffer.from(row?.signingKey ?? []).toString('base64')).toBe(listed.signingPublicKey);
    expect(row?.signingKey).toHaveLength(32);
  });

  test('is refused without a signature at every kind of operation', async () => {
    const key = await signedKey();
    const { secret: token } = key;
    expect(codeOf(await world.request('GET', '/v1/accounts', { token }))).toBe('401 signature_required');
    expect(codeOf(await world.request('GET', '/v1/me', { token }))).toBe('401 signature_required');
    const { body } = announcement(key);
    expect(codeOf(await world.request('POST', '/v1/deposits', { token, body }))).toBe(
      '401 signature_required',
    );
  });

  test('is refused when the signature is of another key, or names another', async () => {
    const [key, other] = [await signedKey(), await signedKey()];
    expect(codeOf(await ask(key, signed(other)))).toBe('401 signature_invalid');
    expect(codeOf(await ask(key, signed({ ...key, privateKey: other.privateKey })))).toBe(
      '401 signature_invalid',
    );
    const typo = `${key.secret.slice(0, -1)}${key.secret.endsWith('1') ? '2' : '1'}`;
    expect(codeOf(await ask({ secret: typo }, signed(key)))).toBe('401 credential_invalid');
  });

  test('is refused with another body, query, path or method than was signed', async () => {
    const key = await signedKey();
    const deposit = signed(key, announcement(key));
    const more = { ...deposit, body: { ...(deposit.body as object), amount: '100000' } };
    expect(codeOf(await ask(key, more))).toBe('401 signature_invalid');
    for (const change of [
      { path: '/v1/accounts?limit=1' },
      { path: '/v1/deposits' },
      { method: 'POST', body: {} },
    ]) {
      expect(codeOf(await ask(key, { ...signed(key), ...change }))).toBe('401 signature_invalid');
    }
    const listed = await world.call('listDeposits', { as: key.owner });
    expect(listed.body.data).toEqual([]);
  });

  test('is refused with a header that the server acts upon and nobody signed', async () => {
    const key = await signedKey();
    const request = signed(key);
    const headers = { ...request.headers, 'idempotency-key': 'not signed 1' };
    expect(codeOf(await ask(key, { ...request, headers }))).toBe('401 signature_invalid');
  });

  test('asks for signatures still after it was replaced, by the same key or a new one', async () => {
    const key = await signedKey();
    const params = { id: key.id };
    const second = await done(world.call('rotateApiKey', { as: key.owner, params, body: {} }));
    expect(codeOf(await world.request('GET', '/v1/accounts', { token: second.secret }))).toBe(
      '401 signature_required',
    );
    expect(codeOf(await ask(second, signed({ ...key, id: second.id })))).toBe('200');
    const { privateKey, signingPublicKey } = pair();
    const rotation = { as: key.owner, params: { id: second.id }, body: { signingPublicKey } };
    const third = await done(world.call('rotateApiKey', rotation));
    expect(codeOf(await ask(third, signed({ ...key, id: third.id })))).toBe('401 signature_invalid');
    expect(codeOf(await ask(third, signed({ id: third.id, privateKey })))).toBe('200');
  });

  test('is not made with what is no public key', async () => {
    const owner = await world.newMember();
    for (const signingPublicKey of [
      '',
      'AAAA',
      Buffer.alloc(33).toString('base64'),
      Buffer.alloc(32).toString('base64'),
      Buffer.alloc(32, 1).toString('base64url'),
    ]) {
      const body = { name: 'signed', scopes: SCOPES, signingPublicKey };
      expect([signingPublicKey, (await world.call('createApiKey', { as: owner, body })).status]).toEqual([
        signingPublicKey,
        422,
      ]);
    }
  });
});

describe('a nonce', () => {
  test('works once', async () => {
    const key = await signedKey();
    const request = signed(key, announcement(key));
    expect(codeOf(await ask(key, request))).toBe('201');
    expect(codeOf(await ask(key, request))).toBe('401 signature_invalid');
  });

  test('of two keys is not one', async () => {
    const [key, other] = [await signedKey(), await signedKey()];
    for (const each of [key, other]) {
      const nonce = 'the same nonce of both';
      const spend = () => spendNonce(world.deps, each.id, nonce, world.deps.clock.realMs());
      expect([await spend(), await spend()]).toEqual([true, false]);
    }
  });

  test('spent on many nodes at the same moment lets one request in', async () => {
    const key = await signedKey();
    const nodes = Array.from({ length: 4 }, () =>
      createApp(
        { ...world.deps },
        { domains: allDomains, platformEndpoints, authenticate, clientAddress: () => '127.0.0.1' },
      ),
    );
    const { method, path, body, headers } = signed(key, announcement(key));
    const codes = await Promise.all(
      nodes.map(async (node) => codeOf(await send(node, method, path, { token: key.secret, headers, body }))),
    );
    expect(codes.toSorted()).toEqual(['201', ...Array(3).fill('401 signature_invalid')]);
  });

  test('is kept until its time is over, and then forgotten', async () => {
    const key = await signedKey();
    await ask(key, signed(key));
    const kept = () =>
      world.deps.db.engine.select().from(requestNonces).where(eq(requestNonces.keyId, key.id));
    await dropNonces(world.system);
    expect(await kept()).toHaveLength(1);
    const clock = { ...world.deps.clock, realNow: () => addMs(world.deps.clock.realNow(), 400_000) };
    await dropNonces({ ...world.system, deps: { ...world.deps, clock } });
    expect(await kept()).toEqual([]);
    expect(codeOf(await ask(key, signed(key)))).toBe('200');
  });

  test('that a crash of the database made it forget lets nothing in a second time', async () => {
    const key = await signedKey();
    const request = signed(key, announcement(key));
    expect(codeOf(await ask(key, request))).toBe('201');
    await world.deps.db.engine.delete(requestNonces);
    expect(codeOf(await ask(key, request))).toBe('401 signature_invalid');
    expect(codeOf(await ask(key, request))).toBe('401 signature_invalid');
    // From the next full second on, signatures are younger than what was forgotten.
    const [marker] = await world.deps.db.engine.select().from(requestNonces);
    await world.deps.db.engine
      .update(requestNonces)
      .set({ expiresAt: addMs(present(marker, 'the marker is back').expiresAt, -2_000) });
    expect(codeOf(await ask(key, signed(key)))).toBe('200');
  });
});

test('a refused signature is recorded with its key and the fault, once a minute each', async () => {
  const key = await signedKey();
  for (let times = 0; times < 3; times += 1) {
    await world.request('GET', '/v1/accounts', { token: key.secret });
  }
  const request = signed(key);
  await ask(key, request);
  await ask(key, request);
  await ask(key, { ...signed(key), path: '/v1/deposits' });
  const rows = await world.deps.db.engine
    .select()
    .from(auditLogs)
    .where(and(eq(auditLogs.resourceId, key.id), eq(auditLogs.eventType, 'api_key.signature_refused')));
  expect(rows.map((row) => (row.after as { fault: string }).fault).toSorted()).toEqual([
    'missing',
    'replay',
    'wrong_signature',
  ]);
  expect(rows.every((row) => row.subjectUserId === key.owner.userId)).toBe(true);
});

test('the documented client is the tested one', () => {
  const documented = readFileSync(join(REPOSITORY, 'docs', 'howto', 'sign-requests.md'), 'utf8');
  const tested = readFileSync(join(REPOSITORY, 'src', 'testing', 'sign-request.ts'), 'utf8');
  expect(documented).toContain(`\`\`\`ts\n${tested}\`\`\``);
});
