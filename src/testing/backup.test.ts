/**
 * A backup holds every row, and a restore is the same firm again: books that balance, guards that are closed,
 * nobody who was erased, and nothing at all where the backup is not what it was.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq, sql } from 'drizzle-orm';
import { buildDeps } from '../deps.ts';
import { repeatErasure } from '../domains/identity/index.ts';
import { users } from '../domains/identity/schema.ts';
import { reconcile } from '../domains/ledger/index.ts';
import { allDomains } from '../domains.ts';
import { newId } from '../kernel/id.ts';
import { readManifest } from '../platform/backup/manifest.ts';
import { NOT_IN_BACKUP } from '../platform/backup/tables.ts';
import { PERSON_KEY_BACKUPS, type WrittenBackup, writeBackup } from '../platform/backup/write-backup.ts';
import { type Deps, machineCtx } from '../platform/context.ts';
import { openInstallationKeys } from '../platform/crypto/installation-keys.ts';
import { buildKeyring } from '../platform/crypto/keyring.ts';
import { formatDatabaseUrl, openClient } from '../platform/db/client.ts';
import { inspect } from '../platform/db/guard.ts';
import { applyMigrations } from '../platform/db/migrate.ts';
import { personKeys } from '../platform/db/schema.ts';
import { buildLogger } from '../platform/log/logger.ts';
import { recoveries } from '../platform/recovery/schema.ts';
import { enterRecovery } from '../start/recovery.ts';
import { type RestoreParts, restoreBackup } from '../start/restore.ts';
import { TEST_ROOT_KEYS, TEST_SETTINGS } from './foundation.ts';
import { createEmptyDatabase, type TestDatabase } from './postgres.ts';
import { type Member, startWorld, type World } from './world.ts';

let world: World;
let folder: string;
let erased: Member;
let backup: WrittenBackup;
let people: number;
const targets: TestDatabase[] = [];
const opened: Deps[] = [];

beforeAll(async () => {
  world = await startWorld(import.meta.file);
  await openInstallationKeys(world.deps);
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-backup-'));
  erased = await world.newCustomer({ USD: '250' });
  await world.newCustomer({ USD: '1000', BTC: '0.5' });
  const { sealer } = await world.startWorkers();
  await sealer.sealNow();
  await world.deps.files.put('documents/one', new Uint8Array([1, 2, 3]));
  people = (await countsOf(world.deps)).get('users') ?? -1;
  backup = await writeBackup(world.system, join(folder, 'database'), 'database');
  // Erased after the backup of the database, and before that of the keys.
  await world.deps.db.engine.delete(personKeys).where(eq(personKeys.userId, erased.userId));
  await writeBackup(world.system, join(folder, 'keys'), 'person_keys');
}, 60_000);
afterAll(async () => {
  for (const deps of opened) {
    await deps.mail.stop();
    await deps.db.close();
  }
  for (const target of targets) {
    await target.drop();
  }
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

async function emptyTarget(): Promise<TestDatabase> {
  const target = await createEmptyDatabase(import.meta.file);
  targets.push(target);
  return target;
}

function partsFor(target: TestDatabase, more: Partial<RestoreParts> = {}): RestoreParts {
  return {
    owner: target.owner,
    keyring: world.deps.keyring,
    from: backup.folder,
    personKeysFrom: join(folder, 'keys'),
    dataDir: join(folder, `data-${target.name}`),
    ...more,
  };
}

function depsOn(target: TestDatabase, dataDir: string): Deps {
  const deps = buildDeps({
    mode: 'sandbox',
    dataDir,
    connections: target.connections,
    pools: { app: 1, staff: 1, engine: 3 },
    rootKeys: TEST_ROOT_KEYS,
    log: buildLogger('silent'),
    wakeRelay: () => {},
    domains: allDomains,
    settings: TEST_SETTINGS,
  });
  opened.push(deps);
  return deps;
}

/** Rows by table as a superuser's eye sees them: the engine's policies let it see all. */
async function countsOf(deps: Deps): Promise<ReadonlyMap<string, number>> {
  const tables = await deps.db.engine.execute<{ name: string }>(sql`
    select relname::text as name from pg_class where relnamespace = 'public'::regnamespace
      and relkind in ('r', 'p') and not relispartition order by 1`);
  const counts = new Map<string, number>();
  for (const { name } of tables) {
    const [row] = await deps.db.engine.execute<{ count: number }>(
      sql`select count(*)::int as count from ${sql.identifier(name)}`,
    );
    counts.set(name, row?.count ?? -1);
  }
  return counts;
}

