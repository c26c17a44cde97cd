/**
 * Statements that a connection keeps planned. Drizzle describes and plans each statement anew, which
 * costs a second round trip; on a hot path that is most of the price of a small statement. Use it for
 * texts that are few: every text stays with its connection.
 */
import { DrizzleQueryError, type SQL, sql } from 'drizzle-orm';
import type { PgDialect } from 'drizzle-orm/pg-core';
import type postgres from 'postgres';
import type { Database, Tx } from './client.ts';
import { rendered } from './rendered.ts';

/** Runs one statement as a named prepared statement. @shape rows as PostgreSQL prints their values */
export async function executePrepared<Row extends object>(
  tx: Tx | Database,
  query: SQL,
): Promise<readonly Row[]> {
  const { dialect, session } = internalsOf(tx);
  const { text, params } = rendered(dialect, query);
  try {
    // The driver itself: drizzle would do nothing more to rows that are read as they come.
    return await session.client.unsafe<Row[]>(text, params as Parameter[], PREPARED);
  } catch (error) {
    throw new DrizzleQueryError(text, params, error as Error);
  }
}

/**
 * Has what follows in this transaction look things up along indexes. A prepared statement without parameters is planned
 * once, perhaps while there was next to nothing in its tables, and would read all of them from then on.
 */
export async function alongIndexes(tx: Tx): Promise<void> {
  await executePrepared(tx, sql`select set_config('enable_seqscan', 'off', true)`);
}

type Parameter = postgres.ParameterOrJSON<never>;

/** Else the driver would send a statement without parameters as text, to be planned each time. */
const PREPARED = { prepare: true, simple: false };

/** Drizzle's transaction carries both; its types hide them. */
function internalsOf(tx: Tx | Database): {
  readonly dialect: PgDialect;
  readonly session: { readonly client: postgres.Sql };
} {
  return tx as unknown as {
    readonly dialect: PgDialect;
    readonly session: { readonly client: postgres.Sql };
  };
}
