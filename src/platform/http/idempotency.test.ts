import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { z } from '@hono/zod-openapi';
import { eq, sql } from 'drizzle-orm';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { type SmallApp, smallApp } from '../../testing/small-app.ts';
import { idempotencyKeys, systemMarks } from '../db/schema.ts';
import { onCommit, transact } from '../db/transact.ts';
import { endpoint } from './endpoint.ts';
import { readIdempotencyKey } from './idempotency.ts';
import { refuse } from './refuse.ts';

let foundation: Foundation;
let small: SmallApp;
let effects = 0;

const Payment = z.object({ name: z.string(), amount: z.string(), memo: z.string() });

/** One payment is one row; `refuse` fails after the write, as a verb may. */
const pay = endpoint({
  operationId: 'pay',
  method: 'post',
  path: '/v1/payments',
  tag: 'test',
  summary: 'Pay',
  access: { customer: true },
  idempotency: 'transaction',
  body: z.strictObject({
    name: z.string(),
    accountId: z.string().optional(),
    memo: z.string().default(''),
    refuse: z.boolean().optional(),
    slow: z.boolean().optional(),
  }),
  responses: { 201: Payment },
  handler: async (ctx, { body }) =>
    transact(ctx, 'engine', async (tx) => {
      onCommit(tx, () => {
        effects += 1;
      });
      const markedAt = ctx.deps.clock.realNow();
      await tx.insert(systemMarks).values({ name: body.name, value: 1, markedAt });
      await tx.execute(sql`select pg_sleep(${body.slow === true ? 0.05 : 0})`);
      if (body.refuse === true) {
        throw refuse('conflict');
      }
      return { status: 201, body: { name: body.name, amount: '12.5', memo: body.memo } };
    }),
});

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
  small = smallApp(foundation, [pay]);
});
afterAll(() => foundation.close());

function send(token: string, key: string, body: object) {
  return small.request('POST', '/v1/payments', { token, body, headers: { 'idempotency-key': key } });
}

async function marks(name: string): Promise<number> {
  const { engine } = foundation.deps.db;
  return (await engine.select().from(systemMarks).where(eq(systemMarks.name, name))).length;
}

async function keptKeys(key: string) {
  return foundation.deps.db.engine.select().from(idempotencyKeys).where(eq(idempotencyKeys.key, key));
}

describe('a key', () => {
  test.each([null, '', 'short', '"short"', 'with space', 'ümlaut-ümlaut', 'a'.repeat(256), '1234567\u007f'])(
    'of the form %j is refused',
    (header) => {
      expect(() => readIdempotencyKey(header)).toThrow();
    },
  );

  test('means the same quoted and bare', () => {
    expect(readIdempotencyKey('"order-0001"')).toBe(readIdempotencyKey('order-0001'));
    expect(readIdempotencyKey('a'.repeat(255))).toHaveLength(255);
  });

  test('is required', async () => {
    const { token } = await small.person();
    const answer = await small.request('POST', '/v1/payments', { token, body: { name: 'no-key' } });
    expect([answer.status, answer.body.code]).toEqual([400, 'idempotency_key_missing']);
    expect(await marks('no-key')).toBe(0);
  });
});

describe('a retry', () => {
  test('has one effect and the first answer, said to be a replay', async () => {
    const { token } = await small.person();
    const first = await send(token, 'retry-0001', { name: 'retry', memo: 'Amina' });
    const again = await send(token, 'retry-0001', { memo: 'Amina', name: 'retry' });
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.body).toEqual(first.body);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await marks('retry')).toBe(1);
  });

  test('in parallel, twenty times over, has one effect and twenty equal answers', async () => {
    const { token } = await small.person();
    const before = effects;
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => send(token, 'parallel-1', { name: 'parallel', slow: true })),
    );
    expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(201));
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
    expect(answers.filter((answer) => answer.headers.get('idempotent-replayed') !== 'true')).toHaveLength(1);
    expect([await marks('parallel'), effects - before]).toEqual([1, 1]);
  });

  test('with another body is refused and changes nothing', async () => {
    const { token } = await small.person();
    await send(token, 'other-body', { name: 'first-body' });
    const other = await send(token, 'other-body', { name: 'second-body' });
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
    expect(await marks('second-body')).toBe(0);
  });

  test('after a refusal is tried afresh: refusals are not kept', async () => {
    const { token } = await small.person();
    const refused = await send(token, 'refused-01', { name: 'refused', refuse: true });
    expect([refused.status, await marks('refused')]).toEqual([409, 0]);
    expect(await keptKeys('refused-01')).toEqual([]);
    const second = await send(token, 'refused-01', { name: 'refused' });
    expect([second.status, await marks('refused')]).toEqual([201, 1]);
    expect(second.headers.get('idempotent-replayed')).toBeNull();
  });
});

describe('keys of two people', () => {
  test('do not meet', async () => {
    const [one, two] = [await small.person(), await small.person()];
    await send(one.token, 'same-key-1', { name: 'of-one' });
    const answer = await send(two.token, 'same-key-1', { name: 'of-two' });
    expect([answer.status, answer.headers.get('idempotent-replayed')]).toEqual([201, null]);
  });

  test('that name one account show the second nothing of the first', async () => {
    const [one, two] = [await small.person(), await small.person()];
    const body = { name: 'shared', accountId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001', memo: 'private' };
    await send(one.token, 'shared-001', body);
    const answer = await send(two.token, 'shared-001', body);
    expect([answer.status, answer.body.code]).toEqual([422, 'idempotency_key_reused']);
    expect(JSON.stringify(answer.body)).not.toContain('private');
  });
});

test('a kept answer lies sealed', async () => {
  const { token } = await small.person();
  await send(token, 'sealed-001', { name: 'sealed', memo: 'Amina Ramgoolam' });
  const [row] = await keptKeys('sealed-001');
  expect(row?.status).toBe(201);
  expect(Buffer.from(row?.body ?? []).includes('Amina')).toBe(false);
});
