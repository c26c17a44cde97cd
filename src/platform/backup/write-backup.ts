/**
 * A backup through the engine's own login: every row of every table on one snapshot, compressed and sealed,
 * beside the files of the file store. It needs no superuser and no tool of PostgreSQL's version, and works
 * while the system serves. Person keys are a backup of their own (`NOT_IN_BACKUP`).
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type postgres from 'postgres';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { record } from '../audit/record.ts';
import type { Ctx } from '../context.ts';
import type { Keyring } from '../crypto/keyring.ts';
import type { DataKey } from '../crypto/seal.ts';
import { openClient } from '../db/client.ts';
import { knownMigrations } from '../db/migrate.ts';
import { transact } from '../db/transact.ts';
import { writeSealedFile } from '../files/sealed-file.ts';
import { BACKUP_EVENTS } from './audit.ts';
import {
  type BackupManifest,
  manifestDigest,
  newBackupKey,
  readManifest,
  writeManifest,
} from './manifest.ts';
import {
  BackupError,
  type BackupTable,
  listPartitions,
  listTables,
  NOT_IN_BACKUP,
  PERSON_KEY_TABLES,
  quoted,
  quotedName,
  requireEveryRow,
} from './tables.ts';

/** Backups of person keys that are kept: an erasure is final when it has passed through so many. */
export const PERSON_KEY_BACKUPS = 2;

/** A backup of person keys takes seconds: what is unfinished for longer was broken off. */
const STRAY_AFTER_MS = 3_600_000;

export type WrittenBackup = {
  readonly folder: string;
  readonly manifest: BackupManifest;
  readonly rows: number;
  readonly sizeBytes: number;
};

/**
 * Writes a backup into a folder of its own below `to`; it appears there when it is whole.
 * @effects files; of person keys, the older backups but for the last ones are removed; audit `backup.written`
 * @errors BackupError where the login does not see every row, a file cannot be copied, or the folder holds the
 *   person keys of another database: they would be removed one by one
 */
