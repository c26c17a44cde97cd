import { and, asc, eq, gt, lte } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockFreeRows } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { releaseExpired } from './release-expired.ts';
import { holds, wallets } from './schema.ts';

/** Wallets per transaction: few enough that nobody waits long for one. */
const BATCH_WALLETS = 100;

/**
 * Releases holds whose time is over; the job's verb. It takes the wallets in id order, a batch per
 * transaction, and leaves those that somebody else holds just now to that verb or to its own next run.
 * @effects those of `releaseExpired`
 * @shape how many wallets got something back
 */
export async function expireHolds(ctx: Ctx): Promise<number> {
  let freed = 0;
  let after: Id | undefined;
  do {
    const batch = await transact(ctx, 'engine', (tx) => expireBatch(tx, ctx, after));
    freed += batch.freed;
    after = batch.last;
  } while (after !== undefined);
  return freed;
}

async function expireBatch(
  tx: Tx,
  ctx: Ctx,
  after: Id | undefined,
): Promise<{ readonly freed: number; readonly last: Id | undefined }> {
  const due = await tx
    .selectDistinct({ walletId: holds.walletId })
    .from(holds)
    .where(
      and(
        eq(holds.status, 'active'),
        lte(holds.expiresAt, ctx.deps.clock.now()),
        after === undefined ? undefined : gt(holds.walletId, after),
      ),
    )
    .orderBy(asc(holds.walletId))
    .limit(BATCH_WALLETS);
  const free = await lockFreeRows(
    tx,
    wallets,
    due.map(({ walletId }) => walletId),
  );
  const freed = await releaseExpired(tx, ctx, free);
  return { freed: freed.size, last: due.at(-1)?.walletId };
}
