/**
 * `bun run db:status`: which migrations the database has. Exit code 1 when some are missing or
 * unknown to this version.
 */
import { parseConnection } from '../src/platform/db/client.ts';
import { shareOrStart } from '../src/platform/db/embedded.ts';
import { migrationStatus } from '../src/platform/db/migrate.ts';
import { reasonOf } from './open-system.ts';

const url = process.env.DATABASE_MIGRATOR_URL ?? process.env.DATABASE_URL;
try {
  const server = url ? undefined : await shareOrStart(process.env.PLIMSOLL_DATA_DIR ?? '.data');
  const status = await migrationStatus(server === undefined ? parseConnection(url ?? '') : server.owner);
  await server?.stop();
  for (const migration of status.known) {
    process.stdout.write(`${migration.applied ? 'applied' : 'MISSING'}  ${migration.name}\n`);
  }
  for (const hash of status.foreign) {
    process.stdout.write(`UNKNOWN  ${hash}\n`);
  }
  process.exit(status.foreign.length > 0 || status.known.some((migration) => !migration.applied) ? 1 : 0);
} catch (error) {
  process.stderr.write(`${reasonOf(error)}\n`);
  process.exit(1);
}
