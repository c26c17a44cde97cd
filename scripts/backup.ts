/**
 * `bun run backup --to DIR --person-keys-to OTHERDIR`: a backup of the database and the file store, and one of
 * the person keys in a place of its own. Exit code 0 when all is written, 1 when something failed, 2 on wrong use.
 */
import { relative, resolve, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { PERSON_KEY_BACKUPS, writeBackup } from '../src/platform/backup/write-backup.ts';
import { withSystem } from './open-system.ts';
import { endAsWrongUse, reasonOfFlags } from './wrong-use.ts';

const USAGE = `Usage: bun run backup [--to DIR] [--person-keys-to OTHERDIR]

Copies every row on one snapshot, while the system serves, through the engine's login; compressed, and sealed
under a key that PLIMSOLL_KEYS wraps. Keep PLIMSOLL_KEYS somewhere else: without it no backup opens.

  --to DIR                   the database without person keys, and the file store; a folder of its own below DIR
  --person-keys-to OTHERDIR  the wrapped keys of people alone; only the newest ${PERSON_KEY_BACKUPS} are kept there, so that who
                             is erased is gone for good once that many backups were taken. Copy them nowhere
                             that keeps them longer.

A restore takes one of each; the person keys must have been backed up after the database.

Exit code: 0 all is written, 1 something failed, 2 wrong use.
`;

const { values } = readFlags();
if (values.help === true) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const fault = faultOf(values.to, values['person-keys-to']);
if (fault !== null) {
  endAsWrongUse('backup', fault, USAGE);
}

await withSystem('backup', async ({ ctx }) => {
  const places = { database: values.to, person_keys: values['person-keys-to'] } as const;
  // The keys last: a restore must have those of everybody the backup has.
  for (const kind of ['database', 'person_keys'] as const) {
    const to = places[kind];
    if (to !== undefined) {
      const begun = performance.now();
      const { folder, rows, sizeBytes, manifest } = await writeBackup(ctx, to, kind);
      const seconds = (performance.now() - begun) / 1000;
      const rate = Math.round(rows / seconds);
      process.stdout.write(
        `${folder}\n  ${rows} rows of ${manifest.tables.length} tables, ${manifest.files.length} files, ${sizeBytes} bytes in ${seconds.toFixed(1)} s (${rate} rows/s); tree size ${manifest.log.treeSize}\n`,
      );
    }
  }
  return 0;
});

function readFlags() {
  try {
    return parseArgs({
      options: { to: { type: 'string' }, 'person-keys-to': { type: 'string' }, help: { type: 'boolean' } },
    });
  } catch (error) {
    return endAsWrongUse('backup', reasonOfFlags(error), USAGE);
  }
}

function faultOf(to: string | undefined, personKeysTo: string | undefined): string | null {
  if (to === undefined && personKeysTo === undefined) {
    return 'name --to, --person-keys-to, or both';
  }
  const beside =
    to === undefined || personKeysTo === undefined || !(within(to, personKeysTo) || within(personKeysTo, to));
  // Whoever copies one folder would copy both, and an erasure would come back with it.
  return beside
    ? null
    : 'the keys of people go to a place of their own, not into the folder of the database or around it';
}

function within(inner: string, outer: string): boolean {
  const path = relative(resolve(outer), resolve(inner));
  return path === '' || !(path === '..' || path.startsWith(`..${sep}`));
}
