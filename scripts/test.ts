/**
 * `bun run test [--no-database] [bun test flags] [files…]`: runs the tests against one PostgreSQL.
 *
 * Without DATABASE_URL that is an embedded one in a throw-away folder (in memory where Linux has room; TMPDIR says
 * otherwise). With it, that server (15 or later):
 * its login needs CREATEDB and CREATEROLE, and everything made there is dropped, at the latest by the next run.
 */
import { accessSync, constants, mkdtempSync, readdirSync, realpathSync, rmSync, statfsSync } from 'node:fs';
import { availableParallelism, freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import type postgres from 'postgres';
import { type Connection, openSession, parseConnection } from '../src/platform/db/client.ts';
import { startEmbedded } from '../src/platform/db/embedded.ts';
import { stopPostmaster } from '../src/platform/db/embedded-postmaster.ts';
import { applyMigrations } from '../src/platform/db/migrate.ts';
import { ensureSandboxPasswords } from '../src/platform/db/sandbox-logins.ts';
import { TEST_CLUSTER_VARIABLE, type TestCluster } from '../src/testing/postgres.ts';

type Server = { readonly owner: Connection; readonly close: () => Promise<void> };

type Databases = { readonly cluster: TestCluster; readonly drop: () => Promise<void> };

const FOLDER_PREFIX = 'plimsoll-cluster-';
const DATABASE_PREFIX = 'plimsoll_test_';
const RUN_LOCK_SPACE = 0x50_4c_49_54;
const OLDEST_VERSION = 150_000;
const TEST_TIMEOUT_MS = 30_000;
/** Where Linux keeps files in memory: on a disk, making each test's database costs ten times as much. */
const MEMORY_FOLDER = '/dev/shm';
const MEMORY_NEEDED_BYTES = 6 * 1024 ** 3;
/** Of a server whose every database lives for seconds. */
const SETTINGS = ['autovacuum=off', 'shared_buffers=512MB', 'wal_level=minimal', 'max_wal_senders=0'];
/** How long each file took, so that the longest start first; `--update-timings` writes it anew. */
const TIMINGS = join(import.meta.dir, 'test-timings.json');

const began = performance.now();
const stopped = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => stopped.abort());
}
process.env.TMPDIR ??= memoryFolder() ?? tmpdir();
const args = process.argv.slice(2);
const flags = args.filter((arg) => arg !== '--no-database');
process.exitCode = await (flags.length === args.length ? withDatabases(flags) : runTests(flags, undefined));
console.log(`${((performance.now() - began) / 1000).toFixed(1)} s in total`);

