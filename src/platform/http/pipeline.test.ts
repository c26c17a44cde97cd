import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { z } from '@hono/zod-openapi';
import { desc, eq, sql } from 'drizzle-orm';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { type SmallApp, smallApp } from '../../testing/small-app.ts';
import { auditLogs, systemMarks } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { pageOf, pageQuery } from './cursor.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { refuse } from './refuse.ts';
import { amountInput, idInput, instantInput } from './wire.ts';

const SECRET = 'amina@example.com';
const ID = '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001';
const given = { tag: 'test', summary: 'x', access: { customer: true } } as const;
const Thing = z.object({ version: z.number(), name: z.string() });

let foundation: Foundation;
let small: SmallApp;
let token: string;

const operations: readonly Endpoint[] = [
  endpoint({
    ...given,
    operationId: 'getThing',
    method: 'get',
    path: '/v1/things/{id}',
    params: z.object({ id: idInput }),
    responses: { 200: Thing },
    handler: async () => ({ status: 200, body: { version: 3, name: 'a', secret: SECRET } }),
  }),
  endpoint({
    ...given,
    operationId: 'changeThing',
    method: 'patch',
    path: '/v1/things/{id}',
    params: z.object({ id: idInput }),
    body: z.strictObject({ name: z.string() }),
    ifMatch: true,
    responses: { 200: Thing },
    handler: async (ctx, { body }) => {
      if (ctx.ifMatch !== 3) {
        throw refuse('version_mismatch');
      }
      return { status: 200, body: { version: 4, name: body.name } };
    },
  }),
  endpoint({
    ...given,
    operationId: 'listThings',
    method: 'get',
    path: '/v1/things',
    query: z.strictObject({ ...pageQuery, status: z.string().optional() }),
    responses: { 200: pageOf(Thing) },
    handler: async () => ({ status: 200, body: { data: [], nextCursor: 'abc' } }),
  }),
  endpoint({
    ...given,
    operationId: 'askThing',
    method: 'post',
    path: '/v1/things/ask',
    body: z.strictObject({ purpose: z.string().default('sign_in') }),
    responses: { 200: z.object({ purpose: z.string() }) },
    handler: async (_ctx, { body }) => ({ status: 200, body }),
  }),
  endpoint({
    ...given,
    operationId: 'touchThing',
    method: 'post',
    path: '/v1/things/{id}/touch',
    params: z.object({ id: idInput }),
    responses: { 204: null },
    handler: async () => ({ status: 204 }),
  }),
  endpoint({
    ...given,
    operationId: 'breakThing',
    method: 'post',
    path: '/v1/broken/{how}',
    params: z.object({ how: z.string() }),
    responses: { 200: Thing },
    handler: async (ctx, { params }) => ({ status: 200, body: await FAILURES[params.how]?.(ctx) }),
  }),
  endpoint({
    ...given,
    operationId: 'openThing',
    method: 'post',
    path: '/v1/open',
    access: { public: true },
    body: z.strictObject({ at: instantInput, amount: amountInput }),
    responses: { 200: z.object({ kind: z.string(), at: z.string(), amount: z.string() }) },
    handler: async (ctx, { body }) => ({ status: 200, body: { kind: ctx.actor.kind, ...body } }),
  }),
];

const FAILURES: Readonly<Record<string, (ctx: Parameters<Endpoint['handler']>[0]) => Promise<unknown>>> = {
  sql: (ctx) =>
    transact(ctx, 'engine', (tx) => tx.execute(sql`select ${SECRET}::text, nothing from system_marks`)),
  unique: (ctx) =>
    transact(ctx, 'engine', async (tx) => {
      const mark = { name: SECRET, value: 1, markedAt: ctx.deps.clock.realNow() };
      await tx.insert(systemMarks).values([mark, mark]);
    }),
  timeout: (ctx) =>
    transact(ctx, 'engine', async (tx) => {
      await tx.execute(sql`set local statement_timeout = 10`);
      await tx.execute(sql`select pg_sleep(1), ${SECRET}::text`);
    }),
  assertion: async () => {
    throw new Error(SECRET);
  },
  thrown: async () => {
    const nobody: unknown = { message: SECRET };
    throw nobody as Error;
  },
  shape: async () => ({ version: 'three', name: SECRET }),
};

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
  small = smallApp(foundation, operations);
  token = (await small.person()).token;
});
afterAll(() => foundation.close());

