import { and, eq, inArray } from 'drizzle-orm';
import { type Amount, formatAmount, ZERO } from '../../kernel/amount.ts';
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
import { CHECKERS, CHECKERS_WITH_MLRO } from './checkers.ts';
import { repayBeforeLeaving } from './debts.ts';
import { type Destination, destinationHash, withdrawalPlace } from './destination.ts';
import { refuseFunding } from './errors.ts';
import { withdrawalEvent } from './funding-events.ts';
import { fundingFee } from './funding-fee.ts';
import type { TravelRule } from './ivms101.ts';
import { travelRuleHash } from './kept-travel-rule.ts';
import { lockMoneyPath, type MoneyPath } from './lock-money-path.ts';
import { payoutRiskOf } from './payout-risk.ts';
import {
  type FundedAsset,
  type FundingMethod,
  fitsAsset,
  limitRefusal,
  methodOf,
  OPEN_WITHDRAWAL_STATUSES,
  payeeRefusal,
  payeeSuits,
  reservedFor,
  reviewOf,
} from './rules.ts';
import { beneficiaries, withdrawals } from './schema.ts';
import { PAYOUT_ESTIMATE_MS } from './settings.ts';
import {
  askedInDay,
  destinationOfBeneficiary,
  findBeneficiary,
  type Withdrawal,
  withdrawalLimitUses,
} from './store.ts';
import { type ReceivingWallet, travelRuleOf } from './travel-rule.ts';
import { isWithdrawalHeld } from './watch-money.ts';
import { APPROVE_WITHDRAWAL, approvalPayload } from './withdrawal-payload.ts';

export type NewWithdrawal = {
  readonly accountId: Id;
  readonly asset: string;
  readonly amount: Amount;
  readonly beneficiaryId: Id;
  /** The customer knows that the same withdrawal is open already. */
  readonly confirmDuplicate?: boolean | undefined;
  /** The fee the customer was shown and agreed to. */
  readonly expectedFee?: Amount | undefined;
  /** Who holds the receiving wallet; for coins. */
  readonly travelRule?: ReceivingWallet | undefined;
};

/**
 * Reserves the money and puts the withdrawal before its checkers. A refusal writes nothing but the
 * attempt: a request that cannot be met leaves no half-done row to explain.
 * @effects rows of `withdrawals`, `holds`, `approvals`; audit `withdrawal.requested`; event
 *   `funding.withdrawal_requested`
 * @errors not_found, the gate's, account_not_live, account_not_active, unknown_asset,
 *   amount_too_precise, beneficiary_not_usable, under_review, beneficiary_not_suitable, travel_rule_data_required,
 *   duplicate_withdrawal, limit_missing, limit_exceeded, fee_changed, amount_too_large,
 *   debt_open, wallet_not_active, margin_unknown, insufficient_funds
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
    const method = methodOf(destination);
    const travelRule = await travelRuleOf(tx, ctx, { ...input, userId: path.account.userId, destination });
    const duplicateOf = await confirmedDuplicate(tx, path.account.userId, input);
    await refuseBeyondLimits(tx, ctx, path, { asset: asset.code, method, amount: input.amount });
    const withdrawal = await insertWithdrawal(tx, ctx, path, {
      ...input,
      ...(await agreedFee(tx, ctx, path, { ...input, asset, method })),
      method,
      kind: asset.kind,
      destination,
      travelRule,
      duplicateOf,
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
  const refusal = payeeRefusal(beneficiary, ctx.deps.clock.now());
  if (refusal !== null) {
    throw refuseFunding(refusal);
  }
  const destination = await destinationOfBeneficiary(tx, ctx, beneficiary);
  if (!payeeSuits(destination, asset)) {
    throw refuseFunding('beneficiary_not_suitable');
  }
  return destination;
}

/**
 * The same payee, amount and asset while the earlier one is open: more often a slip than a wish. Where the customer
 * says that it is meant, two people decide on it and see what it repeats.
 * @errors duplicate_withdrawal
 */
async function confirmedDuplicate(tx: Tx, userId: Id, input: NewWithdrawal): Promise<Id | undefined> {
  const [open] = await tx
    .select({ id: withdrawals.id })
    .from(withdrawals)
    .where(
      and(
        eq(withdrawals.userId, userId),
        eq(withdrawals.beneficiaryId, input.beneficiaryId),
        eq(withdrawals.asset, input.asset),
        eq(withdrawals.amount, input.amount),
        inArray(withdrawals.status, [...OPEN_WITHDRAWAL_STATUSES]),
      ),
    )
    .orderBy(withdrawals.id)
    .limit(1);
  if (open !== undefined && input.confirmDuplicate !== true) {
    throw refuseFunding('duplicate_withdrawal');
  }
  return open?.id;
}

