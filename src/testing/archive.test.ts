/**
 * A month of the log, from falling into the backstop to leaving the log: moved into a month of its own,
 * archived by two people only, with proofs of everything holding all the way.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { sql } from 'drizzle-orm';
import type postgres from 'postgres';
import { periodOf } from '../domains/audit/archive-month.ts';
import { runArchives } from '../domains/audit/run-archives.ts';
import { present } from '../kernel/assert.ts';
import { type Id, newId } from '../kernel/id.ts';
import { parseInstant } from '../kernel/time.ts';
import { auditArchives } from '../platform/audit/archives/schema.ts';
import { LOG_EVENTS } from '../platform/audit/log-events.ts';
import { record } from '../platform/audit/record.ts';
import { verifyExport } from '../platform/audit/verify-export.ts';
import { verifyLog } from '../platform/audit/verify-log.ts';
import { machineCtx } from '../platform/context.ts';
import { openClient } from '../platform/db/client.ts';
import { sqlStateOf } from '../platform/db/errors.ts';
import { inspect } from '../platform/db/guard.ts';
import { transact } from '../platform/db/transact.ts';
import { ensurePartitions } from '../platform/jobs/platform-jobs.ts';
import { done } from './drivers/driver.ts';
import { until } from './until.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let owner: postgres.Sql;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
  owner = openClient(world.database.owner, 1);
}, 60_000);

afterAll(async () => {
  await owner.end();
  await world.close();
});

/** Rows of another time, as a node with a wrong clock would write them. */
async function writeRows(month: string, count: number, about: Id | null = null): Promise<void> {
  const { deps } = world;
  const at = parseInstant(`${month}-10T12:00:00Z`);
  const ctx = machineCtx(
    { ...deps, clock: { ...deps.clock, realNow: () => at } },
    { kind: 'system', name: 'test' },
    newId(),
  );
  await transact(world.system, 'engine', async (tx) => {
    for (let number = 0; number < count; number += 1) {
      await record(tx, ctx, {
        event: LOG_EVENTS['audit_log.key_changed'],
        resource: { type: 'audit_log', id: String(number) },
        subjectUserId: about,
      });
    }
  });
}

const job = () => machineCtx(world.deps, { kind: 'job', name: 'audit.archive-months' }, newId());

async function tablesOf(name: string): Promise<readonly string[]> {
  const rows =
    await owner`select relname from pg_class where relkind = 'r' and relname like ${name} order by 1`;
  return rows.map((row) => String(row.relname));
}

async function eventsOf(type: string) {
  return world.deps.db.engine.execute<{ after: Record<string, unknown> }>(
    sql`select after from audit_logs where event_type = ${type} order by recorded_at`,
  );
}

async function oldMonth(month: string, rows = 3): Promise<void> {
  await writeRows(month, rows);
  await ensurePartitions(job());
  await (await world.startWorkers()).sealer.sealNow();
}

const keeper = () => world.people.compliance_officer;
const ask = (month: string, as = keeper()) =>
  world.call('requestAuditArchive', { as, body: { month, reason: 'Its time is over' } });
const approve = (id: string, as = world.second.compliance_officer) =>
  world.call('approveApproval', { as, params: { id }, body: { reason: 'Agreed' } });

async function stored(month: string) {
  const rows = await world.deps.db.engine.select().from(auditArchives);
  return present(
    rows.find((row) => row.month === month),
    `${month} is on its way`,
  );
}

function hold(month: string) {
  const { from, to } = periodOf(month);
  const body = { scope: 'period', from, to, reference: 'Order 1', reason: 'To be produced' };
  return done(world.call('createLegalHold', { as: keeper(), body }));
}

async function released(holdId: string): Promise<void> {
  const body = { reason: 'The case is closed' };
  const asked = await done(world.call('releaseLegalHold', { as: keeper(), params: { id: holdId }, body }));
  await done(approve(asked.id));
}

