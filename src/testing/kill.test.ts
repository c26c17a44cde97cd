import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Subprocess } from 'bun';
import { readDemoCredentials } from '../demo/credentials.ts';
import { runJourney } from '../demo/journey.ts';
import { present } from '../kernel/assert.ts';
import { formatDatabaseUrl } from '../platform/db/client.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';
import { reconcileOn } from './reconcile-on.ts';

let database: TestDatabase;
let dataDir: string;
let running: Subprocess<'ignore', 'pipe', 'pipe'> | undefined;

beforeAll(async () => {
  database = await createTestDatabase(import.meta.file);
  dataDir = await mkdtemp(join(tmpdir(), 'plimsoll-kill-'));
});

afterAll(async () => {
  running?.kill('SIGKILL');
  await running?.exited;
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

test('a server killed in the middle of journeys leaves no break, before and after it starts again', async () => {
  for (const [round, killAfterMs] of [600, 1_500, 2_500].entries()) {
    const url = await start();
    const credentials = present(readDemoCredentials(dataDir), 'the demo firm was seeded');
    const journey = runJourney(
      { url, credentials, listsFolder: null, runId: `kill${round}`, nowMs: () => Date.now() },
      () => {},
      () => {},
    ).catch(() => undefined);
    await Bun.sleep(killAfterMs);
    running?.kill('SIGKILL');
    await running?.exited;
    await journey;
    expect(await breaks()).toEqual([]);
  }
  await start();
  expect(await breaks()).toEqual([]);
  running?.kill('SIGTERM');
  const code = await running?.exited;
  expect([code, await new Response(running?.stderr).text()]).toEqual([0, '']);
}, 120_000);

async function breaks(): Promise<readonly string[]> {
  const report = await reconcileOn(database, dataDir);
  return report.checks.flatMap((check) =>
    check.breaks.map((found) => `${check.name} ${found.object} ${found.detail}`),
  );
}

/** Starts the server as a person would and waits for its banner. */
async function start(): Promise<string> {
  running = Bun.spawn([process.execPath, join(import.meta.dir, '..', 'main.ts')], {
    env: {
      ...process.env,
      PORT: '0',
      PLIMSOLL_DATA_DIR: dataDir,
      DATABASE_URL: formatDatabaseUrl(database.owner),
      LOG_LEVEL: 'silent',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for await (const chunk of running.stdout) {
    printed += new TextDecoder().decode(chunk);
    const url = /(http:\/\/\S+)\/v1/.exec(printed)?.[1];
    if (url !== undefined) {
      return url;
    }
  }
  throw new Error(`the server did not start: ${await new Response(running.stderr).text()}`);
}