export async function writeBackup(
  ctx: Ctx,
  to: string,
  kind: BackupManifest['kind'],
): Promise<WrittenBackup> {
  const id = newId();
  const partial = join(to, `.${id}.partial`);
  await mkdir(join(partial, 'tables'), { recursive: true, mode: 0o700 });
  try {
    const key = newBackupKey();
    const manifest = await copySnapshot(ctx, partial, { id, kind }, key);
    await writeManifest(partial, ctx.deps.keyring, { manifest, key });
    const folder = join(to, `${kind.replace('_', '-')}-${manifest.takenAt.replaceAll(/[:.]/g, '-')}-${id}`);
    await rename(partial, folder);
    // On the disk before an older one goes.
    await syncToDisk(to);
    if (kind === 'person_keys') {
      await removeOlder(to, ctx.deps.clock.realMs());
    }
    const written = {
      folder,
      manifest,
      rows: manifest.tables.reduce((sum, table) => sum + table.rows, 0),
      sizeBytes: [...manifest.tables, ...manifest.files].reduce((sum, each) => sum + each.sizeBytes, 0),
    };
    await tell(ctx, written);
    return written;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function copySnapshot(
  ctx: Ctx,
  folder: string,
  { id, kind }: Pick<BackupManifest, 'id' | 'kind'>,
  key: DataKey,
): Promise<BackupManifest> {
  const client = openClient(ctx.deps.db.connections.engine, 1);
  try {
    return await client.begin('isolation level repeatable read read only', async (tx) => {
      // A slow disk must not end the snapshot in the middle.
      await tx`SELECT set_config('statement_timeout', '0', true),
        set_config('idle_in_transaction_session_timeout', '0', true)`;
      await requireEveryRow(tx);
      const [at] = await tx<{ taken: string; first: string | null; size: string; note: string | null }[]>`
        SELECT to_char(transaction_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS taken,
          (SELECT id::text FROM installation_keys ORDER BY created_at, id LIMIT 1) AS first,
          coalesce((SELECT max(leaf_index) + 1 FROM audit_leaves), 0)::text AS size,
          (SELECT note FROM audit_checkpoints ORDER BY tree_size DESC LIMIT 1) AS note`;
      const { taken, first, size, note } = present(at, 'a snapshot has a time');
      const installation = present(first, 'a database that was opened has keys of its own');
      if (kind === 'person_keys') {
        await refuseForeignFolder(dirname(folder), ctx.deps.keyring, installation);
      }
      const tables: BackupManifest['tables'] = [];
      for (const table of await listTables(tx)) {
        if (
          kind === 'person_keys' ? PERSON_KEY_TABLES.includes(table.name) : !(table.name in NOT_IN_BACKUP)
        ) {
          tables.push(await copyTable(tx, folder, id, table, key));
        }
      }
      return {
        format: 'plimsoll-backup@1',
        id,
        kind,
        installation,
        takenAt: taken,
        migrations: [...knownMigrations()],
        partitions: [...(await listPartitions(tx))],
        log: { treeSize: Number.parseInt(size, 10), checkpoint: note },
        tables,
        // After the snapshot: a file a row names was there before the row.
        files:
          kind === 'database' ? await copyFiles(join(ctx.deps.dataDir, 'files'), join(folder, 'files')) : [],
      };
    });
  } finally {
    await client.end({ timeout: 5 });
  }
}

/** After a loss an empty database that goes on being backed up would push out the keys of everybody. */
async function refuseForeignFolder(to: string, keyring: Keyring, installation: string): Promise<void> {
  for (const name of (await readdir(to)).filter((each) => each.startsWith('person-keys-'))) {
    // One that no key here opens says nothing, and nobody can restore it here.
    const other = await readManifest(join(to, name), keyring).catch(() => undefined);
    if (other !== undefined && other.manifest.installation !== installation) {
      throw new BackupError(`${to} holds the person keys of another database: take another folder`);
    }
  }
}

async function copyTable(
  tx: postgres.TransactionSql,
  folder: string,
  backupId: string,
  table: BackupTable,
  key: DataKey,
): Promise<BackupManifest['tables'][number]> {
  const columns = table.columns.map(quoted).join(', ');
  const source = await tx
    .unsafe(`COPY (SELECT ${columns} FROM ${quotedName(table.name)}) TO STDOUT`)
    .readable();
  let rows = 0;
  // One line per row: COPY writes a line break within a value as two characters.
  source.on('data', (chunk: Buffer) => {
    rows += linesIn(chunk);
  });
  const packed: Readable = source.pipe(createGzip({ level: 1 }));
  source.on('error', (error) => packed.destroy(error));
  const place = { table: 'backup', column: table.name, rowId: backupId };
  const written = await writeSealedFile(join(folder, 'tables', table.name), key, place, packed);
  // The driver leaves its socket paused where the end came with rows nobody had read yet.
  source._read(0);
  return { name: table.name, columns: [...table.columns], rows, ...written };
}

function linesIn(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) {
    count += 1;
  }
  return count;
}

async function copyFiles(from: string, to: string): Promise<BackupManifest['files']> {
  const files: BackupManifest['files'] = [];
  if ((await stat(from).catch(onlyAbsent)) === undefined) {
    return files;
  }
  const entries = await readdir(from, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    throw new BackupError(`The file store ${from} cannot be read (${codeOf(error)})`);
  });
  for (const entry of entries.filter((each) => each.isFile())) {
    const source = join(entry.parentPath, entry.name);
    const name = source.slice(from.length + 1);
    const target = join(to, name);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    const copied = await copyFile(source, target).then(() => true, onlyAbsent);
    // What was erased since the folder was listed is gone, as it should be.
    if (copied === true) {
      await syncToDisk(target);
      files.push({ name, sizeBytes: (await stat(target)).size, sha256: await fileDigest(target) });
    }
  }
  return files;
}

/** Only a file that is not there may be missing from a backup. @errors BackupError for any other reason */
function onlyAbsent(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') {
    throw new BackupError(`A file of the file store cannot be copied (${codeOf(error)})`);
  }
}

function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'unknown';
}

async function syncToDisk(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** @units hex */
export async function fileDigest(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path)) {
    digest.update(chunk as Buffer);
  }
  return digest.digest('hex');
}

/** A key that was destroyed is gone for good once no backup holds it any more, finished or not. */
async function removeOlder(to: string, nowMs: number): Promise<void> {
  const names = await readdir(to);
  const backups = names.filter((name) => name.startsWith('person-keys-')).sort();
  const strays: string[] = [];
  for (const name of names.filter((each) => each.startsWith('.') && each.endsWith('.partial'))) {
    const begun = await stat(join(to, name)).catch(onlyAbsent);
    if (begun !== undefined && begun.mtimeMs < nowMs - STRAY_AFTER_MS) {
      strays.push(name);
    }
  }
  for (const name of [...backups.slice(0, -PERSON_KEY_BACKUPS), ...strays]) {
    await rm(join(to, name), { recursive: true, force: true });
  }
}

async function tell(ctx: Ctx, { manifest, rows, sizeBytes }: WrittenBackup): Promise<void> {
  const { id, kind, takenAt, log } = manifest;
  await transact(ctx, 'engine', (tx) =>
    record(tx, ctx, {
      event: BACKUP_EVENTS['backup.written'],
      resource: { type: 'backup', id },
      subjectUserId: null,
      after: {
        kind,
        takenAt,
        rows,
        sizeBytes,
        tables: manifest.tables.length,
        files: manifest.files.length,
        treeSize: log.treeSize,
        sha256: manifestDigest(manifest),
      },
    }),
  );
}
