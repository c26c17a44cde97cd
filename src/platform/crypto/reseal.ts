/**
 * Encrypts again what a sealed column holds under a key that was followed by another, in batches, while
 * others read and write. Every node opens both keys meanwhile, so nobody notices; a run that was broken off
 * goes on behind the last batch that was committed.
 */
import { and, eq, type SQL, sql } from 'drizzle-orm';
import { assert, present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { record } from '../audit/record.ts';
import type { Ctx } from '../context.ts';
import type { Tx } from '../db/client.ts';
import type { Ciphertext } from '../db/columns.ts';
import { lockExclusive } from '../db/locks.ts';
import { transact } from '../db/transact.ts';
import { KEY_EVENTS } from './audit.ts';
import { keyIdText } from './keyring.ts';
import { keyRotations } from './schema.ts';
import { type DataKey, openWith, SealError, seal } from './seal.ts';
import { placeIn, type SealedColumn } from './sealed-columns.ts';

const BATCH = 500;
const KIND = 'reseal';

type Rotation = typeof keyRotations.$inferSelect;
type Row = { readonly values: readonly string[]; readonly sealed: Uint8Array; readonly person: Id | null };

/** What a run did to one column. */
export type Resealed = {
  readonly done: number;
  /** Values that no key here opens; they were left as they are, and told of. */
  readonly unreadable: number;
};

/** Columns that may be written again, in a fixed order. */
export function resealable(columns: readonly SealedColumn[]): readonly SealedColumn[] {
  return columns.filter((column) => column.fixed !== true);
}

/**
 * Seals one column again under the keys in use, from where the last run was broken off.
 * @effects rows of the column's table and of `key_rotations`; audit `sealed_column.resealed` for each batch
 */
export async function resealColumn(
  ctx: Ctx,
  column: SealedColumn,
  told: (done: number) => void,
): Promise<Resealed> {
  assert(column.fixed !== true, 'evidence is never rewritten');
  let unreadable = 0;
  for (;;) {
    const batch = await transact(ctx, 'engine', (tx) => resealBatch(tx, ctx, column));
    unreadable += batch.unreadable;
    told(batch.rowsDone);
    if (batch.finished) {
      return { done: batch.rowsDone, unreadable };
    }
  }
}

/** How many values of a column are not yet under the key in use. */
export async function countToReseal(ctx: Ctx, column: SealedColumn): Promise<number> {
  const [row] = await ctx.deps.db.engine.execute<{ count: number }>(
    sql`select count(*)::int as count from ${source(column)} where ${isOlder(ctx, column)}`,
  );
  return row?.count ?? 0;
}

async function resealBatch(tx: Tx, ctx: Ctx, column: SealedColumn) {
  const rotation = await runningRotation(tx, ctx, column);
  const after = rotation.lastRowId === null ? null : (JSON.parse(rotation.lastRowId) as readonly string[]);
  const rows = await readBatch(tx, ctx, column, after);
  const keys = await keysFor(tx, ctx, column, rows);
  let unreadable = 0;
  const fresh: {
    readonly values: readonly string[];
    readonly known: Uint8Array;
    readonly next: Ciphertext;
  }[] = [];
  for (const row of rows) {
    const key = row.person === null ? ctx.deps.keyring.house : keys.get(row.person);
    const next = key === undefined ? undefined : sealedAnew(ctx, column, row, key);
    unreadable += key !== undefined && next === undefined ? 1 : 0;
    if (next !== undefined) {
      fresh.push({ values: row.values, known: row.sealed, next });
    }
  }
  const changed = await writeBatch(tx, column, fresh);
  const rowsDone = rotation.rowsDone + changed;
  const finished = rows.length < BATCH;
  const now = ctx.deps.clock.realNow();
  await tx
    .update(keyRotations)
    .set({
      rowsDone,
      heartbeatAt: now,
      lastRowId: JSON.stringify(rows.at(-1)?.values ?? after ?? []),
      ...(finished ? { status: 'done' as const, finishedAt: now } : {}),
    })
    .where(eq(keyRotations.id, rotation.id));
  if (changed > 0) {
    await record(tx, ctx, {
      event: KEY_EVENTS['sealed_column.resealed'],
      resource: { type: 'sealed_column', id: `${column.table}.${column.column}` },
      subjectUserId: null,
      after: { table: column.table, column: column.column, count: changed, rowsDone },
    });
  }
  return { rowsDone, unreadable, finished };
}

/** The run that was broken off, or a new one; two at once take turns. */
async function runningRotation(tx: Tx, ctx: Ctx, column: SealedColumn): Promise<Rotation> {
  const running = and(
    eq(keyRotations.kind, KIND),
    eq(keyRotations.tableName, column.table),
    eq(keyRotations.columnName, column.column),
    eq(keyRotations.status, 'running'),
  );
  await lockExclusive(tx, [`reseal ${column.table}.${column.column}`]);
  const now = ctx.deps.clock.realNow();
  await tx
    .insert(keyRotations)
    .values({
      id: newId(),
      kind: KIND,
      tableName: column.table,
      columnName: column.column,
      toKeyId: column.person === null ? ctx.deps.keyring.house.id : null,
      status: 'running',
      rowsDone: 0,
      startedAt: now,
      heartbeatAt: now,
    })
    .onConflictDoNothing();
  const [rotation] = await tx.select().from(keyRotations).where(running);
  return present(rotation, 'the rotation was begun');
}

/** Nothing is locked: what somebody changes before it is written here stays what they made of it. */
async function readBatch(
  tx: Tx,
  ctx: Ctx,
  column: SealedColumn,
  after: readonly string[] | null,
): Promise<readonly Row[]> {
  const names = Object.entries(column.rowId);
  const order = sql.join(
    names.map(([name]) => sql`t.${sql.identifier(name)}`),
    sql`, `,
  );
  const bounds = names.map(([, type], index) => sql`${after?.[index] ?? ''}::${sql.raw(type)}`);
  const behind =
    after === null || after.length === 0 ? sql`true` : sql`(${order}) > (${sql.join(bounds, sql`, `)})`;
  const values = names.map(([name]) => sql`t.${sql.identifier(name)}::text`);
  const person = column.person === null ? sql`null::uuid` : sql`t.${sql.identifier(column.person)}`;
  return tx.execute<Row>(sql`
    select array[${sql.join(values, sql`, `)}] as values, t.${sql.identifier(column.column)} as sealed,
      ${person} as person
    from ${source(column)} where ${behind} and ${isOlder(ctx, column)}
    order by ${order} limit ${BATCH}`);
}

async function keysFor(
  tx: Tx,
  ctx: Ctx,
  column: SealedColumn,
  rows: readonly Row[],
): Promise<ReadonlyMap<Id, DataKey>> {
  const people = rows.flatMap((row) => (row.person === null ? [] : [row.person]));
  return column.person === null ? new Map() : ctx.deps.personKeys.ofMany(tx, [...new Set(people)]);
}

/** One value that does not open must not keep the others under an old key. */
function sealedAnew(ctx: Ctx, column: SealedColumn, row: Row, key: DataKey): Ciphertext | undefined {
  const place = placeIn(column, row.values);
  try {
    return seal(key, place, openWith(key, place, row.sealed as Ciphertext));
  } catch (error) {
    if (!(error instanceof SealError)) {
      throw error;
    }
    const object = `${place.table}.${place.column} ${row.values[0]}`;
    ctx.deps.log.error({ object, failure: error.message }, 'a sealed value does not open and stays as it is');
    return undefined;
  }
}

async function writeBatch(
  tx: Tx,
  column: SealedColumn,
  fresh: readonly {
    readonly values: readonly string[];
    readonly known: Uint8Array;
    readonly next: Uint8Array;
  }[],
): Promise<number> {
  if (fresh.length === 0) {
    return 0;
  }
  const names = Object.keys(column.rowId);
  const lists = names.map(
    (_, index) => sql`${sql.param(fresh.map((row) => row.values[index] ?? ''))}::text[]`,
  );
  const aliases = names.map((_, index) => sql.raw(`v${index}`));
  const same = Object.entries(column.rowId).map(
    ([name, type], index) => sql`t.${sql.identifier(name)} = next.${sql.raw(`v${index}`)}::${sql.raw(type)}`,
  );
  const name = sql.identifier(column.column);
  const changed = await tx.execute(sql`
    update ${sql.identifier(column.table)} t set ${name} = decode(next.sealed, 'hex')
    from unnest(${sql.join(lists, sql`, `)}, ${sql.param(fresh.map((row) => hexOf(row.known)))}::text[],
      ${sql.param(fresh.map((row) => hexOf(row.next)))}::text[])
      as next (${sql.join(aliases, sql`, `)}, known, sealed)
    where ${sql.join(same, sql` and `)} and t.${name} = decode(next.known, 'hex')
    returning 1`);
  return changed.length;
}

/** Where a person owns the column, the erased are left out: there is no key to seal under. */
function source(column: SealedColumn): SQL {
  const table = sql`${sql.identifier(column.table)} t`;
  return column.person === null
    ? table
    : sql`${table} join person_keys p on p.user_id = t.${sql.identifier(column.person)}`;
}

function isOlder(ctx: Ctx, column: SealedColumn): SQL {
  const name = sql`substring(t.${sql.identifier(column.column)} from 2 for 8)`;
  return column.person === null
    ? sql`${name} <> decode(${keyIdText(ctx.deps.keyring.house.id)}, 'hex')`
    : sql`${name} <> p.key_id`;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
