import { getTableColumns, type InferInsertModel, type SQL, sql } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import { AssertionError, present } from '../../kernel/assert.ts';
import { type BinaryArray, byteaArray, textArray, uuidArray } from './binary-array.ts';
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

/** The statement of `insertRows`, for one row at least; what is shared is not looked for in the rows. */
export function insertionOf<Table extends PgTable, Shared extends keyof Row<Table> = never>(
  table: Table,
  rows: readonly Omit<Row<Table>, Shared>[],
  shared: Pick<Row<Table>, Shared> = {} as Pick<Row<Table>, Shared>,
): SQL {
  const first = present(rows[0], 'an insertion has a row');
  const columns = getTableColumns(table) as Record<string, PgColumn>;
  const columnOf = (name: string) => present(columns[name], 'a row has the columns of its table');
  const varying = Object.keys(first)
    .filter((name) => !Object.hasOwn(shared, name))
    .map((name) => ({ name, column: columnOf(name) }));
  const constant = Object.entries(shared).map(([name, value]) => ({ column: columnOf(name), value }));
  const names = [...varying, ...constant].map(({ column }) => sql.identifier(column.name));
  const arrays = varying.map(
    ({ name, column }) =>
      sql`${sql.param(columnArray(column, rows as readonly RowValues[], name))}::${arrayTypeOf(column)}`,
  );
  const constants = constant.map(({ column, value }) => {
    // As text first: the driver would write some types, such as booleans, in a way of its own.
    const read = sql`${sql.param(textOf(column, value))}::text::${sql.raw(column.getSQLType())}`;
    // A value by itself is read from its text for every row; a query in its place is run once.
    return rows.length === 1 ? read : sql`(select ${read})`;
  });
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

/** Texts as an array parameter of a type, in the form that costs the server least. */
export function arrayParameter(type: string, texts: readonly (string | null)[]): string | BinaryArray {
  const binary = type === 'uuid' ? uuidArray(texts) : type === 'text' ? textArray(type, texts) : undefined;
  return binary ?? arrayLiteral(texts);
}

function columnArray(column: PgColumn, rows: readonly RowValues[], name: string): string | BinaryArray {
  const type = column.getSQLType();
  const stored = rows.map((row) => {
    const value = row[name];
    return value === null || value === undefined ? null : column.mapToDriverValue(value);
  });
  if (type === 'bytea') {
    return byteaArray(stored as readonly (Uint8Array | null)[]);
  }
  const texts = stored.map((value) => (value === null ? null : scalarText(value)));
  return type === 'jsonb' ? textArray(type, texts) : arrayParameter(type, texts);
}

/** Identifiers, numbers and instants: no quote, comma, brace or backslash, and never the word null. */
const PLAIN = /^[0-9-][0-9A-Za-z:.+-]*$/;
const NEEDS_ESCAPE = /["\\]/g;

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
