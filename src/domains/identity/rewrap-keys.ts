import { type SQL, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { Ciphertext } from '../../platform/db/columns.ts';
import { transact } from '../../platform/db/transact.ts';
import { IDENTITY_EVENTS } from './audit.ts';

/** What root keys wrap, and nothing else does. */
const WRAPPED = [
  { table: 'person_keys', column: 'wrapped_key', id: 'user_id' },
  { table: 'token_keys', column: 'private_jwk', id: 'id' },
] as const;

type Wrapped = (typeof WRAPPED)[number];
type WrappedRow = { readonly id: Id; readonly wrapped: Uint8Array };

/** How many keys were wrapped anew, by table. */
export type Rewrapped = Readonly<Record<Wrapped['table'], number>>;

const BATCH = 500;
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

/**
 * Wraps under the active root key what an older one wrapped. What is inside stays as it is. Each batch is
 * a transaction: a run that was broken off is continued by the next.
 * @effects rows of `person_keys` and `token_keys`; audit `keyring.rewrapped` for each batch
 * @errors SealError where a root key is missing from the keyring
 */
export async function rewrapKeys(
  ctx: Ctx,
  told: (table: Wrapped['table'], done: number) => void,
): Promise<Rewrapped> {
  const done: Record<Wrapped['table'], number> = { person_keys: 0, token_keys: 0 };
  for (const kind of WRAPPED) {
    let last: Id | undefined = BEFORE_ALL;
    while (last !== undefined) {
      const from: Id = last;
      const batch = await transact(ctx, 'engine', (tx) => rewrapBatch(tx, ctx, kind, from));
      done[kind.table] += batch.count;
      last = batch.last;
      if (batch.count > 0) {
        told(kind.table, done[kind.table]);
      }
    }
  }
  return done;
}

/** How many keys an older root key still wraps, by table. */
export async function countOlderWraps(ctx: Ctx): Promise<Rewrapped> {
  const left: Record<Wrapped['table'], number> = { person_keys: 0, token_keys: 0 };
  for (const kind of WRAPPED) {
    const [row] = await ctx.deps.db.engine.execute<{ count: number }>(
      sql`select count(*)::int as count from ${sql.identifier(kind.table)} where ${olderWrap(ctx, kind)}`,
    );
    left[kind.table] = row?.count ?? 0;
  }
  return left;
}

async function rewrapBatch(
  tx: Tx,
  ctx: Ctx,
  kind: Wrapped,
  after: Id,
): Promise<{ readonly count: number; readonly last: Id | undefined }> {
  const { keyring } = ctx.deps;
  const [table, column, id] = [kind.table, kind.column, kind.id].map((name) => sql.identifier(name));
  const rows = await tx.execute<WrappedRow>(sql`
    select ${id} as id, ${column} as wrapped from ${table}
    where ${id} > ${after} and ${olderWrap(ctx, kind)} order by ${id} limit ${BATCH}`);
  if (rows.length === 0) {
    return { count: 0, last: undefined };
  }
  const fresh = rows.map((row) => {
    const place = { table: kind.table, column: kind.column, rowId: row.id };
    return hexOf(keyring.wrap(place, keyring.unwrap(place, row.wrapped as Ciphertext)));
  });
  // A key that was destroyed or changed meanwhile stays what it became.
  const changed = await tx.execute(sql`
    update ${table} kept set ${column} = decode(next.wrapped, 'hex')
    from unnest(${sql.param(rows.map((row) => row.id))}::uuid[],
      ${sql.param(rows.map((row) => hexOf(row.wrapped)))}::text[],
      ${sql.param(fresh)}::text[]) as next (id, known, wrapped)
    where kept.${id} = next.id and kept.${column} = decode(next.known, 'hex')
    returning 1`);
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['keyring.rewrapped'],
    resource: { type: 'keyring', id: kind.table },
    subjectUserId: null,
    after: { table: kind.table, count: changed.length },
  });
  return { count: changed.length, last: rows.at(-1)?.id };
}

/** A ciphertext names its key in the eight bytes after the version (platform/crypto/seal.ts). */
function olderWrap(ctx: Ctx, kind: Wrapped): SQL {
  const active = hexOf(ctx.deps.keyring.wrapKeyId);
  return sql`substring(${sql.identifier(kind.column)} from 2 for 8) <> decode(${active}, 'hex')`;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
