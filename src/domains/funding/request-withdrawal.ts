import { type Amount, amountOf } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { sealJson } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive, lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { createHold, customerWallet, requireAsset } from '../ledger/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { CHECKERS } from './checkers.ts';
import { type Destination, destinationHash, withdrawalPlace } from './destination.ts';
import { refuseFunding } from './errors.ts';
import { withdrawalEvent } from './funding-events.ts';
import { lockMoneyPath, type MoneyPath } from './lock-money-path.ts';
import { type FundedAsset, fitsAsset, limitRefusal, payeeSuits, reviewOf, withdrawalFee } from './rules.ts';
import { beneficiaries, withdrawals } from './schema.ts';
import { PAYOUT_ESTIMATE_MS } from './settings.ts';
import { destinationOfBeneficiary, findBeneficiary, type Withdrawal, withdrawalLimitUses } from './store.ts';
import { APPROVE_WITHDRAWAL, approvalPayload } from './withdrawal-payload.ts';

export type NewWithdrawal = {
  readonly accountId: Id;
  readonly asset: string;
  readonly amount: Amount;
  readonly beneficiaryId: Id;
};

/**
 * Reserves the money and puts the withdrawal before its checkers. A refusal writes nothing but the
 * attempt: a request that cannot be met leaves no half-done row to explain.
 * @effects rows of `withdrawals`, `holds`, `approvals`; audit `withdrawal.requested`; event
 *   `funding.withdrawal_requested`
 * @errors not_found, the gate's, account_not_live, account_not_active, unknown_asset,
 *   amount_too_precise, beneficiary_not_usable, beneficiary_not_suitable, limit_missing, limit_exceeded,
 *   wallet_not_active, insufficient_funds
 */
export async function requestWithdrawal(ctx: Ctx, input: NewWithdrawal): Promise<Withdrawal> {
  return transact(ctx, 'engine', async (tx) => {
    const path = await lockMoneyPath(tx, ctx, input.accountId, 'money_out');
    // One at a time per person: the limits count what the others of this moment asked for.
    await lockExclusive(tx, [`withdrawals:${path.account.userId}`]);
    const asset = await requireAsset(tx, input.asset);
    if (!fitsAsset(input.amount, asset)) {
      throw refuseFunding('amount_too_precise');
    }
    const destination = await payeeOf(tx, ctx, input.beneficiaryId, asset);
    const fee = withdrawalFee(asset.code);
    await refuseBeyondLimits(tx, ctx, path, asset.code, amountOf(input.amount));
    const withdrawal = await insertWithdrawal(tx, ctx, path, {
      ...input,
      fee,
      kind: asset.kind,
      destination,
    });
    await record(tx, ctx, {
      event: FUNDING_EVENTS['withdrawal.requested'],
      resource: { type: 'withdrawal', id: withdrawal.id },
      subjectUserId: withdrawal.userId,
      after: withdrawal,
    });
    await publish(tx, ctx, [withdrawalEvent('funding.withdrawal_requested', withdrawal)]);
    return withdrawal;
  });
}

async function payeeOf(tx: Tx, ctx: Ctx, beneficiaryId: Id, asset: FundedAsset): Promise<Destination> {
  await findBeneficiary(tx, ctx, beneficiaryId);
  const beneficiary = present(await lockRow(tx, beneficiaries, beneficiaryId), 'never deleted');
  if (beneficiary.status !== 'active' || beneficiary.usableFrom > ctx.deps.clock.now()) {
    throw refuseFunding('beneficiary_not_usable');
  }
  const destination = await destinationOfBeneficiary(tx, ctx, beneficiary);
  if (!payeeSuits(destination, asset)) {
    throw refuseFunding('beneficiary_not_suitable');
  }
  return destination;
}

async function refuseBeyondLimits(
  tx: Tx,
  ctx: Ctx,
  path: MoneyPath,
  asset: string,
  amount: Amount,
): Promise<void> {
  const { userId, kycLevel } = path.gate;
  const uses = await withdrawalLimitUses(tx, { userId, kycLevel, asset, at: ctx.deps.clock.now() });
  const refusal = limitRefusal(uses, amount);
  if (refusal !== null) {
    throw refuseFunding(refusal);
  }
}

type Payable = NewWithdrawal & {
  readonly fee: Amount;
  readonly kind: string;
  readonly destination: Destination;
};

async function insertWithdrawal(tx: Tx, ctx: Ctx, path: MoneyPath, payable: Payable): Promise<Withdrawal> {
  const { asset, amount, fee, beneficiaryId, destination } = payable;
  const owner = { userId: path.account.userId, accountId: path.account.id };
  const wallet = await customerWallet(tx, ctx, { ...owner, book: 'live' }, asset);
  const id = newId();
  const { status, quorum } = reviewOf(asset, amount);
  const hold = await createHold(tx, ctx, {
    walletId: wallet.id,
    amount: amountOf(amount + fee),
    reason: 'withdrawal',
    referenceType: 'withdrawal',
    referenceId: id,
  });
  const key = await ctx.deps.personKeys.of(tx, owner.userId);
  const createdAt = ctx.deps.clock.now();
  const draft = {
    ...owner,
    id,
    walletId: wallet.id,
    asset,
    amount,
    fee,
    beneficiaryId,
    destinationHash: destinationHash(ctx.deps.keyring, destination),
  };
  const approval = await requestApproval(tx, ctx, {
    action: APPROVE_WITHDRAWAL,
    subjectType: 'withdrawal',
    subjectId: id,
    subjectUserId: owner.userId,
    payload: approvalPayload(draft),
    quorum,
    checkerRoles: CHECKERS,
    reason: 'The customer asked for a withdrawal',
  });
  const [row] = await tx
    .insert(withdrawals)
    .values({
      ...draft,
      destination: sealJson(key, withdrawalPlace(id), destination),
      status,
      holdId: hold.id,
      approvalId: approval.id,
      estimatedCompletionAt: addMs(createdAt, PAYOUT_ESTIMATE_MS[payable.kind === 'fiat' ? 'fiat' : 'other']),
      createdAt,
    })
    .returning();
  return present(row, 'the withdrawal was inserted');
}
