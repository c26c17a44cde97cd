import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { type Connection, openClient, parseConnection } from './client.ts';
import { type EmbeddedServer, startEmbedded } from './embedded.ts';
import { alreadyRunning, claimDataFolder, type HeldBy } from './embedded-claim.ts';
import { EmbeddedError } from './embedded-error.ts';
import { readConnectionFile } from './embedded-folder.ts';
import { findPostmaster, stopPostmaster } from './embedded-postmaster.ts';

const TIMEOUT_MS = 30_000;
const base = mkdtempSync(join(tmpdir(), 'plimsoll-embedded-'));
const dataDir = join(base, 'shared');

beforeAll(async () => {
  await Bun.$`chmod 711 ${base}`.quiet();
  await using(dataDir, () => Promise.resolve());
}, TIMEOUT_MS);
afterAll(async () => {
  for (const name of readdirSync(base)) {
    await stopPostmaster(join(base, name, 'postgres'), () => undefined);
  }
  rmSync(base, { recursive: true, force: true });
}, TIMEOUT_MS);

describe('a started server', () => {
  test(
    'speaks UTF-8 and UTC, sorts by code point, listens on no network and its owner is no superuser',
    async () => {
      await using(dataDir, async ({ owner }) => {
        const [row] = await query(
          owner,
          `SELECT current_setting('server_encoding') AS encoding, current_setting('TimeZone') AS zone,
           current_setting('listen_addresses') AS addresses, datlocprovider, datlocale,
           current_setting('is_superuser') AS superuser
         FROM pg_database WHERE datname = current_database()`,
        );
        expect(row).toEqual({
          encoding: 'UTF8',
          zone: 'UTC',
          addresses: '',
          datlocprovider: 'b',
          datlocale: 'C.UTF-8',
          superuser: 'off',
        });
      });
    },
    TIMEOUT_MS,
  );

  test(
    'is reached through a folder and a file that others may not open, and the file leads to it',
    async () => {
      await using(dataDir, async ({ socketDir, pid }) => {
        const file = readConnectionFile(dataDir);
        expect(statSync(socketDir).mode & 0o777).toBe(0o700);
        expect(statSync(join(dataDir, 'connection.json')).mode & 0o777).toBe(0o600);
        expect(file?.pid).toBe(pid);
        const [row] = await query(parseConnection(file?.url ?? ''), 'SELECT current_user AS login');
        expect(row?.login).toBe('plimsoll_owner');
      });
      expect(readConnectionFile(dataDir)).toBeUndefined();
    },
    TIMEOUT_MS,
  );

  test(
    'is in a session of its own, out of reach of Ctrl-C',
    async () => {
      await using(dataDir, async ({ pid }) => {
        expect(await sessionOf(pid)).toBe(String(pid));
        expect(await sessionOf(process.pid)).not.toBe(String(pid));
      });
    },
    TIMEOUT_MS,
  );

  test(
    'stops only when the last of two users leaves',
    async () => {
      const first = await start(dataDir);
      const second = await start(dataDir);
      expect([first.adopted, second.adopted, second.pid]).toEqual([false, true, first.pid]);
      expect(await first.stop()).toBe('left running');
      expect(await query(second.owner, 'SELECT 1 AS one')).toHaveLength(1);
      expect(await second.stop()).toBe('stopped');
      expect(findPostmaster(join(dataDir, 'postgres'))).toBeUndefined();
    },
    TIMEOUT_MS,
  );
});

