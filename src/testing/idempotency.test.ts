/**
 * A retried request has one effect (I11): for every operation that takes an Idempotency-Key, found in the
 * application itself and brought to the brink by its driver, so that a new one is covered without a word here.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { z } from '@hono/zod-openapi';
import { inArray } from 'drizzle-orm';
import { operationsOf } from '../app.ts';
import { allDomains, platformEndpoints } from '../domains.ts';
import { isId, newId } from '../kernel/id.ts';
import { auditLogs } from '../platform/db/schema.ts';
import { driverCall } from './driver-call.ts';
import { rowCounts } from './row-counts.ts';
import { type OperationCall, pathOf, startWorld, type World } from './world.ts';

const keyed = operationsOf({ domains: allDomains, platformEndpoints })
  .filter((operation) => operation.idempotency !== undefined)
  .map((operation) => operation.operationId);

/** How often the same request is sent at once. */
const RETRIES = 50;

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(async () => {
  const report = await world.reconcile();
  await world.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

type RawAnswer = { readonly status: number; readonly text: string; readonly requestId: string };

/** Sends a driver's call with this key and keeps the answer's bytes. */
async function sendWith(operationId: string, call: OperationCall, key: string | null): Promise<RawAnswer> {
  const operation = world.operation(operationId);
  const { 'idempotency-key': _own, ...headers } = call.headers ?? {};
  const token = call.token ?? call.as?.token;
  const response = await world.app.request(pathOf(operation, call.params ?? {}), {
    method: operation.method.toUpperCase(),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === null ? {} : { 'idempotency-key': key }),
      ...headers,
    },
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
  });
  return {
    status: response.status,
    text: await response.text(),
    requestId: response.headers.get('x-request-id') ?? '',
  };
}

function codeOf({ status, text }: RawAnswer): string {
  return `${status} ${(JSON.parse(text) as { readonly code?: string }).code ?? ''}`.trimEnd();
}

/** The requests among these that changed something: every change is recorded under its request (I5). */
async function changing(answers: readonly RawAnswer[]): Promise<ReadonlySet<string>> {
  const rows = await world.deps.db.engine
    .select({ requestId: auditLogs.requestId, outcome: auditLogs.outcome })
    .from(auditLogs)
    .where(
      inArray(
        auditLogs.requestId,
        answers.map((answer) => answer.requestId),
      ),
    );
  return new Set(rows.filter((row) => row.outcome === 'success').map((row) => row.requestId));
}

/**
 * A body the schema accepts that asks for something else: another amount if there is one, or else other words,
 * or else another object. Undefined where nothing in it can differ.
 */
function different(body: unknown): unknown {
  return changed(body, otherAmount) ?? changed(body, otherWords) ?? changed(body, otherId);
}

type Other = (name: string, value: string) => string | undefined;

function changed(value: unknown, other: Other, name = ''): unknown {
  if (typeof value === 'string') {
    return other(name, value);
  }
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  for (const [key, member] of Object.entries(value)) {
    const replaced = changed(member, other, key);
    if (replaced !== undefined) {
      return Array.isArray(value) ? value.with(Number(key), replaced) : { ...value, [key]: replaced };
    }
  }
  return undefined;
}

function otherAmount(_name: string, value: string): string | undefined {
  return /^\d+(\.\d+)?$/.test(value) ? (value === '7' ? '8' : '7') : undefined;
}

function otherWords(name: string, value: string): string | undefined {
  return /^(reason|note|memo|description|label|name)$/.test(name) ? `${value}, again` : undefined;
}

function otherId(_name: string, value: string): string | undefined {
  return isId(value) ? newId() : undefined;
}

test('operations that take a key are found', () => {
  expect(keyed).toEqual(expect.arrayContaining(['createDeposit', 'createWithdrawal', 'placeOrder']));
});

/** A quote reserves nothing and moves nothing. */
const WITHOUT_KEY: readonly string[] = ['createConversionQuote'];

test('every operation by which customers move money takes a key', () => {
  const moving = operationsOf({ domains: allDomains, platformEndpoints }).filter(
    ({ method, body, access }) =>
      method === 'post' &&
      !('public' in access) &&
      access.customer === true &&
      body instanceof z.ZodObject &&
      Object.keys(body.shape).some((name) => /^(amount|fromAmount|quantity|quoteId)$/.test(name)),
  );
  const keyless = moving.filter((operation) => operation.idempotency === undefined);
  expect(moving.length).toBeGreaterThan(3);
  expect(keyless.map((operation) => operation.operationId).filter((id) => !WITHOUT_KEY.includes(id))).toEqual(
    [],
  );
});

test('what they write is counted', async () => {
  const before = await rowCounts(world);
  await world.newCustomer({ USD: '10' });
  const after = await rowCounts(world);
  const grown = Object.keys(after).filter((table) => (after[table] ?? 0) > (before[table] ?? 0));
  expect(grown).toEqual(
    expect.arrayContaining(['deposits', 'journals', 'ledger_entries', 'wallets', 'users']),
  );
});

describe('one key', () => {
  test.each(keyed)(`sent ${RETRIES} times at once to %s has one effect and equal answers`, async (id) => {
    const call = await driverCall(world, id);
    const key = newId();
    const answers = await Promise.all(Array.from({ length: RETRIES }, () => sendWith(id, call, key)));
    const [first] = answers;
    expect({ status: first?.status, ok: (first?.status ?? 500) < 300, text: first?.text }).toMatchObject({
      ok: true,
    });
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(new Set(answers.map((answer) => answer.requestId)).size).toBe(RETRIES);
    expect((await changing(answers)).size).toBe(1);

    const before = await rowCounts(world);
    const replayed = await sendWith(id, call, key);
    expect([replayed.status, replayed.text]).toEqual([first?.status ?? 0, first?.text ?? '']);
    expect((await changing([replayed])).size).toBe(0);
    expect(await rowCounts(world)).toEqual(before);
  });

  test.each(keyed)('sent to %s with another body is refused and changes nothing', async (id) => {
    const call = await driverCall(world, id);
    const body = different(call.body);
    expect(body).not.toBe(undefined);
    const key = newId();
    expect((await sendWith(id, call, key)).status).toBeLessThan(300);
    const before = await rowCounts(world);
    const other = await sendWith(id, { ...call, body }, key);
    expect(codeOf(other)).toBe('422 idempotency_key_reused');
    expect((await changing([other])).size).toBe(0);
    expect(await rowCounts(world)).toEqual(before);
  });

  test.each(keyed)('is missing or none at %s: refused, and nothing is written', async (id) => {
    const call = await driverCall(world, id);
    const before = await rowCounts(world);
    const answers = [
      await sendWith(id, call, null),
      await sendWith(id, call, 'short'),
      await sendWith(id, call, 'x'.repeat(256)),
    ];
    expect(answers.map(codeOf)).toEqual([
      '400 idempotency_key_missing',
      '400 idempotency_key_invalid',
      '400 idempotency_key_invalid',
    ]);
    expect((await changing(answers)).size).toBe(0);
    expect(await rowCounts(world)).toEqual(before);
    // And the call itself was a good one.
    expect((await sendWith(id, call, newId())).status).toBeLessThan(300);
  });
});
