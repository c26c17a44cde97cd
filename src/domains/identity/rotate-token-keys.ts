import { desc, eq, gt, isNull, or } from 'drizzle-orm';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs, type Instant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import { type Ctx, type Deps, machineCtx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { onCommit, transact } from '../../platform/db/transact.ts';
import type { Job } from '../../platform/domain.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { revocations } from './revocations.ts';
import { tokenKeys } from './schema.ts';
import { newTokenKey } from './token-key-pair.ts';

/** A retired key verifies for a token's ten minutes, a node that had not heard yet, and clocks that differ. */
export const RETIRED_GRACE_MS = 15 * 60_000;

/**
 * A key is published for this long before it signs: verifiers outside keep a key set for minutes, some
 * for an hour, and none may meet a token whose key it does not know.
 */
const PUBLISHED_AHEAD_MS = 3_600_000;

/** Long enough for nobody to notice, short enough for a rotation to be nothing special. */
const LONGEST_USE_MS = 30 * 24 * 3_600_000;

const LOCK = 'token-keys';

export type Rotation = { readonly keyId: Id; readonly signsFrom: Instant; readonly retired: number };

/** `compromised` withdraws every other key at once, without grace. */
export type RotationReason = 'age' | 'command' | 'compromised';

/**
 * Makes a new key and retires the others: when the new one begins to sign, an hour from now; or at once
 * where they are compromised, and then nothing they signed verifies any more.
 * @effects rows of `token_keys`; audit `token_key.created`, `token_key.retired`
 */
export async function rotateTokenKeys(ctx: Ctx, reason: RotationReason): Promise<Rotation> {
  return transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [LOCK]);
    return rotate(tx, ctx, reason);
  });
}

/** Rotates the keys of access tokens once the newest has been in use for a month; safe to run twice. */
export const rotateTokenKeysJob: Job = {
  name: 'identity.rotate-token-keys',
  cron: '20 3 * * *',
  run: (ctx) =>
    transact(ctx, 'engine', async (tx) => {
      await lockExclusive(tx, [LOCK]);
      const [newest] = await tx
        .select({ signsFrom: tokenKeys.signsFrom })
        .from(tokenKeys)
        .where(isNull(tokenKeys.retiredAt))
        .orderBy(desc(tokenKeys.signsFrom))
        .limit(1);
      const due = addMs(ctx.deps.clock.realNow(), -LONGEST_USE_MS);
      if (newest !== undefined && newest.signsFrom <= due) {
        await rotate(tx, ctx, 'age');
      }
    }),
};

/** @effects one row of `token_keys`, unless another node was faster; audit `token_key.created` */
export async function createFirstKey(deps: Deps): Promise<void> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'token-keys' }, newId());
  await transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [LOCK]);
    const [existing] = await tx
      .select({ id: tokenKeys.id })
      .from(tokenKeys)
      .where(isNull(tokenKeys.retiredAt))
      .limit(1);
    if (existing === undefined) {
      await create(tx, ctx, deps.clock.realNow());
    }
  });
}

async function rotate(tx: Tx, ctx: Ctx, reason: RotationReason): Promise<Rotation> {
  const now = ctx.deps.clock.realNow();
  const compromised = reason === 'compromised';
  // Retired a grace ago, a key has nothing left for which it verifies.
  const graceOver = addMs(now, -RETIRED_GRACE_MS);
  const inUse = await tx
    .select({ id: tokenKeys.id })
    .from(tokenKeys)
    .where(or(isNull(tokenKeys.retiredAt), compromised ? gt(tokenKeys.retiredAt, graceOver) : undefined));
  const signsFrom = compromised || inUse.length === 0 ? now : addMs(now, PUBLISHED_AHEAD_MS);
  const retiredAt = compromised ? graceOver : signsFrom;
  for (const { id } of inUse) {
    await tx.update(tokenKeys).set({ retiredAt }).where(eq(tokenKeys.id, id));
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['token_key.retired'],
      resource: { type: 'token_key', id },
      subjectUserId: null,
      after: { id, retiredAt, reason },
    });
  }
  const keyId = await create(tx, ctx, signsFrom);
  onCommit(tx, () => revocations(ctx.deps).heed('token_key', keyId));
  return { keyId, signsFrom, retired: inUse.length };
}

async function create(tx: Tx, ctx: Ctx, signsFrom: Instant): Promise<Id> {
  const row = newTokenKey(ctx.deps, signsFrom);
  await tx.insert(tokenKeys).values(row);
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['token_key.created'],
    resource: { type: 'token_key', id: row.id },
    subjectUserId: null,
    after: { id: row.id, createdAt: row.createdAt, signsFrom },
  });
  return row.id;
}
