import type { Id } from '../../kernel/id.ts';
import { cancelApprovals, lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuseSelfAction } from '../identity/index.ts';
import { refuseUnfetched } from './payouts/refuse-unfetched.ts';
import { findWithdrawal, type Withdrawal } from './store.ts';
import { refuseUntold } from './submissions/refuse-carried.ts';
import { lockWithdrawal, recordStatus } from './withdrawal-status.ts';

/**
 * Says that nobody knows whether a payout was made. One person may: the money stays reserved, and from
 * here neither completing nor failing is theirs alone.
 * @effects the withdrawal, open approvals to fail it; the alarm and event `withdrawal.unknown`
 * @errors not_found, self_action, withdrawal_status_conflict, payout_file_not_fetched, payout_with_provider
 */
export async function markWithdrawalUnknown(
  ctx: Ctx,
  input: { readonly withdrawalId: Id; readonly reason: string },
): Promise<Withdrawal> {
  return transact(ctx, 'engine', async (tx) => {
    const known = await findWithdrawal(tx, ctx, input.withdrawalId);
    refuseSelfAction(ctx, known.userId);
    const open = await lockOpenApprovals(tx, known.id);
    const withdrawal = await lockWithdrawal(tx, known.id, 'unknown');
    await refuseUnfetched(tx, withdrawal.id);
    await refuseUntold(tx, withdrawal.id);
    await cancelApprovals(tx, ctx, open);
    return recordStatus(tx, ctx, withdrawal, { status: 'unknown' }, input.reason);
  });
}
