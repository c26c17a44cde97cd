import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../../platform/http/cursor.ts';
import { amountInput, wireDecimal, wireId, wireInstant, wireOf } from '../../../platform/http/wire.ts';
import { orderSide, orderStatus } from '../schema.ts';
import {
  venueOrderState,
  venueOrders,
  venueReportStanding,
  venueReports,
  venueReportType,
} from './schema.ts';

const VenueReport = wireOf(venueReports)
  .pick({ reportKey: true, feeAsset: true, reason: true, receivedAt: true })
  .extend({
    type: z.enum(venueReportType.enumValues),
    standing: z.enum(venueReportStanding.enumValues).openapi({
      description: 'A contested execution is not covered by its order: nothing was booked of it',
    }),
    price: z.union([wireDecimal, z.null()]),
    quantity: z.union([wireDecimal, z.null()]),
    fee: z.union([wireDecimal, z.null()]).openapi({ description: 'What the venue charges the firm' }),
    executed: z.union([wireDecimal, z.null()]),
    tradeId: z.union([wireId, z.null()]),
    resolutionId: z.union([wireId, z.null()]),
  })
  .openapi('VenueReport');

export const VenueOrder = wireOf(venueOrders)
  .pick({ venue: true, unknownReason: true, endReason: true })
  .extend({
    orderId: wireId,
    userId: wireId,
    accountId: wireId,
    symbol: z.string(),
    book: z.enum(['live', 'paper']),
    side: z.enum(orderSide.enumValues),
    orderStatus: z.enum(orderStatus.enumValues),
    quantity: z.union([wireDecimal, z.null()]),
    notional: z.union([wireDecimal, z.null()]),
    filledQuantity: wireDecimal,
    state: z.enum(venueOrderState.enumValues).openapi({
      description: 'unknown: nobody knows what became of it; two people have to say',
    }),
    unknownSince: z.union([wireInstant, z.null()]),
    recalledAt: z.union([wireInstant, z.null()]),
    routedAt: wireInstant,
    doneAt: z.union([wireInstant, z.null()]),
    resolutionId: z.union([wireId, z.null()]),
    venueOrderId: z
      .union([z.string(), z.null()])
      .openapi({ description: 'What the venue calls the order: cite it when you ask there' }),
    reports: z.array(VenueReport),
  })
  .openapi('VenueOrder');

export const VenueOrderQuery = z.strictObject({
  ...pageQuery,
  state: z.enum(venueOrderState.enumValues).optional(),
});

const line = z
  .string()
  .trim()
  .min(3)
  .max(500)
  .regex(/^\P{Cc}*$/u, 'must be one line of text');

export const VenueOrderResolution = z
  .strictObject({
    executions: z
      .array(
        z.strictObject({
          executionId: z
            .string()
            .regex(/^[\x21-\x7e]{1,100}$/, 'must be 1 to 100 printable characters')
            .openapi({
              description: 'The venue’s own id: should it report the execution after all, it counts once',
            }),
          price: amountInput,
          quantity: amountInput,
        }),
      )
      .max(50)
      .openapi({ description: 'What the venue executed and has not reported; none where it did nothing' }),
    evidence: line.openapi({ description: 'Where the venue says so: a confirmation, a statement, a call' }),
    reason: line,
  })
  .openapi('VenueOrderResolution');

export const RequestedResolution = z
  .object({ orderId: wireId, approvalId: wireId, status: z.literal('pending') })
  .openapi('RequestedVenueOrderResolution');
