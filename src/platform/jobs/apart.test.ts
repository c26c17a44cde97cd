import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { and, asc, eq } from 'drizzle-orm';
import { PgBoss } from 'pg-boss';
import { type Id, newId } from '../../kernel/id.ts';
import { msOfInstant } from '../../kernel/time.ts';
import { type Foundation, startFoundation, TEST_ROOT_KEYS, TEST_SETTINGS } from '../../testing/foundation.ts';
import { sampleJobs } from '../../testing/sample-jobs.ts';
import { until } from '../../testing/until.ts';
import type { Deps } from '../context.ts';
import { activateHouseKey, openInstallationKeys, publishHouseKey } from '../crypto/installation-keys.ts';
import { keyIdText } from '../crypto/keyring.ts';
import { auditLogs, personKeys } from '../db/schema.ts';
import { readiness } from '../health.ts';
import { buildLogger } from '../log/logger.ts';
import type { Mail } from '../mail/mailer.ts';
import { beginRecovery, lookForRecovery } from '../recovery/mode.ts';
import { type Apart, type ApartTimes, startApart } from './apart.ts';
import { runJob, startJobs } from './jobs.ts';

const ENTRY = new URL('../../testing/sample-jobs-worker.ts', import.meta.url);
const newThread = () => new Worker(ENTRY.href);
const CHOICE = { newThread, rootKeys: TEST_ROOT_KEYS, settings: TEST_SETTINGS };
const DAY_MS = 86_400_000;

let foundation: Foundation;
let deps: Deps;
let apart: Apart | undefined;
let lines: string[];
let mails: Mail[];
let wakes: number;

beforeEach(async () => {
  foundation = await startFoundation(import.meta.file, []);
  [apart, lines, mails, wakes] = [undefined, [], [], 0];
  const mail = {
    ...foundation.deps.mail,
    send: (one: Mail) => void mails.push(one),
    deliver: async (one: Mail) => {
      mails.push(one);
      return true;
    },
  };
  const log = buildLogger('warn', { write: (line) => void lines.push(line) });
  const wakeRelay = () => {
    wakes += 1;
  };
  deps = { ...foundation.deps, mail, log, wakeRelay };
  await openInstallationKeys(deps);
});
afterEach(async () => {
  await apart?.stop();
  await foundation.close();
});

function start(times: Partial<ApartTimes> = {}): Apart {
  apart = startApart(deps, CHOICE, { firstMs: 0, ...times });
  return apart;
}

/** Has the thread do a job as the scheduler does. @shape the name of its failure; null where it went well */
async function ask(name: string): Promise<string | null> {
  const job = {
    name: `test.${name}`,
    cron: '0 0 29 2 *',
    run: (ctx: Parameters<Apart['run']>[1]) => apart?.run(`test.${name}`, ctx) ?? Promise.resolve(),
  };
  return runJob(deps, job).then(
    () => null,
    (failure: Error) => failure.name,
  );
}

/** Asks the scheduler for a job. */
async function send(name: string): Promise<void> {
  const { engine } = deps.db.connections;
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
  await boss.send(name, null, { singletonKey: name });
  await boss.stop({ graceful: false });
}

type Seen = {
  readonly now: string;
  readonly realNow: string;
  readonly houseKeyId: string;
  readonly keysFound: number;
  readonly isInRecovery: boolean;
  readonly isEnding: boolean;
  readonly mailTaken?: boolean;
};

async function rowsOf(eventType: string) {
  return deps.db.engine
    .select()
    .from(auditLogs)
    .where(and(eq(auditLogs.eventType, eventType)))
    .orderBy(asc(auditLogs.id));
}

async function seen(): Promise<readonly Seen[]> {
  return (await rowsOf('sample.told')).map(({ after }) => after as Seen);
}

/** What a job sees that looks now. */
async function look(): Promise<Seen | undefined> {
  expect(await ask('look')).toBeNull();
  return (await seen()).at(-1);
}

const failuresOf = async () =>
  (await rowsOf('job.failed')).map(({ resourceId, after }) => [
    resourceId,
    (after as { failure: string }).failure,
  ]);
const notReady = async () => (await readiness(deps)).failing.map(({ detail }) => detail);
const isReady = async () => (await notReady()).length === 0;
const BROKEN_OFF = 'the thread of jobs broke off and starts anew';

