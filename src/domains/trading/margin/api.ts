import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../../platform/http/cursor.ts';
import {
  idInput,
  instantInput,
  wireDecimal,
  wireId,
  wireInstant,
  wireOf,
} from '../../../platform/http/wire.ts';
import { positionSide } from '../positions/schema.ts';
import { liquidationCause, marginCallOutcome, marginCalls } from './schema.ts';

const nullable = <Schema extends z.ZodType>(schema: Schema) => z.union([schema, z.null()]);

const MarginPosition = z
  .object({
    positionId: wireId,
    symbol: z.string(),
    side: z.enum(positionSide.enumValues),
    quantity: wireDecimal,
    entryValue: wireDecimal,
    markPrice: wireDecimal,
    priceStale: z.boolean().openapi({ description: 'Nobody stands for the price: the last mark stays' }),
    unrealisedPnl: wireDecimal,
    initialMargin: wireDecimal,
    maintenanceMargin: wireDecimal,
    liquidationPrice: nullable(wireDecimal).openapi({
      description:
        'The price at which the account is liquidated while all others stay; null where none does that',
    }),
    fundingPaid: wireDecimal.openapi({ description: 'What holding it has cost; negative where it received' }),
  })
  .openapi('MarginPosition');

const MarginCall = z
  .object({ id: wireId, calledAt: wireInstant, deadlineAt: wireInstant })
  .openapi('MarginCall');

const Liquidation = z
  .object({
    id: wireId,
    cause: z.enum(liquidationCause.enumValues),
    steps: z.number().int(),
    heldBack: nullable(z.string()).openapi({ description: 'Why nothing is closed just now' }),
    startedAt: wireInstant,
  })
  .openapi('Liquidation');

const AssetMargin = z
  .object({
    asset: z.string(),
    standing: z.enum(['sound', 'called', 'liquidate', 'liquidating']),
    equity: wireDecimal.openapi({ description: 'Collateral, with what is won or lost so far' }),
    collateral: wireDecimal.openapi({
      description: 'What the wallet has that is reserved for nothing but margin',
    }),
    unrealisedPnl: wireDecimal,
    initialMargin: wireDecimal.openapi({ description: 'Margin used' }),
    maintenanceMargin: wireDecimal.openapi({ description: 'Margin required to keep the positions' }),
    held: wireDecimal,
    available: wireDecimal,
    marginLevel: nullable(wireDecimal).openapi({ description: 'Equity by margin used; 1 is 100 %' }),
    marginRatio: nullable(wireDecimal).openapi({ description: 'Maintenance margin by equity' }),
    callAt: wireDecimal.openapi({ description: 'At or below this equity the account is called' }),
    liquidateAt: wireDecimal.openapi({ description: 'At or below this equity it is liquidated' }),
    cureAt: wireDecimal.openapi({ description: 'From this equity on a call is over' }),
    call: nullable(MarginCall),
    liquidation: nullable(Liquidation),
    positions: z.array(MarginPosition),
  })
  .openapi('AssetMargin');

export const AccountMargin = z
  .object({
    accountId: wireId,
    marginEnabled: z.boolean(),
    maxLeverage: wireDecimal.openapi({ description: 'Times the margin', example: '5' }),
    marginCallThreshold: wireDecimal.openapi({
      description: 'At which part of the margin used the equity calls for more',
      example: '0.8',
    }),
    liquidationThreshold: wireDecimal.openapi({
      description: 'At which part of it positions are closed out',
      example: '0.5',
    }),
    autoLiquidation: z.boolean(),
    assets: z
      .array(AssetMargin)
      .openapi({ description: 'One for each asset that contracts were settled in' }),
  })
  .openapi('AccountMargin');

/** A call as it was made, and what came of it. */
export const AccountMarginCall = wireOf(marginCalls)
  .pick({ asset: true, calledAt: true, deadlineAt: true, remindedAt: true, endedAt: true })
  .extend({
    id: wireId,
    accountId: wireId,
    status: z.enum(['open', 'ended']),
    equity: wireDecimal.openapi({ description: 'As it was called, in `asset`' }),
    initialMargin: wireDecimal,
    maintenanceMargin: wireDecimal,
    shortBy: wireDecimal.openapi({
      description: 'What was missing then until the call would have been over',
    }),
    outcome: nullable(z.enum(marginCallOutcome.enumValues)).openapi({
      description:
        '`cured` where it was met, `liquidated` where positions were closed; null while it is open',
    }),
  })
  .openapi('AccountMarginCall');

export const MarginCallQuery = z.strictObject({
  ...pageQuery,
  accountId: idInput.optional(),
  status: z.enum(['open', 'ended']).optional(),
  from: instantInput.optional().openapi({ description: 'Made then or later' }),
  to: instantInput.optional().openapi({ description: 'Made before then' }),
});
