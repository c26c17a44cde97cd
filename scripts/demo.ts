/**
 * `bun run demo [--lists FOLDER]`: drives a running server through the whole journey over HTTP, then
 * prints the reconcile report and verifies the exported audit log offline. Exit code 0 when everything
 * held, 1 when something did not, 2 on wrong use.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDemoCredentials } from '../src/demo/credentials.ts';
import { JOURNEY_STEPS, type Journey, runJourney } from '../src/demo/journey.ts';
import { reconcile } from '../src/domains/ledger/index.ts';
import { allDomains } from '../src/domains.ts';
import { withSystem } from './open-system.ts';
import { reconcileTable } from './reconcile-table.ts';
import { StepLine } from './step-line.ts';

const [flag, folder, ...rest] = process.argv.slice(2);
if ((flag !== undefined && (flag !== '--lists' || folder === undefined)) || rest.length > 0) {
  process.stderr.write('Usage: bun run demo [--lists FOLDER]\n');
  process.exit(2);
}
const dataDir = process.env.PLIMSOLL_DATA_DIR ?? '.data';
const url = process.env.PLIMSOLL_URL ?? `http://127.0.0.1:${process.env.PORT ?? '8080'}`;
const credentials = readDemoCredentials(dataDir);
if (credentials === undefined) {
  process.stderr.write(`There is no demo firm in ${dataDir}. Start one with: bun start\n`);
  process.exit(1);
}

if (!(await answers(url))) {
  process.stderr.write(
    `No server answers at ${url}. Start one with: bun start; or name another by PORT or PLIMSOLL_URL\n`,
  );
  process.exit(1);
}

await withSystem('demo', async ({ ctx }) => {
  const journey = await travel(credentials);
  if (journey === undefined) {
    return 1;
  }
  process.stdout.write('\nReconcile\n');
  const report = await reconcile(
    ctx,
    allDomains.flatMap((domain) => domain.checks),
  );
  process.stdout.write(reconcileTable(report));
  process.stdout.write('\nAudit log, verified offline from the export\n');
  const holds = await verifyOffline(journey);
  return report.status === 'clean' && holds ? 0 : 1;
});

async function answers(server: string): Promise<boolean> {
  try {
    return (await fetch(`${server}/livez`)).ok;
  } catch {
    return false;
  }
}

async function travel(people: NonNullable<typeof credentials>): Promise<Journey | undefined> {
  const line = new StepLine(JOURNEY_STEPS.length, process.stdout);
  process.stdout.write(`The journey on ${url}\n\n`);
  try {
    return await runJourney(
      {
        url,
        credentials: people,
        listsFolder: listsFolder(),
        runId: Date.now().toString(36),
        nowMs: () => Date.now(),
      },
      (title, index) => line.begin(title, index),
      (result) => line.end(result),
    );
  } catch (error) {
    line.fail(error instanceof Error ? error.message : String(error));
    process.stdout.write(
      '\nThe journey expects the firm as it was seeded: fees, limits and lists that were set since may stop it.\n' +
        'To begin again from nothing, stop the server and delete its data folder.\n',
    );
    return undefined;
  }
}

/** The folder given, else the official files beside the project if they are there. */
function listsFolder(): string | null {
  const beside = join(import.meta.dir, '..', '..', 'shared', 'data', 'aml');
  const chosen = folder ?? beside;
  return existsSync(join(chosen, 'un')) || existsSync(join(chosen, 'ofac')) ? chosen : null;
}

/** The verifier runs as the program an auditor would run: on a file, without server or database. */
async function verifyOffline(journey: Journey): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-export-'));
  try {
    const file = join(folder, 'audit.ndjson');
    writeFileSync(file, journey.auditFile, { mode: 0o600 });
    const verifier = Bun.spawn(
      [process.execPath, join(import.meta.dir, 'verify-audit.ts'), file, '--key', journey.verifierKey],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    return (await verifier.exited) === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
