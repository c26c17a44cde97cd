import { z } from '@hono/zod-openapi';
import { ApprovalReason } from '../../platform/approvals/api.ts';
import { pageQuery } from '../../platform/http/cursor.ts';
import { FORWARDS, isForwards, periodQuery } from '../../platform/http/period.ts';
import { idInput, wireOf } from '../../platform/http/wire.ts';
import { inboundEventState, inboundEvents } from './evidence/schema.ts';

/** What a provider sends; docs/howto/payment-webhooks.md says what each member means. */
export const PaymentEventBody = z.string().openapi('PaymentEventBody', { format: 'binary' });

export const InboundEvent = wireOf(inboundEvents)
  .pick({
    id: true,
    provider: true,
    eventId: true,
    type: true,
    state: true,
    reason: true,
    depositId: true,
    withdrawalId: true,
    occurredAt: true,
    receivedAt: true,
    settledAt: true,
  })
  .openapi('InboundEvent');

const text = z.union([z.string(), z.null()]);

export const InboundEventDetail = InboundEvent.extend({
  payment: z
    .union([
      z.object({
        paymentReference: z.string(),
        providerReference: z.string(),
        amount: z.string().openapi({ example: '90' }),
        currency: z.string(),
        method: z.string(),
        payerName: text,
        takenBack: text,
        disputeReference: text,
        disputed: text,
      }),
      z.null(),
    ])
    .openapi({ description: 'What is understood of it; null where it tells of no payment' }),
  body: z.string().openapi({ description: 'The body as the provider signed it' }),
}).openapi('InboundEventDetail');

export const AllocateEvent = z
  .strictObject({
    accountId: idInput,
    second: z.boolean().optional().openapi({
      description:
        'That this is another payment than the one by which a bank statement or a person credited the deposit it names',
    }),
    reason: ApprovalReason.shape.reason,
  })
  .openapi('AllocateEvent');

export const PaymentEventReceipt = z
  .object({ eventId: z.string(), state: z.enum(inboundEventState.enumValues) })
  .openapi('PaymentEventReceipt');

export const eventQuery = z
  .strictObject({
    ...pageQuery,
    state: z.enum(inboundEventState.enumValues).optional(),
    provider: z
      .string()
      .regex(/^[a-z0-9-]{1,32}$/, 'must be the name of a provider')
      .optional(),
    depositId: idInput.optional(),
    withdrawalId: idInput.optional(),
    ...periodQuery('Received'),
  })
  .refine(isForwards, FORWARDS);
