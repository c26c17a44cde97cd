import { and, asc, desc, eq, inArray, isNull, ne, or } from 'drizzle-orm';
import { ZERO } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { ReportFacts } from '../../platform/report-facts.ts';
import { fxRates, fxRateWithdrawals } from './conversions/schema.ts';
import { wallets } from './schema.ts';

/** Further back than this no rate is looked for. */
const RATES = 5_000;

/** What people have, and what it was worth, for a report about them. */
export const ledgerFacts: readonly ReportFacts[] = [
  {
    holdings: async (tx, _ctx, userIds) => {
      if (userIds.length === 0) {
        return [];
      }
      const rows = await tx
        .select()
        .from(wallets)
        .where(and(inArray(wallets.userId, [...userIds]), eq(wallets.book, 'live'), ne(wallets.total, ZERO)))
        .orderBy(asc(wallets.id));
      return rows.map(({ userId, accountId, asset, total }) => ({
        userId: userId as Id,
        accountId,
        asset,
        balance: total,
      }));
    },
    rates: async (tx, _ctx, currency, assets) => {
      if (assets.length === 0) {
        return [];
      }
      const rows = await tx
        .select({ base: fxRates.base, quote: fxRates.quote, rate: fxRates.rate, asOf: fxRates.asOf })
        .from(fxRates)
        .leftJoin(fxRateWithdrawals, eq(fxRateWithdrawals.rateId, fxRates.id))
        .where(
          and(
            isNull(fxRateWithdrawals.rateId),
            or(
              and(eq(fxRates.quote, currency), inArray(fxRates.base, [...assets])),
              and(eq(fxRates.base, currency), inArray(fxRates.quote, [...assets])),
            ),
          ),
        )
        .orderBy(desc(fxRates.asOf), desc(fxRates.id))
        .limit(RATES);
      return rows.map(({ base, quote, rate, asOf }) => ({
        asset: base === currency ? quote : base,
        rate,
        isInverse: base === currency,
        asOf,
      }));
    },
  },
];
