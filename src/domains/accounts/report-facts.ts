import { asc, inArray } from 'drizzle-orm';
import type { ReportFacts } from '../../platform/report-facts.ts';
import { accounts } from './schema.ts';

/** The accounts of people, for a report about them; paper ones hold no money. */
export const accountFacts: readonly ReportFacts[] = [
  {
    accounts: async (tx, _ctx, userIds) => {
      if (userIds.length === 0) {
        return [];
      }
      const rows = await tx
        .select()
        .from(accounts)
        .where(inArray(accounts.userId, [...userIds]))
        .orderBy(asc(accounts.id));
      return rows
        .filter(({ type }) => type === 'live')
        .map(({ id, userId, name, baseCurrency, status, createdAt, closedAt }) => ({
          id,
          userId,
          name,
          currency: baseCurrency,
          status,
          openedAt: createdAt,
          closedAt,
        }));
    },
  },
];