async function isEmpty(target: TestDatabase): Promise<boolean> {
  const client = openClient(target.connections.engine, 1);
  try {
    const [table] = await client`select to_regclass('public.users') as name`;
    const [rows] =
      table?.name === null ? [{ count: 0 }] : await client`select count(*)::int as count from users`;
    return rows?.count === 0;
  } finally {
    await client.end();
  }
}

describe('a backup', () => {
  test('names every table of the catalogue, but for those left out with a reason', async () => {
    const counts = await countsOf(world.deps);
    const { manifest } = await readManifest(backup.folder, world.deps.keyring);
    const named = [...manifest.tables.map(({ name }) => name), ...Object.keys(NOT_IN_BACKUP)];
    expect(named.sort()).toEqual([...counts.keys()].map((name) => `public.${name}`).sort());
    expect(manifest.tables.find(({ name }) => name === 'public.users')?.rows).toBe(people);
    expect(manifest.files.map(({ name }) => name)).toContain('documents/one');
  });

  test('shows nothing to who has no root key, and names no person key', async () => {
    const other = buildKeyring([{ name: 'other', key: new Uint8Array(32).fill(8) }]);
    expect(readManifest(backup.folder, other)).rejects.toThrow('not in the keyring');
    const files = await readdir(join(backup.folder, 'tables'));
    expect(files).not.toContain('public.person_keys');
    const bytes = await readFile(join(backup.folder, 'tables', 'public.assets'));
    expect(bytes.includes('USD')).toBe(false);
  });

  test('goes on after a month of the log was archived, which its file keeps', async () => {
    const owner = openClient(world.database.owner, 1);
    await owner`CREATE TABLE audit_archive_2015_03 (id uuid)`;
    await owner`ALTER TABLE audit_archive_2015_03 ENABLE ROW LEVEL SECURITY`;
    const written = writeBackup(world.system, join(folder, 'stray'), 'database');
    expect(await written.catch((error: Error) => error.message)).toContain('audit_archive_2015_03');
    await owner`ALTER TABLE audit_archives DISABLE TRIGGER USER`;
    await owner`INSERT INTO audit_archives (id, month, status, approval_id, row_count, file_name, sha256, tree_size,
      checkpoint, approved_at) VALUES (${newId()}, '2015-03', 'detached', ${newId()}, 1, 'x', 'x', 1, 'x', now())`;
    const { manifest } = await writeBackup(world.system, join(folder, 'archived'), 'database');
    expect(manifest.tables.map(({ name }) => name)).not.toContain('public.audit_archive_2015_03');
    await owner`DELETE FROM audit_archives`;
    await owner`DROP TABLE audit_archive_2015_03`;
    await owner`ALTER TABLE audit_archives ENABLE ALWAYS TRIGGER check_archive`;
    await owner.end();
  });

  test('is none where the file store cannot be read', async () => {
    const dataDir = join(folder, 'broken');
    await mkdir(dataDir);
    await writeFile(join(dataDir, 'files'), 'no folder');
    const ctx = { ...world.system, deps: { ...world.deps, dataDir } };
    const to = join(folder, 'of-broken');
    expect(await writeBackup(ctx, to, 'database').catch((error: Error) => error.message)).toContain(
      'ENOTDIR',
    );
    expect(await readdir(to)).toEqual([]);
  });

  test('of person keys that was broken off does not outlive the erasures after it', async () => {
    const to = join(folder, 'broken-off');
    await mkdir(join(to, '.one.partial'), { recursive: true });
    await mkdir(join(to, '.now.partial'));
    await utimes(join(to, '.one.partial'), 1_000_000, 1_000_000);
    await writeBackup(world.system, to, 'person_keys');
    const names = await readdir(to);
    expect(names.filter((name) => name.endsWith('.partial'))).toEqual(['.now.partial']);
  });

  test('of another database pushes no person keys out of a folder, and is not restored with them', async () => {
    const other = await startWorld(`${import.meta.file}-other`);
    try {
      await openInstallationKeys(other.deps);
      const to = join(folder, 'keys');
      const before = await readdir(to);
      const refused = writeBackup(other.system, to, 'person_keys');
      expect(await refused.catch((error: Error) => error.message)).toContain('of another database');
      expect(await readdir(to)).toEqual(before);
      const { folder: foreign } = await writeBackup(other.system, join(folder, 'foreign'), 'person_keys');
      const target = await emptyTarget();
      const restored = restoreBackup(partsFor(target, { personKeysFrom: foreign }));
      expect(await restored.then(() => 'restored', String)).toContain('of another database');
      expect(await isEmpty(target)).toBe(true);
    } finally {
      await other.close();
    }
  }, 60_000);

  test('of person keys is kept so many times and no more', async () => {
    const to = join(folder, 'rolling');
    for (let round = 0; round <= PERSON_KEY_BACKUPS; round += 1) {
      await writeBackup(world.system, to, 'person_keys');
    }
    expect(await readdir(to)).toHaveLength(PERSON_KEY_BACKUPS);
  });
});

