/**
 * Another data key for people: published first, used when every node knows it. The one before is kept for
 * what is never rewritten (evidence, files) and goes with the person's erasure, as the new one does.
 */
import { randomBytes } from 'node:crypto';
import { and, asc, eq, gt, inArray, lte, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { record } from '../audit/record.ts';
import type { Ctx } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { sqlStateOf } from '../db/errors.ts';
import { lockExclusive } from '../db/locks.ts';
import { personKeys } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { KEY_EVENTS } from './audit.ts';
import { dataKey, type Keyring } from './keyring.ts';
import { personKeyPlace, versionPlace } from './person-keys.ts';
import { personKeyVersions } from './schema.ts';

const BATCH = 500;
/** Two rotations take turns. */
const LOCK = 'person-key-rotation';
const FOREIGN_KEY = '23503';
const ERASURE_TRIES = 20;
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000' as Id;

/** Whom a rotation concerns: one person, or everybody. */
export type People = Id | 'everybody';

type Batch = { readonly count: number; readonly last: Id | undefined };

/**
 * Publishes a further key for each person who has none waiting.
 * @effects rows of `person_key_versions`; audit `person_key.created` for each batch
 */
export async function publishPersonKeys(
  ctx: Ctx,
  people: People,
  told: (done: number) => void,
): Promise<number> {
  return inBatches(ctx, told, (tx, after) => publishBatch(tx, ctx, people, after));
}

/**
 * Lets keys that were published at least so long ago seal from now on.
 * @effects rows of `person_keys` and `person_key_versions`; audit `person_key.activated` for each batch
 */
export async function activatePersonKeys(
  ctx: Ctx,
  people: People,
  aheadMs: number,
  told: (done: number) => void,
): Promise<number> {
  const done = await inBatches(ctx, told, (tx, after) => activateBatch(tx, ctx, people, aheadMs, after));
  ctx.deps.personKeys.forgetAll();
  return done;
}

async function inBatches(
  ctx: Ctx,
  told: (done: number) => void,
  work: (tx: Tx, after: Id) => Promise<Batch>,
): Promise<number> {
  let done = 0;
  let last: Id | undefined = BEFORE_ALL;
  while (last !== undefined) {
    const after: Id = last;
    const batch = await withoutErased(() =>
      transact(ctx, 'engine', async (tx) => {
        await lockExclusive(tx, [LOCK]);
        return work(tx, after);
      }),
    );
    done += batch.count;
    last = batch.last;
    if (batch.count > 0) {
      told(done);
    }
  }
  return done;
}

/** A person who is erased meanwhile makes the batch fail on its foreign key, whole; the next try lacks them. */
async function withoutErased(batch: () => Promise<Batch>): Promise<Batch> {
  for (let left = ERASURE_TRIES; ; left -= 1) {
    try {
      return await batch();
    } catch (failure) {
      if (sqlStateOf(failure) !== FOREIGN_KEY || left === 1) {
        throw failure;
      }
    }
  }
}

async function publishBatch(tx: Tx, ctx: Ctx, people: People, after: Id): Promise<Batch> {
  const waiting = sql`exists (select 1 from person_key_versions v
    where v.user_id = ${personKeys.userId} and v.status = 'next')`;
  const rows = await tx
    .select({ userId: personKeys.userId })
    .from(personKeys)
    .where(
      and(
        gt(personKeys.userId, after),
        people === 'everybody' ? undefined : eq(personKeys.userId, people),
        sql`not ${waiting}`,
      ),
    )
    .orderBy(asc(personKeys.userId))
    .limit(BATCH);
  if (rows.length === 0) {
    return { count: 0, last: undefined };
  }
  const createdAt = ctx.deps.clock.realNow();
  await tx.insert(personKeyVersions).values(
    rows.map(({ userId }) => {
      const key = dataKey(new Uint8Array(randomBytes(32)));
      const wrappedKey = ctx.deps.keyring.wrap(versionPlace(userId, key.id), key.key);
      return { userId, keyId: key.id, wrappedKey, status: 'next' as const, createdAt };
    }),
  );
  await tell(tx, ctx, 'person_key.created', rows.length);
  return { count: rows.length, last: rows.at(-1)?.userId };
}

async function activateBatch(tx: Tx, ctx: Ctx, people: People, aheadMs: number, after: Id): Promise<Batch> {
  const now = ctx.deps.clock.realNow();
  const rows = await tx
    .select({ kept: personKeys, next: personKeyVersions })
    .from(personKeys)
    .innerJoin(
      personKeyVersions,
      and(eq(personKeyVersions.userId, personKeys.userId), eq(personKeyVersions.status, 'next')),
    )
    .where(
      and(
        gt(personKeys.userId, after),
        people === 'everybody' ? undefined : eq(personKeys.userId, people),
        lte(personKeyVersions.createdAt, addMs(now, -aheadMs)),
      ),
    )
    .orderBy(asc(personKeys.userId))
    .limit(BATCH);
  if (rows.length === 0) {
    return { count: 0, last: undefined };
  }
  const swaps = rows.map((row) => swapped(ctx.deps.keyring, row.kept, row.next));
  await tx.delete(personKeyVersions).where(
    and(
      inArray(
        personKeyVersions.userId,
        rows.map(({ kept }) => kept.userId),
      ),
      eq(personKeyVersions.status, 'next'),
    ),
  );
  await tx.insert(personKeyVersions).values(
    swaps.map(({ retired }) => ({
      ...retired,
      status: 'retired' as const,
      createdAt: now,
      retiredAt: now,
    })),
  );
  await tx.execute(sql`
    update person_keys kept set key_id = decode(next.key_id, 'hex'), wrapped_key = decode(next.wrapped, 'hex')
    from unnest(${sql.param(swaps.map(({ active }) => active.userId))}::uuid[],
      ${sql.param(swaps.map(({ active }) => hexOf(active.keyId)))}::text[],
      ${sql.param(swaps.map(({ active }) => hexOf(active.wrappedKey)))}::text[]) as next (user_id, key_id, wrapped)
    where kept.user_id = next.user_id`);
  await tell(tx, ctx, 'person_key.activated', rows.length);
  return { count: rows.length, last: rows.at(-1)?.kept.userId };
}

/** The same two keys, each wrapped for the other's place. */
function swapped(
  keyring: Keyring,
  kept: typeof personKeys.$inferSelect,
  next: typeof personKeyVersions.$inferSelect,
) {
  const { userId } = kept;
  const old = keyring.unwrap(personKeyPlace(userId), kept.wrappedKey);
  const fresh = keyring.unwrap(versionPlace(userId, next.keyId), next.wrappedKey);
  return {
    retired: {
      userId,
      keyId: kept.keyId,
      wrappedKey: keyring.wrap(versionPlace(userId, kept.keyId), old),
    },
    active: { userId, keyId: next.keyId, wrappedKey: keyring.wrap(personKeyPlace(userId), fresh) },
  };
}

async function tell(
  tx: Tx,
  ctx: Ctx,
  event: 'person_key.created' | 'person_key.activated',
  count: number,
): Promise<void> {
  await record(tx, ctx, {
    event: KEY_EVENTS[event],
    resource: { type: 'keyring', id: 'person_keys' },
    subjectUserId: null,
    after: { count },
  });
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
