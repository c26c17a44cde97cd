import { z } from '@hono/zod-openapi';
import type { Role } from '../../../kernel/actor.ts';
import { ApprovalReason } from '../../../platform/approvals/api.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../../identity/index.ts';
import { LEDGER_PROBLEMS } from '../errors.ts';
import { CaptureHold, HoldApproval, HoldFile, NewHold } from './api.ts';
import { placeHold } from './place-hold.ts';
import { readHold } from './read-hold.ts';
import { requestCapture } from './request-capture.ts';
import { requestRelease } from './request-release.ts';
import type { CaptureDestination } from './rules.ts';

const READERS = [
  'support',
  'compliance_officer',
  'mlro',
  'operations',
  'risk_manager',
  'auditor',
] as const satisfies readonly Role[];
const OPERATIONS = ['operations'] as const satisfies readonly Role[];

const params = z.object({ id: idInput });
const tag = 'ledger';
const category = 'financial';

const OWN = pickProblems(IDENTITY_PROBLEMS, 'self_action');
const ENDING = ['hold_not_by_hand', 'hold_not_active', 'hold_expired'] as const;

export const holdEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'placeHold',
    method: 'post',
    path: '/v1/wallets/{id}/holds',
    tag,
    category,
    summary: 'Reserve funds of a customer',
    description:
      'The same reason and reference with the same body is the same hold and answers 200; with another body it is ' +
      'refused. Only settled funds are reserved, since what is reserved may be captured.',
    access: { staff: OPERATIONS, scope: 'holds:write' },
    params,
    body: NewHold,
    example: {
      amount: '120.50',
      reason: 'payment',
      reference: 'order-10045',
      expiresAt: '2027-01-31T09:30:00Z',
      metadata: { terminal: 'T-17' },
    },
    responses: { 200: HoldFile, 201: HoldFile },
    problems: {
      ...pickProblems(
        LEDGER_PROBLEMS,
        'hold_wallet_unsuitable',
        'hold_reference_reused',
        'amount_too_precise',
        'hold_expiry_past',
        'wallet_not_active',
        'margin_unknown',
        'insufficient_funds',
      ),
      ...OWN,
    },
    handler: async (ctx, { params: { id }, body }) => {
      const { hold, created } = await placeHold(ctx, { walletId: id, ...body });
      return { status: created ? 201 : 200, body: hold };
    },
  }),
  endpoint({
    operationId: 'getHold',
    method: 'get',
    path: '/v1/holds/{id}',
    tag,
    summary: 'One hold and what was captured of it',
    description: 'What the firm noted, and where funds went, is for staff; customers find null there.',
    access: { customer: true, staff: READERS, scope: 'accounts:read' },
    params,
    responses: { 200: HoldFile },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await readHold(ctx, id) }),
  }),
  endpoint({
    operationId: 'captureHold',
    method: 'post',
    path: '/v1/holds/{id}/capture',
    tag,
    category,
    summary: 'Ask to take what is on hold',
    description:
      'Asks another person and answers 202 with the approval; their vote posts one journal to the destination. In ' +
      'parts any number of times, until nothing remains. The hold must still be active when the vote is cast.',
    access: { staff: OPERATIONS, scope: 'holds:write' },
    idempotency: 'transaction',
    params,
    body: CaptureHold,
    example: {
      amount: '20.50',
      destination: { house: { role: 'fees_earned', reference: 'main' } },
      reason: 'The service was rendered',
    },
    responses: { 202: HoldApproval },
    problems: {
      ...pickProblems(
        LEDGER_PROBLEMS,
        ...ENDING,
        'hold_remainder_exceeded',
        'amount_too_precise',
        'hold_destination_unsuitable',
      ),
      ...OWN,
    },
    handler: async (ctx, { params: { id }, body: { amount, destination, reason } }) => ({
      status: 202,
      body: {
        approval: await requestCapture(ctx, { holdId: id, amount, destination: named(destination), reason }),
      },
    }),
  }),
  endpoint({
    operationId: 'releaseHold',
    method: 'post',
    path: '/v1/holds/{id}/release',
    tag,
    category,
    summary: 'Set free what is on hold',
    description:
      'Asks another person and answers 202 with the approval. A service key releases at once (200) what a service ' +
      'key of the same person placed. Releasing a released hold answers it (200).',
    access: { staff: OPERATIONS, scope: 'holds:write' },
    params,
    body: ApprovalReason,
    example: { reason: 'The order was cancelled' },
    responses: { 200: HoldFile, 202: HoldApproval },
    problems: {
      ...pickProblems(LEDGER_PROBLEMS, ...ENDING),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
      ...OWN,
    },
    handler: async (ctx, { params: { id }, body: { reason } }) => {
      const result = await requestRelease(ctx, { holdId: id, reason });
      return 'hold' in result ? { status: 200, body: result.hold } : { status: 202, body: result };
    },
  }),
];

/** The schema let exactly one of the two through. */
function named(destination: z.output<typeof CaptureHold>['destination']): CaptureDestination {
  const { house, accountId } = destination;
  return house === undefined ? { accountId: accountId ?? '' } : { house };
}
