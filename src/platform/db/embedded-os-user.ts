/**
 * PostgreSQL refuses to run as root. Started by root, the server runs as the owner of the existing data,
 * else as the system user `postgres` (made when missing), else as `nobody`.
 */
import { chmodSync, lstatSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { EmbeddedError } from './embedded-error.ts';

export type OsUser = { readonly uid: number; readonly gid: number; readonly name: string };

/**
 * Decides which system user runs the server on this cluster folder.
 * @effects as root, may create the system user `postgres`
 * @errors EmbeddedError when the data belongs to another user
 */
export function serverUser(clusterDir: string, log: (line: string) => void): OsUser {
  const self = userInfo();
  const owner = lstatSync(clusterDir, { throwIfNoEntry: false });
  if (self.uid !== 0) {
    if (owner !== undefined && owner.uid !== self.uid) {
      throw new EmbeddedError(
        `${clusterDir} belongs to another system user (uid ${owner.uid}), perhaps from a start as root: ` +
          'run as that user, hand the folder over with chown -R, or choose another PLIMSOLL_DATA_DIR',
      );
    }
    return { uid: self.uid, gid: self.gid, name: self.username };
  }
  if (owner !== undefined && owner.uid !== 0) {
    return { uid: owner.uid, gid: owner.gid, name: `uid ${owner.uid}` };
  }
  return lookUp('postgres') ?? create('postgres', log) ?? lookUp('nobody') ?? refuseRoot();
}

/** Whether the server runs as someone other than this process, so that folders must be handed over. */
export function isForeign(user: OsUser): boolean {
  return user.uid !== userInfo().uid;
}

/**
 * Makes sure the server's user can reach what lies inside `folder`.
 * @effects adds the search bit for others to `folder` itself, when it is ours to give
 * @errors EmbeddedError naming the folder above that shuts the user out
 */
export function assertReachable(folder: string, user: OsUser, own: boolean): void {
  if (!isForeign(user)) {
    return;
  }
  if (own && !mayEnter(folder, user)) {
    // Search without read: what lies inside keeps its own modes.
    chmodSync(folder, (statSync(folder).mode & 0o7777) | 0o011);
  }
  for (let path = folder; ; path = dirname(path)) {
    if (!mayEnter(path, user)) {
      throw new EmbeddedError(
        `started by root, PostgreSQL must run as the system user ${user.name}, who cannot enter ${path} ` +
          `(needed for ${folder}): run as an ordinary user, move the folder out of ${path}, ` +
          'set PLIMSOLL_DATA_DIR elsewhere if it is the data folder, or set DATABASE_URL',
      );
    }
    if (path === dirname(path)) {
      return;
    }
  }
}

function mayEnter(path: string, user: OsUser): boolean {
  const { uid, gid, mode } = statSync(path);
  if (uid === user.uid) {
    return (mode & 0o100) !== 0;
  }
  return gid === user.gid ? (mode & 0o010) !== 0 : (mode & 0o001) !== 0;
}

function lookUp(name: string): OsUser | undefined {
  const uid = numberFrom(['id', '-u', name]);
  const gid = numberFrom(['id', '-g', name]);
  return uid === undefined || gid === undefined ? undefined : { uid, gid, name };
}

function create(name: string, log: (line: string) => void): OsUser | undefined {
  try {
    Bun.spawnSync(['useradd', '--system', '--user-group', '--no-create-home', '--shell', '/bin/false', name]);
  } catch {
    return undefined;
  }
  const user = lookUp(name);
  if (user !== undefined) {
    log(`created the system user ${name}: PostgreSQL does not run as root`);
  }
  return user;
}

function refuseRoot(): never {
  throw new EmbeddedError(
    'PostgreSQL does not run as root and no other user was found: run as an ordinary user',
  );
}

function numberFrom(command: string[]): number | undefined {
  try {
    const run = Bun.spawnSync(command);
    const text = run.stdout.toString().trim();
    return run.exitCode === 0 && /^\d+$/.test(text) ? Number.parseInt(text, 10) : undefined;
  } catch {
    return undefined;
  }
}
