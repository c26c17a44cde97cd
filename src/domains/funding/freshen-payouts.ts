import { inArray } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { freshenScreenings, isFreshlyScreened, refreshScreener } from '../aml/index.ts';
import { refuseFunding } from './errors.ts';
import { rescreenPayeesOf } from './rescreen-payees.ts';
import { withdrawals } from './schema.ts';

/**
 * Holds the owners of withdrawals and whom they pay against the lists that are active, where they were not yet.
 * What is found stays, whatever becomes of the payout: call it before the transaction that begins one.
 * @effects as `freshenScreenings` and `rescreenPayees`, for these people
 */
export async function freshenPayouts(ctx: Ctx, withdrawalIds: readonly Id[]): Promise<void> {
  const owners = await transact(ctx, 'engine', (tx) =>
    tx
      .selectDistinct({ userId: withdrawals.userId })
      .from(withdrawals)
      .where(inArray(withdrawals.id, [...withdrawalIds])),
  );
  const userIds = owners.map(({ userId }) => userId).sort();
  await freshenScreenings(ctx, userIds);
  await refreshScreener(ctx);
  for (const userId of userIds) {
    await rescreenPayeesOf(ctx, userId);
  }
}

/**
 * A list that became active since is looked at before money leaves. Its payees wait by their own state.
 * @errors screening_behind
 */
export async function refuseUnscreened(
  tx: Tx,
  ctx: Ctx,
  owners: readonly { readonly userId: Id }[],
): Promise<void> {
  const userIds = [...new Set(owners.map(({ userId }) => userId))];
  if (!(await isFreshlyScreened(tx, ctx, userIds))) {
    throw refuseFunding('screening_behind');
  }
}
