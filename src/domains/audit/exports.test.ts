import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { parse } from 'csv-parse/sync';
import { eq } from 'drizzle-orm';
import type { Hono } from 'hono';
import { parquetReadObjects } from 'hyparquet';
import { createApp } from '../../app.ts';
import type { Actor, Role } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { instantOfMs } from '../../kernel/time.ts';
import { NoteError, parseVerifierKey } from '../../platform/audit/checkpoint.ts';
import { auditEvents } from '../../platform/audit/events.ts';
import { collectFindings } from '../../platform/audit/export-findings.ts';
import { verifyManifest } from '../../platform/audit/export-manifest.ts';
import { rowLeafHash } from '../../platform/audit/leaf.ts';
import { record } from '../../platform/audit/record.ts';
import { verifyExport } from '../../platform/audit/verify-export.ts';
import { checkFile, checkTable, openManifest } from '../../platform/audit/verify-manifest.ts';
import type { Ctx } from '../../platform/context.ts';
import { auditExports, auditLogs } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { send } from '../../testing/send.ts';
import { expireExports } from './expire-exports.ts';
import { auditDomain } from './index.ts';
import { runExports } from './run-exports.ts';

const { 'sample.noted': NOTED } = auditEvents({
  'sample.noted': {
    category: 'financial',
    severity: 'info',
    description: 'A sample, "quoted", was noted',
    shows: ['step', 'text', 'nested'],
  },
});
const FORMULA = '=HYPERLINK("http://example.invalid")';
const PERIOD = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };
const COUNT = 600;

let foundation: Foundation;
let app: Hono;
let user: Id;
const auditor = newId();

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, [auditDomain]);
  app = createApp(foundation.deps, {
    domains: [auditDomain],
    platformEndpoints: [],
    authenticate: async (_deps, role) => personIn(role as Role),
    clientAddress: () => '198.51.100.7',
  });
  user = newId();
  const { deps } = foundation;
  await deps.db.engine.transaction(async (tx) => {
    await deps.personKeys.create(tx, user, deps.clock.now());
    await deps.personKeys.create(tx, auditor, deps.clock.now());
  });
  await foundation.startWorkers();
  for (let step = 0; step < COUNT; step += 1) {
    await note(step);
  }
});
afterAll(() => foundation.close());

function personIn(role: Role): Actor {
  return {
    kind: 'staff',
    userId: auditor,
    roles: [role],
    sessionId: newId(),
    mfaAtMs: foundation.deps.clock.realMs(),
  };
}

async function note(step: number): Promise<void> {
  const actor = { kind: 'customer', userId: user, roles: ['customer'], sessionId: newId(), mfaAtMs: null };
  const ctx = {
    ...foundation.ctx(actor as Actor),
    client: { ip: '203.0.113.9', userAgent: FORMULA },
  } as Ctx;
  await transact(ctx, 'engine', (tx) =>
    record(tx, ctx, {
      event: NOTED,
      resource: { type: 'sample', id: step % 2 === 0 ? FORMULA : `odd-${step}` },
      subjectUserId: user,
      after: { step, text: 'ünïcode \u2028 \\ "line"\n\t\u0001', nested: { zz: 1, a: [null, true, 'x'] } },
    }),
  );
}

type Asked = { readonly id: string; readonly status: string; readonly [member: string]: unknown };

async function ask(body: object = {}): Promise<Asked> {
  const asked = await send(app, 'POST', '/v1/audit/exports', {
    token: 'auditor',
    body: { ...PERIOD, format: 'ndjson', ...body },
  });
  expect(asked.status).toBe(202);
  return asked.body;
}

async function written(body: object = {}): Promise<{ readonly resource: Asked; readonly file: Buffer }> {
  const { id } = await ask(body);
  for (let tries = 0; tries < 400; tries += 1) {
    const { body: resource } = await send(app, 'GET', `/v1/audit/exports/${id}`, { token: 'auditor' });
    if (resource.status === 'completed') {
      return { resource, file: Buffer.from(await (await download(id)).arrayBuffer()) };
    }
    expect(resource.status).not.toBe('failed');
    await Bun.sleep(25);
  }
  throw new Error('the export was not completed within ten seconds');
}

async function download(id: string, headers: Record<string, string> = {}): Promise<Response> {
  return app.request(`/v1/audit/exports/${id}/download`, {
    headers: { authorization: 'Bearer auditor', ...headers },
  });
}

