import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq, sql } from 'drizzle-orm';
import type { Hono } from 'hono';
import { createApp } from '../../app.ts';
import type { Actor, Role } from '../../kernel/actor.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { parseVerifierKey } from '../../platform/audit/checkpoint.ts';
import { auditEvents } from '../../platform/audit/events.ts';
import { leafEntry, partHash } from '../../platform/audit/leaf.ts';
import { leafHash, rootOfLeaves, sameHash } from '../../platform/audit/merkle.ts';
import { record } from '../../platform/audit/record.ts';
import { type AuditRow, completeRow } from '../../platform/audit/row.ts';
import { splitHashes } from '../../platform/audit/tiles.ts';
import { parseTlogProof, verifyTlogProof } from '../../platform/audit/tlog-proof.ts';
import { verifyExport } from '../../platform/audit/verify-export.ts';
import type { Ctx } from '../../platform/context.ts';
import { auditExports, auditLogs, personKeys } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { type Answer, send } from '../../testing/send.ts';
import { auditDomain } from './index.ts';

const EVENTS = auditEvents({
  'sample.changed': {
    category: 'financial',
    severity: 'info',
    description: 'A sample changed',
    shows: ['step'],
  },
  'sample.suspected': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'A sample was suspected',
    shows: ['step'],
  },
});

let foundation: Foundation;
let app: Hono;
let folder: string;
const people = new Map<string, Id>();

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, [auditDomain]);
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-export-'));
  app = createApp(foundation.deps, {
    domains: [auditDomain],
    platformEndpoints: [],
    authenticate: async (_deps, role) => personIn(role as Role),
    clientAddress: () => '198.51.100.7',
  });
  for (const role of ['auditor', 'compliance_officer', 'mlro', 'admin', 'support', 'customer']) {
    people.set(role, await newPerson());
  }
  await foundation.startWorkers();
});
afterAll(async () => {
  await foundation.close();
  await rm(folder, { recursive: true, force: true });
});

/** The token of these tests is the role. */
function personIn(role: Role): Actor {
  const userId = people.get(role) ?? newId();
  const kind = role === 'customer' ? 'customer' : 'staff';
  return { kind, userId, roles: [role], sessionId: newId(), mfaAtMs: foundation.deps.clock.realMs() };
}

async function newPerson(): Promise<Id> {
  const userId = newId();
  await foundation.deps.db.engine.transaction((tx) =>
    foundation.deps.personKeys.create(tx, userId, foundation.deps.clock.now()),
  );
  return userId;
}

function customerCtx(userId: Id): Ctx {
  return {
    ...foundation.ctx({ kind: 'customer', userId, roles: ['customer'], sessionId: newId(), mfaAtMs: null }),
    client: { ip: '203.0.113.9', userAgent: 'canary browser' },
  };
}

async function change(
  userId: Id,
  step: number,
  type: keyof typeof EVENTS = 'sample.changed',
): Promise<string> {
  const ctx = customerCtx(userId);
  await transact(ctx, 'engine', (tx) =>
    record(tx, ctx, {
      event: EVENTS[type],
      resource: { type: 'sample', id: newId() },
      subjectUserId: userId,
      after: { step },
    }),
  );
  return ctx.requestId;
}

const STRANGER = { ip: '192.0.2.77', userAgent: 'a stranger’s' };

async function byStranger(subjectUserId: Id): Promise<void> {
  const ctx: Ctx = { ...foundation.ctx({ kind: 'anonymous' }), client: STRANGER, login: 'engine' };
  const resource = { type: 'sample', id: newId() };
  const sample = { event: EVENTS['sample.changed'], resource, subjectUserId, after: { step: 1 } };
  await transact(ctx, 'engine', (tx) => record(tx, ctx, sample));
}

function get(role: string, path: string): Promise<Answer> {
  return send(app, 'GET', path, { token: role });
}

async function raw(path: string): Promise<Response> {
  return app.request(path, { headers: { authorization: 'Bearer auditor' } });
}

