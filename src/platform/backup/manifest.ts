/**
 * The manifest of a backup: what it holds, with the digest of each part, sealed as a whole under the
 * backup's own key. That key is wrapped by the keyring, so that who can read the folder but has no root key
 * learns nothing, and can replace nothing without being found.
 */
import { createHash, randomBytes } from 'node:crypto';
import { open as openFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { dataKey, type Keyring } from '../crypto/keyring.ts';
import { type DataKey, open, SealError, seal } from '../crypto/seal.ts';
import type { Ciphertext } from '../db/columns.ts';
import { BackupError } from './tables.ts';

const MANIFEST_FILE = 'manifest.json';
const FORMAT = 'plimsoll-backup@1';

const part = { sizeBytes: z.number().int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) };

const Manifest = z.strictObject({
  format: z.literal(FORMAT),
  id: z.uuid(),
  kind: z.enum(['database', 'person_keys']),
  /** Names the database through all of its restores: the first of its own keys. */
  installation: z.uuid(),
  /** When the snapshot was taken, by the database's clock. */
  takenAt: z.string(),
  migrations: z.array(z.strictObject({ name: z.string(), hash: z.string() })),
  partitions: z.array(z.strictObject({ parent: z.string(), name: z.string(), bound: z.string() })),
  log: z.strictObject({ treeSize: z.number().int(), checkpoint: z.string().nullable() }),
  /** Sizes and digests of the compressed plaintext. */
  tables: z.array(
    z.strictObject({ name: z.string(), columns: z.array(z.string()), rows: z.number().int(), ...part }),
  ),
  /** Files of the file store as they lie there, encrypted under keys of their own. */
  files: z.array(z.strictObject({ name: z.string(), ...part })),
});

const Envelope = z.strictObject({ wrappedKey: z.string(), sealed: z.string() });

export type BackupManifest = z.infer<typeof Manifest>;

/** A manifest with the key its tables are sealed under. */
export type OpenManifest = { readonly manifest: BackupManifest; readonly key: DataKey };

/** A new key for one backup. */
export function newBackupKey(): DataKey {
  return dataKey(new Uint8Array(randomBytes(32)));
}

/** @effects the file `manifest.json`; whoever has no root key reads nothing of it */
export async function writeManifest(
  folder: string,
  keyring: Keyring,
  { manifest, key }: OpenManifest,
): Promise<void> {
  const envelope = {
    wrappedKey: toBase64(keyring.wrap(WRAP_PLACE, key.key)),
    sealed: toBase64(seal(key, MANIFEST_PLACE, Buffer.from(JSON.stringify(manifest)))),
  };
  const file = await openFile(join(folder, MANIFEST_FILE), 'wx', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(envelope)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** @errors BackupError where there is none, it was altered, or the keyring lacks its key */
export async function readManifest(folder: string, keyring: Keyring): Promise<OpenManifest> {
  const text = await readFile(join(folder, MANIFEST_FILE), 'utf8').catch(() => {
    throw new BackupError(`${folder} holds no finished backup: ${MANIFEST_FILE} is not there`);
  });
  try {
    const envelope = Envelope.parse(JSON.parse(text));
    const key = dataKey(keyring.unwrap(WRAP_PLACE, fromBase64(envelope.wrappedKey)));
    const find = (id: Uint8Array) => (Buffer.from(id).equals(key.id) ? key : undefined);
    const plain = Buffer.from(open(find, MANIFEST_PLACE, fromBase64(envelope.sealed))).toString('utf8');
    return { manifest: Manifest.parse(JSON.parse(plain)), key };
  } catch (error) {
    const reason = error instanceof SealError ? error.message : 'it is not in the form of one';
    throw new BackupError(`The manifest in ${folder} cannot be used: ${reason}`);
  }
}

/** Names a manifest, for records of what was restored. @units hex */
export function manifestDigest(manifest: BackupManifest): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex');
}

const WRAP_PLACE = { table: 'backup', column: 'key', rowId: FORMAT };
const MANIFEST_PLACE = { table: 'backup', column: 'manifest', rowId: FORMAT };

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function fromBase64(text: string): Ciphertext {
  return new Uint8Array(Buffer.from(text, 'base64')) as Ciphertext;
}
