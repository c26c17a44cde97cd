/**
 * The only place that locks. Everyone takes locks in one order (docs/architecture.md: books, approvals,
 * gates, accounts, then rows sorted by id, wallets last), so two transactions cannot wait for each other.
 */
import { type InferSelectModel, inArray, sql } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from './client.ts';

type TableWithId = PgTable & { readonly id: PgColumn };

/** Locks rows by id in id order and returns them; a row that is not there, or not visible, is missing. */
export async function lockRows<Table extends TableWithId>(
  tx: Tx,
  table: Table,
  ids: readonly Id[],
): Promise<InferSelectModel<Table>[]> {
  if (ids.length === 0) {
    return [];
  }
  const sorted = [...new Set(ids)].sort();
  const rows = await tx
    .select()
    .from(table as PgTable)
    .where(inArray(table.id, sorted))
    .orderBy(table.id)
    .for('update');
  return rows as InferSelectModel<Table>[];
}

/** Locks one row by id. */
export async function lockRow<Table extends TableWithId>(
  tx: Tx,
  table: Table,
  id: Id,
): Promise<InferSelectModel<Table> | undefined> {
  const [row] = await lockRows(tx, table, [id]);
  return row;
}

/**
 * Keeps writers of the named things out until the transaction ends, without writing anything
 * (FOR SHARE would write the row).
 */
export async function lockShared(tx: Tx, names: readonly string[]): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock_shared(hashtextextended(name, 0))
    from unnest(${sql.param([...new Set(names)].sort())}::text[]) with ordinality as wanted (name, place)
    order by place`);
}

/** Excludes both readers and writers of the named things until the transaction ends. */
export async function lockExclusive(tx: Tx, names: readonly string[]): Promise<void> {
  for (const name of [...new Set(names)].sort()) {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`);
  }
}