async function manifestOf(id: string): Promise<string> {
  const path = `/v1/audit/exports/${id}/manifest`;
  const answer = await app.request(path, { headers: { authorization: 'Bearer auditor' } });
  expect(answer.status).toBe(200);
  return answer.text();
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

type Cells = { readonly [column: string]: string | null };

function leafOf(cells: Cells): string {
  const part = (salt: string, text: string) =>
    new Uint8Array(createHash('sha256').update(Buffer.from(salt, 'base64')).update(text).digest());
  const publicHash = part(cells.publicSalt ?? '', cells.public ?? '');
  const personalHash = part(cells.personalSalt ?? '', cells.personal ?? '');
  return Buffer.from(rowLeafHash({ publicHash, personalHash })).toString('base64');
}

describe('formats', () => {
  test('NDJSON holds, row for row, whatever the texts have in them', async () => {
    const { resource, file } = await written();
    const lines = file.toString('utf8').trimEnd().split('\n');
    const report = await verifyExport(lines, { verifierKeys: [String(resource.verifierKey)] });
    expect(report).toMatchObject({ holds: true, sealed: 'valid', withheld: 0 });
    expect(report.rows).toBeGreaterThanOrEqual(COUNT);
    const steps = lines
      .map((line) => JSON.parse(line))
      .filter((line) => line.public?.eventType === NOTED.type);
    // The log's order is the database's, not that of the writers.
    const numbers = steps.map((line) => line.public.after.step).sort((left, right) => left - right);
    expect(numbers).toEqual(Array.from({ length: COUNT }, (_, at) => at));
  });

  test('a filtered NDJSON file has only what was asked for, each row proven, and says what was asked', async () => {
    const filters = { eventType: NOTED.type, resourceType: 'sample', resourceId: FORMULA, userId: user };
    const { resource, file } = await written({ filters });
    const lines = file.toString('utf8').trimEnd().split('\n');
    const report = await verifyExport(lines, { verifierKeys: [String(resource.verifierKey)] });
    expect(report).toMatchObject({ holds: true, rows: COUNT / 2, header: { filters } });
    expect(resource).toMatchObject({ rowCount: COUNT / 2, filters });
  });

  test('CSV and Parquet hold the same rows as NDJSON, enough to recompute every leaf', async () => {
    const filters = { eventType: NOTED.type };
    const csv = await written({ format: 'csv', filters });
    const parquet = await written({ format: 'parquet', filters });
    const csvRows = parse(csv.file, { columns: true }) as Cells[];
    const { buffer, byteOffset, byteLength } = parquet.file;
    const rows = (await parquetReadObjects({
      file: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer,
    })) as Cells[];
    expect([csvRows.length, rows.length, csv.resource.rowCount]).toEqual([COUNT, COUNT, COUNT]);
    for (const [at, row] of rows.entries()) {
      expect(leafOf(row)).toBe(row.leafHash ?? '');
      expect(leafOf(csvRows[at] ?? {})).toBe(row.leafHash ?? '');
    }
    const numbers = rows.map((row) => JSON.parse(row.public ?? '').after.step as number);
    expect(numbers.sort((left, right) => left - right)).toEqual(Array.from({ length: COUNT }, (_, at) => at));
    expect(rows[0]).toMatchObject({ userAgent: FORMULA, resourceId: FORMULA, ip: '203.0.113.9' });
  });

  test('no cell of a CSV file begins as a formula does', async () => {
    const { file } = await written({ format: 'csv', filters: { eventType: NOTED.type } });
    const cells = (parse(file) as string[][]).slice(1).flat();
    expect(cells).toContain(`'${FORMULA}`);
    expect(cells.filter((cell) => /^[=+@\t\r]/.test(cell))).toEqual([]);
  });

  test('a file for a recipient opens with the recipient’s identity alone and is what its manifest says', async () => {
    const identity = await generateX25519Identity();
    const recipient = await identityToRecipient(identity);
    const { resource, file } = await written({ recipient });
    expect(file.toString('latin1')).toStartWith('age-encryption.org/v1\n');
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    const plain = await decrypter.decrypt(file);
    expect([sha256(file), sha256(plain)]).toEqual([String(resource.sha256), String(resource.plainSha256)]);
    const lines = Buffer.from(plain).toString('utf8').trimEnd().split('\n');
    const keys = [String(resource.verifierKey)];
    expect(await verifyExport(lines, { verifierKeys: keys })).toMatchObject({ holds: true });
    const other = new Decrypter();
    other.addIdentity(await generateX25519Identity());
    expect(other.decrypt(file)).rejects.toThrow();
  });

  test.each(['age1', 'age1pq1aaaa', 'ssh-ed25519 AAAA', `age1${'b'.repeat(58)}`])(
    'refuses %s as a recipient',
    async (recipient) => {
      const body = { ...PERIOD, format: 'ndjson', recipient };
      const refused = await send(app, 'POST', '/v1/audit/exports', { token: 'auditor', body });
      expect(refused.status).toBe(422);
    },
  );
});

describe('the manifest', () => {
  test('is signed by the log over what was asked for and what came out', async () => {
    const filters = { outcome: 'success' };
    const { resource, file } = await written({ format: 'csv', filters });
    const verifier = parseVerifierKey(String(resource.verifierKey));
    expect(verifyManifest(await manifestOf(resource.id), [verifier])).toMatchObject({
      export: resource.id,
      file: 'csv',
      from: String(resource.from),
      filters: JSON.stringify(filters),
      rows: String(resource.rowCount),
      tree: String(resource.treeSize),
      size: String(file.length),
      sha256: sha256(file),
      recipient: 'none',
    });
  });

  test('proves a table of any format with the key and the file alone', async () => {
    for (const format of ['csv', 'parquet']) {
      const { resource, file } = await written({ format, filters: { eventType: NOTED.type } });
      const findings = collectFindings(10);
      const verifier = parseVerifierKey(String(resource.verifierKey));
      const lines = present(
        openManifest(await manifestOf(resource.id), [verifier], findings),
        'it is signed',
      );
      expect(checkFile(lines, { sizeBytes: file.length, sha256: sha256(file) }, findings)).toBe('downloaded');
      const table = checkTable(lines, findings);
      const { buffer, byteOffset, byteLength } = file;
      const rows =
        format === 'csv'
          ? (parse(file, { columns: true }) as Cells[])
          : ((await parquetReadObjects({
              file: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer,
            })) as Cells[]);
      for (const row of rows) {
        table.row(row);
      }
      expect([table.finish(), findings.list()]).toEqual([COUNT, []]);
    }
  });

  test('altered in any line it is refused', async () => {
    const { resource } = await written();
    const manifest = await manifestOf(resource.id);
    const verifier = parseVerifierKey(String(resource.verifierKey));
    const lines = manifest.slice(0, manifest.indexOf('\n\n')).split('\n');
    expect(lines).toHaveLength(15);
    for (const line of lines) {
      const altered = manifest.replace(line, `${line}0`);
      expect(() => verifyManifest(altered, [verifier])).toThrow(NoteError);
    }
  });
});

describe('downloading', () => {
  test('goes on from any point to the same file', async () => {
    const { resource, file } = await written();
    const etag = `"${String(resource.sha256)}"`;
    for (const cut of [0, 1, 255, 65_537, 262_144, file.length - 1]) {
      const rest = await download(resource.id, { range: `bytes=${cut}-`, 'if-range': etag });
      expect(rest.status).toBe(206);
      expect(rest.headers.get('content-range')).toBe(`bytes ${cut}-${file.length - 1}/${file.length}`);
      const bytes = Buffer.from(await rest.arrayBuffer());
      expect(sha256(Buffer.concat([file.subarray(0, cut), bytes]))).toBe(String(resource.sha256));
    }
    const tail = await download(resource.id, { range: 'bytes=-10' });
    expect(Buffer.from(await tail.arrayBuffer()).equals(file.subarray(-10))).toBe(true);
    const middle = await download(resource.id, { range: 'bytes=5-9' });
    expect(Buffer.from(await middle.arrayBuffer()).equals(file.subarray(5, 10))).toBe(true);
  });

  test('gives the whole file for another one’s tag and for ranges it does not take, 416 beyond the end', async () => {
    const { resource, file } = await written();
    for (const headers of [
      { range: 'bytes=5-', 'if-range': '"another"' },
      { range: 'bytes=0-1,4-5' },
      { range: 'bytes=9-5' },
      { range: 'lines=1-2' },
    ]) {
      const whole = await download(resource.id, headers as Record<string, string>);
      expect([whole.status, (await whole.arrayBuffer()).byteLength]).toEqual([200, file.length]);
    }
    const beyond = await download(resource.id, { range: `bytes=${file.length}-` });
    expect(beyond.status).toBe(416);
    expect(beyond.headers.get('content-range')).toBe(`bytes */${file.length}`);
  });

  test('each part is on record with its range', async () => {
    const { resource } = await written();
    await (await download(resource.id, { range: 'bytes=3-8' })).arrayBuffer();
    const rows = await foundation.deps.db.engine
      .select()
      .from(auditLogs)
      .where(eq(auditLogs.resourceId, resource.id))
      .orderBy(auditLogs.id);
    const parts = rows
      .filter(({ eventType }) => eventType === 'audit_export.downloaded')
      .map(({ after }) => (after as { range: string | null }).range);
    expect(parts.toSorted((left, right) => Number(left === null) - Number(right === null))).toEqual([
      '3-8',
      null,
    ]);
  });
});

describe('how an export ends', () => {
  async function plant(values: object): Promise<string> {
    const id = newId();
    await foundation.deps.db.engine.insert(auditExports).values({
      id,
      requestedBy: auditor,
      format: 'ndjson',
      filters: PERIOD,
      restricted: true,
      status: 'pending',
      createdAt: foundation.deps.clock.realNow(),
      ...values,
    });
    return id;
  }

  async function stateOf(id: string): Promise<Asked> {
    return (await send(app, 'GET', `/v1/audit/exports/${id}`, { token: 'auditor' })).body;
  }

  test('one whose writer fell silent is written by another, one that is being written is left alone', async () => {
    const agoMs = foundation.deps.clock.realMs() - 61_000;
    const silent = { status: 'running', startedAt: instantOfMs(agoMs), heartbeatAt: instantOfMs(agoMs) };
    const now = foundation.deps.clock.realNow();
    const dead = await plant(silent);
    const alive = await plant({ status: 'running', startedAt: now, heartbeatAt: now });
    await runExports(foundation.system);
    const done = await stateOf(dead);
    expect(done).toMatchObject({ status: 'completed', failure: null });
    expect(done.progress).toMatchObject({ rowsDone: (done.progress as { rowsTotal: number }).rowsTotal });
    expect(await stateOf(alive)).toMatchObject({ status: 'running' });
  });

  test('one that fails names what failed by a word of a closed list', async () => {
    const id = await plant({ recipient: 'age1nobody' });
    await runExports(foundation.system);
    expect(await stateOf(id)).toMatchObject({ status: 'failed', failure: 'internal' });
    const older = await plant({ status: 'failed', failure: 'Error' });
    expect(await stateOf(older)).toMatchObject({ status: 'failed', failure: 'internal' });
  });

  test('cancelled it is not written any more, and what is over cannot be cancelled', async () => {
    const id = await plant({});
    const cancelled = await send(app, 'POST', `/v1/audit/exports/${id}/cancel`, { token: 'auditor' });
    expect([cancelled.status, cancelled.body.status]).toEqual([200, 'cancelled']);
    await runExports(foundation.system);
    expect(await stateOf(id)).toMatchObject({ status: 'cancelled', sha256: null });
    const again = await send(app, 'POST', `/v1/audit/exports/${id}/cancel`, { token: 'auditor' });
    expect([again.status, again.body.code]).toEqual([409, 'export_finished']);
    expect((await download(id)).status).toBe(409);
  });

  test('after its time the file is gone, its record and manifest stay', async () => {
    const { resource } = await written();
    const { engine } = foundation.deps.db;
    const [row] = await engine
      .update(auditExports)
      .set({ expiresAt: instantOfMs(foundation.deps.clock.realMs() - 1) })
      .where(eq(auditExports.id, resource.id))
      .returning();
    const path = await foundation.deps.files.pathOf(row?.fileName ?? '');
    expect((await stat(path)).size).toBeGreaterThan(0);
    await expireExports(foundation.system);
    expect(stat(path)).rejects.toThrow();
    expect(await stateOf(resource.id)).toMatchObject({ status: 'expired', sha256: resource.sha256 });
    expect((await download(resource.id)).status).toBe(409);
    expect(await manifestOf(resource.id)).toContain(String(resource.sha256));
  });

  test('all are listed, the newest first, page by page, for examiners only', async () => {
    const older = await ask();
    const newest = await ask();
    const first = await send(app, 'GET', '/v1/audit/exports?limit=1', { token: 'auditor' });
    expect(first.body.data).toMatchObject([{ id: newest.id }]);
    const next = `/v1/audit/exports?limit=1&cursor=${first.body.nextCursor}`;
    const second = await send(app, 'GET', next, { token: 'auditor' });
    expect(second.body.data).toMatchObject([{ id: older.id }]);
    for (const role of ['admin', 'support', 'operations', 'risk_manager']) {
      expect((await send(app, 'GET', '/v1/audit/exports', { token: role })).status).toBe(403);
    }
  });
});
