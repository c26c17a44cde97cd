/** What an archived month leaves behind must not hide that other rows were deleted. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import type postgres from 'postgres';
import { runArchives } from '../domains/audit/run-archives.ts';
import { newId } from '../kernel/id.ts';
import { parseInstant } from '../kernel/time.ts';
import { LOG_EVENTS } from '../platform/audit/log-events.ts';
import { record } from '../platform/audit/record.ts';
import { verifyLog } from '../platform/audit/verify-log.ts';
import { machineCtx } from '../platform/context.ts';
import { openClient } from '../platform/db/client.ts';
import { transact } from '../platform/db/transact.ts';
import { ensurePartitions } from '../platform/jobs/platform-jobs.ts';
import { attackEvidence } from './attacker.ts';
import { done } from './drivers/driver.ts';
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

async function writeRows(at: string): Promise<void> {
  const { deps } = world;
  const clock = { ...deps.clock, realNow: () => parseInstant(at) };
  const ctx = machineCtx({ ...deps, clock }, { kind: 'system', name: 'test' }, newId());
  await transact(world.system, 'engine', async (tx) => {
    for (let number = 0; number < 3; number += 1) {
      await record(tx, ctx, {
        event: LOG_EVENTS['audit_log.key_changed'],
        resource: { type: 'audit_log', id: String(number) },
        subjectUserId: null,
      });
    }
  });
}

test('a row that was deleted does not pass for one of a month that was archived', async () => {
  const job = machineCtx(world.deps, { kind: 'job', name: 'audit.archive-months' }, newId());
  const { sealer } = await world.startWorkers();
  await writeRows('2016-01-10T12:00:00Z');
  await writeRows('2016-02-10T12:00:00Z');
  await ensurePartitions(job);
  await sealer.sealNow();
  const body = { month: '2016-01', reason: 'Its time is over' };
  const { id } = await done(world.call('requestAuditArchive', { as: world.people.compliance_officer, body }));
  const vote = { params: { id }, body: { reason: 'Agreed' } };
  await done(world.call('approveApproval', { as: world.people.mlro, ...vote }));
  await runArchives(job);
  await sealer.sealNow();
  expect((await verifyLog(world.system)).findings).toEqual([]);
  await attackEvidence(owner, [
    `update audit_leaves set recorded_at = '2016-01-10T12:00:00Z' where log_id =
      (select id from audit_logs where recorded_at = '2016-02-10T12:00:00Z' limit 1)`,
    `delete from audit_logs where recorded_at = '2016-02-10T12:00:00Z' and id in
      (select log_id from audit_leaves where recorded_at = '2016-01-10T12:00:00Z')`,
    // What the database says of the archive is brought into line; what the log says of it cannot be.
    `alter table audit_archives no force row level security`,
    `alter table audit_archives disable trigger user`,
    `update audit_archives set row_count = 4`,
  ]);
  const { findings } = await verifyLog(world.system);
  expect(findings.map(({ code, object }) => `${code} ${object}`)).toEqual(['row_missing month 2016-01']);
}, 60_000);