async function attemptsOf(requestId: string) {
  return foundation.deps.db.engine
    .select()
    .from(auditLogs)
    .where(eq(auditLogs.requestId, requestId))
    .orderBy(desc(auditLogs.recordedAt));
}

describe('a body whose members may all be left out', () => {
  test('may be left out itself, and is still refused where it is wrong', async () => {
    const none = await small.request('POST', '/v1/things/ask', { token });
    expect([none.status, none.body]).toEqual([200, { purpose: 'sign_in' }]);
    const given = await small.request('POST', '/v1/things/ask', { token, body: { purpose: 'step_up' } });
    expect(given.body).toEqual({ purpose: 'step_up' });
    const wrong = await small.request('POST', '/v1/things/ask', { token, body: { purposes: 1 } });
    expect(wrong.status).toBe(422);
    const headers = { 'content-type': 'text/plain' };
    const plain = await small.app.request('/v1/things/ask', {
      method: 'POST',
      headers: { ...headers, authorization: `Bearer ${token}` },
      body: 'purpose',
    });
    expect(plain.status).toBe(415);
  });
});

describe('what goes wrong inside', () => {
  test.each([
    ['sql', 500, 'internal_error'],
    ['unique', 409, 'conflict'],
    ['timeout', 503, 'busy'],
    ['assertion', 500, 'internal_error'],
    ['thrown', 500, 'internal_error'],
    ['shape', 500, 'internal_error'],
  ])(
    '(%s) is answered %p %s, shows no parameter, statement or stack, and leaves a row',
    async (how, status, code) => {
      const answer = await small.request('POST', `/v1/broken/${how}`, { token });
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      const text = JSON.stringify(answer.body);
      for (const inside of [SECRET, 'select', 'system_marks', 'Error', '.ts', 'node_modules', 'version']) {
        expect(text).not.toContain(inside);
      }
      const [row] = await attemptsOf(answer.body.requestId);
      expect(row).toMatchObject({
        outcome: status >= 500 ? 'failed' : 'refused',
        resourceId: 'breakThing',
        after: { status, code, count: 1 },
      });
      expect(JSON.stringify(row)).not.toContain(SECRET);
    },
  );

  test('says when to try again where that helps', async () => {
    const answer = await small.request('POST', '/v1/broken/timeout', { token });
    expect(answer.headers.get('retry-after')).toBe('1');
  });
});

