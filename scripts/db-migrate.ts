/**
 * `bun run db:migrate`: applies missing migrations as the owner named by DATABASE_MIGRATOR_URL, else
 * DATABASE_URL, else to the data folder's embedded database.
 */
import { parseConnection } from '../src/platform/db/client.ts';
import { shareOrStart } from '../src/platform/db/embedded.ts';
import { applyMigrations } from '../src/platform/db/migrate.ts';
import { reasonOf } from './open-system.ts';

const url = process.env.DATABASE_MIGRATOR_URL ?? process.env.DATABASE_URL;
const dataDir = process.env.PLIMSOLL_DATA_DIR ?? '.data';
try {
  const server = url ? undefined : await shareOrStart(dataDir);
  const owner = server === undefined ? parseConnection(url ?? '') : server.owner;
  const { applied } = await applyMigrations(owner);
  process.stdout.write(
    applied === 0 ? 'The database is up to date.\n' : `Applied ${applied} migration(s).\n`,
  );
  await server?.stop();
  process.exit(0);
} catch (error) {
  process.stderr.write(`${reasonOf(error)}\n`);
  process.exit(1);
}
