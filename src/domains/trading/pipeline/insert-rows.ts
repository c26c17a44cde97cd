import { getTableColumns, type InferInsertModel, type SQL, sql } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import { AssertionError, present } from '../../../kernel/assert.ts';
import type { Tx } from '../../../platform/db/client.ts';

/**
 * Inserts many rows with one array per column: cheaper than a parameter per value, and without a
 * limit on parameters. All rows set the columns of the first; the others take their defaults.
 * @effects rows of the table
 */
export async function insertRows<Table extends PgTable>(
  tx: Tx,
  table: Table,
  rows: readonly InferInsertModel<Table>[],
): Promise<void> {
  const [first] = rows;
  if (first === undefined) {
    return;
  }
  const columns = getTableColumns(table) as Record<string, PgColumn>;
  const names = Object.keys(first);
  const used = names.map((name) => present(columns[name], 'a row has the columns of its table'));
  const identifiers = sql.join(
    used.map((column) => sql.identifier(column.name)),
    sql`, `,
  );
  const casts = sql.join(
    used.map((column) => sql`${sql.identifier(column.name)}::${sql.raw(column.getSQLType())}`),
    sql`, `,
  );
  const arrays = names.map((name, index): SQL => {
    const column = present(used[index], 'a column per name');
    const values = rows.map((row) => textOf(column, (row as Record<string, unknown>)[name]));
    return sql`${sql.param(values)}::text[]`;
  });
  await tx.execute(sql`insert into ${table} (${identifiers}) select ${casts}
    from unnest(${sql.join(arrays, sql`, `)}) as batch (${identifiers})`);
}

/** The text PostgreSQL reads a value from. */
function textOf(column: PgColumn, value: unknown): string | null {
  if (value === null || value === undefined) {
    return null;
  }
  const driverValue = column.mapToDriverValue(value);
  if (driverValue instanceof Uint8Array) {
    return `\\x${Buffer.from(driverValue).toString('hex')}`;
  }
  switch (typeof driverValue) {
    case 'string':
      return driverValue;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(driverValue);
    default:
      throw new AssertionError('a value has a text form');
  }
}
