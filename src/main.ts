/**
 * Starts the server: configuration, database, dependencies, workers, HTTP; stops it cleanly on
 * SIGINT and SIGTERM. Whatever keeps it from starting is one message and exit code 1.
 */
import { ConfigError, readConfig } from './config.ts';
import { LogIdentityError } from './platform/audit/log-identity.ts';
import { KeyringError } from './platform/crypto/keyring.ts';
import { EmbeddedError } from './platform/db/embedded-error.ts';
import { MigrationError } from './platform/db/migrate.ts';
import { StartError } from './start/start-error.ts';
import { type RunningServer, startServer } from './start/start-server.ts';

let starting: Promise<RunningServer> | undefined;
let stopping = false;

process.stdout.on('error', () => {});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void stop(signal));
}

try {
  starting = startServer(readConfig(), () => void stop('another server took the data folder'));
  const server = await starting;
  // performance.now() counts from the start of the process: loading the modules is part of starting.
  say(stopping ? '' : server.banner((performance.now() / 1000).toFixed(1)));
} catch (error) {
  process.stderr.write(`${reasonOf(error)}\n`);
  process.exit(1);
}

async function stop(reason: string): Promise<void> {
  if (stopping) {
    return;
  }
  stopping = true;
  say(`\nStopping (${reason}) …\n`);
  try {
    // Stopped in the middle of its start, it would leave its database running.
    await (await starting)?.stop();
    say('Stopped.\n');
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${reasonOf(error)}\n`);
    process.exit(1);
  }
}

/** Whoever read our output may be gone (EPIPE); that is no reason to stop badly. */
function say(text: string): void {
  try {
    process.stdout.write(text);
  } catch {
    // Nobody listens.
  }
}

/** Words for the person who started; the stack only where it is our own mistake. */
function reasonOf(error: unknown): string {
  const expected = [ConfigError, EmbeddedError, MigrationError, KeyringError, LogIdentityError, StartError];
  if (error instanceof Error && expected.some((kind) => error instanceof kind)) {
    return error.message;
  }
  if (error instanceof Error && 'code' in error) {
    return connectionReason(error as Error & { readonly code: unknown });
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function connectionReason(error: Error & { readonly code: unknown }): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'The port is in use: set PORT to a free one, or stop the program that has it.';
    case '28P01':
    case '28000':
      return 'The database refused the login: check the user and password in the URL.';
    case '3D000':
      return 'The database named in the URL does not exist.';
    case 'ECONNREFUSED':
    case 'CONNECT_TIMEOUT':
    case 'ENOTFOUND':
      return 'The database cannot be reached: check the host and port of the URL, and that it runs.';
    default:
      return error.stack ?? error.message;
  }
}
