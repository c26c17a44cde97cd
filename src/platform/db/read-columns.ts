import { getTableColumns, type InferSelectModel, type SQL, sql } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import { present } from '../../kernel/assert.ts';
import type { Tx } from './client.ts';
import { executePrepared } from './prepared.ts';

/**
 * Reads columns of a table by a prepared statement, for hot paths: drizzle describes and plans each select anew. `from`
 * is what follows FROM, with the table in it under its own name.
 */
export async function readColumns<Table extends PgTable, Name extends keyof InferSelectModel<Table> & string>(
  tx: Tx,
  table: Table,
  names: readonly Name[],
  from: SQL,
): Promise<Pick<InferSelectModel<Table>, Name>[]> {
  const all = getTableColumns(table as PgTable);
  const columns = names.map((name) => ({ name, column: present(all[name], 'a table has its columns') }));
  const selected = sql.join(
    columns.map(({ column }) => sql`${table}.${sql.identifier(column.name)}`),
    sql`, `,
  );
  const rows = await executePrepared<Record<string, unknown>>(tx, sql`select ${selected} from ${from}`);
  return rows.map((row) => readRow(columns, row)) as Pick<InferSelectModel<Table>, Name>[];
}

/** The names of all columns of a table. */
export function namesOf<Table extends PgTable>(
  table: Table,
): readonly (keyof InferSelectModel<Table> & string)[] {
  return Object.keys(getTableColumns(table)) as (keyof InferSelectModel<Table> & string)[];
}

function readRow(
  columns: readonly { readonly name: string; readonly column: PgColumn }[],
  row: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const read: Record<string, unknown> = {};
  for (const { name, column } of columns) {
    const value = row[column.name];
    read[name] = value === null ? null : column.mapFromDriverValue(value);
  }
  return read;
}
