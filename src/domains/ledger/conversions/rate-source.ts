import { and, desc, eq, getTableColumns, gt, isNull, or, sql } from 'drizzle-orm';
import type { Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { fxRates, fxRateWithdrawals } from './schema.ts';

export type FxRate = typeof fxRates.$inferSelect & {
  /** Stopped before its end. */
  readonly withdrawnAt: Instant | null;
};

/**
 * Where the middle of a pair comes from. A feed of a market takes this place by writing what it says as a
 * row, which the quote cites. Whether a rate still counts is not the source's to say: its own end does.
 */
export type RateSource = {
  /** The newest rate of a pair, whichever way round it was set, even one that is over. */
  readonly newestOf: (
    tx: Tx,
    pair: { readonly from: string; readonly to: string },
  ) => Promise<FxRate | undefined>;
  /** Every pair's newest rate, where it is not over. */
  readonly inForce: (tx: Tx, now: Instant) => Promise<readonly FxRate[]>;
};

export const FX_RATE = { ...getTableColumns(fxRates), withdrawnAt: fxRateWithdrawals.withdrawnAt };

const NEWEST_FIRST = [desc(fxRates.asOf), desc(fxRates.createdAt), desc(fxRates.id)];

/**
 * The rates two people agreed to. Pairs are taken as they are: no rate is made from two others. Where the
 * newest rate of a pair is over there is none: an older one never counts again.
 */
export const approvedRates: RateSource = {
  newestOf: async (tx, { from, to }) => {
    const [newest] = await tx
      .select(FX_RATE)
      .from(fxRates)
      .leftJoin(fxRateWithdrawals, eq(fxRateWithdrawals.rateId, fxRates.id))
      .where(
        or(
          and(eq(fxRates.base, from), eq(fxRates.quote, to)),
          and(eq(fxRates.base, to), eq(fxRates.quote, from)),
        ),
      )
      .orderBy(...NEWEST_FIRST)
      .limit(1);
    return newest;
  },
  inForce: async (tx, now) => {
    const low = sql`least(${fxRates.base}, ${fxRates.quote})`;
    const high = sql`greatest(${fxRates.base}, ${fxRates.quote})`;
    const newest = tx
      .selectDistinctOn([low, high], FX_RATE)
      .from(fxRates)
      .leftJoin(fxRateWithdrawals, eq(fxRateWithdrawals.rateId, fxRates.id))
      .orderBy(low, high, ...NEWEST_FIRST)
      .as('newest');
    return tx
      .select()
      .from(newest)
      .where(and(gt(newest.validUntil, now), isNull(newest.withdrawnAt)));
  },
};

/** Whether a rate counts at an instant. */
export function counts(rate: FxRate, now: Instant): boolean {
  return rate.withdrawnAt === null && now < rate.validUntil;
}
