/**
 * What the end of a payout does to the books, whoever brings the news: the money has left, or it is the
 * customer's to use again. The caller has locked the withdrawal and holds the evidence.
 */
import { amountOf } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import {
  captureHold,
  consumeLots,
  houseWallet,
  lockWallets,
  postJournals,
  releaseHold,
  requireAsset,
  type Wallet,
} from '../ledger/index.ts';
import { houseReferenceOfPayout } from './payout-accounts.ts';
import { refuseWhilePayable } from './payouts/refuse-while-payable.ts';
import { HOUSE_REFERENCE } from './settings.ts';
import { refuseIfDebited, type Speaker } from './statement-debits.ts';
import type { Withdrawal } from './store.ts';
import { recordStatus, type StatusChange } from './withdrawal-status.ts';

/** The word customers read; what staff typed stays with the evidence. */
const CUSTOMER_WORD = 'payout_failed';

type Evidence = Pick<
  StatusChange,
  'transactionReference' | 'payoutReportId' | 'resolutionId' | 'statementLineId'
>;

/** What the bank says of where and when the money left; by default the payout's own account and today. */
type PaidFrom = { readonly houseReference: string; readonly valueDate: string };

/**
 * Books a payout that was made.
 * @effects journal `withdrawal`, the hold, lots, the withdrawal; audit and event `withdrawal.completed`
 */
export async function bookPayout(
  tx: Tx,
  ctx: Ctx,
  withdrawal: Withdrawal,
  evidence: Evidence,
  paidFrom?: PaidFrom,
): Promise<Withdrawal> {
  const journalId = await postPayout(tx, ctx, withdrawal, paidFrom);
  return recordStatus(tx, ctx, withdrawal, {
    ...evidence,
    status: 'completed',
    journalId,
    completedAt: ctx.deps.clock.now(),
  });
}

/**
 * Sets the money of a payout free that was not made: by the word of the bank or provider that carries it, or by what
 * people say once that can pay it no more.
 * @effects the hold, the withdrawal; audit and event `withdrawal.failed`
 * @errors payout_on_statement, payout_may_leave
 */
export async function freePayout(
  tx: Tx,
  ctx: Ctx,
  withdrawal: Withdrawal,
  evidence: Evidence,
  said: Speaker = evidence.payoutReportId === undefined ? 'people' : 'bank',
): Promise<Withdrawal> {
  await refuseIfDebited(tx, withdrawal, said);
  if (said === 'people') {
    await refuseWhilePayable(tx, ctx, withdrawal.id);
  }
  await releaseHold(tx, ctx, present(withdrawal.holdId, 'an open withdrawal has its hold'));
  return recordStatus(tx, ctx, withdrawal, { ...evidence, status: 'failed', rejectionReason: CUSTOMER_WORD });
}

/**
 * Locks every wallet that settling these withdrawals of one file touches, all at once and in order:
 * one after the other they would be taken in the order of the file.
 */
export async function lockPayoutWallets(
  tx: Tx,
  ctx: Ctx,
  asset: string,
  withdrawals: readonly Withdrawal[],
): Promise<void> {
  const [first] = withdrawals;
  const reference = first === undefined ? HOUSE_REFERENCE : await houseReferenceOfPayout(tx, first.id);
  const house = await houseWallets(tx, ctx, asset, reference);
  await lockWallets(tx, [...withdrawals.map((row) => row.walletId), house.paidFrom.id, house.fees.id]);
}

/** The customer is owed less by amount and fee; the bank or custodian holds less by the amount. */
async function postPayout(tx: Tx, ctx: Ctx, withdrawal: Withdrawal, said?: PaidFrom): Promise<Id> {
  const reference = said?.houseReference ?? (await houseReferenceOfPayout(tx, withdrawal.id));
  const { paidFrom, fees, isMoney } = await houseWallets(tx, ctx, withdrawal.asset, reference);
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
      ...(said === undefined ? {} : { valueDate: said.valueDate }),
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

/** The house's wallets a payout is booked to. */
export async function houseWallets(
  tx: Tx,
  ctx: Ctx,
  assetCode: string,
  bankReference: string,
): Promise<{ readonly paidFrom: Wallet; readonly fees: Wallet; readonly isMoney: boolean }> {
  const asset = await requireAsset(tx, assetCode);
  const house = { reference: HOUSE_REFERENCE, book: 'live', asset: asset.code } as const;
  const isMoney = asset.kind === 'fiat';
  const paidFrom = isMoney
    ? await houseWallet(tx, ctx, { ...house, reference: bankReference, role: 'client_money_bank' })
    : await houseWallet(tx, ctx, { ...house, role: 'custody' });
  const fees = await houseWallet(tx, ctx, { ...house, role: 'fees_earned' });
  return { paidFrom, fees, isMoney };
}