/** An export of a period with an archived month holds, and says of each of its rows where it is. */
async function exportWithout(month: string): Promise<void> {
  const { from, to } = periodOf(month);
  const as = world.people.auditor;
  const { id } = await done(world.call('createAuditExport', { as, body: { from, to, format: 'ndjson' } }));
  await world.settle();
  await until(
    async () => (await world.call('getAuditExport', { as, params: { id } })).body.status === 'completed',
  );
  const answer = await world.call('downloadAuditExport', { as, params: { id } });
  const lines = String(answer.body).trimEnd().split('\n');
  const report = await verifyExport(lines);
  expect(report.findings).toEqual([]);
  expect(lines.filter((line) => line.includes('"withheld":"archived"')).length).toBe(3);
}

async function failuresOf(month: string) {
  return world.deps.db.engine.execute<{ class: string }>(sql`
    select class from audit_logs where event_type = 'audit_archive.failed' and after ->> 'month' = ${month}`);
}

/** Approved, and held before the job came to it. */
async function heldMonth(month: string): Promise<void> {
  await oldMonth(month);
  const { id } = await done(ask(month));
  await done(approve(id));
  await hold(month);
}

test('rows in a backstop raise an alarm, are moved into months of their own, and every proof holds', async () => {
  const { sealer } = await world.startWorkers();
  await writeRows('2014-05', 2);
  await sealer.sealNow();
  // Money booked two years ahead lies in the backstops of the ledger, one year beyond its last month.
  world.advance(2 * 365 * 86_400_000);
  await world.newCustomer({ USD: '10' });
  const before = await owner`select count(*)::int as rows from pg_class where relname ~ '_default$'`;
  await ensurePartitions(job());
  expect((await eventsOf('partitions.overflowed')).at(-1)?.after.tables).toContain('audit_logs');
  expect((await eventsOf('partitions.rescued')).length).toBeGreaterThan(0);
  expect(await tablesOf('audit_logs_2014_05')).toEqual(['audit_logs_2014_05']);
  expect(await owner`select count(*)::int as rows from pg_class where relname ~ '_default$'`).toEqual(before);
  const [left] = await world.deps.db.engine.execute(
    sql`select count(*)::int as tables from overflowed_tables()`,
  );
  expect(left).toEqual({ tables: 0 });
  // The moved months are as closed as any.
  for (const statement of ['update', 'delete from', 'truncate'].map((verb) =>
    verb === 'update' ? 'update audit_logs_2014_05 set id = id' : `${verb} audit_logs_2014_05`,
  )) {
    const refused = await owner.unsafe(statement).then(() => 'done', sqlStateOf);
    expect([statement, refused]).toEqual([statement, 'PL004']);
  }
  await sealer.sealNow();
  expect((await verifyLog(world.system)).findings).toEqual([]);
  expect((await world.reconcile()).checks.flatMap((check) => check.breaks)).toEqual([]);
  const { differences } = await world.deps.db.engine.transaction(inspect);
  // A month before the first is an anomaly that the guard goes on to name; everything else is as it was.
  expect(differences.map(({ kind, object }) => `${kind} ${object}`)).toEqual(['months audit_logs']);
}, 60_000);

