import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../../platform/http/cursor.ts';
import { amountInput, wireDecimal, wireId, wireInstant } from '../../../platform/http/wire.ts';
import { positionExit, positionSide, positionStatus } from './schema.ts';

const ExitLevel = z
  .object({
    triggerPrice: wireDecimal.openapi({ description: 'The mark that reaches it closes the whole position' }),
  })
  .openapi('PositionExitLevel');

const TriggeredExit = z
  .object({
    exit: z.enum(positionExit.enumValues),
    triggerPrice: wireDecimal,
    markPrice: wireDecimal.openapi({ description: 'The mark that reached it' }),
    triggeredAt: wireInstant,
    heldBack: z.union([z.string(), z.null()]).openapi({
      description:
        'Why the position is not closed just now; it is tried again. Null while nothing stands in the way',
      example: 'market_closed',
    }),
  })
  .openapi('TriggeredExit');

const exitInput = z.strictObject({ triggerPrice: amountInput });

export const PositionExits = z
  .strictObject({
    takeProfit: exitInput
      .optional()
      .openapi({ description: 'Where the position gains: of a long one above the mark' }),
    stopLoss: exitInput.optional().openapi({ description: 'Where it loses: of a long one below the mark' }),
  })
  .refine(({ takeProfit, stopLoss }) => takeProfit !== undefined || stopLoss !== undefined, {
    error: 'must name a take-profit, a stop-loss, or both',
  })
  .openapi('NewPositionExits');

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
    stopLoss: z.union([ExitLevel, z.null()]).openapi({
      description: 'The exit its owner set where it loses; it covers all of the position and ends with it',
    }),
    takeProfit: z.union([ExitLevel, z.null()]).openapi({ description: 'The same where it gains' }),
    exitTriggered: z.union([TriggeredExit, z.null()]).openapi({
      description: 'The exit that the mark reached: the position is being closed, or was',
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
