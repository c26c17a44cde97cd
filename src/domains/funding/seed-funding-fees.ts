import { inArray } from 'drizzle-orm';
import type { Amount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { insertFeeSchedule } from './fee-schedules.ts';
import type { FeeTier, FundingMethod } from './rules.ts';
import { feeSchedules } from './schema.ts';

export type FundingFee = {
  readonly tier: FeeTier;
  readonly asset: string;
  readonly direction: 'deposit' | 'withdrawal';
  readonly method: FundingMethod;
  readonly fixed: Amount;
  /** Of the amount. */
  readonly rateBps: number;
  readonly minimum?: Amount;
  readonly maximum?: Amount;
};

/**
 * Gives each tier that has none yet its first schedule. One that is there stays: fees change by approval.
 * @effects rows of `fee_schedules`, `funding_fees`; audit `fee_schedule.seeded` for each new schedule
 */
export async function seedFundingFees(tx: Tx, ctx: Ctx, fees: readonly FundingFee[]): Promise<void> {
  const tiers = [...new Set(fees.map((fee) => fee.tier))];
  const known = await tx
    .select({ tier: feeSchedules.tier })
    .from(feeSchedules)
    .where(inArray(feeSchedules.tier, tiers));
  for (const tier of tiers.filter((each) => known.every((row) => row.tier !== each))) {
    const rates = fees
      .filter((fee) => fee.tier === tier)
      .map(({ tier: _tier, minimum, maximum, ...rate }) => ({
        ...rate,
        minimum: minimum ?? (0n as Amount),
        maximum: maximum ?? null,
      }));
    const head = { id: newId(), tier, effectiveFrom: ctx.deps.clock.now(), approvalId: null };
    await insertFeeSchedule(tx, ctx, { ...head, rates, event: 'fee_schedule.seeded' });
  }
}
