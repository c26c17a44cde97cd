import type { Amount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { FUNDING_EVENTS } from './audit.ts';
import type { FundingMethod } from './rules.ts';
import { fundingLimits } from './schema.ts';

export type FundingLimit = {
  readonly kycLevel: string;
  readonly asset: string;
  readonly direction: 'deposit' | 'withdrawal';
  readonly method: FundingMethod;
  /** Rolling. */
  readonly windowHours: number;
  readonly maximum: Amount;
};

/**
 * Sets limits where there are none yet. One that is there stays: changing a limit lowers a guard and
 * is no seed's business.
 * @effects rows of `funding_limits`; audit `funding_limit.seeded` for each new one
 */
export async function seedFundingLimits(tx: Tx, ctx: Ctx, limits: readonly FundingLimit[]): Promise<void> {
  const rows = limits.map((limit) => ({ ...limit, id: newId(), createdAt: ctx.deps.clock.now() }));
  const added =
    rows.length === 0 ? [] : await tx.insert(fundingLimits).values(rows).onConflictDoNothing().returning();
  for (const limit of added) {
    await record(tx, ctx, {
      event: FUNDING_EVENTS['funding_limit.seeded'],
      resource: { type: 'funding_limit', id: limit.id },
      subjectUserId: null,
      after: limit,
    });
  }
}
