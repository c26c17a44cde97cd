import { personOf } from '../../../kernel/actor.ts';
import { type Amount, amountOf } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { readGates } from '../../identity/index.ts';
import { requireAsset } from '../../ledger/index.ts';
import { refuseFunding } from '../errors.ts';
import { depositFee } from '../funding-fee.ts';
import { type FundingMethod, fitsAsset, methodSuits, tierOf } from '../rules.ts';

export type DepositQuote = {
  readonly asset: string;
  readonly method: FundingMethod;
  readonly amount: Amount;
  readonly fee: Amount;
  /** The row of the fee schedule it follows from; null where none names a fee. */
  readonly feeId: Id | null;
  readonly tier: string;
  /** What would be left of it for the customer. */
  readonly credited: Amount;
};

/**
 * What a deposit would cost, before it is announced. It promises nothing: the rows in force when the deposit is
 * announced decide.
 * @errors kyc_not_approved, unknown_asset, amount_too_precise, method_not_supported
 */
export async function quoteDeposit(
  ctx: Ctx,
  input: { readonly asset: string; readonly amount: Amount; readonly method: FundingMethod },
): Promise<DepositQuote> {
  const userId = present(personOf(ctx.actor), 'a quote is given to a person');
  const { amount, method } = input;
  return transact(ctx, ctx.login, async (tx) => {
    const gate = (await readGates(tx, [userId])).get(userId);
    if (gate === undefined || gate.kycLevel === 'none') {
      throw refuseFunding('kyc_not_approved');
    }
    const asset = await requireAsset(tx, input.asset);
    if (!fitsAsset(amount, asset)) {
      throw refuseFunding('amount_too_precise');
    }
    if (!methodSuits(method, asset)) {
      throw refuseFunding('method_not_supported');
    }
    const { kycLevel } = gate;
    const at = ctx.deps.clock.now();
    const { fee, feeId } = await depositFee(tx, { asset, method, kycLevel, amount, at });
    const credited = amountOf(amount - fee);
    return { asset: asset.code, method, amount, fee, feeId, tier: tierOf(kycLevel), credited };
  });
}
