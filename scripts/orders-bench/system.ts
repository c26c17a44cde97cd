/**
 * What `bench orders` measures: one embedded PostgreSQL with durable settings, which serves both sides over its
 * socket, and a server on it as `bun start` runs it, with every part running.
 */
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { buildDeps } from '../../src/deps.ts';
import { reconcile } from '../../src/domains/ledger/index.ts';
import { allDomains } from '../../src/domains.ts';
import { newId } from '../../src/kernel/id.ts';
import { type Ctx, machineCtx } from '../../src/platform/context.ts';
import { parseRootKeys } from '../../src/platform/crypto/keyring.ts';
import { openClient } from '../../src/platform/db/client.ts';
import { type EmbeddedServer, startEmbedded } from '../../src/platform/db/embedded.ts';
import { applyMigrations } from '../../src/platform/db/migrate.ts';
import { ensureSandboxPasswords, sandboxConnections } from '../../src/platform/db/sandbox-logins.ts';
import { buildLogger } from '../../src/platform/log/logger.ts';
import { sandboxKeys } from '../../src/start/sandbox-keys.ts';
import { TEST_SETTINGS } from '../../src/testing/foundation.ts';
import type { Child, Children } from './children.ts';

export type Product = { readonly port: number; readonly pid: number; readonly stop: () => Promise<void> };

