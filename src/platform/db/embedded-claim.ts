/**
 * Advisory locks that live as long as a process: PostgreSQL frees them when the connection goes, however
 * the process ends. A claim is exclusive and says who serves from a data folder; a presence is shared and
 * says who still needs the server to run.
 */
import postgres from 'postgres';
import type { Connection } from './client.ts';

export type Claim = {
  /** Shows other processes where this one serves, once that is known. */
  announce(url: string): Promise<void>;
  release(): Promise<void>;
};

export type Presence = {
  /** How many other processes need the server. */
  others(): Promise<number>;
  release(): Promise<void>;
};

/** The words under which a holder shows itself, such as `plimsoll pid=42 http://127.0.0.1:8080`. */
export type HeldBy = {
  readonly heldBy: string;
  readonly pid: number | undefined;
  readonly url: string | undefined;
};

type Lock = 'claim' | 'presence';

// 'PLIM' in ASCII: a pair of numbers nobody else in these databases locks.
const LOCK_SPACE = 0x50_4c_49_4d;
const LOCK_KEYS: Readonly<Record<Lock, number>> = { claim: 1, presence: 2 };
const RETRY_MS = 250;

/**
 * Takes the data folder for this process, or says who has it.
 *
 * When the server restarts under the claim it is taken again; `onLost` is called once if somebody else was
 * faster, and this process must then stop serving.
 */
export async function claimDataFolder(
  connection: Connection,
  onLost: (holder: HeldBy) => void,
): Promise<Claim | HeldBy> {
  const session = openSession(connection, 'claim', onLost);
  try {
    const holder = await session.acquire();
    if (holder !== undefined) {
      await session.release();
      return holder;
    }
  } catch (error) {
    await session.release();
    throw error;
  }
  return { announce: session.announce, release: session.release };
}

/** The sentence for a person who started a second server on one data folder. */
export function alreadyRunning(holder: HeldBy): string {
  const at = holder.url === undefined ? '' : ` at ${holder.url}`;
  return `another Plimsoll server (pid ${holder.pid ?? 'unknown'}) is already running on this data folder${at}`;
}

/** Tells every process that stops the server that this one still needs it. */
export async function holdPresence(connection: Connection): Promise<Presence> {
  const session = openSession(connection, 'presence', () => undefined);
  try {
    await session.acquire();
  } catch (error) {
    await session.release();
    throw error;
  }
  return { others: session.others, release: session.release };
}

type Session = {
  acquire(): Promise<HeldBy | undefined>;
  announce(url: string): Promise<void>;
  others(): Promise<number>;
  release(): Promise<void>;
};

function openSession(connection: Connection, lock: Lock, onLost: (holder: HeldBy) => void): Session {
  const state = { released: false, held: false, name: `plimsoll pid=${process.pid}` };
  const sql = postgres({
    ...connection,
    max: 1,
    // The lock dies with the connection, so postgres.js must never renew it of its own accord.
    max_lifetime: null,
    fetch_types: false,
    connect_timeout: 10,
    onnotice: () => undefined,
    connection: { application_name: state.name },
    onclose: () => {
      if (state.held && !state.released) {
        state.held = false;
        void reacquire();
      }
    },
  });

  async function acquire(): Promise<HeldBy | undefined> {
    const attempt = lock === 'claim' ? sql`pg_try_advisory_lock` : sql`pg_try_advisory_lock_shared`;
    const [row] = await sql<{ locked: boolean }[]>`
      SELECT ${attempt}(${LOCK_SPACE}::int, ${LOCK_KEYS[lock]}::int) AS locked,
        set_config('application_name', ${state.name}, false)`;
    state.held = row?.locked === true;
    return state.held ? undefined : await holder();
  }

  async function reacquire(): Promise<void> {
    while (!state.released && !state.held) {
      await Bun.sleep(RETRY_MS);
      const lost = await acquire().catch(() => undefined);
      if (lost !== undefined && !state.released) {
        await release();
        onLost(lost);
      }
    }
  }

  async function holder(): Promise<HeldBy> {
    const [row] = await locks();
    const heldBy = row?.application_name ?? 'unknown';
    const [, pid, url] = /pid=(\d+)(?: (\S+))?/.exec(heldBy) ?? [];
    return { heldBy, pid: pid === undefined ? undefined : Number.parseInt(pid, 10), url };
  }

  function locks(): Promise<{ application_name: string }[]> {
    return sql`
      SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
        AND l.classid = ${LOCK_SPACE}::int::oid AND l.objid = ${LOCK_KEYS[lock]}::int::oid
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.pid <> pg_backend_pid()`;
  }

  async function announce(url: string): Promise<void> {
    state.name = `plimsoll pid=${process.pid} ${url}`;
    await sql`SELECT set_config('application_name', ${state.name}, false)`;
  }

  async function release(): Promise<void> {
    state.released = true;
    await sql.end({ timeout: 1 });
  }

  return { acquire, announce, others: async () => (await locks()).length, release };
}
