import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../config.ts';
import { readDemoCredentials } from '../demo/credentials.ts';
import { JOURNEY_STEPS, type Journey, runJourney } from '../demo/journey.ts';
import { present } from '../kernel/assert.ts';
import { verifyExport } from '../platform/audit/verify-export.ts';
import { type RunningServer, startServer } from '../start/start-server.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';
import { reconcileOn } from './reconcile-on.ts';

const shared = process.env.PLIMSOLL_SHARED_DIR ?? join(import.meta.dir, '..', '..', '..', 'shared');
const lists = join(shared, 'data', 'aml');
const listsFolder = existsSync(join(lists, 'un')) ? lists : null;
if (listsFolder === null) {
  console.log(`journey: no official list files in ${lists}; the fictional demo list is used instead`);
}

let database: TestDatabase;
let dataDir: string;
let server: RunningServer;
const outcomes: string[] = [];
let journey: Journey;

beforeAll(async () => {
  database = await createTestDatabase(import.meta.file);
  dataDir = await mkdtemp(join(tmpdir(), 'plimsoll-journey-'));
  const config = readConfig({ PLIMSOLL_DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'silent' });
  server = await startServer({ ...config, database: { kind: 'owner', owner: database.owner } }, () => {});
  const credentials = present(readDemoCredentials(dataDir), 'the demo firm was seeded');
  journey = await runJourney(
    { url: server.url, credentials, listsFolder, runId: 'test', nowMs: () => Date.now() },
    () => {},
    (result) => outcomes.push(result.title),
  );
}, 120_000);

afterAll(async () => {
  await server.stop();
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('the journey', () => {
  test('runs from registration to payout, refusals included', () => {
    expect(outcomes).toEqual(JOURNEY_STEPS.map((step) => step.title));
  });

  test('leaves books without a break', async () => {
    const report = await reconcileOn(database, dataDir);
    expect(report.checks.filter((check) => check.breaks.length > 0)).toEqual([]);
    expect(report.checks.find((check) => check.name === 'ledger.journals_balance')?.seen).toBeGreaterThan(5);
  });

  test('leaves an audit export that verifies offline and that no edit survives', async () => {
    const lines = journey.auditFile.split('\n').filter((line) => line !== '');
    const honest = await verifyExport(lines, { verifierKeys: [journey.verifierKey] });
    expect(honest.holds).toBe(true);
    const edited = lines.map((line, index) =>
      index === 5 ? line.replace(/"outcome":"\w+"/, '"outcome":"failed"') : line,
    );
    const forged = await verifyExport(edited, { verifierKeys: [journey.verifierKey] });
    expect(forged.holds).toBe(false);
  });
});