describe('an answer', () => {
  test('holds what its schema names and nothing else', async () => {
    const answer = await small.request('GET', `/v1/things/${ID}`, { token });
    expect(answer.body).toEqual({ version: 3, name: 'a' });
    expect(answer.headers.get('etag')).toBe('"3"');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('links to the next page of the same listing with the same filters', async () => {
    const answer = await small.request('GET', '/v1/things?status=open&limit=2&cursor=old', { token });
    expect(answer.headers.get('link')).toBe('</v1/things?status=open&limit=2&cursor=abc>; rel="next"');
  });
});

describe('If-Match', () => {
  test.each([
    [undefined, 428, 'if_match_required'],
    ['"2"', 412, 'version_mismatch'],
    ['W/"3"', 412, 'version_mismatch'],
    ['3', 412, 'version_mismatch'],
    ['"3", "4"', 412, 'version_mismatch'],
    ['"99999999999999999999"', 412, 'version_mismatch'],
  ])('%p is refused with %p %s', async (etag, status, code) => {
    const headers = etag === undefined ? {} : { 'if-match': etag };
    const answer = await small.request('PATCH', `/v1/things/${ID}`, { token, headers, body: { name: 'b' } });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  test('of the current version goes through and answers with the next', async () => {
    const headers = { 'if-match': '"3"' };
    const answer = await small.request('PATCH', `/v1/things/${ID}`, { token, headers, body: { name: 'b' } });
    expect([answer.status, answer.headers.get('etag')]).toEqual([200, '"4"']);
  });
});

describe('methods and paths', () => {
  test('a method the path lacks is 405 and Allow lists those it has', async () => {
    for (const method of ['PUT', 'DELETE', 'POST']) {
      const answer = await small.request(method, `/v1/things/${ID}`, { token });
      expect([answer.status, answer.body.code]).toEqual([405, 'method_not_allowed']);
      expect(answer.headers.get('allow')).toBe('GET, HEAD, OPTIONS, PATCH');
    }
  });

  test('OPTIONS tells the same without a body', async () => {
    const answer = await small.request('OPTIONS', '/v1/things/x/touch');
    expect([answer.status, answer.headers.get('allow'), answer.body]).toEqual([204, 'OPTIONS, POST', '']);
  });

  test('HEAD answers as GET does, without the body', async () => {
    const answer = await small.request('HEAD', `/v1/things/${ID}`, { token });
    expect([answer.status, answer.headers.get('etag'), answer.body]).toEqual([200, '"3"', '']);
    expect((await small.request('HEAD', `/v1/things/${ID}`)).status).toBe(401);
    expect((await small.request('HEAD', '/v1/open')).status).toBe(405);
  });

  test.each([
    '/',
    '/v1',
    '/v1/thing',
    '/v1/things/',
    '/v1/things/a/b',
    '//v1/things',
    '/v1/things%2F',
    '/%E0%A4%A',
  ])('%s leads nowhere: 404 as a problem', async (path) => {
    const answer = await small.request('GET', path, { token });
    expect([answer.status, answer.body.code]).toEqual([404, 'not_found']);
  });

  test.each(['x', 'null', '..', ID.toUpperCase(), `${ID}0`, '%00', '%E0%A4%A', "'or'1'='1"])(
    'an id that is none (%s) is as unknown as any other',
    async (id) => {
      const answer = await small.request('POST', `/v1/things/${id}/touch`, { token });
      expect([answer.status, answer.body.code]).toEqual([404, 'not_found']);
    },
  );
});

describe('input', () => {
  test('unknown query parameters are refused by name', async () => {
    const answer = await small.request('GET', '/v1/things?statuss=open', { token });
    expect([answer.status, answer.body.errors]).toEqual([
      422,
      [{ pointer: 'query/statuss', code: 'unknown_field', detail: expect.any(String) }],
    ]);
  });

  test('a body where none is taken is refused rather than ignored', async () => {
    const path = `/v1/things/${ID}/touch`;
    expect((await small.request('POST', path, { token, body: { amount: '1' } })).status).toBe(422);
    expect((await small.request('POST', path, { token, body: {} })).status).toBe(204);
  });

  test.each([
    ['the year zero', { at: '0000-01-01T00:00:00Z' }],
    ['an instant finer than a nanosecond', { at: '2026-01-31T09:30:00.1234567891Z' }],
    ['a year that its offset carries over the edge', { at: '9999-12-31T23:59:59-01:00' }],
    ['a day that is not', { at: '2026-02-30T00:00:00Z' }],
    ['a number for an amount', { amount: 1 }],
    ['an amount of nothing', { amount: '0.00000000' }],
    ['a negative amount', { amount: '-1' }],
    ['an amount with nine decimals', { amount: '1.123456789' }],
    ['an exponent', { amount: '1e3' }],
    ['digits of another script', { amount: '١٢' }],
    ['an amount with a line behind it', { amount: '1\n' }],
  ])('%s is refused', async (_title, part) => {
    const body = { at: '2026-01-31T09:30:00Z', amount: '1', ...part };
    const answer = await small.request('POST', '/v1/open', { body });
    expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed']);
  });

  test('instants and amounts come back in their one spelling', async () => {
    const body = { at: '2026-01-31T09:30:00.5+04:00', amount: '1.500' };
    const answer = await small.request('POST', '/v1/open', { body });
    expect(answer.body).toEqual({ kind: 'anonymous', at: '2026-01-31T05:30:00.500000Z', amount: '1.5' });
  });
});

describe('credentials', () => {
  test.each([
    ['Basic YTpi', 'Bearer'],
    ['Bearer', 'Bearer error="invalid_token"'],
    ['Bearer ', 'Bearer error="invalid_token"'],
    ['Bearer a b', 'Bearer error="invalid_token"'],
    [`Bearer ${'a'.repeat(5000)}`, 'Bearer error="invalid_token"'],
    ['Bearer unknown', 'Bearer'],
  ])('%p is refused as one that is not valid', async (authorization, challenge) => {
    const answer = await small.request('GET', '/v1/things', { headers: { authorization } });
    expect([answer.status, answer.body.code]).toEqual([401, 'credential_invalid']);
    expect(answer.headers.get('www-authenticate')).toBe(challenge);
  });

  test('that are stale keep nobody out of a public operation', async () => {
    const body = { at: '2026-01-31T09:30:00Z', amount: '1' };
    const answer = await small.request('POST', '/v1/open', { body, token: 'expired' });
    expect([answer.status, answer.body.kind]).toEqual([200, 'anonymous']);
  });
});
