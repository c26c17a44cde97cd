/**
 * The only place that locks. Everyone takes locks in one order (docs/architecture.md: books, approvals,
 * gates, accounts, then rows sorted by id, wallets last), so two transactions cannot wait for each other.
 */
import { type InferSelectModel, type SQL, sql } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from './client.ts';
import { arrayParameter } from './insert-rows.ts';
import { executePrepared } from './prepared.ts';
import { namesOf, readColumns } from './read-columns.ts';

type TableWithId = PgTable & { readonly id: PgColumn };

/** Locks rows by id in id order and returns them; a row that is not there, or not visible, is missing. */
export async function lockRows<Table extends TableWithId>(
  tx: Tx,
  table: Table,
  ids: readonly Id[],
): Promise<InferSelectModel<Table>[]> {
  return (await lockColumns(tx, table, namesOf(table), ids)) as InferSelectModel<Table>[];
}

/** Locks as `lockRows` does and reads only what is asked for, by a prepared statement: for hot paths. */
export async function lockColumns<
  Table extends TableWithId,
  Name extends keyof InferSelectModel<Table> & string,
>(
  tx: Tx,
  table: Table,
  names: readonly Name[],
  ids: readonly Id[],
): Promise<Pick<InferSelectModel<Table>, Name>[]> {
  if (ids.length === 0) {
    return [];
  }
  const sorted = arrayParameter('uuid', [...new Set(ids)].sort());
  return readColumns(
    tx,
    table,
    names,
    sql`${table} where id = any (${sql.param(sorted)}::uuid[]) order by id for update`,
  );
}

/** Locks those of the rows that nobody holds just now, in id order: for work that comes again. @shape their ids */
export async function lockFreeRows(tx: Tx, table: TableWithId, ids: readonly Id[]): Promise<readonly Id[]> {
  if (ids.length === 0) {
    return [];
  }
  const sorted = arrayParameter('uuid', [...new Set(ids)].sort());
  const rows = await executePrepared<{ id: Id }>(
    tx,
    sql`select id from ${table as PgTable} where id = any (${sql.param(sorted)}::uuid[]) order by id
      for update skip locked`,
  );
  return rows.map(({ id }) => id);
}

/** Locks the rows that a condition finds, in id order, and returns them: where their ids are not known yet. */
export async function lockRowsWhere<Table extends TableWithId>(
  tx: Tx,
  table: Table,
  condition: SQL,
): Promise<InferSelectModel<Table>[]> {
  const rows = sql`${table} where ${condition} order by id for update`;
  return (await readColumns(tx, table, namesOf(table), rows)) as InferSelectModel<Table>[];
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
 * Locks one row against whoever changes it, and not against rows that come to refer to it: for whoever writes such rows
 * under another lock, and would wait in a circle with others that do.
 */
export async function lockRowAlone<Table extends TableWithId>(
  tx: Tx,
  table: Table,
  id: Id,
): Promise<InferSelectModel<Table> | undefined> {
  const condition = sql`${table} where id = ${id}::uuid for no key update`;
  const [row] = await readColumns(tx, table, namesOf(table), condition);
  return row as InferSelectModel<Table> | undefined;
}

/**
 * Keeps writers of the named things out until the transaction ends, without writing anything
 * (FOR SHARE would write the row).
 */
export async function lockShared(tx: Tx, names: readonly string[]): Promise<void> {
  await executePrepared(tx, sharedLocks(names));
}

/**
 * The query that does so, to be part of a statement on a hot path: as a materialized CTE that whatever is to wait for it
 * reads. What that statement reads is as of before it waited; rows that it locks or merges into are as they are then.
 * @shape one row, `held`: how many
 */
export function sharedLocks(names: readonly string[]): SQL {
  const wanted = arrayParameter('text', [...new Set(names)].sort());
  return sql`select count(pg_advisory_xact_lock_shared(hashtextextended(name, 0))) as held
    from (select name from unnest(${sql.param(wanted)}::text[]) with ordinality as wanted (name, place)
      order by place) sorted`;
}

/** Names of one kind, held against their writers only, or against everybody. */
export type LockWish = { readonly names: readonly string[]; readonly hold: 'shared' | 'exclusive' };

/** Locks things of several kinds in one statement: kind by kind in the order given, each in the order of its names. */
export async function lockKinds(tx: Tx, wishes: readonly LockWish[]): Promise<void> {
  const sorted = wishes.flatMap(({ names, hold }) =>
    [...new Set(names)].sort().map((name) => ({ name, hold })),
  );
  const column = (pick: (wish: (typeof sorted)[number]) => string) =>
    sql`${sql.param(arrayParameter('text', sorted.map(pick)))}::text[]`;
  await executePrepared(
    tx,
    sql`select count(case hold when 'shared' then pg_advisory_xact_lock_shared(hashtextextended(name, 0))::text
        else pg_advisory_xact_lock(hashtextextended(name, 0))::text end)
      from (select name, hold from unnest(${column(({ name }) => name)}, ${column(({ hold }) => hold)})
        with ordinality as wanted (name, hold, place) order by place) sorted`,
  );
}

/** Excludes both readers and writers of the named things until the transaction ends. */
export async function lockExclusive(tx: Tx, names: readonly string[]): Promise<void> {
  for (const name of [...new Set(names)].sort()) {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`);
  }
}
