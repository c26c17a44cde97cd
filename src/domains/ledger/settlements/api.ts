import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../../platform/http/cursor.ts';
import { wireDecimal, wireId, wireOf } from '../../../platform/http/wire.ts';
import { settlementObligations } from './schema.ts';

const day = z.string().openapi({ format: 'date', example: '2026-01-30' });

export const Settlement = wireOf(settlementObligations)
  .pick({ asset: true, amount: true, createdAt: true, settledAt: true })
  .extend({
    fillId: wireId,
    tradeId: wireId,
    accountId: wireId,
    walletId: wireId,
    used: wireDecimal.openapi({ description: 'What was traded on before it settled' }),
    unsettled: wireDecimal.openapi({ description: 'What of it may not be withdrawn yet' }),
    tradeDate: day.openapi({ description: 'The trading day of the exchange' }),
    settlesOn: day.openapi({
      description:
        'The day of the firm it settles on: by the cycle of the instrument, or later where it was paid with what settles later',
    }),
  })
  .openapi('Settlement');

export const SettlementQuery = z.strictObject({
  ...pageQuery,
  state: z.enum(['open', 'settled']).optional(),
});

/** What settles in a wallet on a day. */
export const Settling = z.object({ settlesOn: day, amount: wireDecimal }).openapi('Settling');
