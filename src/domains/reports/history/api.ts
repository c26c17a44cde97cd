import { z } from '@hono/zod-openapi';
import { dayInput, wireDecimal, wireId, wireInstant } from '../../../platform/http/wire.ts';

const parts = {
  opening: wireDecimal.nullable().openapi({ description: 'Equity at the end of the day before' }),
  equity: wireDecimal.nullable().openapi({
    description: 'At the end of the last day, at the last prices then; null where something had none',
  }),
  change: wireDecimal.nullable().openapi({
    description: 'equity − opening, which is realised + unrealised + fees + transfers, to the last decimal',
  }),
  realised: wireDecimal.nullable().openapi({
    description:
      'Proceeds less cost of what was sold, without the commissions of trades, which are `fees`; the profit of closed contracts, and income',
  }),
  income: wireDecimal.nullable().openapi({ description: 'Dividends and interest: a part of `realised`' }),
  unrealised: wireDecimal.nullable().openapi({
    description:
      'By how much what is held changed in value without being sold: value less cost of the open lots, foreign money, open contracts',
  }),
  fees: wireDecimal.nullable().openapi({
    description:
      'What the firm charged, on the day it did: commissions of trades, other fees, funding of contracts; negative where charged',
  }),
  transfers: wireDecimal.nullable().openapi({
    description: 'What came in less what went out, at the prices of the end of its day',
  }),
};

const PortfolioDay = z
  .object({
    day: z.string().openapi({ format: 'date', example: '2026-01-31' }),
    endsAt: wireInstant,
    ...parts,
    cashValue: wireDecimal.nullable(),
    holdingsValue: wireDecimal.nullable(),
    contractsValue: wireDecimal.nullable().openapi({ description: 'Unrealised profit of open contracts' }),
    missing: z.array(z.string()).openapi({
      description:
        'What had no price at the end of the day: what depends on it is null, a gap and not a number',
    }),
  })
  .openapi('PortfolioDay');

export const PortfolioHistory = z
  .object({
    accountId: wireId,
    currency: z.string().openapi({ description: 'Of every value here', example: 'USD' }),
    timeZone: z.string().openapi({ description: 'Days begin and end in it', example: 'Indian/Mauritius' }),
    total: z.object(parts).openapi({ description: 'Of all the days together' }),
    days: z.array(PortfolioDay).openapi({
      description: 'Oldest first. A day is told once it is complete, minutes after it ended',
    }),
  })
  .openapi('PortfolioHistory');

export const HistoryQuery = z
  .strictObject({
    from: dayInput.optional().openapi({ description: 'The first day; 29 days before the last unless given' }),
    to: dayInput.optional().openapi({ description: 'The last day; the last complete one unless given' }),
  })
  .superRefine(({ from, to }, context) => {
    if (from !== undefined && to !== undefined && to < from) {
      context.addIssue({ code: 'custom', path: ['to'], message: 'must not be before from' });
    }
  });
