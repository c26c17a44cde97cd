import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuseWhileOwing } from '../ledger/index.ts';
import { freshenPayouts, refuseUnscreened } from './freshen-payouts.ts';
import { lockMoneyPathOf } from './lock-money-path.ts';
import { lockPayees, refuseUnusable } from './lock-payees.ts';
import { payoutReferenceOf } from './payout-reference.ts';
import { refuseBeyondHeld } from './payouts/refuse-beyond-held.ts';
import { providerFor } from './providers/registry.ts';
import { refusePayer } from './refuse-payer.ts';
import { refuseIfDebited } from './statement-debits.ts';
import { findWithdrawal, type Withdrawal } from './store.ts';
import { refuseSaidTaken } from './submissions/said-taken.ts';
import { queueSubmission } from './submissions/submission-store.ts';
import { lockWithdrawal, recordStatus } from './withdrawal-status.ts';

/**
 * Begins the payout of an approved withdrawal: from here on money may be on its way, so the gate is
 * asked once more and the payee looked at once more; both were held against the newest lists before.
 * What a provider carries is told to it by a job once this is committed.
 * @effects the withdrawal; audit and event `withdrawal.processing`; with a provider one row of `payout_submissions`
 * @errors not_found, self_action, the gate's, account_not_live, account_not_active, screening_behind,
 *   debt_open,
 *   withdrawal_status_conflict, approved_request_changed, destination_changed, approval_not_granted,
 *   approver_cannot_pay_out, payout_on_statement, beneficiary_not_usable, payout_beyond_held
 */
export async function processWithdrawal(ctx: Ctx, withdrawalId: Id): Promise<Withdrawal> {
  await freshenPayouts(ctx, [withdrawalId]);
  return transact(ctx, 'engine', async (tx) => {
    const known = await findWithdrawal(tx, ctx, withdrawalId);
    await lockMoneyPathOf(tx, known, 'money_out');
    await refuseUnscreened(tx, ctx, [known]);
    await refuseWhileOwing(tx, known.userId);
    const payees = await lockPayees(tx, [known]);
    const withdrawal = await lockWithdrawal(tx, withdrawalId, 'processing');
    await refusePayer(tx, ctx, withdrawal);
    await refuseIfDebited(tx, withdrawal, 'people');
    // The one that carries it is asked before it is told; another, or a person, would pay it once more.
    await refuseSaidTaken(tx, ctx, withdrawal, providerFor(ctx.deps, withdrawal.method)?.name);
    refuseUnusable(ctx, payees);
    await refuseBeyondHeld(tx, ctx, { asset: withdrawal.asset }, [withdrawal]);
    const begun = await recordStatus(tx, ctx, withdrawal, {
      status: 'processing',
      payoutReference: payoutReferenceOf(withdrawalId),
    });
    await queueSubmission(tx, ctx, begun);
    return begun;
  });
}
