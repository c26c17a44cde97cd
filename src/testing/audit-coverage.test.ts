/**
 * Every writing operation leaves an audit row, when it succeeds and when it is refused (I5). The operations
 * come from the application itself, so that one without a driver, or without a row, fails here.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { operationsOf } from '../app.ts';
import { allDomains, platformEndpoints } from '../domains.ts';
import { present } from '../kernel/assert.ts';
import { isId, newId } from '../kernel/id.ts';
import { flushAttempts } from '../platform/audit/attempt.ts';
import { auditLogs } from '../platform/db/schema.ts';
import { type Endpoint, isWrite } from '../platform/http/endpoint.ts';
import { allDrivers } from './drivers/all-drivers.ts';
import { startWorld, type World } from './world.ts';

const operations = operationsOf({ domains: allDomains, platformEndpoints });
const writes = operations.filter(isWrite).map((operation) => operation.operationId);

/** Posted, and yet keep nothing: a stranger could fill the log with them. */
const KEEP_NOTHING: readonly string[] = ['getPasskeyOptions'];

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(async () => {
  const unknown = await unregisteredRows();
  const report = await world.reconcile();
  await world.close();
  expect(unknown).toEqual([]);
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

/** What the log holds that the registry does not know so; attempts bear the category and class of what was asked. */
async function unregisteredRows() {
  const { eventType, category, severity, class: kind } = auditLogs;
  const stored = await world.deps.db.engine
    .selectDistinct({ eventType, category, severity, kind })
    .from(auditLogs);
  const registry = new Map(world.deps.auditRegistry.map((event) => [event.type, event]));
  return stored.filter((row) => {
    const event = registry.get(row.eventType);
    const attempted = row.eventType.startsWith('request.');
    const same = row.category === event?.category && row.kind === (event?.class ?? 'normal');
    return event === undefined || row.severity !== event.severity || (!attempted && !same);
  });
}

async function rowsOf(requestId: string) {
  return world.deps.db.engine
    .select({ eventType: auditLogs.eventType, outcome: auditLogs.outcome, after: auditLogs.after })
    .from(auditLogs)
    .where(eq(auditLogs.requestId, requestId));
}

/** What a signed-in person tried it on is told by the ids of the path. */
function triedOn(access: Endpoint['access'], params: Readonly<Record<string, string>>) {
  const ids = Object.entries(params).filter(([, value]) => isId(value));
  return 'public' in access || ids.length === 0 ? {} : { on: Object.fromEntries(ids) };
}

test('every operation has a driver and every driver an operation', () => {
  expect(Object.keys(allDrivers).toSorted()).toEqual(
    operations.map((operation) => operation.operationId).toSorted(),
  );
});

describe('a success of', () => {
  test.each(writes)('%s leaves a row of what was done, under its request', async (operationId) => {
    const answer = await present(allDrivers[operationId], 'asserted above')(world);
    expect([answer.status < 300, answer.body]).toEqual([true, answer.body]);
    const rows = await rowsOf(answer.headers.get('x-request-id') ?? '');
    const done = rows.filter((row) => row.outcome === 'success').length;
    expect(KEEP_NOTHING.includes(operationId) ? done === 0 : done > 0).toBe(true);
  });
});

describe('a refusal of', () => {
  test.each(writes)('%s leaves a row of the attempt, under its request', async (operationId) => {
    const operation = world.operation(operationId);
    const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
    const params = Object.fromEntries(names.map((name) => [name, newId()]));
    // A query no operation knows; a public one is counted with others of its minute, so that minute ends first.
    await flushAttempts(world.deps, true);
    const answer = await world.call(operationId, {
      as: world.people.market_maker,
      params,
      query: { x: '1' },
    });
    const { code, requestId } = answer.body as { code: string; requestId: string };
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await rowsOf(requestId)).toEqual([
      {
        eventType: 'request.refused',
        outcome: 'refused',
        after: { status: answer.status, code, count: 1, ...triedOn(operation.access, params) },
      },
    ]);
  });
});
