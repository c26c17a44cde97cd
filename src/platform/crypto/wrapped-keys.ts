/**
 * What root keys wrap, and nothing else does. A wrap names its key in the eight bytes after the version
 * (seal.ts), so PostgreSQL can say which root keys its rows need without any of them.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { Ctx, Deps } from '../context.ts';
import type { Tx } from '../db/client.ts';
import type { Ciphertext } from '../db/columns.ts';
import { keyIdText } from './keyring.ts';

export type WrappedTable = 'person_keys' | 'person_key_versions' | 'token_keys' | 'installation_keys';

type Wrapped = {
  readonly table: WrappedTable;
  readonly column: string;
  /** What identifies a row, in the words its place has. */
  readonly rowId: SQL;
  /** What the first batch starts after. */
  readonly beforeAll: SQL;
};

const NO_UUID = sql`'00000000-0000-0000-0000-000000000000'::uuid`;

const WRAPPED: readonly Wrapped[] = [
  { table: 'person_keys', column: 'wrapped_key', rowId: sql`user_id`, beforeAll: NO_UUID },
  {
    table: 'person_key_versions',
    column: 'wrapped_key',
    rowId: sql`(user_id::text || ' ' || encode(key_id, 'hex'))`,
    beforeAll: sql`''`,
  },
  { table: 'token_keys', column: 'private_jwk', rowId: sql`id`, beforeAll: NO_UUID },
  { table: 'installation_keys', column: 'wrapped_key', rowId: sql`id`, beforeAll: NO_UUID },
];

export const WRAPPED_TABLES: readonly WrappedTable[] = WRAPPED.map(({ table }) => table);

export type MissingWrap = { readonly keyId: string; readonly table: WrappedTable; readonly count: number };

/** Root keys that rows need and the keyring lacks. */
export async function missingWraps(deps: Deps): Promise<readonly MissingWrap[]> {
  const missing: MissingWrap[] = [];
  for (const { keyId, table, count } of await wrapsInUse(deps)) {
    if (!deps.keyring.wrapKeyIds.includes(keyId)) {
      missing.push({ keyId, table, count });
    }
  }
  return missing;
}

/** How many rows of each table each root key wraps. */
export async function wrapsInUse(deps: Deps): Promise<readonly MissingWrap[]> {
  const parts = WRAPPED.map(
    ({ table, column }) => sql`
      select ${table}::text as table, encode(substring(${sql.identifier(column)} from 2 for 8), 'hex') as "keyId",
        count(*)::int as count
      from ${sql.identifier(table)} group by 1, 2`,
  );
  return deps.db.engine.execute<MissingWrap>(sql`${sql.join(parts, sql` union all `)} order by 1, 2`);
}

/**
 * Wraps one batch of a table under the active root key. What is inside stays as it is.
 * @shape how many were changed, and the row to go on after; undefined after the last
 * @errors SealError where a root key is missing from the keyring
 */
export async function rewrapRows(
  tx: Tx,
  ctx: Ctx,
  table: WrappedTable,
  after: string | null,
  limit: number,
): Promise<{ readonly count: number; readonly last: string | undefined }> {
  const { keyring } = ctx.deps;
  const kind = WRAPPED.find((wrapped) => wrapped.table === table);
  if (kind === undefined) {
    return { count: 0, last: undefined };
  }
  const column = sql.identifier(kind.column);
  const active = keyIdText(keyring.wrapKeyId);
  const rows = await tx.execute<{ readonly id: string; readonly wrapped: Uint8Array }>(sql`
    select ${kind.rowId}::text as id, ${column} as wrapped from ${sql.identifier(table)}
    where ${kind.rowId} > ${after === null ? kind.beforeAll : typed(kind, after)}
      and substring(${column} from 2 for 8) <> decode(${active}, 'hex')
    order by ${kind.rowId} limit ${limit}`);
  if (rows.length === 0) {
    return { count: 0, last: undefined };
  }
  const fresh = rows.map((row) => {
    const place = { table, column: kind.column, rowId: row.id };
    return hexOf(keyring.wrap(place, keyring.unwrap(place, row.wrapped as Ciphertext)));
  });
  // A key that was destroyed or changed meanwhile stays what it became.
  const changed = await tx.execute(sql`
    update ${sql.identifier(table)} kept set ${column} = decode(next.wrapped, 'hex')
    from unnest(${sql.param(rows.map((row) => row.id))}::text[],
      ${sql.param(rows.map((row) => hexOf(row.wrapped)))}::text[],
      ${sql.param(fresh)}::text[]) as next (row_id, known, wrapped)
    where ${kind.rowId} = ${typedColumn(kind)} and kept.${column} = decode(next.known, 'hex')
    returning 1`);
  return { count: changed.length, last: rows.at(-1)?.id };
}

function typed(kind: Wrapped, rowId: string): SQL {
  return kind.beforeAll === NO_UUID ? sql`${rowId}::uuid` : sql`${rowId}::text`;
}

function typedColumn(kind: Wrapped): SQL {
  return kind.beforeAll === NO_UUID ? sql`next.row_id::uuid` : sql`next.row_id`;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