describe('a job that runs apart', () => {
  test('acts as the job it is, and what follows its commit is done by the process', async () => {
    start();
    expect(await ask('alarm')).toBeNull();
    expect(await rowsOf('sample.alarm')).toMatchObject([{ actorKind: 'job', eventType: 'sample.alarm' }]);
    expect(mails).toMatchObject([{ to: 'alarms@example.mu', subject: 'Plimsoll alarm: sample.alarm' }]);
    expect(wakes).toBeGreaterThan(0);
    const words = lines.join('');
    expect(words).toContain('a word of the thread');
    expect(words).toContain('"alarm":"sample.alarm"');
    expect(words).not.toContain('customer');
    expect(await ask('post')).toBeNull();
    expect(await seen()).toMatchObject([{ mailTaken: true }]);
  });

  test('that fails is recorded without the words of the failure, and the thread goes on', async () => {
    start();
    expect(await ask('fail')).toBe('RangeError');
    expect(await failuresOf()).toEqual([['test.fail', 'RangeError']]);
    expect(await ask('look')).toBeNull();
    expect(lines.join('')).not.toContain('customer');
  });

  test('is done once it is due, and told to end where the jobs stop', async () => {
    const untilEnding = sampleJobs.filter(({ name }) => name === 'test.look-until-ending');
    const jobs = await startJobs(deps, untilEnding, CHOICE);
    try {
      await send('test.look-until-ending');
      await until(async () => (await seen()).length > 1);
    } finally {
      await jobs.stop();
    }
    expect((await seen()).map(({ isEnding }) => isEnding).filter(Boolean)).toEqual([true]);
    expect(await failuresOf()).toEqual([]);
  }, 60_000);

  test('does not start without a thread that is named', async () => {
    expect(startJobs(deps, sampleJobs)).rejects.toThrow('in which thread');
  });
});

describe('what the process knows holds in the thread', () => {
  test('the clock that was moved, also in the middle of a run', async () => {
    start();
    const before = await look();
    expect(Math.abs(msOfInstant(deps.clock.now()) - Date.parse(before?.now ?? ''))).toBeLessThan(10_000);
    const running = ask('look-until-ending');
    await until(async () => (await seen()).length > 2);
    foundation.advance(3 * DAY_MS);
    await until(async () => {
      const { now = '', realNow = '' } = (await seen()).at(-1) ?? {};
      return Date.parse(now) - Date.parse(realNow) > 2 * DAY_MS;
    });
    const { now = '', realNow = '' } = (await seen()).at(-1) ?? {};
    expect(Date.parse(now) - Date.parse(realNow)).toBeWithin(3 * DAY_MS - 50, 3 * DAY_MS + 50);
    await apart?.stop();
    expect(await running).toBeNull();
  }, 60_000);

  test('a house key that was rotated, and a person’s key that was destroyed', async () => {
    const personId: Id = newId();
    await deps.db.engine.transaction((tx) => deps.personKeys.create(tx, personId, deps.clock.realNow()));
    start();
    const before = await look();
    expect(before).toMatchObject({ keysFound: 1, houseKeyId: keyIdText(deps.keyring.house.id) });
    await publishHouseKey(foundation.system);
    await activateHouseKey(foundation.system, 0);
    const after = keyIdText(deps.keyring.house.id);
    expect(after).not.toBe(before?.houseKeyId ?? '');
    await deps.db.engine.delete(personKeys).where(eq(personKeys.userId, personId));
    await until(async () => (await look())?.houseKeyId === after);
    expect((await look())?.keysFound).toBe(0);
    const [row] = (await rowsOf('sample.told')).slice(-1);
    expect(Buffer.from(row?.personal ?? []).toString('hex')).toContain(after);
  }, 60_000);

  test('a recovery that began ends what runs', async () => {
    start();
    const running = ask('look-until-ending');
    await until(async () => (await seen()).length > 1);
    await beginRecovery(foundation.system, { cause: 'requested' });
    expect(await running).toBeNull();
    expect((await seen()).at(-1)).toMatchObject({ isEnding: true, isInRecovery: true });
    expect(await lookForRecovery(deps)).not.toBeNull();
  }, 60_000);
});

