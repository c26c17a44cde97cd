import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { z } from '@hono/zod-openapi';
import { and, eq } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { type SmallApp, smallApp } from '../../testing/small-app.ts';
import { flushAttempts } from '../audit/attempt.ts';
import { auditLogs } from '../db/schema.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { parseRateLimits, type RateClass } from './rate-policy.ts';
import { refuse } from './refuse.ts';

const DAY = 86_400;
const given = { tag: 'test', summary: 'x', access: { customer: true }, responses: { 204: null } } as const;

let foundation: Foundation;
const looked: string[] = [];

const operations: readonly Endpoint[] = [
  ...(['get', 'post', 'put', 'patch', 'delete'] as const).map((method) =>
    endpoint({
      ...given,
      operationId: `${method}Thing`,
      method,
      path: '/v1/thing',
      handler: async () => ({ status: 204 }),
    }),
  ),
  endpoint({
    ...given,
    operationId: 'placeThing',
    method: 'post',
    path: '/v1/orders',
    rate: 'orders',
    handler: async () => ({ status: 204 }),
  }),
  endpoint({
    ...given,
    operationId: 'refusedThing',
    method: 'get',
    path: '/v1/refused',
    handler: async () => {
      throw refuse('conflict');
    },
  }),
  endpoint({
    ...given,
    operationId: 'streamThing',
    method: 'get',
    path: '/v1/stream',
    responses: { 200: { binary: 'text/plain' } },
    handler: async () => ({ status: 200, body: new Response('streamed') }),
  }),
  endpoint({
    ...given,
    operationId: 'aliveThing',
    method: 'get',
    path: '/v1/alive',
    access: { public: true },
    rate: 'none',
    handler: async () => ({ status: 204 }),
  }),
  endpoint({
    ...given,
    operationId: 'enterThing',
    method: 'post',
    path: '/v1/enter',
    access: { public: true },
    rate: 'sign_in',
    body: z.strictObject({ password: z.string() }),
    handler: async (_ctx, { body }) => {
      looked.push(body.password);
      throw refuse('credential_invalid');
    },
  }),
];

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
});
afterAll(() => foundation.close());

/** An application with limits of its own, whose client has an address of its own. */
function appWith(limits: string): SmallApp {
  const deps = { ...foundation.deps, rateLimits: parseRateLimits('production', limits) };
  return smallApp({ ...foundation, deps }, operations, `2001:db8:${++networks}::1`);
}
let networks = 0;

async function attemptsOf(actorId: string) {
  const rows = await foundation.deps.db.engine
    .select({ after: auditLogs.after, requestId: auditLogs.requestId })
    .from(auditLogs)
    .where(and(eq(auditLogs.actorId, actorId), eq(auditLogs.eventType, 'request.refused')))
    .orderBy(auditLogs.recordedAt);
  return rows.map((row) => row.after as { status: number; code: string; count: number });
}

describe('every answer of an operation', () => {
  test('names its policy and says what is left of it', async () => {
    const small = appWith('read=5/60');
    const { token } = await small.person();
    const first = await small.request('GET', '/v1/thing', { token });
    expect(first.headers.get('ratelimit-policy')).toBe('"read";q=5;w=60');
    expect(first.headers.get('ratelimit')).toBe('"read";r=4;t=12');
    const second = await small.request('GET', '/v1/thing', { token });
    expect(second.headers.get('ratelimit')).toMatch(/^"read";r=3;t=2[34]$/);
  });

  test.each([
    ['GET', '/v1/thing', 'read'],
    ['HEAD', '/v1/thing', 'read'],
    ['POST', '/v1/thing', 'write'],
    ['PUT', '/v1/thing', 'write'],
    ['PATCH', '/v1/thing', 'write'],
    ['DELETE', '/v1/thing', 'write'],
    ['POST', '/v1/orders', 'orders'],
    ['GET', '/v1/refused', 'read'],
    ['GET', '/v1/stream', 'read'],
    ['POST', '/v1/enter', 'sign_in'],
  ])('%s %s is counted as %p, whether it is refused or not', async (method, path, name) => {
    const small = appWith('');
    const { token } = await small.person();
    const answer = await small.request(method, path, { token });
    expect(answer.headers.get('ratelimit')).toStartWith(`"${name}";r=`);
    expect(answer.headers.get('ratelimit-policy')).toStartWith(`"${name}";q=`);
  });

  test('tells a credential that is not one of the limit of its address', async () => {
    const answer = await appWith('').request('GET', '/v1/thing', { token: 'unknown' });
    expect([answer.status, answer.headers.get('ratelimit-policy')]).toEqual([401, '"address";q=12000;w=60']);
  });
});

test('what must answer when the database does not is not counted', async () => {
  const small = appWith(`address=1/${DAY},read=1/${DAY}`);
  for (let request = 0; request < 3; request += 1) {
    const answer = await small.request('GET', '/v1/alive');
    expect([answer.status, answer.headers.has('ratelimit')]).toEqual([204, false]);
  }
});

