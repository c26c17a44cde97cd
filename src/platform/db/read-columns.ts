import { getTableColumns, getTableName, type InferSelectModel, type SQL, sql } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import { present } from '../../kernel/assert.ts';
import type { Database, Tx } from './client.ts';
import { executePrepared } from './prepared.ts';

/**
 * Reads columns of a table by a prepared statement, for hot paths: drizzle describes and plans each select anew. `from`
 * is what follows FROM, with the table in it under its own name; `more` names what is
 * selected besides, each under a name of its own, and comes as PostgreSQL prints it.
 */
export async function readColumns<
  Table extends PgTable,
  Name extends keyof InferSelectModel<Table> & string,
  More extends object = object,
>(
  tx: Tx | Database,
  table: Table,
  names: readonly Name[],
  from: SQL,
  more?: SQL,
): Promise<(Pick<InferSelectModel<Table>, Name> & More)[]> {
  const selection = selectionOf(table, names);
  const { text } = selection;
  const selected = more === undefined ? sql.raw(text) : sql`${sql.raw(text)}, ${more}`;
  const rows = await executePrepared<Record<string, unknown>>(tx, sql`select ${selected} from ${from}`);
  return rows.map((row) => readRow(selection, row, more !== undefined)) as (Pick<
    InferSelectModel<Table>,
    Name
  > &
    More)[];
}

/**
 * Reads columns of a table from several places in one statement, which is planned for the very values it asks for:
 * for places that hold very different numbers of rows.
 * @shape the rows of each place, in its order
 */
export async function readTogether<
  Table extends PgTable,
  Name extends keyof InferSelectModel<Table> & string,
>(
  tx: Tx,
  table: Table,
  names: readonly Name[],
  froms: readonly SQL[],
): Promise<readonly (readonly Pick<InferSelectModel<Table>, Name>[])[]> {
  const places: Pick<InferSelectModel<Table>, Name>[][] = froms.map(() => []);
  if (froms.length > 0) {
    const selection = selectionOf(table, names);
    const { text } = selection;
    const parts = froms.map(
      (from, place) => sql`(select ${sql.raw(`${place} as place, ${text}`)} from ${from})`,
    );
    const rows = await tx.execute<{ place: number }>(sql.join(parts, sql` union all `));
    for (const row of rows) {
      const read = readRow(selection, row, false) as Pick<InferSelectModel<Table>, Name>;
      present(places[row.place], 'a row has its place').push(read);
    }
  }
  return places;
}

type Selected = { readonly name: string; readonly column: PgColumn };
type Selection = {
  readonly columns: readonly Selected[];
  /** What PostgreSQL calls them. */
  readonly stored: ReadonlySet<string>;
  readonly text: string;
};

const selections = new WeakMap<PgTable, Map<string, Selection>>();

/** What is selected by these names, put together once. */
function selectionOf(table: PgTable, names: readonly string[]): Selection {
  const known = selections.get(table) ?? new Map<string, Selection>();
  selections.set(table, known);
  const key = names.join(' ');
  const selection = known.get(key) ?? makeSelection(table, names);
  known.set(key, selection);
  return selection;
}

function makeSelection(table: PgTable, names: readonly string[]): Selection {
  const all = getTableColumns(table);
  const columns = names.map((name) => ({ name, column: present(all[name], 'a table has its columns') }));
  const text = columns.map(({ column }) => `"${getTableName(table)}"."${column.name}"`).join(', ');
  return { columns, stored: new Set(columns.map(({ column }) => column.name)), text };
}

/** The names of all columns of a table. */
export function namesOf<Table extends PgTable>(
  table: Table,
): readonly (keyof InferSelectModel<Table> & string)[] {
  return Object.keys(getTableColumns(table)) as (keyof InferSelectModel<Table> & string)[];
}

/** What is selected besides keeps the name it was given. */
function readRow(
  { columns, stored }: Selection,
  row: Readonly<Record<string, unknown>>,
  more: boolean,
): Record<string, unknown> {
  const read: Record<string, unknown> = {};
  if (more) {
    for (const name in row) {
      if (!stored.has(name)) {
        read[name] = row[name];
      }
    }
  }
  for (const { name, column } of columns) {
    const value = row[column.name];
    read[name] = value === null ? null : column.mapFromDriverValue(value);
  }
  return read;
}
