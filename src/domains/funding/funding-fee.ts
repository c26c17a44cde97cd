import { and, desc, eq, lte } from 'drizzle-orm';
import { type Amount, minAmount, ZERO } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Tx } from '../../platform/db/client.ts';
import { type FundedAsset, type FundingMethod, feeOf, tierOf } from './rules.ts';
import { feeSchedules, fundingFees } from './schema.ts';

export type FeeSubject = {
  readonly direction: 'deposit' | 'withdrawal';
  readonly asset: FundedAsset;
  readonly method: FundingMethod;
  readonly kycLevel: string;
  readonly amount: Amount;
  readonly at: Instant;
};

/** A fee, and the row it was asked by: null where the schedule in force names none. */
export type Fee = { readonly fee: Amount; readonly feeId: Id | null };

/**
 * What moving an amount costs by the schedule of the customer's tier in force then; nothing where it names
 * no fee: a fee nobody set is not taken.
 * @units the moved asset
 */
export async function fundingFee(tx: Tx, subject: FeeSubject): Promise<Fee> {
  const scheduleId = await scheduleInForce(tx, tierOf(subject.kycLevel), subject.at);
  if (scheduleId === undefined) {
    return { fee: ZERO, feeId: null };
  }
  const [rate] = await tx
    .select()
    .from(fundingFees)
    .where(
      and(
        eq(fundingFees.scheduleId, scheduleId),
        eq(fundingFees.direction, subject.direction),
        eq(fundingFees.method, subject.method),
        eq(fundingFees.asset, subject.asset.code),
      ),
    );
  return rate === undefined
    ? { fee: ZERO, feeId: null }
    : { fee: feeOf(subject.amount, rate, subject.asset.scale), feeId: rate.id };
}

/** What a deposit costs: never more than the money itself, whatever a schedule says. @units the moved asset */
export async function depositFee(tx: Tx, subject: Omit<FeeSubject, 'direction'>): Promise<Fee> {
  const { fee, feeId } = await fundingFee(tx, { ...subject, direction: 'deposit' });
  return { fee: minAmount(fee, subject.amount), feeId };
}

/** A tier's schedule at an instant: the last to have begun, and of two that begin together the later made. */
export async function scheduleInForce(tx: Tx, tier: string, at: Instant): Promise<Id | undefined> {
  const [schedule] = await tx
    .select({ id: feeSchedules.id })
    .from(feeSchedules)
    .where(and(eq(feeSchedules.tier, tier), lte(feeSchedules.effectiveFrom, at)))
    .orderBy(desc(feeSchedules.effectiveFrom), desc(feeSchedules.id))
    .limit(1);
  return schedule?.id;
}
