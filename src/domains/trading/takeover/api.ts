import { z } from '@hono/zod-openapi';
import { amountInput, wireDecimal, wireId, wireInstant } from '../../../platform/http/wire.ts';
import { positionSide } from '../positions/schema.ts';

export const NewTakeover = z
  .strictObject({
    quantity: amountInput.optional().openapi({
      description: 'How much of the position; as much as the liquidation would close where it is not named',
    }),
    reason: z
      .string()
      .trim()
      .min(3)
      .max(500)
      .regex(/^\P{Cc}*$/u, 'must be one line of text'),
  })
  .openapi('NewTakeover');

export const RequestedTakeover = z
  .object({
    positionId: wireId,
    approvalId: wireId,
    quantity: wireDecimal.openapi({ description: 'The most that the vote takes over' }),
    markPrice: wireDecimal,
    price: wireDecimal.openapi({
      description: 'At the mark of now, on a tick; the vote takes over at the mark of then',
    }),
    status: z.literal('pending'),
  })
  .openapi('RequestedTakeover');

export const FirmExposures = z
  .object({
    exposures: z.array(
      z
        .object({
          symbol: z.string(),
          settlementAsset: z.string(),
          side: z.enum([...positionSide.enumValues, 'flat']),
          quantity: wireDecimal,
          paid: wireDecimal.openapi({ description: 'What the firm entered at, less what it left at' }),
          markPrice: z.union([wireDecimal, z.null()]),
          priceVouched: z
            .boolean()
            .openapi({ description: 'Somebody stands for the mark, and it is not stale' }),
          result: z.union([wireDecimal, z.null()]).openapi({
            description: 'What the firm has won, or lost where it is negative, with all of it at the mark',
          }),
          takeovers: z.number().int(),
          lastTakenAt: wireInstant,
        })
        .openapi('FirmExposure'),
    ),
  })
  .openapi('FirmExposures');
