import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from './client.ts';
import type { Binaries } from './embedded-binaries.ts';
import { EmbeddedError, errorCode } from './embedded-error.ts';
import { isForeign, type OsUser } from './embedded-os-user.ts';

/** Where the parts of one data folder lie; `root` is a real path. */
export type DataFolder = {
  readonly root: string;
  readonly cluster: string;
  readonly socketDir: string;
  readonly lockFile: string;
  readonly logFile: string;
  readonly connectionFile: string;
};

/** What other commands and tools read to find the running server. */
export type ConnectionFile = Connection & {
  /** The same for libpq tools such as psql and pg_dump. */
  readonly url: string;
  readonly pid: number;
  readonly version: string;
};

// sun_path holds 104 bytes with its end mark on macOS and 108 on Linux; PostgreSQL appends its file name.
const SOCKET_PATH_MAX_BYTES = 103;
/** The server's own administrator, used only to make the owner and its database. */
export const SUPERUSER = 'postgres';

const MAKING = 'postgres.making-';
const SOCKET_FILE = '/.s.PGSQL.5432';

/**
 * Names the parts of a data folder.
 * @effects makes the folder when missing
 */
export function openDataFolder(dataDir: string): DataFolder {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const root = realpathSync(dataDir);
  return {
    root,
    cluster: join(root, 'postgres'),
    socketDir: socketDirFor(root),
    lockFile: join(root, 'start.lock'),
    logFile: join(root, 'postgres.log'),
    connectionFile: join(root, 'connection.json'),
  };
}

/**
 * Makes the folder that only the server's user may enter, or checks the one that is there.
 * @errors EmbeddedError when somebody else put something in its place (the temporary folder is open to all)
 */
export function ensureSocketDir(path: string, user: OsUser): void {
  try {
    mkdirSync(path, { mode: 0o700 });
    giveTo(path, user);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') {
      throw error;
    }
  }
  const found = lstatSync(path);
  if (!found.isDirectory() || found.uid !== user.uid) {
    throw new EmbeddedError(
      `${path} is not a folder of the system user ${user.name}: remove it and start again`,
    );
  }
  chmodSync(path, 0o700);
}

/**
 * Makes the cluster's files unless they are there; a killed run leaves no half of one.
 * @errors EmbeddedError when the folder holds something else or another major version
 */
export async function ensureCluster(
  folder: DataFolder,
  binaries: Binaries,
  user: OsUser,
  durable: boolean,
): Promise<'made' | 'found'> {
  removeAbandoned(folder.root);
  if (existsSync(folder.cluster)) {
    if (readdirSync(folder.cluster).length > 0) {
      assertVersion(folder.cluster, binaries);
      return 'found';
    }
    rmdirSync(folder.cluster);
  }
  const making = join(folder.root, `${MAKING}${process.pid}`);
  mkdirSync(making, { mode: 0o700 });
  giveTo(making, user);
  await initdb(binaries, making, user, durable);
  renameSync(making, folder.cluster);
  return 'made';
}

/** Tells other commands how to reach the server. */
export function writeConnectionFile(path: string, content: ConnectionFile): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, path);
}

/** Reads how to reach the server of a data folder; undefined when none was left running. */
export function readConnectionFile(dataDir: string): ConnectionFile | undefined {
  try {
    return JSON.parse(readFileSync(join(dataDir, 'connection.json'), 'utf8')) as ConnectionFile;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

/** The content of the connection file for a login that needs no password. */
export function connectionFileFor(connection: Connection, pid: number, version: string): ConnectionFile {
  const { host, port, database, username } = connection;
  const url = `postgres://${username}@${encodeURIComponent(host)}:${port}/${database}`;
  return { host, port, database, username, url, pid, version };
}

function socketDirFor(root: string): string {
  const inside = join(root, 'socket');
  if (fitsSocket(inside)) {
    return inside;
  }
  const name = `plimsoll-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`;
  const temporary = join(realpathSync(tmpdir()), name);
  return fitsSocket(temporary) ? temporary : join('/tmp', name);
}

function fitsSocket(folder: string): boolean {
  return Buffer.byteLength(folder + SOCKET_FILE) <= SOCKET_PATH_MAX_BYTES;
}

function giveTo(path: string, user: OsUser): void {
  if (isForeign(user)) {
    chownSync(path, user.uid, user.gid);
  }
}

function removeAbandoned(root: string): void {
  // The caller holds the start lock, so whatever an earlier run was making here is abandoned.
  for (const name of readdirSync(root)) {
    if (name.startsWith(MAKING)) {
      try {
        rmSync(join(root, name), { recursive: true, force: true });
      } catch {
        // A killed run's initdb may still be writing for a moment: the next start removes the rest.
      }
    }
  }
}

function assertVersion(cluster: string, binaries: Binaries): void {
  const file = join(cluster, 'PG_VERSION');
  if (!existsSync(file)) {
    throw new EmbeddedError(`${cluster} holds files that are not a PostgreSQL cluster: move them away`);
  }
  const found = readFileSync(file, 'utf8').trim();
  if (found !== binaries.major) {
    throw new EmbeddedError(
      `${cluster} was made by PostgreSQL ${found}, but PostgreSQL ${binaries.major} is installed: ` +
        `dump it with version ${found} and load the dump into a new PLIMSOLL_DATA_DIR`,
    );
  }
}

async function initdb(binaries: Binaries, target: string, user: OsUser, durable: boolean): Promise<void> {
  const run = Bun.spawn(
    [
      binaries.initdb,
      `--pgdata=${target}`,
      `--username=${SUPERUSER}`,
      '--auth-local=trust',
      '--auth-host=reject',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      '--set=timezone=UTC',
      '--set=log_timezone=UTC',
      '--no-instructions',
      ...(durable ? [] : ['--no-sync']),
    ],
    { cwd: target, env: serverEnvironment(), stdio: ['ignore', 'pipe', 'pipe'], ...spawnIdentity(user) },
  );
  const [code, output, errors] = await Promise.all([
    run.exited,
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
  ]);
  if (code !== 0) {
    rmSync(target, { recursive: true, force: true });
    throw new EmbeddedError(`initdb failed (${run.signalCode ?? code}):\n${(errors || output).trim()}`);
  }
}

/** The whole environment of the server's processes: none of ours, which may hold keys. */
export function serverEnvironment(): Record<string, string> {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

/** Options that make a child run as the server's user. */
export function spawnIdentity(user: OsUser): { uid: number; gid: number } | Record<string, never> {
  return isForeign(user) ? { uid: user.uid, gid: user.gid } : {};
}
