import { amountOf } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { cancelApprovals, lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import {
  captureHold,
  consumeLots,
  houseWallet,
  lockWallets,
  postJournals,
  requireAsset,
} from '../ledger/index.ts';
import { refusePayer } from './refuse-payer.ts';
import { HOUSE_REFERENCE } from './settings.ts';
import { findWithdrawal, type Withdrawal } from './store.ts';
import { lockWithdrawal, recordStatus } from './withdrawal-status.ts';

export type Completion = { readonly withdrawalId: Id; readonly transactionReference: string };

/**
 * Books a payout that the bank or chain has made. The gate is not asked: the money has left, and a
 * book that denies it would be wrong; what may leave was decided when the payout began. Sending the
 * same reference again answers the same withdrawal.
 * @effects journal `withdrawal`, the hold, lots, the withdrawal; audit and event `withdrawal.completed`
 * @errors not_found, withdrawal_status_conflict, self_action, approved_request_changed,
 *   destination_changed, approval_not_granted, approver_cannot_pay_out
 */
export async function completeWithdrawal(ctx: Ctx, input: Completion): Promise<Withdrawal> {
  return transact(ctx, 'engine', async (tx) => {
    const known = await findWithdrawal(tx, ctx, input.withdrawalId);
    if (known.status === 'completed' && known.transactionReference === input.transactionReference) {
      return known;
    }
    const open = await lockOpenApprovals(tx, input.withdrawalId);
    const withdrawal = await lockWithdrawal(tx, input.withdrawalId, 'completed');
    await refusePayer(tx, ctx, withdrawal);
    const journalId = await bookPayout(tx, ctx, withdrawal);
    await cancelApprovals(tx, ctx, open);
    return recordStatus(tx, ctx, withdrawal, {
      status: 'completed',
      journalId,
      transactionReference: input.transactionReference,
      completedAt: ctx.deps.clock.now(),
    });
  });
}

/** The customer is owed less by amount and fee; the bank or custodian holds less by the amount. */
async function bookPayout(tx: Tx, ctx: Ctx, withdrawal: Withdrawal): Promise<Id> {
  const asset = await requireAsset(tx, withdrawal.asset);
  const house = { reference: HOUSE_REFERENCE, book: 'live', asset: asset.code } as const;
  const isMoney = asset.kind === 'fiat';
  const paidFrom = await houseWallet(tx, ctx, { ...house, role: isMoney ? 'client_money_bank' : 'custody' });
  const fees = await houseWallet(tx, ctx, { ...house, role: 'fees_earned' });
  const leaves = amountOf(withdrawal.amount + withdrawal.fee);
  // All of them at once and in order, since releasing the hold would lock the customer's alone first.
  await lockWallets(tx, [withdrawal.walletId, paidFrom.id, fees.id]);
  await captureHold(tx, ctx, present(withdrawal.holdId, 'an open withdrawal has its hold'), leaves);
  const [journalId] = await postJournals(tx, ctx, [
    {
      book: 'live',
      kind: 'withdrawal',
      referenceType: 'withdrawal',
      referenceId: withdrawal.id,
      description: 'Withdrawal',
      entries: [
        { walletId: withdrawal.walletId, amount: amountOf(-leaves) },
        { walletId: paidFrom.id, amount: withdrawal.amount },
        ...(withdrawal.fee === 0n ? [] : [{ walletId: fees.id, amount: withdrawal.fee }]),
      ],
    },
  ]);
  if (!isMoney) {
    const reference = { referenceType: 'withdrawal', referenceId: withdrawal.id };
    await consumeLots(tx, ctx, [
      { ...reference, walletId: withdrawal.walletId, quantity: leaves, proceeds: null },
    ]);
  }
  return present(journalId, 'one journal was posted');
}
