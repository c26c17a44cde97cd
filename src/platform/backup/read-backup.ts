/**
 * Proves a backup whole and unaltered, and reads its tables. Nothing is written anywhere before all of it
 * was read once: a backup that turns out damaged half-way must not have replaced anything.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { DataKey } from '../crypto/seal.ts';
import { knownMigrations } from '../db/migrate.ts';
import { readSealedFile } from '../files/sealed-file.ts';
import type { BackupManifest, OpenManifest } from './manifest.ts';
import { BackupError } from './tables.ts';
import { fileDigest } from './write-backup.ts';

type TableFile = BackupManifest['tables'][number];

/**
 * Reads all of a backup against its manifest.
 * @errors BackupError naming the part that is missing, cut off, altered or of another backup
 */
export async function verifyBackup(folder: string, { manifest, key }: OpenManifest): Promise<void> {
  const known = new Map(knownMigrations().map(({ name, hash }) => [name, hash]));
  const differs =
    manifest.migrations.length !== known.size ||
    manifest.migrations.some(({ name, hash }) => known.get(name) !== hash);
  if (differs) {
    throw new BackupError(
      'The backup was written by another version of this program: restore it with that version, then upgrade.',
    );
  }
  for (const table of manifest.tables) {
    await verifyTable(folder, manifest.id, table, key);
  }
  for (const file of manifest.files) {
    const path = join(folder, 'files', file.name);
    const size = await stat(path).then(
      (found) => found.size,
      () => null,
    );
    if (size !== file.sizeBytes || (await fileDigest(path)) !== file.sha256) {
      throw new BackupError(`The file ${file.name} of the backup is missing or altered`);
    }
  }
}

/** The rows of one table in COPY's text form. @errors SealError */
export function readTable(folder: string, backupId: string, name: string, key: DataKey): Readable {
  const sealed = Readable.from(readSealedFile(pathOf(folder, name), key, placeOf(backupId, name)));
  const rows = createGunzip();
  sealed.on('error', (error) => rows.destroy(error));
  return sealed.pipe(rows);
}

async function verifyTable(folder: string, backupId: string, table: TableFile, key: DataKey): Promise<void> {
  const digest = createHash('sha256');
  let sizeBytes = 0;
  let rows = 0;
  try {
    for await (const chunk of readSealedFile(
      pathOf(folder, table.name),
      key,
      placeOf(backupId, table.name),
    )) {
      digest.update(chunk);
      sizeBytes += chunk.length;
    }
    for await (const chunk of readTable(folder, backupId, table.name, key)) {
      for (let at = (chunk as Buffer).indexOf(10); at >= 0; at = (chunk as Buffer).indexOf(10, at + 1)) {
        rows += 1;
      }
    }
  } catch (error) {
    const reason = error instanceof Error && error.name === 'SealError' ? error.message : 'it cannot be read';
    throw new BackupError(`The table ${table.name} of the backup is missing or altered: ${reason}`);
  }
  if (digest.digest('hex') !== table.sha256 || sizeBytes !== table.sizeBytes || rows !== table.rows) {
    throw new BackupError(`The table ${table.name} of the backup is not the one its manifest names`);
  }
}

function pathOf(folder: string, name: string): string {
  return join(folder, 'tables', name);
}

function placeOf(backupId: string, name: string) {
  return { table: 'backup', column: name, rowId: backupId };
}
