/**
 * Restores a backup into an empty database, as its owner, in one transaction: all of it or nothing. Whoever
 * was erased stays erased, whichever backup is older, and the database comes up in recovery. Files are copied
 * before the transaction ends, and what is left to do after it the next start does: no crash leaves half of it.
 */
import { copyFile, mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { sql as sqlText } from 'drizzle-orm';
import type postgres from 'postgres';
import { repeatErasure } from '../domains/identity/index.ts';
import { type Id, newId } from '../kernel/id.ts';
import {
  type BackupManifest,
  manifestDigest,
  type OpenManifest,
  readManifest,
} from '../platform/backup/manifest.ts';
import { isUnused, makePartitions, withTablesOpen } from '../platform/backup/open-tables.ts';
import { readTable, verifyBackup } from '../platform/backup/read-backup.ts';
import {
  BackupError,
  listTables,
  NOT_IN_BACKUP,
  PERSON_KEY_TABLES,
  quoted,
  quotedName,
} from '../platform/backup/tables.ts';
import type { Ctx } from '../platform/context.ts';
import type { Keyring } from '../platform/crypto/keyring.ts';
import { type Connection, openClient } from '../platform/db/client.ts';
import { sqlStateOf } from '../platform/db/errors.ts';
import { applyMigrations } from '../platform/db/migrate.ts';
import { transact } from '../platform/db/transact.ts';
import { lookForRecovery, tellOfRecovery } from '../platform/recovery/mode.ts';

export type RestoreParts = {
  /** Owns the database that is restored into. */
  readonly owner: Connection;
  readonly keyring: Keyring;
  /** A backup of the database. */
  readonly from: string;
  /** A backup of person keys, or a folder of them, of which the newest counts. */
  readonly personKeysFrom: string;
  /** Where the files of the file store go. */
  readonly dataDir: string;
  /** The largest tree somebody holds a checkpoint of, where that is known. */
  readonly foreignSize?: number | undefined;
};

export type Restored = {
  readonly backup: BackupManifest;
  readonly sha256: string;
  readonly rows: number;
  /** People the backup has and whose keys were destroyed after it was taken: to be erased again. */
  readonly erasedSince: readonly Id[];
};

const IN_USE = 'The database is in use: a backup is restored into an empty one';
/** A deadlock with whoever uses the database, or a lock of theirs that did not go away. */
const HELD: readonly string[] = ['40P01', '55P03'];

/** Nobody else is without a key: it is made with the person, and destroyed with what marks them as erased. */
const USERS_WITHOUT_KEY = `SELECT u.id FROM users u WHERE u.deleted_at IS NULL
  AND NOT EXISTS (SELECT FROM person_keys k WHERE k.user_id = u.id) ORDER BY u.id`;

type Sources = {
  readonly folder: string;
  readonly backup: OpenManifest;
  readonly keysFolder: string;
  readonly keys: OpenManifest;
};

/**
 * Verifies both backups, then writes.
 * @effects migrations, every row, files of the file store, an open recovery
 * @errors BackupError, MigrationError; nothing but the migrations and files that no row names is left behind
 */
export async function restoreBackup(parts: RestoreParts): Promise<Restored> {
  const sources = await openSources(parts);
  await applyMigrations(parts.owner);
  const client = openClient(parts.owner, 1);
  try {
    const erasedSince = await client
      .begin(async (tx) => {
        const without = await fillDatabase(tx, parts, sources);
        // No row that is committed names a file that is not there.
        await copyFiles(parts, sources);
        return without;
      })
      .catch((error: unknown) => {
        // Nobody else holds anything in an empty database.
        throw HELD.includes(sqlStateOf(error) ?? '') ? new BackupError(IN_USE) : error;
      });
    const { manifest } = sources.backup;
    const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
    return { backup: manifest, sha256: manifestDigest(manifest), rows, erasedSince };
  } finally {
    await client.end({ timeout: 5 });
  }
}

/**
 * Does what a restore leaves to do in the database it has filled: erases again who was erased since the backup
 * was taken, and says in the log that the recovery began. Done already, it does nothing.
 * @effects those of `repeatErasure`; audit `recovery.started`
 * @shape who was erased again
 */
export async function finishRestore(ctx: Ctx): Promise<readonly Id[]> {
  const { engine } = ctx.deps.db;
  const open = await lookForRecovery(ctx.deps);
  if (open?.cause !== 'restored') {
    return [];
  }
  const rows = await engine.execute<{ id: Id }>(sqlText.raw(USERS_WITHOUT_KEY));
  for (const { id } of rows) {
    await repeatErasure(ctx, id);
  }
  await transact(ctx, 'engine', (tx) => tellOfRecovery(tx, ctx, open));
  return rows.map(({ id }) => id);
}

async function copyFiles({ dataDir }: RestoreParts, { folder, backup }: Sources): Promise<void> {
  for (const { name } of backup.manifest.files) {
    const target = join(dataDir, 'files', name);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await copyFile(join(folder, 'files', name), target);
  }
}

async function openSources({ from, personKeysFrom, keyring }: RestoreParts): Promise<Sources> {
  const keysFolder = await newestIn(personKeysFrom);
  const backup = await readManifest(from, keyring);
  const keys = await readManifest(keysFolder, keyring);
  if (backup.manifest.kind !== 'database' || keys.manifest.kind !== 'person_keys') {
    throw new BackupError('A restore takes a backup of the database and one of person keys');
  }
  // Whoever has no key in the other would be taken for erased: all of them.
  if (backup.manifest.installation !== keys.manifest.installation) {
    throw new BackupError('The person keys are of another database than the backup');
  }
  // Older keys would lose whoever came in between, and could bring back who was erased in between.
  if (keys.manifest.takenAt < backup.manifest.takenAt) {
    throw new BackupError('The person keys were backed up before the database: take a later backup of them');
  }
  await verifyBackup(from, backup);
  await verifyBackup(keysFolder, keys);
  return { folder: from, backup, keysFolder, keys };
}

async function newestIn(folder: string): Promise<string> {
  const isBackup = await stat(join(folder, 'manifest.json')).then(
    () => true,
    () => false,
  );
  const names = isBackup ? [] : await readdir(folder).catch(() => []);
  const newest = names
    .filter((name) => name.startsWith('person-keys-'))
    .sort()
    .at(-1);
  return newest === undefined ? folder : join(folder, newest);
}

async function fillDatabase(
  tx: postgres.TransactionSql,
  parts: RestoreParts,
  { folder, backup, keysFolder, keys }: Sources,
): Promise<readonly Id[]> {
  const { manifest, key } = backup;
  // Everything is taken from whoever uses the database: not for longer than it takes to see that somebody does.
  await tx`SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '5s', true),
    set_config('idle_in_transaction_session_timeout', '0', true)`;
  await makePartitions(tx, manifest.partitions);
  let erasedSince: readonly Id[] = [];
  await withTablesOpen(tx, async () => {
    if (!(await isUnused(tx))) {
      await refuseAgain(tx, manifest);
      throw new BackupError(IN_USE);
    }
    await requireSameTables(tx, manifest);
    const names = [...manifest.tables.map(({ name }) => name), ...PERSON_KEY_TABLES];
    await tx.unsafe(`TRUNCATE ${names.map(quotedName).join(', ')}`);
    for (const { name, columns } of manifest.tables) {
      await copyIn(tx, name, columns, readTable(folder, manifest.id, name, key));
    }
    for (const { name, columns } of keys.manifest.tables) {
      const restored = `restored_${name.replace('public.', '')}`;
      await tx.unsafe(`CREATE TEMP TABLE ${restored} (LIKE ${quotedName(name)}) ON COMMIT DROP`);
      await copyIn(
        tx,
        `pg_temp.${restored}`,
        columns,
        readTable(keysFolder, keys.manifest.id, name, keys.key),
      );
    }
    erasedSince = await takeKeys(tx);
    await openRecovery(tx, parts, manifest);
  });
  return erasedSince;
}

/** Whoever is not sure whether a restore came to its end tries again. @errors BackupError where it did */
async function refuseAgain(sql: postgres.TransactionSql, manifest: BackupManifest): Promise<void> {
  const [same] = await sql`SELECT FROM recoveries WHERE ended_at IS NULL AND backup_id = ${manifest.id}`;
  if (same !== undefined) {
    throw new BackupError(
      'This backup was restored into this database already. Start the server: it finishes what is left and comes up in recovery.',
    );
  }
}

async function requireSameTables(sql: postgres.TransactionSql, manifest: BackupManifest): Promise<void> {
  const here = (await listTables(sql)).filter(({ name }) => !(name in NOT_IN_BACKUP));
  const same = (tables: readonly { readonly name: string; readonly columns: readonly string[] }[]) =>
    JSON.stringify(tables.map(({ name, columns }) => [name, [...columns].sort()]));
  if (same(here) !== same(manifest.tables)) {
    throw new BackupError('The tables of the backup are not those of this version');
  }
}

async function copyIn(
  sql: postgres.TransactionSql,
  name: string,
  columns: readonly string[],
  rows: NodeJS.ReadableStream,
): Promise<void> {
  const target = `${quotedName(name)} (${columns.map(quoted).join(', ')})`;
  await pipeline(rows, await sql.unsafe(`COPY ${target} FROM STDIN`).writable());
}

/** The keys of people who are there and were not erased. @shape who has none though they were not erased */
async function takeKeys(sql: postgres.TransactionSql): Promise<readonly Id[]> {
  await sql`INSERT INTO person_keys SELECT k.* FROM pg_temp.restored_person_keys k
    JOIN users u ON u.id = k.user_id WHERE u.deleted_at IS NULL`;
  await sql`INSERT INTO person_key_versions SELECT v.* FROM pg_temp.restored_person_key_versions v
    JOIN person_keys k ON k.user_id = v.user_id`;
  const rows = await sql.unsafe<{ id: Id }[]>(USERS_WITHOUT_KEY);
  return rows.map(({ id }) => id);
}

/** Where the backup was taken in a recovery that had not ended, this one takes its place. */
async function openRecovery(
  sql: postgres.TransactionSql,
  parts: RestoreParts,
  manifest: BackupManifest,
): Promise<void> {
  const { treeSize } = manifest.log;
  await sql`DELETE FROM recoveries WHERE ended_at IS NULL`;
  await sql`INSERT INTO recoveries (id, cause, started_at, backup_id, backup_taken_at, tree_size, foreign_size)
    VALUES (${newId()}, 'restored', now(), ${manifest.id}, ${manifest.takenAt}, ${treeSize},
      ${parts.foreignSize ?? null})`;
}
