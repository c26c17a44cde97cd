import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { cancelApprovals, lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { releaseHold } from '../ledger/index.ts';
import { refuseIfDebited } from './statement-debits.ts';
import { findWithdrawal, type Withdrawal } from './store.ts';
import { refuseEverSaidTaken } from './submissions/said-taken.ts';
import { lockWithdrawal, recordStatus } from './withdrawal-status.ts';

/**
 * The customer takes a withdrawal back before its payout has begun. The gate is not asked: the money
 * stays where it is, unless a bank statement shows that it left, or a provider ever said that it has or paid it.
 * @effects the withdrawal, its hold and open approvals; audit and event `withdrawal.cancelled`
 * @errors not_found, withdrawal_status_conflict, payout_on_statement
 */
export async function cancelWithdrawal(ctx: Ctx, withdrawalId: Id): Promise<Withdrawal> {
  return transact(ctx, 'engine', async (tx) => {
    await findWithdrawal(tx, ctx, withdrawalId);
    const open = await lockOpenApprovals(tx, withdrawalId);
    const withdrawal = await lockWithdrawal(tx, withdrawalId, 'cancelled');
    await refuseIfDebited(tx, withdrawal, 'people');
    await refuseEverSaidTaken(tx, ctx, withdrawal);
    await releaseHold(tx, ctx, present(withdrawal.holdId, 'an open withdrawal has its hold'));
    await cancelApprovals(tx, ctx, open);
    return recordStatus(tx, ctx, withdrawal, { status: 'cancelled', decidedAt: ctx.deps.clock.now() });
  });
}
