import {
  getTableColumns,
  getTableName,
  type InferInsertModel,
  type Param,
  SQL,
  StringChunk,
  sql,
} from 'drizzle-orm';
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
 * the columns of the first, or those that are named; the others take their defaults.
 * @effects rows of the table
 */
export async function insertRows<Table extends PgTable, Shared extends keyof Row<Table> = never>(
  tx: Tx,
  table: Table,
  rows: readonly Omit<Row<Table>, Shared>[],
  shared: Pick<Row<Table>, Shared> = {} as Pick<Row<Table>, Shared>,
  named?: readonly (keyof Row<Table> & string)[],
): Promise<void> {
  if (rows.length > 0) {
    await executePrepared(tx, insertionOf(table, rows, shared, named));
  }
}

/** The statement of `insertRows`, for one row at least; what is shared is not looked for in the rows. */
export function insertionOf<Table extends PgTable, Shared extends keyof Row<Table> = never>(
  table: Table,
  rows: readonly Omit<Row<Table>, Shared>[],
  shared: Pick<Row<Table>, Shared> = {} as Pick<Row<Table>, Shared>,
  named?: readonly (keyof Row<Table> & string)[],
): SQL {
  const first = present(rows[0], 'an insertion has a row');
  const columns = getTableColumns(table) as Record<string, PgColumn>;
  const columnOf = (name: string) => present(columns[name], 'a row has the columns of its table');
  const varying = (named ?? Object.keys(first))
    .filter((name) => !Object.hasOwn(shared, name))
    .map((name) => ({ name, column: columnOf(name) }));
  const constant = Object.entries(shared).map(([name, value]) => ({ column: columnOf(name), value }));
  // Few pieces of text: most of what a small statement costs here would be putting its names together.
  const names = varying.map(({ column }) => quoted(column.name)).join(', ');
  const constants = constant.map(({ column }) => `, ${quoted(column.name)}`).join('');
  const chunks: (StringChunk | Param)[] = [];
  let text = `insert into ${quoted(getTableName(table))} (${names}${constants}) select ${names}`;
  const put = (before: string, value: unknown, after: string): void => {
    chunks.push(new StringChunk(text + before), sql.param(value));
    text = after;
  };
  for (const { column, value } of constant) {
    // As text first: the driver would write some types, such as booleans, in a way of its own. A value by itself is
    // read from its text for every row; a query in its place is run once.
    const [before, after] = rows.length === 1 ? [', ', ''] : [', (select ', ')'];
    put(before, textOf(column, value), `::text::${column.getSQLType()}${after}`);
  }
  text += ' from unnest(';
  varying.forEach(({ name, column }, place) => {
    const array = columnArray(column, rows as readonly RowValues[], name);
    put(place === 0 ? '' : ', ', array, `::${arrayTypeOf(column)}`);
  });
  return new SQL([...chunks, new StringChunk(`${text}) as batch (${names})`)]);
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
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
  if (type === 'bytea') {
    return byteaArray(rows.map((row) => (row[name] ?? null) as Uint8Array | null));
  }
  const texts = rows.map((row) => {
    const value = row[name];
    return value === null || value === undefined ? null : scalarText(column.mapToDriverValue(value));
  });
  return type === 'jsonb' ? textArray(type, texts) : arrayParameter(type, texts);
}

/** Identifiers, numbers and instants: no quote, comma, brace or backslash, and never the word null. */
const PLAIN = /^[0-9-][0-9A-Za-z:.+-]*$/;
const NEEDS_ESCAPE = /["\\]/g;

function itemOf(text: string): string {
  return PLAIN.test(text) ? text : `"${text.replace(NEEDS_ESCAPE, '\\$&')}"`;
}

/** The element is converted once, as it is read; a length is applied on insertion. */
function arrayTypeOf(column: PgColumn): string {
  const type = column.getSQLType();
  const bare = type.startsWith('timestamp') ? 'timestamptz' : type.replace(/\s*\(.*\)/, '');
  return `${bare}[]`;
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
