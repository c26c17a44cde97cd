/**
 * Sections of a person's data, read by keyset so that a long history costs no more memory than a short
 * one. It guarantees that no bytes leave a row by themselves: hashes, blind indexes and sealed columns
 * are dropped, and what may be shown of the sealed ones is opened by name.
 */
import { and, asc, eq, getTableColumns, type InferSelectModel, type SQL, sql } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import { assert } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../context.ts';
import type { DataKey } from '../crypto/seal.ts';
import type { Tx } from '../db/client.ts';
import type { PersonalPage, PersonalSection } from '../domain.ts';

export const PERSONAL_PAGE_ROWS = 500;

type Columns<Table extends PgTable> = keyof InferSelectModel<Table> & string;

/** What a section may use to open its rows; there is no key where the person was erased. */
export type Opening = {
  readonly tx: Tx;
  readonly ctx: Ctx;
  readonly userId: Id;
  readonly key: DataKey | undefined;
};

export type PersonalRows<Table extends PgTable> = {
  /** Columns of an index, the last of them unique; rows come in their order. */
  readonly keys: readonly Columns<Table>[];
  /** The column that names the person, or what is theirs; `userId` unless given. */
  readonly by?: Columns<Table>;
  /** The values of that column that are this person's; the person unless given. */
  readonly parents?: (tx: Tx, userId: Id) => Promise<readonly string[]>;
  readonly where?: SQL;
  /** Columns that are nobody's to see, such as a password hash kept as text. */
  readonly without?: readonly Columns<Table>[];
  /** Opened or related members, one object per row in the order of the rows. */
  readonly more?: (
    rows: readonly InferSelectModel<Table>[],
    opening: Opening,
  ) => readonly object[] | Promise<readonly object[]>;
};

/** A section made of the rows of one table. */
export function personalRows<Table extends PgTable>(
  table: Table,
  source: PersonalRows<Table>,
): PersonalSection {
  const by = source.by ?? 'userId';
  const hidden = new Set<string>([...(source.without ?? []), ...byteColumns(table)]);
  return async (tx, ctx, userId, after) => {
    const parents = source.parents === undefined ? [userId] : await source.parents(tx, userId);
    const start = after === null ? 0 : parents.indexOf(after[0] ?? '');
    const parent = parents[start];
    if (parent === undefined) {
      return { rows: [], next: null };
    }
    const rows = (await tx
      .select()
      .from(table as PgTable)
      .where(
        and(eq(column(table, by), parent), source.where, beyond(table, source.keys, after?.slice(1) ?? [])),
      )
      .orderBy(...source.keys.map((name) => asc(column(table, name))))
      .limit(PERSONAL_PAGE_ROWS)) as InferSelectModel<Table>[];
    const key = await ctx.deps.personKeys.find(tx, userId);
    const more = (await source.more?.(rows, { tx, ctx, userId, key })) ?? [];
    return {
      rows: rows.map((row, index) => ({ ...shown(row, hidden), ...more[index] })),
      next: nextOf(rows, source.keys, parents, start),
    };
  };
}

/** A section of one value, such as the person themselves. */
export function personalFacts(read: (opening: Opening) => Promise<readonly unknown[]>): PersonalSection {
  return async (tx, ctx, userId): Promise<PersonalPage> => ({
    rows: await read({ tx, ctx, userId, key: await ctx.deps.personKeys.find(tx, userId) }),
    next: null,
  });
}

function nextOf(
  rows: readonly Readonly<Record<string, unknown>>[],
  keys: readonly string[],
  parents: readonly string[],
  at: number,
): readonly string[] | null {
  const last = rows.at(-1);
  if (rows.length === PERSONAL_PAGE_ROWS && last !== undefined) {
    return [parents[at] ?? '', ...keys.map((name) => String(last[name]))];
  }
  const following = parents[at + 1];
  return following === undefined ? null : [following];
}

function beyond(table: PgTable, keys: readonly string[], position: readonly string[]): SQL | undefined {
  if (position.length === 0) {
    return undefined;
  }
  const columns = keys.map((name) => column(table, name));
  const values = columns.map((key, index) => sql`${position[index] ?? null}::${sql.raw(key.getSQLType())}`);
  return sql`(${sql.join(columns, sql`, `)}) > (${sql.join(values, sql`, `)})`;
}

function column(table: PgTable, name: string): PgColumn {
  const found = (getTableColumns(table) as Readonly<Record<string, PgColumn>>)[name];
  assert(found !== undefined, 'the section names a column of its table');
  return found;
}

/** Bytes are hashes or sealed; neither is for an export, and not even that there are none. */
function byteColumns(table: PgTable): readonly string[] {
  const columns: Readonly<Record<string, PgColumn>> = getTableColumns(table);
  return Object.keys(columns).filter((name) => columns[name]?.getSQLType() === 'bytea');
}

function shown(row: object, hidden: ReadonlySet<string>): object {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !hidden.has(name)));
}
