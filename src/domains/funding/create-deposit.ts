import { type Amount, formatAmount } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { customerWallet, requireAsset } from '../ledger/index.ts';
import { clearingDays } from './credit-deposit.ts';
import { type PayableDeposit, payable } from './deposit-accounts/payment-instructions.ts';
import { refuseBeyondDepositLimits } from './deposit-limits.ts';
import { refuseFunding } from './errors.ts';
import { depositFee } from './funding-fee.ts';
import { lockMoneyPath } from './lock-money-path.ts';
import { recordDeposit } from './record-deposit.ts';
import { type FundingMethod, fitsAsset, methodSuits } from './rules.ts';

export type NewDeposit = {
  readonly accountId: Id;
  readonly asset: string;
  readonly amount: Amount;
  readonly method: FundingMethod;
  /** The fee the customer was shown and agreed to. */
  readonly expectedFee?: Amount | undefined;
};

/**
 * Announces money that is on its way and gives it a payment reference. Nothing is credited.
 * @effects those of `recordDeposit`, perhaps a wallet
 * @errors not_found, the gate's, account_not_live, account_not_active, unknown_asset,
 *   amount_too_precise, method_not_supported, limit_exceeded, fee_changed
 */
export async function createDeposit(ctx: Ctx, input: NewDeposit): Promise<PayableDeposit> {
  return transact(ctx, 'engine', async (tx) => {
    const { account, gate } = await lockMoneyPath(tx, ctx, input.accountId, 'money_in');
    const asset = await requireAsset(tx, input.asset);
    if (!fitsAsset(input.amount, asset)) {
      throw refuseFunding('amount_too_precise');
    }
    if (!methodSuits(input.method, asset)) {
      throw refuseFunding('method_not_supported');
    }
    await clearingDays(tx, input.method);
    const at = ctx.deps.clock.now();
    const { amount, method } = input;
    const { kycLevel } = gate;
    const { userId } = account;
    await refuseBeyondDepositLimits(tx, ctx, { userId, kycLevel, asset: asset.code, method, amount });
    const { fee } = await depositFee(tx, { asset, method, kycLevel, amount, at });
    if (input.expectedFee !== undefined && input.expectedFee !== fee) {
      throw refuseFunding('fee_changed', { detail: `The fee is ${formatAmount(fee)} ${asset.code} now.` });
    }
    const owner = { userId: account.userId, accountId: account.id };
    const wallet = await customerWallet(tx, ctx, { ...owner, book: 'live' }, asset.code);
    const deposit = await recordDeposit(tx, ctx, {
      ...owner,
      walletId: wallet.id,
      asset: asset.code,
      amount,
      // What is shown here is what is taken.
      fee,
      method,
      provider: 'manual',
      metadata: {},
    });
    return payable(tx, ctx, deposit);
  });
}
