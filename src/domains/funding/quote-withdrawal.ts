import { personOf } from '../../kernel/actor.ts';
import type { Amount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { readGates } from '../identity/index.ts';
import { requireAsset } from '../ledger/index.ts';
import { refuseFunding } from './errors.ts';
import { fundingFee } from './funding-fee.ts';
import { type FundingMethod, fitsAsset, methodOf, payeeSuits, reservedFor, tierOf } from './rules.ts';
import { destinationOfBeneficiary, findBeneficiary } from './store.ts';

export type WithdrawalQuote = {
  readonly asset: string;
  readonly method: FundingMethod;
  readonly amount: Amount;
  readonly fee: Amount;
  /** The row of the fee schedule it follows from; null where none names a fee. */
  readonly feeId: Id | null;
  readonly tier: string;
  /** What would be reserved. */
  readonly total: Amount;
};

/**
 * What a withdrawal would cost, before it is asked for. It reserves nothing and promises nothing: the
 * rows in force when the withdrawal is requested decide.
 * @errors not_found, unknown_asset, amount_too_precise, beneficiary_not_suitable, kyc_not_approved,
 *   amount_too_large
 */
export async function quoteWithdrawal(
  ctx: Ctx,
  input: { readonly asset: string; readonly amount: Amount; readonly beneficiaryId: Id },
): Promise<WithdrawalQuote> {
  const userId = present(personOf(ctx.actor), 'a quote is given to a person');
  const { amount } = input;
  return transact(ctx, ctx.login, async (tx) => {
    const gate = (await readGates(tx, [userId])).get(userId);
    const asset = await requireAsset(tx, input.asset);
    if (!fitsAsset(amount, asset)) {
      throw refuseFunding('amount_too_precise');
    }
    const beneficiary = await findBeneficiary(tx, ctx, input.beneficiaryId);
    const destination = await destinationOfBeneficiary(tx, ctx, beneficiary);
    if (!payeeSuits(destination, asset)) {
      throw refuseFunding('beneficiary_not_suitable');
    }
    if (gate === undefined || gate.kycLevel === 'none') {
      throw refuseFunding('kyc_not_approved');
    }
    const method = methodOf(destination);
    const { kycLevel } = gate;
    const at = ctx.deps.clock.now();
    const { fee, feeId } = await fundingFee(tx, {
      direction: 'withdrawal',
      asset,
      method,
      kycLevel,
      amount,
      at,
    });
    const total = reservedFor(amount, fee);
    if (total === undefined) {
      throw refuseFunding('amount_too_large');
    }
    return { asset: asset.code, method, amount, fee, feeId, tier: tierOf(kycLevel), total };
  });
}
