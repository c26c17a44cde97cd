/**
 * Runs jobs by the clock with pg-boss, on a client of its own. Any number of nodes may run it: each
 * occurrence is queued once, and one job of a name is queued or running at a time. A job is an
 * adapter like a route: it builds a context and calls a verb.
 */
import { setTimeout } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { type ConstructorOptions, PgBoss } from 'pg-boss';
import { assert } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { record } from '../audit/record.ts';
import { type Ctx, type Deps, machineCtx } from '../context.ts';
import type { Connection } from '../db/client.ts';
import { transact } from '../db/transact.ts';
import type { Job } from '../domain.ts';
import { registerProbe } from '../health.ts';
import { type Apart, type ApartChoice, startApart } from './apart.ts';
import { JOB_EVENTS } from './audit.ts';
import { platformJobs } from './platform-jobs.ts';

/** A job that stops answering is given up, so that the next occurrence can run. */
const HEARTBEAT_SECONDS = 60;
const LONGEST_RUN_SECONDS = 6 * 60 * 60;
/** A worker is told of its work; where nobody can tell it, or a word was lost, it looks by itself. */
const POLL_SECONDS = 5;
const POLL_WHEN_TOLD_SECONDS = 60;
/** Jobs of each minute begin one after the other: all at once they would take the time of requests. */
const EACH_MINUTE = '* * * * *';
const APART_MS = 150;
const KEEP_SECONDS = 7 * 24 * 60 * 60;
const STOP_TIMEOUT_MS = 10_000;
const MAX_SCHEDULER_SILENCE_SECONDS = 180;

export type Jobs = { readonly stop: () => Promise<void> };

/**
 * Starts the scheduler and the workers of all jobs, and the thread of those that run apart.
 * @effects rows of `pgboss.queue` and `pgboss.schedule`; schedules of jobs that are gone are removed
 */
export async function startJobs(deps: Deps, domainJobs: readonly Job[], choice?: ApartChoice): Promise<Jobs> {
  const all = [...platformJobs, ...domainJobs];
  assert(new Set(all.map((job) => job.name)).size === all.length, 'a job has a name of its own');
  const apart = apartOf(deps, all, choice);
  const jobs = all.map((job) => inItsThread(job, apart));
  const ending = new AbortController();
  const boss = new PgBoss(optionsFor(deps.db.connections.engine));
  boss.on('error', (failure) => deps.log.error({ failure: failure.name }, 'the job queue failed'));
  boss.on('warning', ({ message }) => deps.log.warn({ cause: message }, 'the job queue warns'));
  try {
    await boss.start();
    await arrangeAll(boss, deps, jobs, ending.signal);
  } catch (failure) {
    // What is left running would work beside the next start, and in recovery.
    await stopBoth(boss, apart).catch(() => {});
    throw failure;
  }
  const startedMs = deps.clock.realMs();
  registerProbe(deps, { name: 'jobs', run: () => silenceOf(deps, startedMs) });
  const stop = () => {
    ending.abort();
    return stopBoth(boss, apart);
  };
  return { stop };
}

/** The thread of jobs that run apart; none where no job does. */
function apartOf(deps: Deps, jobs: readonly Job[], choice: ApartChoice | undefined): Apart | undefined {
  if (!jobs.some(({ isApart }) => isApart)) {
    return;
  }
  assert(choice !== undefined, 'where jobs run apart, it is said in which thread');
  return startApart(deps, choice);
}

/** The same job, done by the thread; how it ended is told here as it is of any other. */
function inItsThread(job: Job, apart: Apart | undefined): Job {
  return job.isApart && apart !== undefined ? { ...job, run: (ctx) => apart.run(job.name, ctx) } : job;
}

/** The scheduler waits for what runs, so the thread is told to end at the same time. */
async function stopBoth(boss: PgBoss, apart: Apart | undefined): Promise<void> {
  await Promise.all([boss.stop({ graceful: true, timeout: STOP_TIMEOUT_MS }), apart?.stop()]);
}

/**
 * Runs a job once, as the scheduler does.
 * @effects those of the job; audit `job.failed` where it throws
 * @errors what the job throws
 */