async function exported(
  from: string,
  to: string,
): Promise<{ text: string; key: string; resource: Answer['body'] }> {
  const asked = await send(app, 'POST', '/v1/audit/exports', {
    token: 'auditor',
    body: { from, to, format: 'ndjson' },
  });
  expect(asked.status).toBe(202);
  for (let tries = 0; tries < 400; tries += 1) {
    const { body } = await get('auditor', `/v1/audit/exports/${asked.body.id}`);
    if (body.status === 'completed') {
      const file = await raw(`/v1/audit/exports/${asked.body.id}/download`);
      expect(file.headers.get('repr-digest')).toStartWith('sha-256=:');
      return { text: await file.text(), key: body.verifierKey, resource: body };
    }
    expect(body.status).not.toBe('failed');
    await Bun.sleep(25);
  }
  throw new Error('the export was not completed within ten seconds');
}

const FROM = '2020-01-01T00:00:00Z';
const TO = '2100-01-01T00:00:00Z';

describe('searching', () => {
  test('gives an examiner the rows with their personal part, newest first, page by page', async () => {
    const user = await newPerson();
    for (let step = 1; step <= 5; step += 1) {
      await change(user, step);
    }
    const first = await get('auditor', `/v1/audit/logs?actorId=${user}&limit=3`);
    expect(first.status).toBe(200);
    expect(first.body.data.map((row: { after: { step: number } }) => row.after.step)).toEqual([5, 4, 3]);
    expect(first.body.data[0]).toMatchObject({
      eventType: 'sample.changed',
      actorUserId: user,
      personal: { ip: '203.0.113.9', userAgent: 'canary browser' },
      outcome: 'success',
    });
    const rest = await get(
      'auditor',
      `/v1/audit/logs?actorId=${user}&limit=3&cursor=${first.body.nextCursor}`,
    );
    expect(rest.body.data.map((row: { after: { step: number } }) => row.after.step)).toEqual([2, 1]);
    expect(rest.body.nextCursor).toBeNull();
  });

  test.each([
    ['category=financial', 1],
    ['category=trading', 0],
    ['severity=info', 1],
    ['eventType=sample.changed', 1],
    ['to=2020-01-01T00:00:00Z', 0],
    ['from=2020-01-01T00:00:00Z', 1],
  ])('filters by %s', async (filter, count) => {
    const user = await newPerson();
    const requestId = await change(user, 1);
    const found = await get('auditor', `/v1/audit/logs?requestId=${requestId}&${filter}`);
    expect(found.body.data).toHaveLength(count);
  });

  test('shows restricted rows and personal parts to examiners only', async () => {
    const user = await newPerson();
    await change(user, 1);
    await change(user, 2, 'sample.suspected');
    for (const role of ['auditor', 'compliance_officer', 'mlro']) {
      const { body } = await get(role, `/v1/audit/logs?actorId=${user}`);
      expect(body.data.map((row: { class: string }) => row.class)).toEqual(['restricted', 'normal']);
    }
    const { body } = await get('admin', `/v1/audit/logs?actorId=${user}`);
    expect(body.data).toMatchObject([{ class: 'normal', personal: null }]);
  });

  test('a search about a person is recorded under that person, where no administrator sees it', async () => {
    const user = await newPerson();
    await change(user, 1);
    const { body } = await get('mlro', `/v1/audit/logs?userId=${user}`);
    expect(body.data).toHaveLength(1);
    const again = await get('mlro', `/v1/audit/logs?userId=${user}&eventType=audit_log.person_read`);
    expect(again.body.data).toMatchObject([{ actorUserId: people.get('mlro'), subjectUserId: user }]);
    const hidden = await get('admin', `/v1/audit/logs?userId=${user}&eventType=audit_log.person_read`);
    expect(hidden.body.data).toEqual([]);
  });

  test('after a person’s key is destroyed the row stays, without the personal part', async () => {
    const user = await newPerson();
    await change(user, 1);
    await foundation.deps.db.engine.delete(personKeys).where(eq(personKeys.userId, user));
    foundation.deps.personKeys.forget(user);
    const { body } = await get('auditor', `/v1/audit/logs?actorId=${user}`);
    expect(body.data).toMatchObject([{ after: { step: 1 }, personal: null }]);
  });

  test('what a stranger did goes with the key of whom it concerns, and with nobody’s where they have none', async () => {
    const [user, unknown] = [await newPerson(), newId()];
    await byStranger(user);
    await byStranger(unknown);
    const personalOf = async (id: Id) =>
      (await get('auditor', `/v1/audit/logs?userId=${id}&eventType=sample.changed`)).body.data[0].personal;
    expect([await personalOf(user), await personalOf(unknown)]).toEqual([STRANGER, STRANGER]);
    await foundation.deps.db.engine.delete(personKeys).where(eq(personKeys.userId, user));
    foundation.deps.personKeys.forget(user);
    expect([await personalOf(user), await personalOf(unknown)]).toEqual([null, STRANGER]);
  });

  test('a row from before, under the house’s key, opens in the search and in an export', async () => {
    const user = await newPerson();
    await byStranger(user);
    const { engine } = foundation.deps.db;
    const [row] = await engine.select().from(auditLogs).where(eq(auditLogs.subjectUserId, user));
    const { txid: _, salt: _s, personal: _p, personalHash: _h, rowMac: _m, ...draft } = row as AuditRow;
    const id = newId();
    const { keyring } = foundation.deps;
    await engine.insert(auditLogs).values(completeRow({ ...draft, id }, STRANGER, keyring.house, keyring));
    const { body } = await get('auditor', `/v1/audit/logs?userId=${user}&eventType=sample.changed`);
    expect(body.data).toMatchObject([{ personal: STRANGER }, { personal: STRANGER }]);
    const { text } = await exported(FROM, TO);
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const mine = lines.filter((line) => line.public?.subjectUserId === user);
    expect(mine.filter((line) => line.public.eventType === 'sample.changed')).toMatchObject([
      { personal: STRANGER },
      { personal: STRANGER },
    ]);
  });
});

