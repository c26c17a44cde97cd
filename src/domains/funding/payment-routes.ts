import { z } from '@hono/zod-openapi';
import type { Role } from '../../kernel/actor.ts';
import { ApprovalReason } from '../../platform/approvals/api.ts';
import { pageOf } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../identity/index.ts';
import { LEDGER_PROBLEMS } from '../ledger/index.ts';
import { allocateEvent } from './allocate-event.ts';
import { ApprovalRequested } from './api.ts';
import { TakeBackDeposit } from './debit-api.ts';
import { requestDisputeEnd } from './disputes/request-dispute-end.ts';
import { FUNDING_PROBLEMS } from './errors.ts';
import { closeInboundEvent, listInboundEvents } from './inbound-events.ts';
import {
  AllocateEvent,
  eventQuery,
  InboundEvent,
  PaymentEventBody,
  PaymentEventReceipt,
} from './payment-api.ts';
import { receivePaymentEvent } from './receive-payment-event.ts';
import { requestTakeBack } from './take-back-deposit.ts';

const OPERATIONS = ['operations'] as const satisfies readonly Role[];
const READERS = ['operations', 'compliance_officer', 'mlro', 'auditor'] as const satisfies readonly Role[];

const params = z.object({ id: idInput });
const tag = 'funding';
const category = 'financial';

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
    operationId: 'allocateInboundEvent',
    method: 'post',
    path: '/v1/inbound-events/{id}/allocate',
    tag,
    category,
    summary: 'Ask to give money that lies with a provider to an account',
    description:
      'For a kept `payment.cleared` that fits no deposit. Another person approves; then the money is a deposit of the ' +
      'account, of the amount and method the provider told, which can be called back and is paid over like any other. ' +
      'What the provider told of it going back follows at once. A deposit that was announced for it is failed by its ' +
      'own operation before. Where a statement or a person credited the deposit it names, that was this money, unless ' +
      '`second` says that it is another payment. Where the same person announced it and the announcement ended, the fee ' +
      'they were shown is taken.',
    access: { staff: OPERATIONS },
    params,
    body: AllocateEvent,
    example: { accountId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001', reason: 'Paid 90 of the 100 announced' },
    responses: { 202: ApprovalRequested },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        'event_not_kept',
        'event_not_allocatable',
        'payment_credited',
        'deposit_status_conflict',
        'amount_too_precise',
        'method_not_supported',
        'account_not_live',
        'account_not_active',
      ),
      ...pickProblems(LEDGER_PROBLEMS, 'unknown_asset'),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: { approval: await allocateEvent(ctx, { id, ...body }) },
    }),
  }),
  endpoint({
    operationId: 'closeInboundEvent',
    method: 'post',
    path: '/v1/inbound-events/{id}/close',
    tag,
    category,
    summary: 'End the work on an event that was kept',
    description:
      'Moves nothing: what the event asks for is done through the deposit’s own operations, and money that fits none is ' +
      'given to an account.',
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
  endpoint({
    operationId: 'endDispute',
    method: 'post',
    path: '/v1/inbound-events/{id}/end-dispute',
    tag,
    category,
    summary: 'Ask to end a dispute that its provider does not end',
    description:
      'For the `payment.dispute_opened` that waits as `disputed`. Compliance, who were told of the dispute, approve; ' +
      'then what is still held for it is free.',
    access: { staff: OPERATIONS },
    params,
    body: ApprovalReason,
    example: { reason: 'The provider says in writing that its card scheme closed it' },
    responses: { 202: ApprovalRequested },
    problems: {
      ...pickProblems(FUNDING_PROBLEMS, 'dispute_not_open'),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body: { reason } }) => ({
      status: 202,
      body: { approval: await requestDisputeEnd(ctx, { id, reason }) },
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
