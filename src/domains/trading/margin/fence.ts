/**
 * Fencing of whoever keeps margin: each of its transactions holds a shared lock and proves that its epoch is
 * still the one. Who takes over raises the epoch under the exclusive lock, so that nothing of the former
 * keeper commits after it.
 */
import { sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive, lockShared } from '../../../platform/db/locks.ts';
import { readColumns } from '../../../platform/db/read-columns.ts';
import { together, transact } from '../../../platform/db/transact.ts';
import { MARGIN_EVENTS } from './audit.ts';
import { marginKeepers } from './schema.ts';

/** Thrown where another process keeps margin by now; nothing was written. */
export class KeeperReplaced extends Error {
  override readonly name = 'KeeperReplaced';
}

const NAME = 'margin';
const LOCK = 'margin-keeper';

/**
 * Takes over: whoever kept margin before writes nothing any more.
 * @effects one row of `margin_keepers`; audit `margin_keeper.elected`
 * @shape the epoch of the new keeper
 */
export async function becomeKeeper(ctx: Ctx): Promise<bigint> {
  return transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [LOCK]);
    const since = ctx.deps.clock.now();
    const [row] = await tx
      .insert(marginKeepers)
      .values({ name: NAME, epoch: 1n, since })
      .onConflictDoUpdate({
        target: marginKeepers.name,
        set: { epoch: sql`${marginKeepers.epoch} + 1`, since },
      })
      .returning();
    const { epoch } = present(row, 'the row was just written');
    await record(tx, ctx, {
      event: MARGIN_EVENTS['margin_keeper.elected'],
      resource: { type: 'margin_keeper', id: NAME },
      subjectUserId: null,
      after: { epoch: epoch.toString() },
    });
    return epoch;
  });
}

/** Keeps the keeper from being replaced until the transaction ends. Take it before any other lock. @errors KeeperReplaced */
export async function holdKeeper(tx: Tx, epoch: bigint): Promise<void> {
  // What is read behind the lock is what holds under it: the statements are carried out in this order.
  const [, [row]] = await together(
    lockShared(tx, [LOCK]),
    readColumns(tx, marginKeepers, ['epoch'], sql`${marginKeepers} where name = ${NAME}`),
  );
  if (row?.epoch !== epoch) {
    throw new KeeperReplaced('another process keeps margin');
  }
}