describe('who may', () => {
  test.each([
    ['GET', '/v1/audit/logs', 'support'],
    ['GET', '/v1/audit/logs', 'customer'],
    ['POST', '/v1/audit/exports', 'admin'],
    ['GET', `/v1/audit/exports/${newId()}`, 'admin'],
    ['GET', `/v1/audit/exports/${newId()}/download`, 'admin'],
    ['GET', `/v1/audit/logs/${newId()}/proof`, 'admin'],
    ['GET', '/v1/audit/log/checkpoint', 'customer'],
    ['GET', '/v1/audit/log/tile/0/000', 'support'],
    ['GET', '/v1/audit/verify', 'admin'],
  ])('%s %s is refused to %s', async (method, path, role) => {
    expect((await send(app, method, path, { token: role })).status).toBe(403);
    expect((await send(app, method, path, {})).status).toBe(401);
  });
});

describe('exporting', () => {
  test('the file holds under the log’s key, with every row of the period and its personal part', async () => {
    const user = await newPerson();
    await change(user, 1);
    await change(user, 2, 'sample.suspected');
    const { text, key, resource } = await exported(FROM, TO);
    const report = await verifyExport(text.trimEnd().split('\n'), { verifierKeys: [key] });
    expect(report).toMatchObject({ holds: true, signature: 'valid', sealed: 'valid', withheld: 0 });
    expect(report.rows).toBe(resource.rowCount);
    expect(parseVerifierKey(key).name).toBe('test.plimsoll.local/audit');
    expect(text).toContain('canary browser');
    const steps = text.split('\n').filter((line) => line.includes(user));
    expect(steps).toHaveLength(2);
  });

  test('`bun run verify-audit FILE --key VKEY` accepts the file and refuses an edited one', async () => {
    await change(await newPerson(), 7);
    const { text, key } = await exported(FROM, TO);
    const [good, bad] = [join(folder, 'good.ndjson'), join(folder, 'bad.ndjson')];
    await writeFile(good, text);
    await writeFile(bad, text.replace('"step":7', '"step":8'));
    const run = (file: string) =>
      Bun.spawnSync([process.execPath, 'scripts/verify-audit.ts', file, '--key', key], {
        cwd: join(import.meta.dir, '../../..'),
      });
    const accepted = run(good);
    expect(accepted.stdout.toString()).toContain('Result      HOLDS');
    expect(accepted.exitCode).toBe(0);
    const refused = run(bad);
    expect(refused.stdout.toString()).toContain('DOES NOT HOLD');
    expect(refused.exitCode).toBe(1);
  });

  test('a later export continues the checkpoint of an earlier one', async () => {
    const earlier = await exported(FROM, TO);
    await change(await newPerson(), 1);
    const later = await exported(FROM, TO);
    const [header = '{}'] = earlier.text.split('\n');
    const report = await verifyExport(later.text.trimEnd().split('\n'), {
      verifierKeys: [later.key],
      earlier: JSON.parse(header).checkpoint,
    });
    expect(report).toMatchObject({ holds: true, earlier: 'consistent' });
  });

  test('a narrow period withholds what lies outside it and still holds', async () => {
    const user = await newPerson();
    await change(user, 1);
    await Bun.sleep(5);
    const from = foundation.deps.clock.realNow();
    await change(user, 2);
    await Bun.sleep(5);
    const to = foundation.deps.clock.realNow();
    await change(user, 3);
    const { text, key, resource } = await exported(from, to);
    expect(await verifyExport(text.trimEnd().split('\n'), { verifierKeys: [key] })).toMatchObject({
      holds: true,
    });
    expect(text.split('\n').filter((line) => line.includes(user))).toHaveLength(1);
    expect(resource.rowCount).toBe(1);
  });

  test('an empty period gives a file that holds and is empty', async () => {
    const { text, key } = await exported('2001-01-01T00:00:00Z', '2001-02-01T00:00:00Z');
    expect(await verifyExport(text.trimEnd().split('\n'), { verifierKeys: [key] })).toMatchObject({
      holds: true,
      rows: 0,
    });
  });

  test('request, completion and download are on record, and the file lies encrypted', async () => {
    await change(await newPerson(), 1);
    const { resource } = await exported(FROM, TO);
    const rows = await foundation.deps.db.engine
      .select()
      .from(auditLogs)
      .where(eq(auditLogs.resourceId, resource.id))
      .orderBy(auditLogs.id);
    expect(rows.map((row) => row.eventType)).toEqual([
      'audit_export.requested',
      'audit_export.completed',
      'audit_export.downloaded',
    ]);
    const [stored] = await foundation.deps.db.engine
      .select({ fileName: auditExports.fileName })
      .from(auditExports)
      .where(eq(auditExports.id, resource.id));
    const path = await foundation.deps.files.pathOf(stored?.fileName ?? '');
    expect((await readFile(path)).includes('canary browser')).toBe(false);
  });

  test('a file that is not there yet is refused with 409, a period that ends before it begins with 422', async () => {
    const id = newId();
    await foundation.deps.db.engine.insert(auditExports).values({
      id,
      requestedBy: newId(),
      format: 'ndjson',
      filters: { from: FROM, to: TO },
      restricted: true,
      status: 'pending',
      createdAt: foundation.deps.clock.now(),
    });
    const early = await get('auditor', `/v1/audit/exports/${id}/download`);
    expect([early.status, early.body.code]).toEqual([409, 'export_not_ready']);
    const body = { from: TO, to: FROM, format: 'ndjson' };
    const backwards = await send(app, 'POST', '/v1/audit/exports', { token: 'auditor', body });
    expect([backwards.status, backwards.body.errors[0].pointer]).toEqual([422, '/to']);
  });
});

