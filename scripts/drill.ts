/**
 * `bun run drill [--keep]`: proves backup and restore as a whole, in a folder of its own: a firm at work is
 * backed up, works on, is destroyed, and comes back from the backup; nothing moves before two people signed
 * that the world outside agrees. Exit code 0 when every step held, 1 when one did not, 2 on wrong use.
 */
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { signIn } from '../src/demo/client.ts';
import { type DemoCredentials, readDemoCredentials } from '../src/demo/credentials.ts';
import { runJourney } from '../src/demo/journey.ts';
import { shareOrStart } from '../src/platform/db/embedded.ts';
import { sandboxConnections } from '../src/platform/db/sandbox-logins.ts';
import { reopen } from './drill/reopen.ts';
import { StepLine } from './step-line.ts';

const flags = process.argv.slice(2);
if (flags.some((flag) => flag !== '--keep')) {
  process.stderr.write('Usage: bun run drill [--keep]\n');
  process.exit(2);
}

const root = mkdtempSync(join(tmpdir(), 'plimsoll-drill-'));
// PostgreSQL runs as a user of its own where this is run as root.
chmodSync(root, 0o711);
const [before, after] = [join(root, 'before'), join(root, 'after')];
const [backups, keyBackups] = [join(root, 'backups'), join(root, 'person-keys')];
const checkpointFile = join(root, 'checkpoint.txt');
const nowMs = () => Date.now();
const facts: Record<string, string> = {};
let server: Server | undefined;
let erasedId = '';
let backedUpAtMs = 0;

type Server = { readonly url: string; readonly stop: () => Promise<void> };

const STEPS: readonly { readonly title: string; readonly run: () => Promise<string> }[] = [
  {
    title: 'A firm works: customers, deposits, orders, a payout',
    run: async () => {
      server = await start(before);
      erasedId = await travel(server.url);
      return server.url;
    },
  },
  {
    title: 'It is backed up while it serves, the keys of people apart',
    run: async () => {
      backedUpAtMs = nowMs();
      return command('backup.ts', before, '--to', backups, '--person-keys-to', keyBackups);
    },
  },
  {
    title: 'It works on: all of this will be lost',
    run: async () => {
      const { url } = running();
      await travel(url);
      return 'another customer, a deposit, orders and a payout';
    },
  },
  {
    title: 'A person is erased, and person keys are backed up again',
    run: async () => {
      await destroyKey(before, erasedId);
      return command('backup.ts', before, '--person-keys-to', keyBackups);
    },
  },
  {
    title: 'A checkpoint of the audit log is kept elsewhere',
    run: async () => {
      const auditor = await signIn(running().url, credentials().auditor, nowMs);
      const { data } = await auditor.GET('/v1/audit/log/checkpoint', { parseAs: 'text' });
      writeFileSync(checkpointFile, String(data));
      return `tree of ${String(data).split('\n')[1]}`;
    },
  },
  {
    title: 'The database is lost; the backup is restored into an empty one',
    run: async () => {
      await running().stop();
      server = undefined;
      const lostSeconds = ((nowMs() - backedUpAtMs) / 1000).toFixed(0);
      facts['work lost'] = `what was done in the ${lostSeconds} s from the backup to the loss`;
      mkdirSync(after, { mode: 0o700 });
      for (const name of ['sandbox-keys.json', 'demo-credentials.json']) {
        copyFileSync(join(before, name), join(after, name));
      }
      const [newest] = readdirSync(backups).sort().reverse();
      const began = nowMs();
      const from = join(backups, newest ?? '');
      const said = await command(
        'restore.ts',
        after,
        '--from',
        from,
        '--person-keys',
        keyBackups,
        '--checkpoint',
        checkpointFile,
      );
      facts['time to restore'] = `${((nowMs() - began) / 1000).toFixed(1)} s`;
      return said;
    },
  },
  { title: 'The books balance', run: async () => command('reconcile.ts', after) },
  {
    title: 'Nothing moves until banks and custodians are reconciled and four people agree',
    run: async () => {
      const began = nowMs();
      server = await start(after, 503);
      const outcome = await reopen({ url: server.url, credentials: credentials(), erasedId, nowMs });
      facts['time in recovery'] = `${((nowMs() - began) / 1000).toFixed(1)} s`;
      return outcome;
    },
  },
  {
    title: 'The restored firm works again',
    run: async () => {
      const { url } = running();
      await travel(url);
      return 'the whole journey, and a log that verifies';
    },
  },
  {
    title: 'Its books balance',
    run: async () => command('reconcile.ts', after),
  },
];

