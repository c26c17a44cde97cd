/**
 * `bun run db:studio`: opens drizzle-kit's studio on the configured database or the data folder's
 * embedded one. It shows ciphertext as what it is.
 */
import { formatDatabaseUrl } from '../src/platform/db/client.ts';
import { shareOrStart } from '../src/platform/db/embedded.ts';

const configured = process.env.DATABASE_MIGRATOR_URL ?? process.env.DATABASE_URL;
const server = configured ? undefined : await shareOrStart(process.env.PLIMSOLL_DATA_DIR ?? '.data');
const url = configured ?? (server === undefined ? '' : formatDatabaseUrl(server.owner));
const studio = Bun.spawn(['bun', '--bun', 'drizzle-kit', 'studio'], {
  env: { ...process.env, DATABASE_URL: url },
  stdio: ['inherit', 'inherit', 'inherit'],
});
process.on('SIGINT', () => studio.kill('SIGINT'));
const code = await studio.exited;
await server?.stop();
process.exit(code);
