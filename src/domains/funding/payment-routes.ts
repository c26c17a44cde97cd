import { z } from '@hono/zod-openapi';
import type { Role } from '../../kernel/actor.ts';
import { ApprovalReason } from '../../platform/approvals/api.ts';
import { pageOf, pageQuery } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput, wireOf } from '../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../identity/index.ts';
import { ApprovalRequested } from './api.ts';
import { TakeBackDeposit } from './debit-api.ts';
import { FUNDING_PROBLEMS } from './errors.ts';
import { inboundEventState, inboundEvents } from './evidence/schema.ts';
import { closeInboundEvent, listInboundEvents } from './inbound-events.ts';
import { receivePaymentEvent } from './receive-payment-event.ts';
import { requestTakeBack } from './take-back-deposit.ts';

const OPERATIONS = ['operations'] as const satisfies readonly Role[];
const READERS = ['operations', 'compliance_officer', 'mlro', 'auditor'] as const satisfies readonly Role[];

const params = z.object({ id: idInput });
const tag = 'funding';
const category = 'financial';

/** What a provider sends; docs/howto/payment-webhooks.md says what each member means. */
const PaymentEventBody = z.string().openapi('PaymentEventBody', { format: 'binary' });

const InboundEvent = wireOf(inboundEvents)
  .pick({
    id: true,
    provider: true,
    eventId: true,
    type: true,
    state: true,
    reason: true,
    depositId: true,
    occurredAt: true,
    receivedAt: true,
    settledAt: true,
  })
  .openapi('InboundEvent');

const PaymentEventReceipt = z
  .object({ eventId: z.string(), state: z.enum(inboundEventState.enumValues) })
  .openapi('PaymentEventReceipt');

const eventQuery = z.strictObject({ ...pageQuery, state: z.enum(inboundEventState.enumValues).optional() });

const TAKING_BACK = {
  ...pickProblems(FUNDING_PROBLEMS, 'deposit_status_conflict', 'refund_not_money', 'take_back_too_large'),
  ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
  ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
};

/** What payment providers tell, and money that goes back. */
export const paymentEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'receivePaymentEvent',
    method: 'post',
    path: '/v1/webhooks/payments/{provider}',
    tag,
    category,
    summary: 'Take an event of a payment provider',
    description:
      'For providers. The body is signed as it is sent: `webhook-signature` is `v1=` and the hex of HMAC-SHA256 over ' +
      '`webhook-timestamp`, a full stop and the body; the time may be five minutes off. An event that was received ' +
      'before is answered as it was then.',
    access: { public: true },
    params: z.object({ provider: z.string().regex(/^[a-z0-9-]{1,32}$/) }),
    body: PaymentEventBody,
    bodyKind: 'raw',
    bodyTypes: ['application/json'],
    maxBodyBytes: 64 * 1024,
    reads: ['webhook-timestamp', 'webhook-signature'],
    responses: { 200: PaymentEventReceipt },
    problems: pickProblems(FUNDING_PROBLEMS, 'webhook_signature_invalid', 'webhook_malformed'),
    handler: async (ctx, { params: { provider }, body, headers }) => ({
      status: 200,
      body: await receivePaymentEvent(ctx, {
        provider,
        timestamp: headers['webhook-timestamp'] ?? '',
        signature: headers['webhook-signature'] ?? '',
        // A raw body is not parsed: it comes as the bytes that were sent.
        body: body as unknown as Uint8Array,
      }),
    }),
  }),
  endpoint({
    operationId: 'listInboundEvents',
    method: 'get',
    path: '/v1/inbound-events',
    tag,
    summary: 'Events of payment providers, newest first',
    access: { staff: READERS },
    query: eventQuery,
    responses: { 200: pageOf(InboundEvent) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listInboundEvents(ctx, query) }),
  }),
  endpoint({
    operationId: 'closeInboundEvent',
    method: 'post',
    path: '/v1/inbound-events/{id}/close',
    tag,
    category,
    summary: 'End the work on an event that was kept',
    description: 'Moves nothing: what the event asks for is done through the deposit’s own operations.',
    access: { staff: OPERATIONS },
    params,
    body: ApprovalReason,
    example: { reason: 'Of a shop that is not ours' },
    responses: { 200: InboundEvent },
    problems: {
      ...pickProblems(FUNDING_PROBLEMS, 'event_not_kept'),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
    },
    handler: async (ctx, { params: { id }, body: { reason } }) => ({
      status: 200,
      body: await closeInboundEvent(ctx, { id, reason }),
    }),
  }),
  ...(
    [
      ['refundDeposit', 'refund', 'refunded', 'Ask to refund a credited deposit'],
      [
        'chargeBackDeposit',
        'charge-back',
        'charged_back',
        'Ask to book the charge-back of a credited deposit',
      ],
    ] as const
  ).map(([operationId, path, to, summary]) =>
    endpoint({
      operationId,
      method: 'post',
      path: `/v1/deposits/{id}/${path}`,
      tag,
      category,
      summary,
      description:
        'Another person approves. Without `amount` all that is left goes back. What the customer has spent already becomes their debt and is repaid from their ' +
        'next credit.',
      access: { staff: OPERATIONS },
      params,
      body: TakeBackDeposit,
      example: { reason: 'The payer asked their bank for it' },
      responses: { 202: ApprovalRequested },
      problems: TAKING_BACK,
      handler: async (ctx, { params: { id }, body }) => ({
        status: 202,
        body: { approval: await requestTakeBack(ctx, { depositId: id, to, ...body }) },
      }),
    }),
  ),
];
