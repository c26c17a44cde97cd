/** How funding lists its rows: filtered, newest first, a page at a time. */
import { and, desc, eq, gte, lt, type SQL } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';

export type Period = { readonly from?: string | undefined; readonly to?: string | undefined };

/** A condition that is asked for only where a filter is given. */
export function matching(column: PgColumn, value: string | undefined): SQL | undefined {
  return value === undefined ? undefined : eq(column, value);
}

/** @units `to` exclusive */
export function within(column: PgColumn, { from, to }: Period): SQL | undefined {
  return and(
    from === undefined ? undefined : gte(column, from),
    to === undefined ? undefined : lt(column, to),
  );
}

type Listing<Filters> = {
  readonly name: string;
  readonly id: PgColumn;
  /** The request without its page: a cursor is of these filters alone. */
  readonly filters: Filters;
};

/**
 * Reads one page. @errors invalid_cursor
 * @shape select: the rows behind a condition, in an order, so many of them
 */
export async function newestFirst<Row extends { readonly id: Id }, Filters extends object>(
  ctx: Ctx,
  { limit, cursor }: PageRequest,
  { name, id, filters }: Listing<Filters>,
  select: (tx: Tx, behind: SQL | undefined, order: SQL, count: number) => Promise<Row[]>,
): Promise<Page<Row>> {
  const key = ctx.deps.keyring.cursorKey;
  const listing = `${name} ${JSON.stringify(filters)}`;
  const [before] = cursor === undefined ? [] : readCursor(key, listing, cursor);
  const behind = before === undefined ? undefined : lt(id, before);
  const rows = await transact(ctx, ctx.login, (tx) => select(tx, behind, desc(id), limit + 1));
  return cutPage(key, listing, rows, limit, (row) => [row.id]);
}