export async function runJob(deps: Deps, job: Job, ending?: AbortSignal): Promise<void> {
  const ctx = machineCtx(deps, { kind: 'job', name: job.name }, newId());
  const beganMs = deps.clock.realMs();
  try {
    await job.run(ctx, ending);
  } catch (thrown) {
    const failure = thrown instanceof Error ? thrown.name : 'unknown';
    deps.log.error({ job: job.name, requestId: ctx.requestId, failure }, 'a job failed');
    await tellFailed(ctx, job, failure);
    throw thrown;
  }
  deps.log.debug({ job: job.name, durationMs: deps.clock.realMs() - beganMs }, 'a job ran');
}

async function arrangeAll(
  boss: PgBoss,
  deps: Deps,
  jobs: readonly Job[],
  ending: AbortSignal,
): Promise<void> {
  const eachMinute = jobs.filter(({ cron }) => cron === EACH_MINUTE);
  for (const job of jobs) {
    await arrange(boss, deps, job, Math.max(0, eachMinute.indexOf(job)) * APART_MS, ending);
  }
  const known = new Set(jobs.map((job) => job.name));
  for (const schedule of await boss.getSchedules()) {
    if (!known.has(schedule.name)) {
      await boss.unschedule(schedule.name);
    }
  }
}

/** @units delayMs: from when it is told until it begins */
async function arrange(
  boss: PgBoss,
  deps: Deps,
  job: Job,
  delayMs: number,
  ending: AbortSignal,
): Promise<void> {
  const settings = {
    retryLimit: 0,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    expireInSeconds: LONGEST_RUN_SECONDS,
    deleteAfterSeconds: KEEP_SECONDS,
    notify: true,
  };
  if ((await boss.getQueue(job.name)) === null) {
    await boss.createQueue(job.name, { ...settings, policy: 'exclusive' });
  } else {
    await boss.updateQueue(job.name, settings);
  }
  const looks = {
    pollingIntervalSeconds: POLL_SECONDS,
    notifyPollingIntervalSeconds: POLL_WHEN_TOLD_SECONDS,
    batchSize: 1,
  };
  await boss.work(job.name, looks, async () => {
    await setTimeout(delayMs, undefined, { signal: ending }).catch(() => {});
    // What a stop keeps from beginning is due again within a minute; what is rarer begins all the same.
    if (delayMs === 0 || !ending.aborted) {
      await runJob(deps, job, ending);
    }
  });
  await boss.schedule(job.name, job.cron, null, { tz: job.inFirmZone ? deps.timeZone : 'UTC' });
}

/** Nothing of the schema is made or changed at run time: the migrations own it. */
function optionsFor(connection: Connection): ConstructorOptions {
  return {
    host: connection.host,
    port: connection.port,
    database: connection.database,
    user: connection.username,
    ...(connection.password === undefined ? {} : { password: connection.password }),
    ...(connection.tls === undefined
      ? {}
      : { ssl: { rejectUnauthorized: connection.tls === 'verify-full' } }),
    application_name: 'plimsoll jobs',
    max: 4,
    schema: 'pgboss',
    migrate: false,
    createSchema: false,
    reindex: false,
    useListenNotify: true,
    monitorVacuum: false,
  };
}

async function tellFailed(ctx: Ctx, job: Job, failure: string): Promise<void> {
  await transact(ctx, 'engine', (tx) =>
    record(tx, ctx, {
      event: JOB_EVENTS['job.failed'],
      resource: { type: 'job', id: job.name },
      subjectUserId: null,
      after: { failure },
    }),
  ).catch(() => ctx.deps.log.error({ job: job.name }, 'the failure of a job could not be recorded'));
}

async function silenceOf(deps: Deps, startedMs: number): Promise<string | null> {
  if (deps.clock.realMs() - startedMs < MAX_SCHEDULER_SILENCE_SECONDS * 1000) {
    return null;
  }
  const [row] = await deps.db.engine.execute<{ seconds: number | null }>(
    sql`select extract(epoch from clock_timestamp() - cron_on)::int as seconds from pgboss.version`,
  );
  const seconds = row?.seconds ?? null;
  return seconds === null || seconds > MAX_SCHEDULER_SILENCE_SECONDS ? 'the scheduler stands still' : null;
}
