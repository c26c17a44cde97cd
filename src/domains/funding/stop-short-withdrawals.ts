import { and, desc, eq, inArray } from 'drizzle-orm';
import { assert, present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { cancelApprovals, lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import type { Consumer } from '../../platform/outbox/consumer.ts';
import { lockSpendable, releaseHold } from '../ledger/index.ts';
import { withdrawalMayBecome } from './rules.ts';
import { withdrawals } from './schema.ts';
import { isDebited, isNamedByWaiting } from './statement-debits.ts';
import { saidTaken } from './submissions/said-taken.ts';
import { recordStatus } from './withdrawal-status.ts';

/** The word customers read. */
const CUSTOMER_WORD = 'needed_as_margin';

/**
 * Gives what withdrawals reserve back to an account that the firm has begun to liquidate, before its positions are
 * closed or the firm bears a loss; safe to run twice.
 */
export const stopShortWithdrawals: Consumer = {
  name: 'funding.stop_short_withdrawals',
  types: ['trading.liquidation_started'],
  handle: async (ctx, { accountId, data: { asset } }) => {
    assert(typeof asset === 'string', 'a liquidation names its asset');
    await stopShortWithdrawalsOf(ctx, present(accountId, 'a liquidation has its account'), asset);
  },
};

/**
 * Cancels withdrawals of an asset that have not begun to be paid out, the newest first, as long as the wallet has less
 * than its positions need: what somebody asked for is theirs only as far as it is not needed. Each is a transaction of
 * its own.
 * @effects as `stopOne`, for each
 */
async function stopShortWithdrawalsOf(ctx: Ctx, accountId: Id, asset: string): Promise<void> {
  const waiting = await transact(ctx, 'engine', (tx) =>
    tx
      .select({ id: withdrawals.id })
      .from(withdrawals)
      .where(
        and(
          eq(withdrawals.accountId, accountId),
          eq(withdrawals.asset, asset),
          inArray(withdrawals.status, ['pending', 'under_review', 'approved']),
        ),
      )
      .orderBy(desc(withdrawals.id)),
  );
  for (const { id } of waiting) {
    await transact(ctx, 'engine', (tx) => stopOne(tx, ctx, id));
  }
}

/** @effects the withdrawal, its hold and open approvals; audit and event `withdrawal.cancelled` */
async function stopOne(tx: Tx, ctx: Ctx, withdrawalId: Id): Promise<void> {
  const open = await lockOpenApprovals(tx, withdrawalId);
  const withdrawal = present(await lockRow(tx, withdrawals, withdrawalId), 'withdrawals are never deleted');
  const wallet = (await lockSpendable(tx, ctx, [withdrawal.walletId])).get(withdrawal.walletId);
  if (!wallet?.marginShort || !withdrawalMayBecome(withdrawal.status, 'cancelled')) {
    return;
  }
  // What the bank or a provider paid already is nobody's to give back: it stays until its debit is explained.
  const isPaid =
    (await isDebited(tx, withdrawal, 'people')) ||
    (await isNamedByWaiting(tx, withdrawal)) ||
    (await saidTaken(tx, ctx, withdrawal)) !== undefined;
  if (isPaid) {
    return;
  }
  await releaseHold(tx, ctx, present(withdrawal.holdId, 'an open withdrawal has its hold'));
  await cancelApprovals(tx, ctx, open);
  await recordStatus(tx, ctx, withdrawal, {
    status: 'cancelled',
    rejectionReason: CUSTOMER_WORD,
    decidedAt: ctx.deps.clock.now(),
  });
}
