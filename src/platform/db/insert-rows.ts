import { getTableColumns, type InferInsertModel, type SQL, sql } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import { AssertionError, present } from '../../kernel/assert.ts';
import type { Tx } from './client.ts';
import { executePrepared } from './prepared.ts';

type Row<Table extends PgTable> = InferInsertModel<Table>;
type RowValues = Readonly<Record<string, unknown>>;

/**
 * Inserts many rows with one array per column: cheaper than a parameter per value, and without a
 * limit on parameters. What all rows have in common goes into `shared` and is sent once. All rows set
 * the columns of the first; the others take their defaults.
 * @effects rows of the table
 */
export async function insertRows<Table extends PgTable, Shared extends keyof Row<Table> = never>(
  tx: Tx,
  table: Table,
  rows: readonly Omit<Row<Table>, Shared>[],
  shared: Pick<Row<Table>, Shared> = {} as Pick<Row<Table>, Shared>,
): Promise<void> {
  if (rows.length > 0) {
    await executePrepared(tx, insertionOf(table, rows, shared));
  }
}

/** The statement of `insertRows`, for one row at least. */
export function insertionOf<Table extends PgTable, Shared extends keyof Row<Table> = never>(
  table: Table,
  rows: readonly Omit<Row<Table>, Shared>[],
  shared: Pick<Row<Table>, Shared> = {} as Pick<Row<Table>, Shared>,
): SQL {
  const first = present(rows[0], 'an insertion has a row');
  const columns = getTableColumns(table) as Record<string, PgColumn>;
  const columnOf = (name: string) => present(columns[name], 'a row has the columns of its table');
  const varying = Object.keys(first).map((name) => ({ name, column: columnOf(name) }));
  const constant = Object.entries(shared).map(([name, value]) => ({ column: columnOf(name), value }));
  const names = [...varying, ...constant].map(({ column }) => sql.identifier(column.name));
  const arrays = varying.map(
    ({ name, column }) =>
      sql`${sql.param(columnLiteral(column, rows as readonly RowValues[], name))}::${arrayTypeOf(column)}`,
  );
  const constants = constant.map(
    // As text first: the driver would write some types, such as booleans, in a way of its own.
    ({ column, value }) => sql`${sql.param(textOf(column, value))}::text::${sql.raw(column.getSQLType())}`,
  );
  return sql`insert into ${table} (${list(names)})
    select ${list([...names.slice(0, varying.length), ...constants])}
    from unnest(${list(arrays)}) as batch (${list(names.slice(0, varying.length))})`;
}

/**
 * Texts in the form PostgreSQL reads an array from, of any element type; the driver would escape value
 * by value.
 */
export function arrayLiteral(texts: readonly (string | null)[]): string {
  let items = '';
  for (const text of texts) {
    const item = text === null ? 'null' : itemOf(text);
    items += items === '' ? item : `,${item}`;
  }
  return `{${items}}`;
}

function columnLiteral(column: PgColumn, rows: readonly RowValues[], name: string): string {
  let items = '';
  for (const row of rows) {
    const value = row[name];
    const item = value === null || value === undefined ? 'null' : literalOf(column.mapToDriverValue(value));
    items += items === '' ? item : `,${item}`;
  }
  return `{${items}}`;
}

/** Identifiers, numbers and instants: no quote, comma, brace or backslash, and never the word null. */
const PLAIN = /^[0-9-][0-9A-Za-z:.+-]*$/;
const NEEDS_ESCAPE = /["\\]/g;

function literalOf(stored: unknown): string {
  return stored instanceof Uint8Array ? `"\\\\x${stored.toHex()}"` : itemOf(scalarText(stored));
}

function itemOf(text: string): string {
  return PLAIN.test(text) ? text : `"${text.replace(NEEDS_ESCAPE, '\\$&')}"`;
}

/** The element is converted once, as it is read; a length is applied on insertion. */
function arrayTypeOf(column: PgColumn): SQL {
  const type = column.getSQLType();
  const bare = type.startsWith('timestamp') ? 'timestamptz' : type.replace(/\s*\(.*\)/, '');
  return sql.raw(`${bare}[]`);
}

function list(items: readonly (SQL | ReturnType<typeof sql.identifier>)[]): SQL {
  return sql.join([...items], sql`, `);
}

/** The text PostgreSQL reads a value from. */
function textOf(column: PgColumn, value: unknown): string | null {
  if (value === null || value === undefined) {
    return null;
  }
  const stored = column.mapToDriverValue(value);
  return stored instanceof Uint8Array ? `\\x${stored.toHex()}` : scalarText(stored);
}

function scalarText(stored: unknown): string {
  switch (typeof stored) {
    case 'string':
      return stored;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(stored);
    default:
      throw new AssertionError('a value has a text form');
  }
}
