/**
 * Statements that a connection keeps planned. Drizzle describes and plans each statement anew, which
 * costs a second round trip; on a hot path that is most of the price of a small statement. Use it for
 * texts that are few: every text stays with its connection.
 */
import type { SQL } from 'drizzle-orm';
import type { PgDialect, PgSession } from 'drizzle-orm/pg-core';
import type { Tx } from './client.ts';

/** Runs one statement as a named prepared statement. @shape rows as PostgreSQL prints their values */
export async function executePrepared<Row extends object>(tx: Tx, query: SQL): Promise<readonly Row[]> {
  const { dialect, session } = internalsOf(tx);
  const statement = session.prepareQuery(dialect.sqlToQuery(query), undefined, 'kept', false);
  return (await statement.execute()) as readonly Row[];
}

/** Drizzle's transaction carries both; its types hide them. */
function internalsOf(tx: Tx): { readonly dialect: PgDialect; readonly session: PgSession } {
  return tx as unknown as { readonly dialect: PgDialect; readonly session: PgSession };
}