test('a month is archived by two people: exported, verified, detached; what remains goes on to hold', async () => {
  await oldMonth('2015-03');
  const { id: approvalId } = await done(ask('2015-03'));
  await runArchives(job());
  expect(await tablesOf('%2015_03')).toEqual(['audit_logs_2015_03']);
  expect((await approve(approvalId, keeper())).status).toBe(403);
  expect((await approve(approvalId)).status).toBe(200);
  const before = await world.deps.db.engine.transaction(inspect);
  await runArchives(job());
  const archive = await stored('2015-03');
  expect(archive).toMatchObject({ status: 'detached', rowCount: 3, failure: null, approvalId });
  expect(await tablesOf('%2015_03')).toEqual(['audit_archive_2015_03']);
  const after = await world.deps.db.engine.transaction(inspect);
  expect(after.differences).toEqual(before.differences);
  await (await world.startWorkers()).sealer.sealNow();
  expect((await verifyLog(world.system)).findings).toEqual([]);
  expect((await world.reconcile()).checks.flatMap((check) => check.breaks)).toEqual([]);
  const refused = await owner.unsafe('delete from audit_archive_2015_03').then(() => 'done', sqlStateOf);
  expect(refused).toBe('PL004');
  for (const step of ['approved', 'exported', 'verified', 'detached']) {
    const months = (await eventsOf(`audit_archive.${step}`)).map(({ after: shown }) => shown.month);
    expect(months).toContain('2015-03');
  }
  await exportWithout('2015-03');
  const shown = await world.call('getAuditArchive', { as: world.people.auditor, params: { id: archive.id } });
  expect(shown.body).toMatchObject({ month: '2015-03', status: 'detached', sha256: archive.sha256 });
  expect((await ask('2015-03')).body).toMatchObject({ code: 'month_archived' });
}, 60_000);

test('refuses a month that is too young, empty, or held, also when the hold comes after the vote', async () => {
  const now = new Date(world.deps.clock.realMs()).toISOString().slice(0, 7);
  expect((await ask(now)).body).toMatchObject({ code: 'month_not_due' });
  expect((await ask('2001-01')).body).toMatchObject({ code: 'month_not_due' });
  await heldMonth('2015-04');
  await runArchives(job());
  await runArchives(job());
  // No file was begun for it, and it was said once.
  expect(await stored('2015-04')).toMatchObject({
    status: 'approved',
    failure: 'legal_hold',
    fileName: null,
  });
  expect((await failuresOf('2015-04')).map((row) => row.class)).toEqual(['restricted']);
  expect(await tablesOf('%2015_04')).toEqual(['audit_logs_2015_04']);
  await oldMonth('2015-06');
  await hold('2015-06');
  expect((await ask('2015-06')).body).toMatchObject({ code: 'legal_hold' });
}, 60_000);

test('the database itself takes no month out without the decision, the file and the age', async () => {
  const { engine } = world.deps.db;
  const id = newId();
  const values = {
    id,
    month: '2014-05',
    approvalId: newId(),
    rowCount: 2,
    approvedAt: world.deps.clock.realNow(),
  };
  const unapproved = engine.insert(auditArchives).values({ ...values, status: 'approved' });
  expect(await unapproved.then(() => 'done', sqlStateOf)).toBe('PL025');
  await heldMonth('2015-05');
  const { id: held } = await stored('2015-05');
  const early = engine.execute(sql`select detach_audit_partition(${held}::uuid)`);
  expect(await early.then(() => 'done', sqlStateOf)).toBe('PL025');
  const claimed = engine.execute(sql`update audit_archives set status = 'detached' where id = ${held}`);
  expect(await claimed.then(() => 'done', sqlStateOf)).toBe('PL025');
});

