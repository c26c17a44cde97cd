import { asc, desc, eq, inArray } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { type Amount, formatAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { readGates } from '../identity/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { scheduleInForce } from './funding-fee.ts';
import { FEE_TIERS, type FeeTier, type FundingMethod, tierOf } from './rules.ts';
import { feeSchedules, fundingFees } from './schema.ts';

/** One fee of a schedule. */
export type FeeRateRow = {
  readonly direction: 'deposit' | 'withdrawal';
  readonly method: FundingMethod;
  readonly asset: string;
  readonly fixed: Amount;
  readonly rateBps: number;
  readonly minimum: Amount;
  readonly maximum: Amount | null;
};

type NewSchedule = {
  readonly id: Id;
  readonly tier: string;
  readonly effectiveFrom: Instant;
  readonly approvalId: Id | null;
  readonly rates: readonly FeeRateRow[];
  readonly event: 'fee_schedule.seeded' | 'fee_schedule.changed';
};

/**
 * Adds a version of a tier's fees; the earlier ones stay as they are.
 * @effects one row of `fee_schedules`, rows of `funding_fees`; audit `fee_schedule.seeded` or `.changed`
 */
export async function insertFeeSchedule(tx: Tx, ctx: Ctx, schedule: NewSchedule): Promise<void> {
  const { rates, event, ...head } = schedule;
  const [row] = await tx
    .insert(feeSchedules)
    .values({ ...head, createdAt: ctx.deps.clock.now() })
    .returning();
  if (rates.length > 0) {
    await tx.insert(fundingFees).values(rates.map((rate) => ({ ...rate, id: newId(), scheduleId: head.id })));
  }
  await record(tx, ctx, {
    event: FUNDING_EVENTS[event],
    resource: { type: 'fee_schedule', id: head.id },
    subjectUserId: null,
    after: { ...present(row, 'the schedule was inserted'), fees: rates.map(feeLine) },
  });
}

/** The newest version made of a tier's fees, whether it is in force yet or not. */
export async function newestSchedule(tx: Tx, tier: string): Promise<Id | undefined> {
  const [newest] = await tx
    .select({ id: feeSchedules.id })
    .from(feeSchedules)
    .where(eq(feeSchedules.tier, tier))
    .orderBy(desc(feeSchedules.createdAt), desc(feeSchedules.id))
    .limit(1);
  return newest?.id;
}

export type FeeQuery = { readonly tier?: FeeTier | undefined; readonly at?: Instant | undefined };

/**
 * The fees of each tier as they are in force, or were or will be at an instant; for a customer with the
 * tier they are on.
 */
export async function listFees(ctx: Ctx, query: FeeQuery) {
  return transact(ctx, ctx.login, async (tx) => {
    const at = query.at ?? ctx.deps.clock.now();
    const inForce: Id[] = [];
    for (const tier of query.tier === undefined ? FEE_TIERS : [query.tier]) {
      inForce.push(...[(await scheduleInForce(tx, tier, at)) ?? []].flat());
    }
    const heads = await tx
      .select()
      .from(feeSchedules)
      .where(inArray(feeSchedules.id, inForce))
      .orderBy(asc(feeSchedules.tier));
    const fees = await tx
      .select()
      .from(fundingFees)
      .where(inArray(fundingFees.scheduleId, inForce))
      .orderBy(asc(fundingFees.direction), asc(fundingFees.asset), asc(fundingFees.method));
    return {
      tier: await tierOfCaller(tx, ctx),
      data: heads.map((head) => ({ ...head, fees: fees.filter((fee) => fee.scheduleId === head.id) })),
    };
  });
}

async function tierOfCaller(tx: Tx, ctx: Ctx): Promise<string | null> {
  const userId = ctx.login === 'staff' ? null : personOf(ctx.actor);
  const gate = userId === null ? undefined : (await readGates(tx, [userId])).get(userId);
  return gate === undefined || gate.kycLevel === 'none' ? null : tierOf(gate.kycLevel);
}

/** A fee in the words of the audit log. */
function feeLine(rate: FeeRateRow): string {
  const { direction, method, asset, fixed, rateBps, minimum, maximum } = rate;
  const most = maximum === null ? 'no maximum' : `at most ${formatAmount(maximum)}`;
  return `${direction} ${method} ${asset}: ${formatAmount(fixed)} + ${rateBps} bps, at least ${formatAmount(minimum)}, ${most}`;
}
