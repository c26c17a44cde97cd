import { afterAll, beforeAll, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import type { Ctx } from '../context.ts';
import { auditLogs } from '../db/schema.ts';
import { attempt, flushAttempts } from './attempt.ts';

let foundation: Foundation;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
});
afterAll(() => foundation.close());

const refused = {
  method: 'GET',
  route: '/v1/thing',
  status: 401,
  code: 'credential_missing',
  category: 'security',
  restricted: false,
} as const;

function stranger(ip: string): Ctx {
  const { system } = foundation;
  return { ...system, actor: { kind: 'anonymous' }, requestId: newId(), client: { ip, userAgent: '' } };
}

async function countsOf(operation: string) {
  const rows = await foundation.deps.db.engine
    .select({ after: auditLogs.after })
    .from(auditLogs)
    .where(and(eq(auditLogs.resourceId, operation), eq(auditLogs.outcome, 'refused')))
    .orderBy(auditLogs.id);
  return rows.map(({ after }) => (after as { count: number }).count);
}

test('a stranger with a whole IPv6 network leaves as few rows as one with an address', async () => {
  const operation = `op${newId()}`;
  for (let host = 1; host <= 50; host += 1) {
    await attempt(stranger(`2001:db8:7:9::${host.toString(16)}`), {
      ...refused,
      operation,
      route: operation,
    });
  }
  await attempt(stranger('2001:db8:7:a::1'), { ...refused, operation, route: operation });
  expect(await countsOf(operation)).toEqual([1, 1]);
  await flushAttempts(foundation.deps, true);
  expect(await countsOf(operation)).toEqual([1, 1, 49]);
});

test('strangers of different IPv4 addresses are told apart', async () => {
  const operation = `op${newId()}`;
  for (const ip of ['192.0.2.1', '192.0.2.2', '192.0.2.1']) {
    await attempt(stranger(ip), { ...refused, operation, route: operation });
  }
  expect(await countsOf(operation)).toEqual([1, 1]);
});