function memoryFolder(): string | undefined {
  try {
    accessSync(MEMORY_FOLDER, constants.R_OK | constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(MEMORY_FOLDER);
    const free = Math.min(bavail * bsize, freemem());
    return free >= MEMORY_NEEDED_BYTES ? MEMORY_FOLDER : undefined;
  } catch {
    return;
  }
}

async function withDatabases(testArgs: string[]): Promise<number> {
  const server = await openServer();
  try {
    const databases = await prepare(server.owner);
    try {
      return stopped.signal.aborted ? 130 : await runTests(testArgs, databases.cluster);
    } finally {
      await databases.drop();
    }
  } finally {
    await server.close();
  }
}

async function openServer(): Promise<Server> {
  const url = process.env.DATABASE_URL;
  if (url) {
    return { owner: parseConnection(url), close: () => Promise.resolve() };
  }
  await removeAbandonedFolders();
  const dataDir = mkdtempSync(join(tmpdir(), `${FOLDER_PREFIX}${process.pid}-`));
  const remove = () => rmSync(dataDir, { recursive: true, force: true });
  try {
    const embedded = await startEmbedded({
      dataDir,
      durable: false,
      maxConnections: 300,
      settings: SETTINGS,
      log: console.log,
    });
    const close = async () => {
      await embedded.stop();
      remove();
    };
    return { owner: embedded.owner, close };
  } catch (error) {
    remove();
    throw error;
  }
}

async function removeAbandonedFolders(): Promise<void> {
  const temporary = realpathSync(tmpdir());
  for (const name of readdirSync(temporary)) {
    const pid = Number.parseInt(name.startsWith(FOLDER_PREFIX) ? name.slice(FOLDER_PREFIX.length) : '', 10);
    if (pid > 0 && !isRunning(pid)) {
      await stopPostmaster(join(temporary, name, 'postgres'), console.log);
      rmSync(join(temporary, name), { recursive: true, force: true });
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !String(error).includes('ESRCH');
  }
}

/** One migrated template; a lock that lives with this process tells other runs that it is in use. */
async function prepare(owner: Connection): Promise<Databases> {
  const sql = openSession(owner);
  try {
    const [row] = await sql`SELECT current_setting('server_version_num')::int AS version`;
    if (row?.version < OLDEST_VERSION) {
      throw new Error(`the tests need PostgreSQL 15 or later, DATABASE_URL leads to ${row?.version}`);
    }
    await dropAbandoned(sql);
    const run = Math.floor(Math.random() * 0x7f_ff_ff_ff);
    await sql`SELECT pg_advisory_lock(${RUN_LOCK_SPACE}::int, ${run}::int)`;
    const prefix = `${DATABASE_PREFIX}${run}_`;
    const template = `${prefix}template`;
    await sql`CREATE DATABASE ${sql(template)} TEMPLATE template0 ENCODING 'UTF8'`;
    await applyMigrations({ ...owner, database: template });
    await ensureSandboxPasswords({ ...owner, database: template });
    // No session may be open while it is copied, not even one of autovacuum.
    await sql`ALTER DATABASE ${sql(template)} ALLOW_CONNECTIONS false`;
    const drop = async () => {
      await dropDatabases(sql, prefix);
      await sql.end({ timeout: 5 });
    };
    return { cluster: { owner, prefix, template }, drop };
  } catch (error) {
    await sql.end({ timeout: 5 });
    throw error;
  }
}

async function dropAbandoned(sql: postgres.Sql): Promise<void> {
  const rows = await sql<{ run: number }[]>`
    SELECT DISTINCT substring(datname FROM '^plimsoll_test_(\\d+)_')::int AS run
    FROM pg_database WHERE datname ~ '^plimsoll_test_\\d+_'`;
  for (const { run } of rows) {
    const [lock] = await sql`SELECT pg_try_advisory_lock(${RUN_LOCK_SPACE}::int, ${run}::int) AS free`;
    if (lock?.free === true) {
      await dropDatabases(sql, `${DATABASE_PREFIX}${run}_`);
      await sql`SELECT pg_advisory_unlock(${RUN_LOCK_SPACE}::int, ${run}::int)`;
    }
  }
}

async function dropDatabases(sql: postgres.Sql, prefix: string): Promise<void> {
  const rows = await sql<{ datname: string }[]>`
    SELECT datname FROM pg_database WHERE starts_with(datname::text, ${prefix})`;
  for (const { datname } of rows) {
    await sql`DROP DATABASE IF EXISTS ${sql(datname)} WITH (FORCE)`.catch((error: unknown) => {
      console.error(`could not drop ${datname}, the next run tries again: ${String(error)}`);
    });
  }
}

async function runTests(testArgs: string[], cluster: TestCluster | undefined): Promise<number> {
  const defaults = [
    // Loading and compiling every module anew for each file would be two fifths of a run.
    '--no-isolate',
    '--randomize',
    `--parallel=${availableParallelism()}`,
    `--timeout=${TEST_TIMEOUT_MS}`,
    `--timings=${TIMINGS}`,
  ].filter((flag) => !testArgs.some((arg) => arg.split('=')[0] === flag.split('=')[0]));
  const child = Bun.spawn([process.execPath, 'test', ...defaults, ...testArgs], {
    env: {
      ...process.env,
      ...(cluster === undefined ? {} : { [TEST_CLUSTER_VARIABLE]: JSON.stringify(cluster) }),
    },
    stdio: ['inherit', 'inherit', 'inherit'],
  });
  stopped.signal.addEventListener('abort', () => child.kill('SIGTERM'));
  const code = await child.exited;
  return stopped.signal.aborted ? 130 : code;
}