describe('a restore', () => {
  test('is the same firm: every row, clean books, closed guards, a log that verifies, nobody erased', async () => {
    const target = await emptyTarget();
    const parts = partsFor(target);
    const restored = await restoreBackup(parts);
    const deps = depsOn(target, parts.dataDir);
    const counts = await countsOf(deps);
    for (const { name, rows } of backup.manifest.tables) {
      const expected = name === 'public.recoveries' ? 1 : rows;
      expect([name, counts.get(name.slice('public.'.length))]).toEqual([name, expected]);
    }
    const ctx = machineCtx(deps, { kind: 'system', name: 'test' }, newId());
    expect(await deps.db.engine.transaction((tx) => inspect(tx))).toMatchObject({ differences: [] });
    expect(await deps.files.get('documents/one')).toEqual(new Uint8Array([1, 2, 3]));
    expect(await deps.db.engine.select().from(recoveries)).toMatchObject([
      { cause: 'restored', backupId: backup.manifest.id, logSettledAt: null, endedAt: null },
    ]);

    expect(restored.erasedSince).toEqual([erased.userId]);
    await repeatErasure(ctx, erased.userId);
    const report = await reconcile(ctx, deps.checks);
    expect(report.checks.flatMap(({ breaks }) => breaks)).toEqual([]);
    const [person] = await deps.db.engine.select().from(users).where(eq(users.id, erased.userId));
    expect(person?.deletedAt).not.toBeNull();
    expect(await deps.db.engine.transaction((tx) => deps.personKeys.find(tx, erased.userId))).toBeUndefined();
    const other = world.people.compliance_officer.userId;
    expect(repeatErasure(ctx, other)).rejects.toThrow('no key');
  }, 60_000);

  test('brings nobody back who was erased before, though an older backup of keys has the key', async () => {
    const gone = await world.newMember();
    await world.deps.db.engine
      .update(users)
      .set({ deletedAt: world.deps.clock.now() })
      .where(eq(users.id, gone.userId));
    const from = (await writeBackup(world.system, join(folder, 'later'), 'database')).folder;
    const keys = join(folder, 'later-keys');
    await writeBackup(world.system, keys, 'person_keys');
    const target = await emptyTarget();
    const { dataDir, ...parts } = partsFor(target, { from, personKeysFrom: keys });
    await restoreBackup({ ...parts, dataDir });
    const deps = depsOn(target, dataDir);
    expect(await deps.db.engine.transaction((tx) => deps.personKeys.find(tx, gone.userId))).toBeUndefined();
  }, 60_000);

  test('that was broken off before its end is run again; after it, the next start finishes it', async () => {
    const target = await emptyTarget();
    const broken = join(folder, 'broken-data');
    await mkdir(broken);
    await writeFile(join(broken, 'files'), 'no folder');
    const failed = restoreBackup(partsFor(target, { dataDir: broken }));
    expect(await failed.then(() => 'restored', String)).toMatch(/EEXIST|ENOTDIR/);
    // The files could not be written, so no row was.
    expect(await isEmpty(target)).toBe(true);
    const parts = partsFor(target);
    await restoreBackup(parts);
    expect(await restoreBackup(parts).catch(String)).toContain('restored into this database already');

    // Nobody erased anybody again: the command ended here.
    const deps = depsOn(target, parts.dataDir);
    await Promise.all([enterRecovery(deps, { recovery: false }), enterRecovery(deps, { recovery: false })]);
    const [person] = await deps.db.engine.select().from(users).where(eq(users.id, erased.userId));
    expect(person?.deletedAt).not.toBeNull();
    const told = await deps.db.engine.execute<{ event_type: string }>(sql`
      select event_type from audit_logs where event_type in ('recovery.started', 'user.erased') order by 1`);
    expect(told.map((row) => row.event_type)).toEqual(['recovery.started', 'user.erased']);
  }, 60_000);

  test('takes root keys from where the server takes them, and never another database than the one meant', async () => {
    const target = await emptyTarget();
    const { dataDir } = partsFor(target);
    await mkdir(dataDir);
    const keysFile = join(folder, 'root-keys');
    const lines = TEST_ROOT_KEYS.map(({ name, key }) => `${name}:${Buffer.from(key).toString('base64')}`);
    await writeFile(keysFile, lines.join('\n'), { mode: 0o600 });
    const run = (env: Record<string, string>) =>
      runScript('restore.ts', ['--from', backup.folder, '--person-keys', join(folder, 'keys')], {
        PLIMSOLL_DATA_DIR: dataDir,
        PLIMSOLL_KEYS_FILE: keysFile,
        ...env,
      });
    const url = formatDatabaseUrl(target.connections.engine);
    const logins = { DATABASE_APP_URL: url, DATABASE_STAFF_URL: url, DATABASE_ENGINE_URL: url };
    const refused = await run(logins);
    expect([refused.code, refused.said]).toEqual([1, expect.stringContaining('DATABASE_MIGRATOR_URL')]);
    expect(await readdir(dataDir)).toEqual([]);
    const restored = await run({ DATABASE_URL: formatDatabaseUrl(target.owner) });
    expect([restored.code, restored.said]).toEqual([0, expect.stringContaining('Erased again: 1 people')]);
  }, 60_000);

  test('refuses a database that is in use and leaves it as it was', async () => {
    const parts = partsFor({ ...world.database });
    expect(restoreBackup(parts)).rejects.toThrow('in use');
    expect((await countsOf(world.deps)).get('recoveries')).toBe(0);
    expect(await world.deps.db.engine.transaction((tx) => inspect(tx))).toMatchObject({ differences: [] });
  });

  test('gives up where somebody uses the database and does not let go of it', async () => {
    const target = await emptyTarget();
    await applyMigrations(target.owner);
    const client = openClient(target.owner, 1);
    try {
      await client.begin(async (tx) => {
        await tx`select count(*) from users`;
        expect(await restoreBackup(partsFor(target)).catch(String)).toContain('in use');
      });
    } finally {
      await client.end({ timeout: 5 });
    }
    expect(await isEmpty(target)).toBe(true);
  }, 30_000);

  test('refuses person keys from before the backup: whoever came in between would be lost', async () => {
    const from = (await writeBackup(world.system, join(folder, 'newest'), 'database')).folder;
    const target = await emptyTarget();
    expect(restoreBackup(partsFor(target, { from }))).rejects.toThrow('before the database');
    expect(await isEmpty(target)).toBe(true);
  });

  test.each([
    ['a table is altered', async (at: string) => flip(join(at, 'tables', 'public.users')), 'public.users'],
    ['a table is gone', async (at: string) => rm(join(at, 'tables', 'public.journals')), 'public.journals'],
    [
      'two tables are swapped',
      async (at: string) => swap(at, 'public.assets', 'public.users'),
      'public.assets',
    ],
    ['a table is cut off', async (at: string) => cut(join(at, 'tables', 'public.users')), 'public.users'],
    ['a file is altered', async (at: string) => flip(join(at, 'files', 'documents/one')), 'documents/one'],
    ['the manifest is altered', async (at: string) => flip(join(at, 'manifest.json'), 200), 'manifest'],
    ['it was never finished', async (at: string) => rm(join(at, 'manifest.json')), 'no finished backup'],
  ] as const)('writes nothing where %s', async (_what, attack, named) => {
    const from = join(folder, `attacked-${newId()}`);
    await cp(backup.folder, from, { recursive: true });
    await attack(from);
    const target = await emptyTarget();
    expect(restoreBackup(partsFor(target, { from }))).rejects.toThrow(named);
    expect(await isEmpty(target)).toBe(true);
  });
});

async function runScript(name: string, args: readonly string[], env: Record<string, string>) {
  const { PATH = '' } = process.env;
  const script = join(import.meta.dir, '../../scripts', name);
  const child = Bun.spawn([process.execPath, script, ...args], {
    env: { PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outputs = [new Response(child.stdout).text(), new Response(child.stderr).text()];
  const [said, complained] = await Promise.all(outputs);
  return { code: await child.exited, said: `${said}${complained}` };
}

async function flip(path: string, at?: number): Promise<void> {
  const bytes = await readFile(path);
  const place = at ?? Math.floor(bytes.length / 2);
  bytes[place] = (bytes[place] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

async function cut(path: string): Promise<void> {
  const bytes = await readFile(path);
  await writeFile(path, bytes.subarray(0, bytes.length - 40));
}

async function swap(at: string, one: string, other: string): Promise<void> {
  const [first, second] = [join(at, 'tables', one), join(at, 'tables', other)];
  const bytes = await readFile(first);
  await writeFile(first, await readFile(second));
  await writeFile(second, bytes);
}