describe('proving', () => {
  test('a row’s proof leads from what it discloses to the signed checkpoint', async () => {
    const requestId = await change(await newPerson(), 1);
    const { sealer } = await foundation.startWorkers();
    await sealer.sealNow();
    const { body } = await get('auditor', `/v1/audit/logs?requestId=${requestId}`);
    const answer = await get('auditor', `/v1/audit/logs/${body.data[0].id}/proof`);
    const proof = parseTlogProof(answer.body);
    const shown = JSON.parse(Buffer.from(proof.extra ?? []).toString('utf8'));
    expect(shown.public.requestId).toBe(requestId);
    const leaf = leafHash(
      leafEntry({
        publicHash: partHash(new Uint8Array(Buffer.from(shown.publicSalt, 'base64')), shown.public),
        personalHash: new Uint8Array(Buffer.from(shown.personalHash, 'base64')),
      }),
    );
    const key = parseVerifierKey(sealer.identity.verifierKeys[0] ?? '');
    const checkpoint = verifyTlogProof(proof, leaf, [key]);
    expect(checkpoint.size).toBeGreaterThan(proof.index);
    expect(body.data[0].leafIndex).toBe(proof.index);
  });

  test('a row that no checkpoint covers yet answers 409, an unknown row 404', async () => {
    expect((await get('auditor', `/v1/audit/logs/${newId()}/proof`)).status).toBe(404);
    const user = await newPerson();
    await transact(foundation.system, 'engine', async (tx) => {
      // While this older transaction runs, no younger row gets its place.
      await tx.execute(sql`select pg_current_xact_id()`);
      const requestId = await change(user, 1);
      const { body } = await get('auditor', `/v1/audit/logs?requestId=${requestId}`);
      expect(body.data[0].leafIndex).toBeNull();
      const early = await get('auditor', `/v1/audit/logs/${body.data[0].id}/proof`);
      expect([early.status, early.body.code]).toEqual([409, 'row_not_sealed']);
    });
  });

  test('tiles and entries lead to the checkpoint’s root, and no other spelling has a tile', async () => {
    const user = await newPerson();
    await Promise.all(Array.from({ length: 300 }, (_, step) => change(user, step)));
    const { sealer } = await foundation.startWorkers();
    const size = await sealer.sealNow();
    const note = await get('auditor', '/v1/audit/log/checkpoint');
    const sizeNow = Number.parseInt(String(note.body).split('\n')[1] ?? '', 10);
    expect(sizeNow).toBeGreaterThanOrEqual(size);
    const tile = async (path: string) => {
      const response = await raw(`/v1/audit/log/tile/${path}`);
      expect([path, response.status]).toEqual([path, 200]);
      return new Uint8Array(await response.arrayBuffer());
    };
    const full = splitHashes(await tile('0/000'));
    expect(full).toHaveLength(256);
    const upper = splitHashes(await tile('1/000.p/1'));
    expect(sameHash(upper[0] ?? new Uint8Array(0), rootOfLeaves(full))).toBe(true);
    const partial = splitHashes(await tile('0/001.p/7'));
    expect(partial).toHaveLength(7);
    const entries = await tile('entries/000');
    const firstEntry = entries.slice(2, 34);
    expect(sameHash(leafHash(firstEntry), full[0] ?? new Uint8Array(0))).toBe(true);
    for (const path of ['0/000.p/256', '0/x000/000', '0/999', '9/000', '0/0', 'x/000']) {
      expect([path, (await get('auditor', `/v1/audit/log/tile/${path}`)).status]).toEqual([path, 404]);
    }
  });
});

describe('verifying', () => {
  test('the whole log holds, and the verification is on record', async () => {
    await change(await newPerson(), 1);
    const { status, body } = await get('compliance_officer', '/v1/audit/verify');
    expect(status).toBe(200);
    expect(body).toMatchObject({ holds: true, findings: [], origin: 'test.plimsoll.local/audit' });
    expect(body.rowsChecked).toBeGreaterThan(0);
    const recorded = await get('auditor', '/v1/audit/logs?eventType=audit_log.verified');
    expect(recorded.body.data.length).toBeGreaterThan(0);
  });

  test('the checks of reconcile see the log and find nothing', async () => {
    await change(await newPerson(), 1);
    const { sealer } = await foundation.startWorkers();
    await sealer.sealNow();
    for (const check of auditDomain.checks) {
      const result = await transact(foundation.system, 'engine', check.run);
      expect([check.name, result.breaks]).toEqual([check.name, []]);
      expect(result.seen).toBeGreaterThan(0);
    }
  });
});