describe('after a killed process', () => {
  test(
    'the next start adopts the server that the process left running',
    async () => {
      const starter = startElsewhere(dataDir);
      const { pid } = await starter.started;
      starter.child.kill('SIGKILL');
      await starter.child.exited;
      const server = await start(dataDir);
      expect([server.adopted, server.pid]).toEqual([true, pid]);
      expect(await server.stop()).toBe('stopped');
    },
    TIMEOUT_MS,
  );

  test(
    'what was committed survives a killed server, even while a busy session outlives it',
    async () => {
      const first = await startEmbedded({ dataDir });
      const sql = openClient(first.owner, 2);
      await sql`CREATE TABLE kept (n int)`;
      await sql`INSERT INTO kept VALUES (42)`;
      // Counting never waits, so this session does not notice that its server is gone.
      const busy = sql`SELECT count(*) FROM generate_series(1, 1000000000000)`.catch(
        (error: unknown) => error,
      );
      await Bun.sleep(200);
      process.kill(first.pid, 'SIGKILL');
      const second = await startEmbedded({ dataDir });
      expect([second.adopted, second.pid === first.pid]).toEqual([false, false]);
      expect(await query(second.owner, 'SELECT n FROM kept')).toEqual([{ n: 42 }]);
      expect(await busy).toBeInstanceOf(Error);
      await sql.end({ timeout: 1 });
      await first.stop();
      await second.stop();
    },
    TIMEOUT_MS,
  );

  test(
    'a half-made cluster is thrown away',
    async () => {
      const folder = join(base, 'half');
      mkdirSync(join(folder, 'postgres.making-1', 'base'), { recursive: true });
      writeFileSync(join(folder, 'postgres.making-1', 'PG_VERSION'), '18\n');
      await using(folder, async ({ owner }) => {
        expect(await query(owner, 'SELECT 1 AS one')).toHaveLength(1);
      });
      expect(readdirSync(folder).filter((name) => name.includes('making'))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'a process id that belongs to somebody else by now does not stop the start',
    async () => {
      const cluster = join(dataDir, 'postgres');
      const { uid, gid } = statSync(cluster);
      const stranger = Bun.spawn(['sleep', '60'], userInfo().uid === 0 ? { uid, gid } : {});
      writeFileSync(
        join(cluster, 'postmaster.pid'),
        `${stranger.pid}\n${cluster}\n1\n5432\n/nowhere\n\n  1  1\nready   \n`,
      );
      await using(dataDir, async ({ adopted, pid }) => {
        expect([adopted, pid === stranger.pid]).toEqual([false, false]);
      });
      stranger.kill();
    },
    TIMEOUT_MS,
  );
});

test(
  'of processes that start at once on a new folder one makes the server and all share it',
  async () => {
    const folder = join(base, 'race');
    const starters = [startElsewhere(folder), startElsewhere(folder), startElsewhere(folder)];
    const servers = await Promise.all(starters.map((starter) => starter.started));
    expect(new Set(servers.map((server) => server.pid)).size).toBe(1);
    expect(servers.filter((server) => !server.adopted)).toHaveLength(1);
    const ends: string[] = [];
    for (const { child } of starters) {
      child.kill('SIGTERM');
      ends.push((await child.exited) === 7 ? 'stopped' : 'left running');
    }
    expect(ends).toEqual(['left running', 'left running', 'stopped']);
  },
  TIMEOUT_MS,
);

describe('a folder it cannot use', () => {
  test('of another major version is refused with both versions and left as it was', async () => {
    const folder = join(base, 'old');
    mkdirSync(join(folder, 'postgres'), { recursive: true });
    writeFileSync(join(folder, 'postgres', 'PG_VERSION'), '17\n');
    const refusal = await refusalOf(folder);
    expect(refusal).toContain('made by PostgreSQL 17, but PostgreSQL 18 is installed');
    expect(readFileSync(join(folder, 'postgres', 'PG_VERSION'), 'utf8')).toBe('17\n');
  });

  test('with files that are no cluster is refused', async () => {
    const folder = join(base, 'foreign');
    mkdirSync(join(folder, 'postgres'), { recursive: true });
    writeFileSync(join(folder, 'postgres', 'diary.txt'), 'dear diary');
    expect(await refusalOf(folder)).toContain('not a PostgreSQL cluster');
    expect(existsSync(join(folder, 'postgres', 'diary.txt'))).toBe(true);
  });

  test('below one the server may not enter is refused by the name of that one', async () => {
    const closed = join(base, 'closed');
    mkdirSync(join(closed, 'inside'), { recursive: true });
    if (userInfo().uid === 0) {
      await Bun.$`chmod 700 ${closed}`.quiet();
      expect(await refusalOf(join(closed, 'inside'))).toContain(`cannot enter ${closed} `);
    } else {
      await Bun.$`chmod 500 ${join(closed, 'inside')}`.quiet();
      expect(await refusalOf(join(closed, 'inside', 'data'))).toContain('EACCES');
    }
  });
});

test(
  'a path too long for a socket, with blanks, commas and quotes, gets a short private socket folder',
  async () => {
    const folder = join(base, `a, "b" ${'long '.repeat(30)}end`);
    let outside = '';
    await using(folder, async ({ owner, socketDir }) => {
      expect(socketDir.startsWith(folder)).toBe(false);
      expect(statSync(socketDir).mode & 0o777).toBe(0o700);
      expect(await query(owner, 'SELECT 1 AS one')).toHaveLength(1);
      outside = socketDir;
    });
    expect(existsSync(outside)).toBe(false);
    const odd = join(base, 'a, "b"');
    await using(odd, async ({ owner, socketDir }) => {
      expect(socketDir).toBe(join(odd, 'socket'));
      expect(await query(owner, 'SELECT 1 AS one')).toHaveLength(1);
    });
  },
  TIMEOUT_MS,
);

describe('a claim', () => {
  test(
    'shows a second process who holds the folder and where, and ends with its holder',
    async () => {
      const holder = startElsewhere(dataDir, 'http://127.0.0.1:4321');
      await holder.started;
      const server = await start(dataDir);
      const refused = await claimDataFolder(server.owner, () => undefined);
      expect(refused).toMatchObject({ pid: holder.child.pid, url: 'http://127.0.0.1:4321' });
      expect(alreadyRunning(refused as HeldBy)).toContain(`(pid ${holder.child.pid}) is already running`);
      holder.child.kill('SIGKILL');
      await holder.child.exited;
      const claim = await eventually(() => claimDataFolder(server.owner, () => undefined));
      await claim.release();
      await server.stop();
    },
    TIMEOUT_MS,
  );

  test(
    'is taken again after the server was killed and started anew',
    async () => {
      const first = await start(dataDir);
      const claim = await claimDataFolder(first.owner, () => undefined);
      expect('heldBy' in claim).toBe(false);
      process.kill(first.pid, 'SIGKILL');
      const second = await start(dataDir);
      await Bun.sleep(1_500);
      const refused = await claimDataFolder(second.owner, () => undefined);
      expect(refused).toMatchObject({ pid: process.pid });
      if ('release' in claim) {
        await claim.release();
      }
      await first.stop();
      await second.stop();
    },
    TIMEOUT_MS,
  );
});

type Started = { readonly adopted: boolean; readonly pid: number };

function start(folder: string): Promise<EmbeddedServer> {
  return startEmbedded({ dataDir: folder, durable: false });
}

async function using(folder: string, work: (server: EmbeddedServer) => Promise<void>): Promise<void> {
  const server = await start(folder);
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

async function refusalOf(folder: string): Promise<string> {
  const outcome = await start(folder).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(EmbeddedError);
  return String(outcome);
}

async function query(connection: Connection, text: string): Promise<Record<string, unknown>[]> {
  const sql = openClient(connection, 1);
  try {
    return [...(await sql.unsafe(text))];
  } finally {
    await sql.end();
  }
}

async function sessionOf(pid: number): Promise<string> {
  return (await Bun.$`ps -o sid= -p ${pid}`.text()).trim();
}

async function eventually<T extends object>(attempt: () => Promise<T | HeldBy>): Promise<T> {
  for (let left = 40; left > 0; left -= 1) {
    const outcome = await attempt();
    if (!('heldBy' in outcome)) {
      return outcome;
    }
    await Bun.sleep(50);
  }
  throw new Error('the claim was not freed');
}

/** Another process that starts or joins the server, says so, and leaves on SIGTERM (7: it stopped it). */
function startElsewhere(folder: string, claimUrl = '') {
  const code = `
    import { startEmbedded } from ${JSON.stringify(join(import.meta.dir, 'embedded.ts'))};
    import { claimDataFolder } from ${JSON.stringify(join(import.meta.dir, 'embedded-claim.ts'))};
    const server = await startEmbedded({ dataDir: ${JSON.stringify(folder)}, durable: false });
    process.on('SIGTERM', async () => process.exit((await server.stop()) === 'stopped' ? 7 : 8));
    const url = ${JSON.stringify(claimUrl)};
    if (url) {
      await (await claimDataFolder(server.owner, () => {})).announce(url);
    }
    console.log(JSON.stringify({ adopted: server.adopted, pid: server.pid }));
    setInterval(() => {}, 1000);`;
  const child = Bun.spawn([process.execPath, '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  return { child, started: firstLine(child.stdout) };
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<Started> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes('\n')) {
      break;
    }
  }
  return JSON.parse(text) as Started;
}
