import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import type { Hono } from 'hono';
import { createApp } from '../../app.ts';
import type { Actor, Role } from '../../kernel/actor.ts';
import { newId } from '../../kernel/id.ts';
import { auditEvents } from '../../platform/audit/events.ts';
import { record } from '../../platform/audit/record.ts';
import { auditExports } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { send } from '../../testing/send.ts';
import { auditDomain } from './index.ts';

/** An event of an earlier version: its rows are there, the registry no longer has it. */
const { 'sample.retired': RETIRED } = auditEvents({
  'sample.retired': { category: 'system', severity: 'info', description: 'A sample was retired', shows: [] },
});
const PERIOD = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };

let foundation: Foundation;
let app: Hono;
const reader = newId();

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, [auditDomain]);
  const { deps } = foundation;
  await deps.db.engine.transaction((tx) => deps.personKeys.create(tx, reader, deps.clock.now()));
  app = createApp(deps, {
    domains: [auditDomain],
    platformEndpoints: [],
    authenticate: async (_deps, role): Promise<Actor> => ({
      kind: 'staff',
      userId: reader,
      roles: [role as Role],
      sessionId: newId(),
      mfaAtMs: deps.clock.realMs(),
    }),
    clientAddress: () => '198.51.100.7',
  });
  const ctx = foundation.ctx({ kind: 'system', name: 'test' });
  await transact(ctx, 'engine', (tx) =>
    record(tx, ctx, { event: RETIRED, resource: { type: 'sample', id: 'one' }, subjectUserId: null }),
  );
});
afterAll(() => foundation.close());

function search(query: string) {
  return send(app, 'GET', `/v1/audit/logs?${query}`, { token: 'auditor' });
}

function askExport(body: object) {
  return send(app, 'POST', '/v1/audit/exports', {
    token: 'auditor',
    body: { ...PERIOD, format: 'csv', ...body },
  });
}

describe('a slip of the pen is refused instead of finding nothing', () => {
  test('an event that there is not, in a search and in an export, which is not written', async () => {
    const before = await foundation.deps.db.engine.$count(auditExports);
    const searched = await search('eventType=audit_log.verifyed');
    expect([searched.status, searched.body.code]).toEqual([422, 'validation_failed']);
    expect(searched.body.errors).toMatchObject([{ pointer: 'query/eventType', code: 'unknown_event' }]);
    const asked = await askExport({ filters: { eventType: 'audit_log.verifyed' } });
    expect([asked.status, asked.body.errors[0].pointer]).toEqual([422, '/filters/eventType']);
    expect(await foundation.deps.db.engine.$count(auditExports)).toBe(before);
  });

  test('an event nothing was recorded of is none, nor is one that only old rows bear', async () => {
    const known = await search('eventType=audit_log.refuted');
    expect([known.status, known.body.data]).toEqual([200, []]);
    const retired = await search('eventType=sample.retired');
    expect([retired.status, retired.body.data.length]).toEqual([200, 1]);
    expect((await askExport({ filters: { eventType: 'sample.retired' } })).status).toBe(202);
  });

  test.each([
    ['from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 422],
    ['from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z', 422],
    ['from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z', 200],
    ['to=2026-01-01T00:00:00Z', 200],
  ])('a period that ends before it begins: %s', async (query, status) => {
    expect((await search(query)).status).toBe(status);
  });

  test('an age recipient whose checksum does not fit', async () => {
    const recipient = await identityToRecipient(await generateX25519Identity());
    const last = recipient.endsWith('q') ? 'p' : 'q';
    const { status, body } = await askExport({ recipient: recipient.slice(0, -1) + last });
    expect([status, body.errors?.[0]?.pointer]).toEqual([422, '/recipient']);
    expect((await askExport({ recipient })).status).toBe(202);
  });
});

describe('a consistency proof that cannot be given says why', () => {
  test.each([
    ['from=5&to=4', '`from` is larger'],
    ['from=1&to=999999', 'No checkpoint was signed over 999999 rows'],
  ])('%s', async (query, reason) => {
    const { status, body } = await send(app, 'GET', `/v1/audit/log/consistency?${query}`, {
      token: 'auditor',
    });
    expect([status, body.code]).toEqual([404, 'not_found']);
    expect(body.detail).toContain(reason);
  });
});
