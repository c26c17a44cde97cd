import { z } from '@hono/zod-openapi';
import type { Role } from '../../../kernel/actor.ts';
import { ApprovalReason } from '../../../platform/approvals/api.ts';
import { pageOf } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../../identity/index.ts';
import { ApprovalRequested } from '../api.ts';
import { FUNDING_PROBLEMS } from '../errors.ts';
import { aged } from '../statement-store.ts';
import { Repayment, RepaymentDetail, ResolveRepayment, repaymentQuery } from './api.ts';
import { giveUpRepayment } from './give-up-repayment.ts';
import { getRepayment, listRepayments } from './list-repayments.ts';
import { resolveRepayment } from './resolve-repayment.ts';

const READERS = ['operations', 'compliance_officer', 'mlro', 'auditor'] as const satisfies readonly Role[];

const params = z.object({ id: idInput });
const tag = 'funding';
const OWN = pickProblems(IDENTITY_PROBLEMS, 'self_action');

/** Money that goes back to whoever had paid it. */
export const repaymentEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listRepayments',
    method: 'get',
    path: '/v1/repayments',
    tag,
    summary: 'Money that goes back to whoever had paid it, newest first',
    description:
      'A refund of a deposit or a return of a receipt that two people agreed to. `payable` ones are put into a payout ' +
      'file; what is `by_hand` has no account that a file can pay.',
    access: { staff: READERS },
    query: repaymentQuery,
    responses: { 200: pageOf(Repayment) },
    handler: async (ctx, { query }) => {
      const page = await listRepayments(ctx, query);
      return { status: 200, body: { ...page, data: page.data.map((row) => aged(ctx, row)) } };
    },
  }),
  endpoint({
    operationId: 'getRepayment',
    method: 'get',
    path: '/v1/repayments/{id}',
    tag,
    summary: 'One repayment with whom it goes back to',
    access: { staff: READERS },
    params,
    responses: { 200: RepaymentDetail },
    problems: OWN,
    handler: async (ctx, { params: { id } }) => ({
      status: 200,
      body: aged(ctx, await getRepayment(ctx, id)),
    }),
  }),
  endpoint({
    operationId: 'resolveRepayment',
    method: 'post',
    path: '/v1/repayments/{id}/resolve',
    tag,
    category: 'financial',
    summary: 'Ask another person to agree what became of a repayment',
    description:
      'What is `in_file` or `unknown` was `completed`, or `failed` once its file can have it paid no more; what `failed` ' +
      'is `payable` again, to the same payer, or paid `by_hand`. That one is paid `by_hand`, or was `completed` by no file ' +
      'that was fetched, is for compliance to agree to.',
    access: { staff: ['operations'], scope: 'payouts:write' },
    params,
    body: ResolveRepayment,
    example: { outcome: 'payable', reason: 'The bank was closed that day' },
    responses: { 202: ApprovalRequested },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        'repayment_status_conflict',
        'payout_on_statement',
        'repayment_not_by_file',
        'payout_may_leave',
      ),
      ...OWN,
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: { approval: await resolveRepayment(ctx, { repaymentId: id, ...body }) },
    }),
  }),
  endpoint({
    operationId: 'giveUpRepayment',
    method: 'post',
    path: '/v1/repayments/{id}/give-up',
    tag,
    category: 'financial',
    summary: 'Ask compliance to agree that a repayment is not paid at all',
    description:
      'One that is `payable`, `failed` or `by_hand`, and of which no debit tells: its statement was wrong, the account of ' +
      'its payer is closed, or a list names them. Its journals are reversed: a returned receipt is open again, a refund ' +
      'lies in the suspense wallet `repayments-given-up` until people book whose it is.',
    access: { staff: ['operations'], scope: 'payouts:write' },
    params,
    body: ApprovalReason,
    example: { reason: 'The payer closed the account it came from' },
    responses: { 202: ApprovalRequested },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        'repayment_status_conflict',
        'payout_on_statement',
        'payout_may_leave',
      ),
      ...OWN,
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body: { reason } }) => ({
      status: 202,
      body: { approval: await giveUpRepayment(ctx, { repaymentId: id, reason }) },
    }),
  }),
];