async function refuseBeyondLimits(
  tx: Tx,
  ctx: Ctx,
  path: MoneyPath,
  move: { readonly asset: string; readonly method: FundingMethod; readonly amount: Amount },
): Promise<void> {
  const { userId, kycLevel } = path.gate;
  const { asset, method } = move;
  const uses = await withdrawalLimitUses(tx, { userId, kycLevel, method, at: ctx.deps.clock.now() });
  const refusal = limitRefusal(uses, asset, move.amount);
  if (refusal !== null) {
    throw refuseFunding(refusal);
  }
}

type Charged = Pick<NewWithdrawal, 'amount' | 'expectedFee'> & {
  readonly asset: FundedAsset;
  readonly method: FundingMethod;
};

type AgreedFee = { readonly fee: Amount; readonly feeId: Id | null; readonly reserved: Amount };

/** The fee in force now; one above nothing is taken only where the request names it: the customer was shown it. */
async function agreedFee(tx: Tx, ctx: Ctx, path: MoneyPath, charged: Charged): Promise<AgreedFee> {
  const { asset, method, amount, expectedFee } = charged;
  const { kycLevel } = path.gate;
  const at = ctx.deps.clock.now();
  const { fee, feeId } = await fundingFee(tx, {
    direction: 'withdrawal',
    asset,
    method,
    kycLevel,
    amount,
    at,
  });
  if ((expectedFee ?? ZERO) !== fee) {
    throw refuseFunding('fee_changed', { detail: `The fee is ${formatAmount(fee)} ${asset.code} now.` });
  }
  const reserved = reservedFor(amount, fee);
  if (reserved === undefined) {
    throw refuseFunding('amount_too_large');
  }
  return { fee, feeId, reserved };
}

type Payable = Omit<NewWithdrawal, 'travelRule'> & {
  readonly fee: Amount;
  readonly feeId: Id | null;
  readonly reserved: Amount;
  readonly kind: string;
  readonly method: FundingMethod;
  readonly destination: Destination;
  readonly travelRule: TravelRule | null;
  readonly duplicateOf: Id | undefined;
};

async function insertWithdrawal(tx: Tx, ctx: Ctx, path: MoneyPath, payable: Payable): Promise<Withdrawal> {
  const { asset, amount, fee, feeId, method, beneficiaryId, destination, travelRule } = payable;
  const owner = { userId: path.account.userId, accountId: path.account.id };
  const wallet = await customerWallet(tx, ctx, { ...owner, book: 'live' }, asset);
  // What a person owes goes first: nothing leaves ahead of it.
  await repayBeforeLeaving(tx, ctx, { ...owner, id: wallet.id, asset });
  const id = newId();
  const isRepeated = payable.duplicateOf !== undefined;
  const risk = { ...(await payoutRiskOf(tx, path.gate)), isRepeated };
  const asked = await askedInDay(tx, { userId: owner.userId, asset, amount, at: ctx.deps.clock.now() });
  const createdAt = ctx.deps.clock.now();
  const watched = { ...owner, id, asset, amount, method, beneficiaryId, createdAt };
  const isHeld = await isWithdrawalHeld(tx, ctx, watched, destination);
  const { status, quorum, mlro } = reviewOf(asset, asked, { ...risk, isHeld });
  const hold = await createHold(tx, ctx, {
    walletId: wallet.id,
    amount: payable.reserved,
    reason: 'withdrawal',
    referenceType: 'withdrawal',
    referenceId: id,
  });
  const key = await ctx.deps.personKeys.of(tx, owner.userId);
  const draft = {
    ...owner,
    id,
    walletId: wallet.id,
    asset,
    amount,
    fee,
    feeId,
    method,
    beneficiaryId,
    destinationHash: destinationHash(ctx.deps.keyring, destination),
  };
  const approval = await requestApproval(tx, ctx, {
    action: APPROVE_WITHDRAWAL,
    subjectType: 'withdrawal',
    subjectId: id,
    subjectUserId: owner.userId,
    payload: approvalPayload(draft, {
      travelRuleHash: method === 'crypto' ? travelRuleHash(ctx.deps.keyring, travelRule) : undefined,
      duplicateOf: payable.duplicateOf,
    }),
    quorum,
    checkerRoles: mlro ? CHECKERS_WITH_MLRO : CHECKERS,
    reason: 'The customer asked for a withdrawal',
  });
  const [row] = await tx
    .insert(withdrawals)
    .values({
      ...draft,
      destination: sealJson(key, withdrawalPlace(id), destination),
      travelRule: travelRule === null ? null : sealJson(key, withdrawalPlace(id, 'travel_rule'), travelRule),
      status,
      holdId: hold.id,
      approvalId: approval.id,
      estimatedCompletionAt: addMs(createdAt, PAYOUT_ESTIMATE_MS[payable.kind === 'fiat' ? 'fiat' : 'other']),
      createdAt,
    })
    .returning();
  return present(row, 'the withdrawal was inserted');
}
