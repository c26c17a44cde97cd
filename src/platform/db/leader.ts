/**
 * One worker of a kind at a time, however many nodes run: a session advisory lock on a connection of
 * its own. Writes go through that same connection, so a node that lost the lock with its connection
 * cannot write any more.
 */
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import { present } from '../../kernel/assert.ts';
import { type Connection, type Database, openSession, type Tx } from './client.ts';
import { sqlStateOf } from './errors.ts';
import { executePrepared } from './prepared.ts';

export type LeaderSession = {
  /**
   * Runs `work` in a transaction of the connection that holds the lock; undefined where another node
   * holds it. `term` changes with each election: what was remembered from an earlier one is stale.
   */
  readonly run: <Result>(work: (tx: Tx, term: number) => Promise<Result>) => Promise<Result | undefined>;
  /** @effects gives up the lock */
  readonly close: () => Promise<void>;
};

type Session = { readonly client: ReturnType<typeof openSession>; readonly database: Database };

/**
 * Stands for election each time `run` is called; the first to ask leads until its connection ends.
 * @units settings: of its connection, besides those all have
 */
export function standForLeader(
  connection: Connection,
  name: string,
  settings: Readonly<Record<string, string>> = {},
): LeaderSession {
  let session = connect(connection, settings);
  let leadingPid: number | null = null;
  let term = 0;

  const elect = async (tx: Tx): Promise<boolean> => {
    // Prepared, and so sent along with BEGIN.
    const [row] = await executePrepared<{ pid: number }>(tx, sql`select pg_backend_pid() as pid`);
    const { pid } = present(row, 'a session has a process');
    if (pid === leadingPid) {
      return true;
    }
    leadingPid = null;
    const [lock] = await tx.execute<{ held: boolean }>(
      sql`select pg_try_advisory_lock(hashtextextended(${`plimsoll.leader.${name}`}, 0)) as held`,
    );
    if (lock?.held !== true) {
      return false;
    }
    leadingPid = pid;
    term += 1;
    return true;
  };

  return {
    run: async (work) => {
      const used = session;
      try {
        return await used.database.transaction(async (tx) =>
          (await elect(tx)) ? work(tx, term) : undefined,
        );
      } catch (failure) {
        // The driver does not always recover a connection that broke inside a transaction.
        if (isBroken(failure) && used === session) {
          leadingPid = null;
          session = connect(connection, settings);
          used.client.end({ timeout: 0 }).catch(() => {});
        }
        throw failure;
      }
    },
    close: () => session.client.end({ timeout: 5 }),
  };
}

function connect(connection: Connection, settings: Readonly<Record<string, string>>): Session {
  const client = openSession(connection, settings);
  return { client, database: drizzle(client) };
}

/** Class 57 is the server ending the session; without any SQLSTATE the connection itself failed. */
function isBroken(failure: unknown): boolean {
  const cause = failure instanceof Error && failure.cause !== undefined ? failure.cause : failure;
  const code = (cause as { code?: unknown } | null)?.code;
  const state = sqlStateOf(failure);
  return state === undefined ? typeof code === 'string' : state.startsWith('57P') || state === '25P03';
}
