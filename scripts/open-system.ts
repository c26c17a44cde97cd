/**
 * How commands reach the system: the configured database, or the data folder's embedded one, which is
 * shared with a running server and started for the command otherwise.
 */
import { type Config, ConfigError, readConfig } from '../src/config.ts';
import { buildDeps, checkConnections } from '../src/deps.ts';
import { allDomains } from '../src/domains.ts';
import { newId } from '../src/kernel/id.ts';
import { BackupError } from '../src/platform/backup/tables.ts';
import { type Ctx, machineCtx } from '../src/platform/context.ts';
import { KeyringError } from '../src/platform/crypto/keyring.ts';
import type { Connection, Login } from '../src/platform/db/client.ts';
import { shareOrStart } from '../src/platform/db/embedded.ts';
import { EmbeddedError } from '../src/platform/db/embedded-error.ts';
import {
  applyMigrations,
  MigrationError,
  migrationStatus,
  refuseForeign,
} from '../src/platform/db/migrate.ts';
import { ensureSandboxPasswords, sandboxConnections } from '../src/platform/db/sandbox-logins.ts';
import { buildLogger } from '../src/platform/log/logger.ts';
import { readRootKeys } from '../src/start/root-keys.ts';
import { settingsOf } from '../src/start/settings.ts';
import { StartError } from '../src/start/start-error.ts';
import { checkKeyring } from '../src/start/system-marks.ts';

export type System = { readonly config: Config; readonly ctx: Ctx; readonly close: () => Promise<void> };

/** Runs a command against the system; expected failures are one message and exit code 1. */
export async function withSystem(name: string, work: (system: System) => Promise<number>): Promise<never> {
  let system: System | undefined;
  let code = 1;
  try {
    system = await openSystem(name);
    code = await work(system);
  } catch (error) {
    process.stderr.write(`${reasonOf(error)}\n`);
  } finally {
    await system?.close();
  }
  process.exit(code);
}

/** Words for a person; the stack only where it is our own mistake. */
export function reasonOf(error: unknown): string {
  const expected = [BackupError, KeyringError, ConfigError, EmbeddedError, MigrationError, StartError];
  if (
    error instanceof Error &&
    (expected.some((kind) => error instanceof kind) || error.name === 'DomainError')
  ) {
    return error.message;
  }
  if (error instanceof Error && 'syscall' in error && 'path' in error) {
    // A folder that is not there, is full, or may not be written: nothing of ours is wrong.
    return error.message;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function openSystem(name: string): Promise<System> {
  const config = readConfig();
  const { connections, close } = await openConnections(config);
  const deps = buildDeps({
    mode: config.mode,
    dataDir: config.dataDir,
    connections,
    pools: { app: 1, staff: 1, engine: 3 },
    rootKeys: await readRootKeys(config),
    log: buildLogger('warn'),
    wakeRelay: () => {},
    domains: allDomains,
    ...settingsOf(config),
  });
  await checkConnections(deps);
  await checkKeyring(deps);
  return {
    config,
    ctx: machineCtx(deps, { kind: 'system', name: `command:${name}` }, newId()),
    close: async () => {
      await deps.mail.stop();
      await deps.db.close();
      await close();
    },
  };
}

type Connections = {
  readonly connections: Readonly<Record<Login, Connection>>;
  readonly close: () => Promise<void>;
};

async function openConnections(config: Config): Promise<Connections> {
  switch (config.database.kind) {
    case 'embedded': {
      const server = await shareOrStart(config.dataDir);
      await applyMigrations(server.owner);
      return {
        connections: sandboxConnections(server.owner),
        close: async () => {
          await server.stop();
        },
      };
    }
    case 'owner':
      await applyMigrations(config.database.owner);
      await ensureSandboxPasswords(config.database.owner);
      return { connections: sandboxConnections(config.database.owner), close: async () => {} };
    case 'logins':
      refuseForeign(await migrationStatus(config.database.engine));
      return { connections: config.database, close: async () => {} };
  }
}
