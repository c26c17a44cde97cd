/**
 * The server process of one cluster folder: found through its postmaster.pid, believed only when the
 * process named there really serves this folder. Process ids are reused, most of all in containers.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { Binaries } from './embedded-binaries.ts';
import { EmbeddedError, errorCode } from './embedded-error.ts';
import { type DataFolder, serverEnvironment, spawnIdentity } from './embedded-folder.ts';
import type { OsUser } from './embedded-os-user.ts';

export type Postmaster = {
  readonly pid: number;
  readonly port: number;
  readonly socketDir: string;
  readonly ready: boolean;
};

const PORT = 5432;
const LOG_ROTATE_BYTES = 5_000_000;
const LOG_TAIL_BYTES = 4_000;
const FAST_STOP_MS = 30_000;
const IMMEDIATE_STOP_MS = 5_000;

/** The living server of this cluster folder, which may still be starting. */
export function findPostmaster(cluster: string): Postmaster | undefined {
  const lines = pidFileLines(cluster);
  const pid = Number.parseInt(lines?.[0] ?? '', 10);
  if (lines === undefined || !Number.isSafeInteger(pid) || !serves(pid, cluster)) {
    return undefined;
  }
  const status = lines[7]?.trim() ?? '';
  return {
    pid,
    port: Number.parseInt(lines[3] ?? '', 10) || PORT,
    socketDir: lines[4] ?? '',
    ready: status === 'ready',
  };
}

/**
 * Launches a server in a session of its own, so that Ctrl-C in the terminal does not reach it, and
 * watches until it accepts connections.
 * @errors EmbeddedError with the end of its log when it gives up
 */
export async function launchPostmaster(
  folder: DataFolder,
  binaries: Binaries,
  user: OsUser,
  settings: readonly string[],
  deadline: number,
): Promise<Postmaster> {
  disownStalePidFile(folder.cluster);
  for (const name of [`.s.PGSQL.${PORT}`, `.s.PGSQL.${PORT}.lock`]) {
    rmSync(join(folder.socketDir, name), { force: true });
  }
  const { log, start } = openLog(folder.logFile);
  // A listening folder is a list in PostgreSQL's eyes: the quotes keep commas and blanks part of it.
  const sockets = `"${folder.socketDir.replaceAll('"', '""')}"`;
  const fixed = [`unix_socket_directories=${sockets}`, 'unix_socket_permissions=0700', 'listen_addresses='];
  const options = [...fixed, ...settings].flatMap((setting) => ['-c', setting]);
  const child = spawn(binaries.postgres, ['-D', folder.cluster, '-p', String(PORT), ...options], {
    cwd: folder.cluster,
    env: serverEnvironment(),
    detached: true,
    stdio: ['ignore', log, log],
    ...spawnIdentity(user),
  });
  closeSync(log);
  let ended: string | undefined;
  child.once('exit', (code, signal) => {
    ended = `${signal ?? code}`;
  });
  child.once('error', (error) => {
    ended = String(error);
  });
  child.unref();
  const found = await awaitReady(folder.cluster, deadline, () => ended);
  if (found !== undefined) {
    return found;
  }
  const words = readFileSync(folder.logFile).subarray(start).subarray(-LOG_TAIL_BYTES).toString().trim();
  throw new EmbeddedError(
    `PostgreSQL did not start (${ended ?? 'out of time'}); ${folder.logFile} says:\n${words}`,
  );
}

/** Waits until the server of this folder accepts connections; undefined when it ended or time ran out. */
export async function awaitReady(
  cluster: string,
  deadline: number,
  ended: () => string | undefined = () => (findPostmaster(cluster) === undefined ? 'gone' : undefined),
): Promise<Postmaster | undefined> {
  while (ended() === undefined && performance.now() < deadline) {
    const found = findPostmaster(cluster);
    if (found?.ready) {
      return found;
    }
    await Bun.sleep(4);
  }
  return undefined;
}

/**
 * Ends the server: open transactions are rolled back, the files are left clean.
 * @errors EmbeddedError when it outlives even an immediate stop
 */
export async function stopPostmaster(cluster: string, log: (line: string) => void): Promise<void> {
  const found = findPostmaster(cluster);
  if (found === undefined) {
    return;
  }
  signal(found.pid, 'SIGINT');
  if (await ends(found.pid, cluster, FAST_STOP_MS)) {
    return;
  }
  log('PostgreSQL did not stop in time and is ended at once; the next start recovers from its log');
  signal(found.pid, 'SIGQUIT');
  if (!(await ends(found.pid, cluster, IMMEDIATE_STOP_MS))) {
    throw new EmbeddedError(`PostgreSQL (process ${found.pid}) does not stop`);
  }
}

/**
 * Ends the sessions that a killed server left behind: they hold its shared memory, and while they do no
 * new server may open the files.
 * @effects signals only processes whose working folder is this cluster; needs /proc, so Linux only
 */
export function endOrphans(cluster: string): number {
  if (process.platform !== 'linux') {
    return 0;
  }
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => Number.parseInt(name, 10));
  // A server whose pid file was lost or overwritten ends by itself within a minute: its sessions are no orphans.
  if (all.some((pid) => serves(pid, cluster))) {
    return 0;
  }
  const orphans = all.filter(
    (pid) => workingFolder(pid) === cluster && commandLine(pid)[0]?.startsWith('postgres') === true,
  );
  for (const pid of orphans) {
    signal(pid, 'SIGKILL');
  }
  return orphans.length;
}

function disownStalePidFile(cluster: string): void {
  const lines = pidFileLines(cluster);
  if (lines === undefined) {
    return;
  }
  // PostgreSQL takes any living process of its user for the old server. Our own id, its parent's, it knows
  // to be stale. The other lines stay: through them it refuses while orphans hold the old shared memory.
  lines[0] = String(process.pid);
  writeFileSync(join(cluster, 'postmaster.pid'), lines.join('\n'));
}

function pidFileLines(cluster: string): string[] | undefined {
  try {
    return readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

function serves(pid: number, cluster: string): boolean {
  if (process.platform !== 'linux') {
    const run = Bun.spawnSync(['ps', '-o', 'state=,command=', '-p', String(pid)]);
    const line = run.stdout.toString().trim();
    return run.exitCode === 0 && !line.startsWith('Z') && line.includes(cluster);
  }
  // A session shows `postgres: …` instead of arguments, so only the server itself names the folder in them.
  const [program = '', ...rest] = commandLine(pid);
  return basename(program) === 'postgres' && rest.includes(cluster) && !isZombie(pid);
}

function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return true;
  }
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function workingFolder(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

async function ends(pid: number, cluster: string, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (!serves(pid, cluster)) {
      return true;
    }
    await Bun.sleep(5);
  }
  return false;
}

function signal(pid: number, name: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') {
      throw error;
    }
  }
}

function openLog(path: string): { log: number; start: number } {
  let start = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (start > LOG_ROTATE_BYTES) {
    renameSync(path, `${path}.1`);
    start = 0;
  }
  return { log: openSync(path, 'a', 0o600), start };
}
