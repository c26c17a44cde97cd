import { Column, Name, Param, Placeholder, SQL, StringChunk, sql, Table } from 'drizzle-orm';
import type { PgDialect } from 'drizzle-orm/pg-core';

type Dialect = Pick<PgDialect, 'sqlToQuery' | 'escapeName'>;
type Rendered = { text: string; readonly params: unknown[] };

/**
 * The text of a query and its values, as drizzle renders them. That takes as long as a small statement, since each
 * piece is asked for every kind it could be; of a query with a piece that is not known here drizzle is asked.
 */
export function rendered(dialect: Dialect, query: SQL): Readonly<Rendered> {
  const known: Rendered = { text: '', params: [] };
  if (render(dialect, query, known)) {
    return known;
  }
  const { sql: text, params } = dialect.sqlToQuery(query);
  return { text, params };
}

/** @shape whether every piece is known */
function render(dialect: Dialect, query: SQL, to: Rendered): boolean {
  // What is written into the text instead of beside it is none of our statements'.
  if ((query as unknown as { readonly shouldInlineParams: boolean }).shouldInlineParams) {
    return false;
  }
  return query.queryChunks.every((chunk: unknown) => {
    if (chunk instanceof StringChunk) {
      to.text += chunk.value.join('');
      return true;
    }
    if (chunk instanceof Param) {
      return put(to, chunk.value === null ? null : chunk.encoder.mapToDriverValue(chunk.value));
    }
    if (chunk instanceof SQL) {
      return render(dialect, chunk, to);
    }
    if (chunk instanceof Table || chunk instanceof Column) {
      to.text += nameOf(dialect, chunk);
      return true;
    }
    if (chunk instanceof Name) {
      to.text += dialect.escapeName(chunk.value);
      return true;
    }
    return chunk === undefined || ((chunk === null || PLAIN.has(typeof chunk)) && put(to, chunk));
  });
}

const PLAIN: ReadonlySet<string> = new Set(['string', 'number', 'bigint', 'boolean']);

/** @shape whether the value is one: a query or a placeholder stands for another */
function put(to: Rendered, value: unknown): boolean {
  to.params.push(value);
  to.text += `$${to.params.length}`;
  return !(value instanceof SQL || value instanceof Placeholder);
}

const names = new WeakMap<object, string>();

function nameOf(dialect: Dialect, named: Table | Column): string {
  const known = names.get(named) ?? dialect.sqlToQuery(sql`${named}`).sql;
  names.set(named, known);
  return known;
}