describe('above the limit', () => {
  test('a request is answered 429 with the time to wait, and does nothing', async () => {
    const small = appWith(`write=1/${DAY}`);
    const { token } = await small.person();
    expect((await small.request('POST', '/v1/thing', { token })).status).toBe(204);
    const answer = await small.request('POST', '/v1/thing', { token });
    expect([answer.status, answer.body.code]).toEqual([429, 'rate_limited']);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('ratelimit')).toMatch(/^"write";r=0;t=\d+$/);
    expect(Math.ceil(Number(answer.headers.get('retry-after')) / 60)).toBe(1_440);
    // Other classes and other people go on.
    expect((await small.request('GET', '/v1/thing', { token })).status).toBe(204);
    const other = await small.person();
    expect((await small.request('POST', '/v1/thing', { token: other.token })).status).toBe(204);
  });

  test('an address is refused whatever credential it shows, before the credential is looked at', async () => {
    const small = appWith(`address=2/${DAY}`);
    const { token } = await small.person();
    await small.request('GET', '/v1/thing', { token: 'unknown' });
    await small.request('GET', '/v1/thing', { token });
    for (const shown of [token, 'unknown']) {
      const answer = await small.request('GET', '/v1/thing', { token: shown });
      expect([answer.status, answer.headers.get('ratelimit-policy')]).toEqual([
        429,
        `"address";q=2;w=${DAY}`,
      ]);
    }
  });

  test('a sign-in is refused before the body is read: the answer is the same for any password', async () => {
    const small = appWith(`sign_in=1/${DAY}`);
    const enter = (body: unknown) => small.request('POST', '/v1/enter', { body });
    looked.length = 0;
    expect((await enter({ password: 'first' })).status).toBe(401);
    const answers = [await enter({ password: 'right' }), await enter({ password: 'wrong' }), await enter(7)];
    for (const answer of answers) {
      const { requestId: _own, ...said } = answer.body;
      const { requestId: _first, ...same } = answers[0]!.body;
      expect([answer.status, said]).toEqual([429, same]);
    }
    expect(looked).toEqual(['first']);
  });

  test('a flood of one credential leaves the first at once, then one row with the count', async () => {
    const small = appWith(`read=1/${DAY}`);
    const { token, actor } = await small.person();
    const who = 'userId' in actor ? actor.userId : newId();
    for (let request = 0; request < 40; request += 1) {
      await small.request('GET', '/v1/thing', { token });
    }
    expect(await attemptsOf(who)).toEqual([{ status: 429, code: 'rate_limited', count: 1 }]);
    await flushAttempts(small.deps, true);
    expect(await attemptsOf(who)).toEqual([
      { status: 429, code: 'rate_limited', count: 1 },
      { status: 429, code: 'rate_limited', count: 38 },
    ]);
  });

  test('other refusals of a signed-in person are each recorded', async () => {
    const small = appWith('');
    const { token, actor } = await small.person();
    const who = 'userId' in actor ? actor.userId : newId();
    for (let request = 0; request < 3; request += 1) {
      await small.request('GET', '/v1/refused', { token });
    }
    expect((await attemptsOf(who)).map((row) => row.count)).toEqual([1, 1, 1]);
  });
});

describe('the limits an operator sets', () => {
  test('replace those of the mode by name and leave the others', () => {
    const limits = parseRateLimits('production', ' sign_in=5/60, read=1000000/1 ');
    expect(limits.sign_in.field).toBe('"sign_in";q=5;w=60');
    expect([limits.read.intervalUs, limits.read.blockMax]).toEqual([1, 50_000]);
    expect(limits.write).toEqual(parseRateLimits('production', '').write);
  });

  test.each(['sandbox', 'production'] as const)(
    'are stricter in the %s for signing in and recovery than for anything else a person does',
    (mode) => {
      const limits = parseRateLimits(mode, '');
      const perSecond = (name: RateClass) => limits[name].quota / limits[name].windowSeconds;
      for (const strict of ['sign_in', 'recovery'] as const) {
        for (const name of ['read', 'write', 'orders'] as const) {
          expect(perSecond(strict)).toBeLessThan(perSecond(name));
        }
      }
    },
  );

  test('are counted one by one where secrets are guessed at, and refuse when they cannot be counted', () => {
    const limits = Object.values(parseRateLimits('sandbox', ''));
    const strict = limits.filter((policy) => policy.failsClosed);
    expect(strict.map((policy) => [policy.name, policy.blockMax])).toEqual([
      ['sign_in', 1],
      ['recovery', 1],
    ]);
  });

  test.each([
    'read',
    'read=',
    'read=0/60',
    'read=10/0',
    'read=10/86401',
    'read=-1/60',
    'read=1.5/60',
    'read=1000001/1',
    'read=100000001/86400',
    'everything=1/60',
    'constructor=1/60',
    'read=1/60,read=2/60',
    'read=1/60,',
    'read=1/60;write=1/60',
  ])('%p is refused with words that name the fault', (text) => {
    expect(() => parseRateLimits('production', text)).toThrow(RangeError);
  });
});