test('a file that was altered is not believed: the month stays, and the next try writes another', async () => {
  await oldMonth('2015-07');
  const { id: approvalId } = await done(ask('2015-07'));
  // The job is stopped after each step by a lock that a reader of the log holds on its table.
  await done(approve(approvalId));
  const reader = openClient(world.database.owner, 1);
  await reader`begin`;
  await reader`lock table audit_logs in access share mode`;
  expect(await runArchives(job()).then(() => 'done', sqlStateOf)).toBe('55P03');
  const verified = await stored('2015-07');
  expect(verified.status).toBe('verified');
  await reader`rollback`;
  await reader.end();
  await owner.unsafe('alter table audit_archives disable trigger check_archive');
  await owner`update audit_archives set status = 'exported', verified_at = null where id = ${verified.id}`;
  await owner.unsafe('alter table audit_archives enable always trigger check_archive');
  const path = await world.deps.files.pathOf(present(verified.fileName, 'it was written'));
  const bytes = readFileSync(path);
  bytes[200] = (bytes[200] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  await runArchives(job());
  expect(await stored('2015-07')).toMatchObject({
    status: 'approved',
    failure: 'the file cannot be read: SealError',
  });
  expect(await tablesOf('%2015_07')).toEqual(['audit_logs_2015_07']);
  expect((await eventsOf('audit_archive.failed')).at(-1)?.after.failure).toContain('SealError');
  await runArchives(job());
  expect(await stored('2015-07')).toMatchObject({ status: 'detached', failure: null });
}, 60_000);

test('a month that goes on failing leaves one file, says so once, and keeps no other month waiting', async () => {
  await oldMonth('2015-08');
  await done(approve((await done(ask('2015-08'))).id));
  await writeRows('2015-08', 1);
  await (await world.startWorkers()).sealer.sealNow();
  await oldMonth('2015-09');
  await done(approve((await done(ask('2015-09'))).id));
  await runArchives(job());
  await runArchives(job());
  await runArchives(job());
  const failed = await stored('2015-08');
  expect(failed).toMatchObject({ status: 'approved', failure: 'the file shows 4 of 3 rows' });
  expect(await failuresOf('2015-08')).toHaveLength(1);
  const path = await world.deps.files.pathOf(present(failed.fileName, 'it was written'));
  const kept = readdirSync(dirname(path)).filter((name) => name.startsWith('2015-08'));
  expect(kept).toEqual([basename(path)]);
  expect(await tablesOf('%2015_08')).toEqual(['audit_logs_2015_08']);
  expect(await stored('2015-09')).toMatchObject({ status: 'detached', failure: null });
}, 60_000);

test('only the owner drops what stands apart, no hold overlooked, and the log is told once', async () => {
  await oldMonth('2015-10');
  const as = world.people.auditor;
  await done(approve((await done(ask('2015-10'))).id));
  await runArchives(job());
  const { id } = await stored('2015-10');
  const drop = () =>
    owner`select drop_audit_archive('2015-10')::int as rows`.then(([row]) => row?.rows, sqlStateOf);
  const engine = world.deps.db.engine.execute(sql`select drop_audit_archive('2015-10')`);
  expect(await engine.then(() => 'done', sqlStateOf)).toBe('42501');
  const placed = await hold('2015-10');
  expect(await drop()).toBe('PL025');
  expect(await tablesOf('%2015_10')).toEqual(['audit_archive_2015_10']);
  await released(placed.id);
  const before = await world.deps.db.engine.transaction(inspect);
  expect(await drop()).toBe(3);
  expect(await drop()).toBe('PL025');
  expect(await tablesOf('%2015_10')).toEqual([]);
  const after = await world.deps.db.engine.transaction(inspect);
  expect(after.differences).toEqual(before.differences);
  await runArchives(job());
  await runArchives(job());
  const told = (await eventsOf('audit_archive.dropped')).filter((row) => row.after.month === '2015-10');
  expect(told).toHaveLength(1);
  const shown = await done(world.call('getAuditArchive', { as, params: { id } }));
  expect(shown.droppedAt).not.toBeNull();
  await (await world.startWorkers()).sealer.sealNow();
  expect((await verifyLog(world.system)).findings).toEqual([]);
  expect((await world.reconcile()).checks.flatMap((check) => check.breaks)).toEqual([]);
}, 60_000);

test('a hold on a person whom an archived month names keeps the month from being dropped', async () => {
  const { userId } = await world.newMember();
  await writeRows('2015-11', 2, userId);
  await ensurePartitions(job());
  await (await world.startWorkers()).sealer.sealNow();
  await done(approve((await done(ask('2015-11'))).id));
  await runArchives(job());
  const body = { scope: 'user', userId, reference: 'Order 2', reason: 'To be produced' };
  const placed = await done(world.call('createLegalHold', { as: keeper(), body }));
  const drop = () => owner`select drop_audit_archive('2015-11')`.then(() => 'done', sqlStateOf);
  expect(await drop()).toBe('PL025');
  await released(placed.id);
  expect(await drop()).toBe('done');
}, 60_000);
