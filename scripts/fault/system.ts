/**
 * The system under fault: a server process as `bun start` runs it, and the embedded PostgreSQL of its data
 * folder. Both are killed with SIGKILL, by process id, and started again.
 */
import { openSync } from 'node:fs';
import { join } from 'node:path';
import type { Subprocess } from 'bun';
import type { Connection } from '../../src/platform/db/client.ts';
import { openClient } from '../../src/platform/db/client.ts';
import { type EmbeddedServer, startEmbedded } from '../../src/platform/db/embedded.ts';

export type FaultSystem = {
  /** Where the server answers; it changes with every start. */
  readonly url: () => string;
  readonly owner: () => Connection;
  readonly killServer: () => Promise<void>;
  readonly killPostmaster: () => void;
  /** Kills one session of the server's logins, at work if there is one; PostgreSQL then restarts them all. */
  readonly killBackend: () => Promise<void>;
  /** Starts what is not running and waits until the server says it is ready. @units ms it took */
  readonly recover: () => Promise<number>;
  readonly stop: () => Promise<void>;
};

const READY_WITHIN_MS = 60_000;
const MAIN = join(import.meta.dir, '..', '..', 'src', 'main.ts');

/** Starts both on a data folder and seeds the demo firm, without its market maker. */
export async function startSystem(dataDir: string): Promise<FaultSystem> {
  const holders: EmbeddedServer[] = [await startEmbedded({ dataDir })];
  let postmasterLives = true;
  const log = openSync(join(dataDir, 'server.log'), 'a', 0o600);
  let server = await firstServer(dataDir, log).catch(async (error: unknown) => {
    await holders[0]?.stop();
    throw error;
  });
  const current = () => {
    const holder = holders.at(-1);
    if (holder === undefined) {
      throw new Error('PostgreSQL was never started');
    }
    return holder;
  };
  return {
    url: () => server.url,
    owner: () => current().owner,
    killServer: async () => {
      server.process.kill('SIGKILL');
      await server.process.exited;
    },
    killPostmaster: () => {
      process.kill(current().pid, 'SIGKILL');
      postmasterLives = false;
    },
    killBackend: () => killBackend(current().owner),
    recover: async () => {
      const began = performance.now();
      if (!postmasterLives) {
        // Earlier holders stay: theirs are the connections that must find their way back, too.
        holders.push(await startEmbedded({ dataDir }));
        postmasterLives = true;
      }
      if (server.process.exitCode !== null || server.process.signalCode !== null) {
        server = await launch(dataDir, log, { PLIMSOLL_DEMO: 'off' });
      }
      await ready(server);
      return performance.now() - began;
    },
    stop: async () => {
      server.process.kill('SIGTERM');
      await server.process.exited;
      for (const holder of holders) {
        await holder.stop();
      }
    },
  };
}

/** Seeded by one start; the next ones serve without the demo's market maker, which is a client. */
async function firstServer(dataDir: string, log: number): Promise<Server> {
  // No feed: own trades make the prices, so that the load reaches what waits for one.
  const seeding = await launch(dataDir, log, { PLIMSOLL_FEEDS: 'off' });
  seeding.process.kill('SIGTERM');
  await seeding.process.exited;
  return launch(dataDir, log, { PLIMSOLL_DEMO: 'off' });
}

type Server = { readonly url: string; readonly process: Subprocess<'ignore', 'pipe', number> };

async function launch(dataDir: string, log: number, more: Readonly<Record<string, string>>): Promise<Server> {
  const child = Bun.spawn([process.execPath, MAIN], {
    env: { ...ownEnvironment(dataDir), ...more },
    stdio: ['ignore', 'pipe', log],
  });
  let printed = '';
  const reader = child.stdout.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      throw new Error(`the server did not start; ${join(dataDir, 'server.log')} says why`);
    }
    printed += new TextDecoder().decode(value);
    const url = /(http:\/\/127\.0\.0\.1:\d+)\/v1/.exec(printed)?.[1];
    if (url !== undefined) {
      reader.releaseLock();
      return { url, process: child };
    }
  }
}

/** A server as `bun start` runs it, with nothing of this shell's and limits no load meets. */
function ownEnvironment(dataDir: string): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(PLIMSOLL_|DATABASE_|SMTP_|MAIL_)/.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    PORT: '0',
    HOST: '127.0.0.1',
    PLIMSOLL_DATA_DIR: dataDir,
    LOG_LEVEL: 'error',
  };
}

async function ready(server: Server): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  let last = 'no answer';
  while (performance.now() < deadline) {
    const answer = await fetch(`${server.url}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(
      (error: unknown) => String(error),
    );
    if (typeof answer !== 'string' && answer.ok) {
      return;
    }
    last = typeof answer === 'string' ? answer : `${answer.status} ${await answer.text()}`;
    await Bun.sleep(50);
  }
  throw new Error(`the server is not ready after ${READY_WITHIN_MS / 1_000} s: ${last}`);
}

async function killBackend(owner: Connection): Promise<void> {
  const sql = openClient(owner, 1);
  try {
    const [session] = await sql<{ pid: number }[]>`
      SELECT pid FROM pg_stat_activity
      WHERE usename LIKE 'plimsoll%' AND usename <> current_user AND pid <> pg_backend_pid()
      ORDER BY (state = 'idle') NULLS LAST, random() LIMIT 1`;
    if (session === undefined) {
      throw new Error('the server has no session to kill');
    }
    process.kill(session.pid, 'SIGKILL');
  } finally {
    await sql.end({ timeout: 1 }).catch(() => undefined);
  }
}