describe('a thread that breaks off', () => {
  const alarms = async () => (await rowsOf('job.thread_ended')).map(({ after }) => after);

  test('fails what it did, is told of, and another begins', async () => {
    start({ restartMs: 500 });
    expect(await ask('look')).toBeNull();
    expect(await ask('die')).toBe('ThreadEnded');
    expect(await failuresOf()).toEqual([['test.die', 'ThreadEnded']]);
    expect(await notReady()).toEqual([BROKEN_OFF]);
    await until(async () => (await alarms()).length > 0);
    // Asked while there is none, it waits for the next.
    expect(await ask('look')).toBeNull();
    expect(await isReady()).toBe(true);
    expect(await ask('fail-aside')).toBe('ThreadEnded');
    await until(isReady);
    expect(await alarms()).toHaveLength(1);
    expect(lines.filter((line) => line.includes(BROKEN_OFF))).toHaveLength(2);
    expect(lines.join('')).not.toContain('customer');
    expect(mails.map(({ subject }) => subject)).toEqual(['Plimsoll alarm: job.thread_ended']);
  }, 60_000);

  test('is one that says nothing any more', async () => {
    start({ lookMs: 100, quietLooksMost: 60, restartMs: 100 });
    expect(await ask('spin')).toBe('ThreadEnded');
    await until(async () => (await alarms()).length > 0);
    expect(await alarms()).toEqual([{ cause: 'silent' }]);
    expect(await ask('look')).toBeNull();
  }, 60_000);

  test('is one in which a run does not come to an end: else none would begin any more', async () => {
    start({ lookMs: 20, runLooksMost: 50, restartMs: 100 });
    expect(await ask('stay')).toBe('ThreadEnded');
    await until(async () => (await alarms()).length > 0);
    expect(await alarms()).toEqual([{ cause: 'overdue' }]);
    expect(await ask('look')).toBeNull();
  }, 60_000);

  test('is one that never gets ready, though it is heard: nobody takes it for one that works', async () => {
    const beating = URL.createObjectURL(new Blob(["setInterval(() => postMessage({ kind: 'beat' }), 10)"]));
    const threads = [() => new Worker(beating), newThread];
    const newest = () => (threads.shift() ?? newThread)();
    const times = { firstMs: 0, lookMs: 50, startLooksMost: 100, restartMs: 2_000 };
    apart = startApart(deps, { ...CHOICE, newThread: newest }, times);
    expect(await ask('look')).toBe('ThreadEnded');
    expect(await notReady()).toEqual([BROKEN_OFF]);
    expect(await ask('look')).toBeNull();
    expect(await alarms()).toEqual([{ cause: 'not_ready' }]);
  }, 60_000);

  test('is alarmed of also after the clock was set back', async () => {
    start({ quietMs: 1, restartMs: 100 });
    expect(await ask('die')).toBe('ThreadEnded');
    await until(async () => (await alarms()).length === 1);
    const realMs = deps.clock.realMs;
    deps = Object.assign(deps, { clock: { ...deps.clock, realMs: () => realMs() - DAY_MS } });
    expect(await ask('die')).toBe('ThreadEnded');
    await until(async () => (await alarms()).length === 2);
  }, 60_000);

  test('is one that cannot be made: nothing is ready, and whoever asks hears of it', async () => {
    apart = startApart(
      deps,
      { ...CHOICE, rootKeys: [{ name: 'other', key: new Uint8Array(32) }] },
      { firstMs: 0, restartMs: 100 },
    );
    expect(await ask('look')).toBe('ThreadEnded');
    expect(await notReady()).toEqual([BROKEN_OFF]);
    expect(lines.join('')).toContain('SealError');
    expect(await seen()).toEqual([]);
  }, 60_000);
});

test('a run that does not come to an end in time ends with the thread, and nobody waits for it', async () => {
  const stopped = start({ stopMs: 300 });
  expect(await ask('look')).toBeNull();
  const running = ask('stay');
  await Bun.sleep(50);
  await stopped.stop();
  expect(await running).toBe('ThreadEnded');
  expect(await ask('look')).toBe('ThreadEnded');
  // It was asked to stop: nobody is called for that.
  expect(await rowsOf('job.thread_ended')).toEqual([]);
  expect(await deps.db.engine.select().from(personKeys)).toEqual([]);
}, 60_000);
