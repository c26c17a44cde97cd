import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { PgBoss } from 'pg-boss';
import { newId } from '../../kernel/id.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { until } from '../../testing/until.ts';
import { machineCtx } from '../context.ts';
import { openClient } from '../db/client.ts';
import { auditLogs } from '../db/schema.ts';
import type { Job } from '../domain.ts';
import { readiness } from '../health.ts';
import { runJob, startJobs } from './jobs.ts';
import { ensurePartitions } from './platform-jobs.ts';

let foundation: Foundation;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
});
afterAll(async () => {
  await foundation.close();
});

const never = '0 0 29 2 *';

/** Asks for a job so many times; the first time until no earlier one is in the way. */
async function send(name: string, times = 1): Promise<void> {
  const { engine } = foundation.deps.db.connections;
  const boss = new PgBoss({
    host: engine.host,
    port: engine.port,
    database: engine.database,
    user: engine.username,
    ...(engine.password === undefined ? {} : { password: engine.password }),
    migrate: false,
    schedule: false,
    supervise: false,
  });
  await boss.start();
  await until(async () => (await boss.send(name, null, { singletonKey: name })) !== null);
  for (let sent = 1; sent < times; sent += 1) {
    await boss.send(name, null, { singletonKey: name });
  }
  await boss.stop({ graceful: false });
}

test('runs a job as a job, one at a time, on the engine’s login alone', async () => {
  const actors: string[] = [];
  const asked = Promise.withResolvers<void>();
  const job: Job = {
    name: 'test.counted',
    cron: never,
    run: async (ctx) => {
      actors.push(`${ctx.actor.kind} ${'name' in ctx.actor ? ctx.actor.name : ''} ${ctx.login}`);
      await asked.promise;
    },
  };
  const jobs = await startJobs(foundation.deps, [job]);
  await send(job.name, 2);
  await until(async () => actors.length > 0);
  asked.resolve();
  await jobs.stop();
  expect(actors).toEqual(['job test.counted engine']);
  expect((await readiness(foundation.deps)).failing).toEqual([]);
}, 30_000);

test('a job is told of its work, and does not find it at its next look', async () => {
  let runs = 0;
  const job: Job = {
    name: 'test.told',
    cron: never,
    run: async () => {
      runs += 1;
    },
  };
  const jobs = await startJobs(foundation.deps, [job]);
  const began = performance.now();
  for (let sent = 1; sent <= 4; sent += 1) {
    await send(job.name);
    await until(async () => runs === sent);
  }
  // Looks are five seconds apart: four of them would take fifteen.
  expect(performance.now() - began).toBeLessThan(12_000);
  await jobs.stop();
}, 30_000);

test('forgets the schedule of a job that is gone', async () => {
  const names = async (): Promise<string[]> => {
    const rows = await foundation.deps.db.engine.execute<{ name: string }>(
      sql`select name from pgboss.schedule order by name`,
    );
    return rows.map((row) => row.name);
  };
  const once = { name: 'test.once', cron: never, run: async () => {} };
  await (await startJobs(foundation.deps, [once])).stop();
  expect(await names()).toContain('test.once');
  await (await startJobs(foundation.deps, [])).stop();
  expect(await names()).toContain('platform.ensure-partitions');
  expect(await names()).not.toContain('test.once');
}, 30_000);

test('a job that fails is recorded without the words of the failure', async () => {
  const job: Job = {
    name: 'test.fails',
    cron: never,
    run: async () => {
      throw new RangeError('the customer’s name');
    },
  };
  expect(runJob(foundation.deps, job)).rejects.toThrow(RangeError);
  const rows = await foundation.deps.db.engine
    .select()
    .from(auditLogs)
    .where(eq(auditLogs.eventType, 'job.failed'));
  expect(rows).toMatchObject([
    { resourceId: 'test.fails', actorKind: 'job', after: { failure: 'RangeError' } },
  ]);
});

test('keeps thirteen months of partitions ahead and says what it added', async () => {
  const owner = openClient(foundation.database.owner, 1);
  const months = async () =>
    (
      await owner`select relname from pg_class where relname ~ '^audit_logs_\\d{4}_\\d{2}$' order by relname`
    ).map((row) => String(row.relname));
  const before = await months();
  expect(before).toHaveLength(14);
  await owner.unsafe(`drop table ${before.at(-1)}`);
  const ctx = machineCtx(foundation.deps, { kind: 'job', name: 'platform.ensure-partitions' }, newId());
  await ensurePartitions(ctx);
  expect(await months()).toEqual(before);
  await owner.end();
  const rows = await foundation.deps.db.engine
    .select()
    .from(auditLogs)
    .where(eq(auditLogs.eventType, 'partitions.created'));
  expect(rows).toMatchObject([{ after: { count: 1 } }]);
});

test('a start that fails leaves nothing at work', async () => {
  const wrong: Job = { name: 'test.never', cron: 'at some time', run: async () => {} };
  expect(
    await startJobs(foundation.deps, [wrong]).then(
      () => 'started',
      () => 'failed',
    ),
  ).toBe('failed');
  await until(async () => {
    const [row] = await foundation.deps.db.engine.execute<{ count: number }>(sql`
      select count(*)::int as count from pg_stat_activity
      where datname = current_database() and application_name = 'plimsoll jobs'`);
    return row?.count === 0;
  });
}, 30_000);
