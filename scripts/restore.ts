/**
 * `bun run restore --from DIR --person-keys OTHERDIR`: a backup into an empty database, which comes up in
 * recovery. Exit code 0 when all is restored, 1 when something failed, 2 on wrong use.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Config, readConfig } from '../src/config.ts';
import { BackupError } from '../src/platform/backup/tables.ts';
import { buildKeyring } from '../src/platform/crypto/keyring.ts';
import { type Connection, parseConnection } from '../src/platform/db/client.ts';
import { shareOrStart } from '../src/platform/db/embedded.ts';
import { finishRestore, type Restored, restoreBackup } from '../src/start/restore.ts';
import { readRootKeys } from '../src/start/root-keys.ts';
import { hasSandboxKeys } from '../src/start/sandbox-keys.ts';
import { reasonOf, withSystem } from './open-system.ts';
import { endAsWrongUse, reasonOfFlags } from './wrong-use.ts';

const USAGE = `Usage: bun run restore --from DIR --person-keys OTHERDIR [--checkpoint FILE]

Verifies both backups from end to end before it writes anything, then restores into the empty database of
DATABASE_MIGRATOR_URL or DATABASE_URL, else of the data folder, in one transaction. PLIMSOLL_KEYS (of a sandbox:
sandbox-keys.json in the data folder) must hold the key the backups were written with. Nobody who was erased
comes back. The system then starts in recovery: see docs/runbooks/restore.md.

  --from DIR              a backup of the database
  --person-keys OTHERDIR  a backup of person keys, or the folder of them, of which the newest counts
  --checkpoint FILE       the largest checkpoint of the audit log that was kept elsewhere

Exit code: 0 restored, 1 something failed, 2 wrong use.
`;

const { values } = readFlags();
if (values.help === true) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const { from, 'person-keys': personKeysFrom, checkpoint } = values;
if (from === undefined || personKeysFrom === undefined) {
  endAsWrongUse('restore', 'name both --from and --person-keys', USAGE);
}
const foreignSize = checkpoint === undefined ? undefined : treeSizeIn(checkpoint);

const { DATABASE_MIGRATOR_URL: migratorUrl, ...environment } = process.env;
try {
  const begun = performance.now();
  const restored = await restore(from, personKeysFrom);
  const seconds = (performance.now() - begun) / 1000;
  const { takenAt, log } = restored.backup;
  process.stdout.write(
    `Restored ${restored.rows} rows in ${seconds.toFixed(1)} s (${Math.round(restored.rows / seconds)} rows/s), as of ${takenAt}, tree size ${log.treeSize}.\n`,
  );
  delete process.env.DATABASE_MIGRATOR_URL;
  await finish();
} catch (error) {
  process.stderr.write(`${reasonOf(error)}\n`);
  process.exit(1);
}

async function restore(folder: string, keysFolder: string): Promise<Restored> {
  const config = readConfig(environment);
  if (config.keys === null && config.keysFile === null && !hasSandboxKeys(config.dataDir)) {
    throw new BackupError(
      `There is no sandbox-keys.json in ${config.dataDir}: copy the one of the installation that was backed up, or set PLIMSOLL_KEYS`,
    );
  }
  const server = await ownerOf(config);
  try {
    const keyring = buildKeyring(await readRootKeys(config));
    const { dataDir } = config;
    return await restoreBackup({
      owner: server.owner,
      keyring,
      from: folder,
      personKeysFrom: keysFolder,
      dataDir,
      foreignSize,
    });
  } finally {
    await server.stop();
  }
}

type Server = { readonly owner: Connection; readonly stop: () => Promise<unknown> };

async function ownerOf({ database, dataDir }: Config): Promise<Server> {
  if (migratorUrl === undefined && database.kind === 'logins') {
    throw new BackupError('DATABASE_MIGRATOR_URL: is required, the login of the owner of the database');
  }
  const owner = database.kind === 'owner' ? database.owner : null;
  const named = migratorUrl === undefined ? owner : parseConnection(migratorUrl);
  return named === null ? shareOrStart(dataDir) : { owner: named, stop: async () => {} };
}

/** The second line of a checkpoint. Whether it is genuine the witnesses' holders say, not a restore. */
function treeSizeIn(file: string): number {
  const size = readText(file).split('\n')[1] ?? '';
  return /^\d{1,15}$/.test(size)
    ? Number.parseInt(size, 10)
    : endAsWrongUse('restore', `${file} is no checkpoint`, USAGE);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return endAsWrongUse('restore', `--checkpoint: ${reasonOf(error)}`, USAGE);
  }
}

async function finish(): Promise<never> {
  return withSystem('restore', async ({ ctx }) => {
    const erased = await finishRestore(ctx);
    process.stdout.write(
      `Erased again: ${erased.length} people. The system starts in recovery: see docs/runbooks/restore.md.\n`,
    );
    return 0;
  });
}

function readFlags() {
  try {
    return parseArgs({
      options: {
        from: { type: 'string' },
        'person-keys': { type: 'string' },
        checkpoint: { type: 'string' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    return endAsWrongUse('restore', reasonOfFlags(error), USAGE);
  }
}
