/** Every build installs the same bytes: exact versions, integrity for each package, no registry named. */
import ts from 'typescript';
import type { Repository } from './repository.ts';

type Manifest = Readonly<Record<string, unknown>>;
type Lockfile = {
  readonly workspaces: Readonly<Record<string, Manifest>>;
  readonly packages: Readonly<Record<string, readonly unknown[]>>;
};

const SECTIONS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const;
const EXACT = /^(?:npm:(?:@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(?:-[\w.-]+)?(?:\+[\w.-]+)?$/;
const ADDRESS = /[a-z][a-z+]*:\/\/[^\s"]+|\bregistry\.[\w.-]+\.\w+/i;

/** One line per version, package or address that would let two installs differ. */
export function pinFaults(repository: Repository): string[] {
  const absent = ['package.json', 'bun.lock'].filter((path) => !repository.paths.includes(path));
  if (absent.length > 0) {
    return absent.map((path) => `${path} is missing`);
  }
  const manifest = JSON.parse(repository.read('package.json')) as Manifest;
  const lockText = repository.read('bun.lock');
  const parsed = ts.parseConfigFileTextToJson('bun.lock', lockText);
  if (parsed.error !== undefined) {
    return ['bun.lock is not readable'];
  }
  const lockfile = parsed.config as Lockfile;
  return [
    ...inexactVersions(manifest),
    ...staleSections(manifest, lockfile.workspaces['']),
    ...addressFaults(lockText),
    ...unsealedPackages(lockfile),
  ];
}

function inexactVersions(manifest: Manifest): string[] {
  return SECTIONS.flatMap((section) =>
    Object.entries(versions(manifest, section))
      .filter(([, version]) => !EXACT.test(version))
      .map(([name, version]) => `package.json: ${name} is not pinned exactly (${version})`),
  );
}

function staleSections(manifest: Manifest, locked: Manifest | undefined): string[] {
  return SECTIONS.filter(
    (section) => !Bun.deepEquals(versions(manifest, section), versions(locked ?? {}, section)),
  ).map((section) => `bun.lock does not match the ${section} of package.json: run \`bun install\``);
}

function addressFaults(lockText: string): string[] {
  return lockText
    .split('\n')
    .map((line, index) => ({ address: ADDRESS.exec(line)?.[0], number: index + 1 }))
    .filter(({ address }) => address !== undefined)
    .map(({ address, number }) => `bun.lock:${number}: names an address (${address})`);
}

/** bun.lock keeps `[name@version, resolved, meta, integrity]`; `resolved` is empty for the default registry. */
function unsealedPackages(lockfile: Lockfile): string[] {
  return Object.entries(lockfile.packages)
    .filter(([, [, resolved, , integrity]]) => resolved !== '' || !String(integrity).startsWith('sha512-'))
    .map(([name]) => `bun.lock: ${name} has a resolved address or no sha512 integrity`);
}

function versions(manifest: Manifest, section: string): Record<string, string> {
  return (manifest[section] ?? {}) as Record<string, string>;
}
