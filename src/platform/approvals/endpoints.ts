import { z } from '@hono/zod-openapi';
import { type Role, STAFF_ROLES } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../context.ts';
import { pageOf, pageQuery } from '../http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../http/problems.ts';
import { idInput } from '../http/wire.ts';
import { ApprovalReason, ApprovalWithVotes, approvalStatusInput } from './api.ts';
import { cancelApproval } from './cancel-approval.ts';
import { decideApproval } from './decide-approval.ts';
import { getApproval, listApprovals } from './list-approvals.ts';

/** Who can be a checker of anything; each approval names its own. */
const DECIDERS = [
  'compliance_officer',
  'mlro',
  'operations',
  'risk_manager',
  'admin',
] as const satisfies readonly Role[];

const params = z.object({ id: idInput });
const query = z.strictObject({
  ...pageQuery,
  status: approvalStatusInput.optional(),
  action: z
    .string()
    .regex(/^[a-z_]+\.[a-z_]+$/, 'must be of the form entity.verb')
    .max(80)
    .optional()
    .openapi({ example: 'deposit.clear' }),
});

const problems = pickProblems(
  PLATFORM_PROBLEMS,
  'self_approval',
  'approval_not_pending',
  'approval_expired',
  'approval_already_voted',
);

export const approvalEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listApprovals',
    restricted: true,
    method: 'get',
    path: '/v1/approvals',
    tag: 'approvals',
    summary: 'What waits for, or had, the decision of another person, newest first',
    access: { staff: STAFF_ROLES, scope: 'approvals:read' },
    query,
    responses: { 200: pageOf(ApprovalWithVotes) },
    handler: async (ctx, { query: page }) => ({ status: 200, body: await listApprovals(ctx, page) }),
  }),
  endpoint({
    operationId: 'getApproval',
    restricted: true,
    method: 'get',
    path: '/v1/approvals/{id}',
    tag: 'approvals',
    summary: 'One approval with its payload and votes',
    access: { staff: STAFF_ROLES, scope: 'approvals:read' },
    params,
    responses: { 200: ApprovalWithVotes },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getApproval(ctx, id) }),
  }),
  endpoint({
    operationId: 'approveApproval',
    method: 'post',
    path: '/v1/approvals/{id}/approve',
    inRecovery: true,
    tag: 'approvals',
    summary: 'Votes for an action; the last vote of the quorum executes it',
    access: { staff: DECIDERS, stepUp: true },
    params,
    body: ApprovalReason,
    example: { reason: 'Matches line 14 of the bank statement' },
    category: 'admin_action',
    responses: { 200: ApprovalWithVotes },
    problems,
    handler: (ctx, { params: { id }, body }) => decide(ctx, id, 'approve', body.reason),
  }),
  endpoint({
    operationId: 'rejectApproval',
    method: 'post',
    path: '/v1/approvals/{id}/reject',
    inRecovery: true,
    tag: 'approvals',
    summary: 'Votes against an action; one such vote ends it',
    access: { staff: DECIDERS, stepUp: true },
    params,
    body: ApprovalReason,
    example: { reason: 'The payer is not the customer' },
    category: 'admin_action',
    responses: { 200: ApprovalWithVotes },
    problems,
    handler: (ctx, { params: { id }, body }) => decide(ctx, id, 'reject', body.reason),
  }),
  endpoint({
    operationId: 'cancelApproval',
    method: 'post',
    path: '/v1/approvals/{id}/cancel',
    inRecovery: true,
    tag: 'approvals',
    summary: 'Takes back an action that one asked for oneself and nobody has decided',
    access: { staff: DECIDERS },
    params,
    category: 'admin_action',
    responses: { 200: ApprovalWithVotes },
    problems: pickProblems(PLATFORM_PROBLEMS, 'self_approval', 'approval_not_pending'),
    handler: async (ctx, { params: { id } }) => {
      await cancelApproval(ctx, id);
      return { status: 200, body: await getApproval(ctx, id) };
    },
  }),
];

async function decide(ctx: Ctx, approvalId: Id, vote: 'approve' | 'reject', reason: string) {
  await decideApproval(ctx, { approvalId, vote, reason });
  return { status: 200, body: await getApproval(ctx, approvalId) };
}
