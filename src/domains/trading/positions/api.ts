import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../../platform/http/cursor.ts';
import { wireDecimal, wireId, wireInstant } from '../../../platform/http/wire.ts';
import { positionSide, positionStatus } from './schema.ts';

export const Position = z
  .object({
    id: wireId,
    accountId: wireId,
    symbol: z.string(),
    side: z.enum(positionSide.enumValues),
    status: z.enum(positionStatus.enumValues),
    quantity: wireDecimal.openapi({ description: 'What is open' }),
    settlementAsset: z.string().openapi({ description: 'Of every value here', example: 'USD' }),
    averageEntryPrice: wireDecimal.nullable().openapi({ description: 'Of what is open, rounded half even' }),
    averageExitPrice: wireDecimal
      .nullable()
      .openapi({ description: 'Of what was closed, rounded half even' }),
    entryValue: wireDecimal.openapi({ description: 'What is open at the prices it was entered at, exact' }),
    markPrice: wireDecimal.openapi({ description: 'The price it was last valued at' }),
    markedAt: wireInstant,
    value: wireDecimal,
    unrealisedPnl: wireDecimal,
    realisedPnl: wireDecimal.openapi({ description: 'Of what was closed, before fees and funding' }),
    totalPnl: wireDecimal.openapi({ description: 'Realised and unrealised, less fees and funding' }),
    fees: wireDecimal,
    fundingPaid: wireDecimal.openapi({ description: 'What holding it has cost; negative where it received' }),
    lossBorne: wireDecimal.openapi({ description: 'The part of its losses that the firm bore' }),
    leverage: wireDecimal.nullable().openapi({ description: 'Entry value over initial margin' }),
    initialMargin: wireDecimal,
    maintenanceMargin: wireDecimal,
    liquidationPrice: wireDecimal.nullable().openapi({
      description: 'The mark at which it would be closed out if nothing else changed; null where none would',
    }),
    fillCount: z.number().int(),
    volume: wireDecimal.openapi({ description: 'All that was traded of it' }),
    version: z.number().int(),
    openedAt: wireInstant,
    updatedAt: wireInstant,
    closedAt: wireInstant.nullable(),
  })
  .openapi('Position');

export const PositionQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(positionStatus.enumValues).optional(),
});