const line = new StepLine(STEPS.length, process.stdout);
let code = 0;
try {
  for (const [index, step] of STEPS.entries()) {
    line.begin(step.title, index);
    const began = performance.now();
    const outcome = await step.run();
    line.end({ title: step.title, outcome, ms: performance.now() - began });
  }
  for (const [name, value] of Object.entries(facts)) {
    process.stdout.write(`${name}: ${value}\n`);
  }
} catch (error) {
  line.fail(error instanceof Error ? error.message : String(error));
  code = 1;
} finally {
  await server?.stop();
  if (flags.includes('--keep') || code !== 0) {
    process.stdout.write(`Everything lies in ${root}\n`);
  } else {
    rmSync(root, { recursive: true, force: true });
  }
}
process.exit(code);

/** Waits until the node answers `/readyz` as expected. */
async function start(dataDir: string, readyStatus = 200): Promise<Server> {
  const port = 20_000 + (process.pid % 20_000);
  const url = `http://127.0.0.1:${port}`;
  const child = Bun.spawn([process.execPath, join(import.meta.dir, '..', 'src', 'main.ts')], {
    env: environmentOf(dataDir, { PORT: String(port), LOG_LEVEL: 'fatal' }),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.status === readyStatus) {
      return {
        url,
        stop: async () => {
          child.kill('SIGTERM');
          await child.exited;
        },
      };
    }
    if (child.exitCode !== null) {
      break;
    }
    await Bun.sleep(100);
  }
  child.kill('SIGTERM');
  throw new Error(`the server on ${dataDir} did not come up`);
}

/** One of our commands on a data folder; of a backup what each of its parts holds, else what it said last. */
async function command(script: string, dataDir: string, ...rest: readonly string[]): Promise<string> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, script), ...rest], {
    env: environmentOf(dataDir),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [said, complained] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) {
    throw new Error(`${script} failed: ${complained}${said}`);
  }
  const lines = said.trim().split('\n');
  const parts = script === 'backup.ts' ? lines.filter((text) => text.startsWith('  ')) : lines.slice(-1);
  return parts.map((text) => text.trim()).join('\n                ');
}

/** Nothing of the caller's own installation is meant. */
function environmentOf(dataDir: string, more: Record<string, string> = {}): Record<string, string> {
  const { PATH = '', HOME = '', TMPDIR = '' } = process.env;
  return { PATH, HOME, ...(TMPDIR === '' ? {} : { TMPDIR }), PLIMSOLL_DATA_DIR: dataDir, ...more };
}

function running(): Server {
  if (server === undefined) {
    throw new Error('no server runs');
  }
  return server;
}

function credentials(): DemoCredentials {
  const found = readDemoCredentials(before);
  if (found === undefined) {
    throw new Error('the demo firm has no credentials');
  }
  return found;
}

/** @shape the customer of the journey */
async function travel(url: string): Promise<string> {
  const runId = nowMs().toString(36);
  const { customer } = await runJourney(
    { url, credentials: credentials(), listsFolder: null, runId, nowMs },
    () => {},
    () => {},
  );
  return customer.userId;
}

/** What an erasure comes to; its retention would take years. */
async function destroyKey(dataDir: string, userId: string): Promise<void> {
  const shared = await shareOrStart(dataDir);
  const { host, port, database, username } = sandboxConnections(shared.owner).engine;
  const sql = postgres({ host, port, database, username, max: 1 });
  try {
    await sql`DELETE FROM person_keys WHERE user_id = ${userId}`;
  } finally {
    await sql.end();
    await shared.stop();
  }
}
