/**
 * Finds or starts the database the configuration names, brings it up to date, and says where the
 * runtime logins connect.
 */
import type { Config } from '../config.ts';
import type { Connection, Login } from '../platform/db/client.ts';
import { startEmbedded } from '../platform/db/embedded.ts';
import { alreadyRunning, claimDataFolder } from '../platform/db/embedded-claim.ts';
import { applyMigrations, migrationStatus, refuseForeign } from '../platform/db/migrate.ts';
import { ensureSandboxPasswords, sandboxConnections } from '../platform/db/sandbox-logins.ts';
import { StartError } from './start-error.ts';

export type OpenDatabase = {
  readonly connections: Readonly<Record<Login, Connection>>;
  readonly migrationsApplied: number;
  /** In words, for the banner. */
  readonly description: string;
  readonly announce: (url: string) => Promise<void>;
  readonly close: () => Promise<void>;
};

/**
 * @errors StartError when another server has the data folder or migrations are missing;
 *   EmbeddedError, MigrationError
 */
export async function openDatabase(config: Config, onLost: () => void): Promise<OpenDatabase> {
  switch (config.database.kind) {
    case 'embedded':
      return openEmbedded(config.dataDir, onLost);
    case 'owner':
      return openOwned(config.database.owner);
    case 'logins':
      return openLogins(config.database);
  }
}

async function openEmbedded(dataDir: string, onLost: () => void): Promise<OpenDatabase> {
  const server = await startEmbedded({ dataDir });
  try {
    const claim = await claimDataFolder(server.owner, onLost);
    if ('heldBy' in claim) {
      throw new StartError(
        `${alreadyRunning(claim)}. Stop it first, or set PLIMSOLL_DATA_DIR to another folder.`,
      );
    }
    const { applied } = await applyMigrations(server.owner);
    await ensureSandboxPasswords(server.owner);
    return {
      connections: sandboxConnections(server.owner),
      migrationsApplied: applied,
      description: `embedded PostgreSQL ${server.version} in ${dataDir}`,
      announce: claim.announce,
      close: async () => {
        await claim.release();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function openOwned(owner: Connection): Promise<OpenDatabase> {
  const { applied } = await applyMigrations(owner);
  await ensureSandboxPasswords(owner);
  return {
    connections: sandboxConnections(owner),
    migrationsApplied: applied,
    description: `PostgreSQL at ${owner.host}:${owner.port}/${owner.database}`,
    announce: async () => {},
    close: async () => {},
  };
}

async function openLogins(logins: Readonly<Record<Login, Connection>>): Promise<OpenDatabase> {
  const status = await migrationStatus(logins.engine);
  refuseForeign(status);
  const missing = status.known.filter((migration) => !migration.applied);
  if (missing.length > 0) {
    throw new StartError(
      `The database lacks ${missing.length} migration(s) (${missing.map((migration) => migration.name).join(', ')}). Run \`bun run db:migrate\` with the owner's login first.`,
    );
  }
  const { engine } = logins;
  return {
    connections: logins,
    migrationsApplied: 0,
    description: `PostgreSQL at ${engine.host}:${engine.port}/${engine.database}`,
    announce: async () => {},
    close: async () => {},
  };
}
