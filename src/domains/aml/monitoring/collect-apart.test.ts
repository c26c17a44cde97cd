import { afterAll, beforeAll, expect, test } from 'bun:test';
import { and, asc, eq, like } from 'drizzle-orm';
import type postgres from 'postgres';
import { msOfInstant } from '../../../kernel/time.ts';
import { openInstallationKeys } from '../../../platform/crypto/installation-keys.ts';
import { openClient } from '../../../platform/db/client.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { readiness } from '../../../platform/health.ts';
import { type Apart, startApart } from '../../../platform/jobs/apart.ts';
import { runJob } from '../../../platform/jobs/jobs.ts';
import { TEST_ROOT_KEYS, TEST_SETTINGS } from '../../../testing/foundation.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  type Person,
  startFundingDesk,
} from '../../../testing/funding-desk.ts';
import { until } from '../../../testing/until.ts';
import { amlDomain } from '../index.ts';
import { collectActivityJob } from './collect-activity.ts';
import { activityCursors, monitoredActivity } from './schema.ts';

const ENTRY = new URL('../../../start/jobs-worker.ts', import.meta.url);
/** As the server makes them, the newest last. */
const threads: Worker[] = [];
const DAY_MS = 86_400_000;

let desk: FundingDesk;
let owner: postgres.Sql;
let apart: Apart;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file, [amlDomain]);
  await openInstallationKeys(desk.deps);
  owner = openClient(desk.database.owner, 2);
  begin();
  // Where reading begins: what came about before is kept and not watched.
  expect(await collect()).toBeNull();
});

afterAll(async () => {
  await apart.stop();
  await owner.end();
  await desk.close();
});

function begin(stopMs = 8_000): void {
  const newThread = (): Worker => {
    const thread = new Worker(ENTRY.href);
    threads.push(thread);
    return thread;
  };
  const choice = { newThread, rootKeys: TEST_ROOT_KEYS, settings: TEST_SETTINGS };
  apart = startApart(desk.deps, choice, { firstMs: 0, restartMs: 50, stopMs });
}

/** One run as the scheduler begins it. @shape the name of its failure; null where it went well */
function collect(): Promise<string | null> {
  const { name } = collectActivityJob;
  return runJob(desk.deps, { ...collectActivityJob, run: (ctx) => apart.run(name, ctx) }).then(
    () => null,
    (failure: Error) => failure.name,
  );
}

/** Somebody who named two accounts, which nobody but the job looks at. */
async function newcomer(): Promise<Person> {
  const person = await desk.newCustomer();
  for (const place of [0, 1]) {
    await desk.request(person, 'POST', '/v1/beneficiaries', { body: bankBeneficiary(place) });
  }
  return person;
}

function keptOf({ userId }: Person) {
  const mine = and(eq(monitoredActivity.userId, userId), eq(monitoredActivity.kind, 'beneficiary_added'));
  return desk.deps.db.engine.select().from(monitoredActivity).where(mine);
}

function cursors() {
  return desk.deps.db.engine
    .select({ source: activityCursors.source, position: activityCursors.position })
    .from(activityCursors)
    .orderBy(activityCursors.source);
}

/** Has whoever keeps an activity wait in the middle of its page, while `work` is done. */
async function inThePage(work: () => Promise<void>): Promise<void> {
  await owner.begin(async (tx) => {
    await tx`lock table monitored_activity in share mode`;
    await work();
  });
}

async function waitsInThePage(): Promise<boolean> {
  const rows = await owner`select from pg_locks where not granted
    and relation = 'monitored_activity'::regclass and database = (
      select oid from pg_database where datname = current_database())`;
  return rows.length > 0;
}

/** What is on record of jobs, and of the thread. */
async function toldOfJobs(): Promise<readonly string[]> {
  const rows = await desk.deps.db.engine
    .select()
    .from(auditLogs)
    .where(like(auditLogs.eventType, 'job.%'))
    .orderBy(asc(auditLogs.id));
  return rows.map(({ eventType, resourceId }) => `${eventType} ${resourceId}`);
}

const isReady = async () => (await readiness(desk.deps)).failing.every(({ name }) => name !== 'jobs apart');

test('the thread reads what people did, by the clock of the process', async () => {
  const person = await newcomer();
  desk.advance(2 * DAY_MS);
  expect(await collect()).toBeNull();
  const kept = await keptOf(person);
  expect(kept).toHaveLength(2);
  const behindMs =
    msOfInstant(desk.deps.clock.now()) - msOfInstant(kept[0]?.collectedAt ?? desk.deps.clock.now());
  expect(behindMs).toBeWithin(0, 20_000);
});

test('a thread that dies in the middle of a page loses nothing, and nothing is kept twice', async () => {
  const person = await newcomer();
  const before = await cursors();
  const toldBefore = (await toldOfJobs()).length;
  await inThePage(async () => {
    const running = collect();
    await until(waitsInThePage);
    threads.at(-1)?.terminate();
    expect(await running).toBe('ThreadEnded');
    expect(await isReady()).toBe(false);
  });
  expect(await keptOf(person)).toEqual([]);
  expect(await cursors()).toEqual(before);
  await until(isReady);
  expect(await collect()).toBeNull();
  expect(await collect()).toBeNull();
  expect(await keptOf(person)).toHaveLength(2);
  const told = (await toldOfJobs()).slice(toldBefore).toSorted();
  expect(told).toEqual(['job.failed aml.collect-activity', 'job.thread_ended jobs']);
}, 60_000);

test('a stop in the middle of a page leaves nothing half done', async () => {
  const person = await newcomer();
  const before = await cursors();
  await apart.stop();
  begin(500);
  await inThePage(async () => {
    const running = collect();
    await until(waitsInThePage);
    await apart.stop();
    expect(await running).toBe('ThreadEnded');
  });
  expect(await keptOf(person)).toEqual([]);
  expect(await cursors()).toEqual(before);
  begin();
  expect(await collect()).toBeNull();
  expect(await keptOf(person)).toHaveLength(2);
}, 60_000);