export type BenchSystem = {
  readonly postgres: EmbeddedServer;
  /** On the engine's login, for what is made ready beforehand and looked at afterwards. */
  readonly ctx: Ctx;
  /** With more of its environment than it has by default. */
  readonly startProduct: (more?: Readonly<Record<string, string>>) => Promise<Product>;
  /** Lets the planner know what was written. */
  readonly analyze: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** The same for both sides, durable as the defaults are; a checkpoint would favour whoever it misses. */
export const SETTINGS = [
  'fsync=on',
  'synchronous_commit=on',
  'full_page_writes=on',
  'shared_buffers=1GB',
  'max_wal_size=16GB',
  'min_wal_size=12GB',
  'checkpoint_timeout=1h',
];

const PROFILING = [
  'shared_preload_libraries=pg_stat_statements',
  'pg_stat_statements.track=all',
  'pg_stat_statements.track_planning=on',
];

const MAIN = join(import.meta.dir, '..', '..', 'src', 'main.ts');
const NO_LIMIT = '60000000/60';

export type SystemOptions = {
  readonly dataDir: string;
  readonly children: Children;
  /** As much of the log's files as is kept for use again. @units MB */
  readonly walMb: number;
  /** Where the processor's time goes: statements and a profile of the server. */
  readonly profile: boolean;
  /** More of PostgreSQL's settings. */
  readonly settings?: readonly string[];
};

/** Starts PostgreSQL and brings its database up to date; whoever calls stops it with `close`. */
export async function startSystem(
  { dataDir, children, walMb, profile, settings: more = [] }: SystemOptions,
  starting: (postgres: Promise<EmbeddedServer>) => void,
): Promise<BenchSystem> {
  const settings = [...SETTINGS, ...more, ...(profile ? PROFILING : [])];
  const options = { dataDir, maxConnections: 100, settings };
  const start = (): Promise<EmbeddedServer> => {
    const server = startEmbedded(options);
    starting(server);
    return server;
  };
  const first = await start();
  await fillWal(first, walMb);
  await first.stop();
  const postgres = await start();
  await requireDurable(postgres);
  await applyMigrations(postgres.owner);
  await ensureSandboxPasswords(postgres.owner);
  const deps = buildDeps({
    mode: 'sandbox',
    dataDir,
    connections: sandboxConnections(postgres.owner),
    pools: { app: 1, staff: 1, engine: 3 },
    rootKeys: parseRootKeys(sandboxKeys(dataDir).keys),
    log: buildLogger('warn'),
    wakeRelay: () => {},
    domains: allDomains,
    settings: TEST_SETTINGS,
  });
  return {
    postgres,
    ctx: machineCtx(deps, { kind: 'system', name: 'bench' }, newId()),
    startProduct: (environment = {}) => startProduct({ dataDir, children, profile }, environment),
    analyze: () => analyze(postgres),
    close: async () => {
      await deps.mail.stop();
      await deps.db.close();
    },
  };
}

/**
 * A server that has run for a while writes into files of its log that it had before; a new one has to make each of
 * them, while everybody waits. Its stop makes those that are filled here ready for use again, for both sides alike.
 */
async function fillWal(server: EmbeddedServer, walMb: number): Promise<void> {
  const client = openClient(server.owner, 1);
  for (let done = 0; done < walMb; done += 100) {
    await client`select count(pg_logical_emit_message(false, 'bench', repeat('x', 1000000))) from generate_series(1, 100)`;
  }
  await client.end({ timeout: 5 });
}

/** A server that was told to be fast instead of durable would make any figure worthless. */
async function requireDurable(server: EmbeddedServer): Promise<void> {
  const client = openClient(server.owner, 1);
  const rows = await client`select name, setting from pg_settings
    where name in ('fsync', 'synchronous_commit', 'full_page_writes')`;
  await client.end({ timeout: 5 });
  if (rows.length !== 3 || rows.some((row) => row.setting !== 'on')) {
    throw new Error('the server does not commit durably');
  }
}

async function analyze({ owner }: EmbeddedServer): Promise<void> {
  const client = openClient({ ...owner, username: 'postgres' }, 1);
  await client`analyze`;
  await client.end({ timeout: 5 });
}

async function startProduct(
  { dataDir, children, profile }: Pick<SystemOptions, 'dataDir' | 'children' | 'profile'>,
  more: Readonly<Record<string, string>>,
): Promise<Product> {
  const log = openSync(join(dataDir, 'server.log'), 'a', 0o600);
  const profiling = profile ? ['--cpu-prof', '--cpu-prof-md', '--cpu-prof-dir', dataDir] : [];
  const child = children.start(
    [process.execPath, ...profiling, MAIN],
    { ...environment(dataDir), ...more },
    log,
  );
  const port = await portOf(child, dataDir);
  return {
    port,
    pid: child.pid,
    stop: async () => {
      child.kill('SIGTERM');
      await child.exited;
    },
  };
}

/** As `bun start` runs it, with nothing of this shell's, no market maker, and limits no load meets. */
function environment(dataDir: string): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(PLIMSOLL_|DATABASE_|SMTP_|MAIL_)/.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    PORT: '0',
    HOST: '127.0.0.1',
    PLIMSOLL_DATA_DIR: dataDir,
    PLIMSOLL_DEMO: 'off',
    PLIMSOLL_RATE_LIMITS: `address=${NO_LIMIT},orders=${NO_LIMIT}`,
    LOG_LEVEL: 'warn',
  };
}

async function portOf(child: Child, dataDir: string): Promise<number> {
  const reader = child.stdout.getReader();
  for (let printed = ''; ; ) {
    const { done, value } = await reader.read();
    if (done) {
      const said = await Bun.file(join(dataDir, 'server.log')).text();
      throw new Error(`the server did not start: ${said.trim().slice(-2_000)}`);
    }
    printed += new TextDecoder().decode(value);
    const port = /http:\/\/127\.0\.0\.1:(\d+)/.exec(printed)?.[1];
    if (port !== undefined) {
      reader.releaseLock();
      return Number.parseInt(port, 10);
    }
  }
}

/** What `reconcile` finds, but for what nobody in a benchmark went through: an application and a screening. */
export async function brokenBooks({ ctx }: BenchSystem): Promise<readonly string[]> {
  const checked = allDomains.filter(({ name }) => name !== 'kyc' && name !== 'aml');
  const report = await reconcile(
    ctx,
    checked.flatMap(({ checks }) => checks),
  );
  return report.checks.flatMap(({ name, breaks }) =>
    breaks.map(({ object, detail }) => `${name}: ${object} ${detail}`),
  );
}
