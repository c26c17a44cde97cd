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
import { conflictQuery, PayoutConflict } from './api.ts';
import { closePayoutConflict, listPayoutConflicts } from './payout-conflicts.ts';
import { voidPayoutFile } from './void-payout-file.ts';

const READERS = ['operations', 'compliance_officer', 'mlro', 'auditor'] as const satisfies readonly Role[];

const params = z.object({ id: idInput });
const tag = 'funding';
const category = 'financial';
const OWN = pickProblems(IDENTITY_PROBLEMS, 'self_action');

/** What becomes of a payout file beside its download and its report. */
export const payoutWorkEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'voidPayoutFile',
    method: 'post',
    path: '/v1/payout-files/{id}/void',
    tag,
    category,
    summary: 'Ask another person to give up a payout file',
    description:
      'Only while nobody ever fetched it. Their vote ends the file for good, and its withdrawals are `approved` again: ' +
      'they can be put into another file.',
    access: { staff: ['operations'], scope: 'payouts:write' },
    params,
    body: ApprovalReason,
    example: { reason: 'One of those it pays was stopped' },
    responses: { 202: ApprovalRequested },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        'payout_file_void',
        'payout_file_downloaded',
        'withdrawal_status_conflict',
        'payout_on_statement',
      ),
      ...OWN,
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body: { reason } }) => ({
      status: 202,
      body: { approval: await voidPayoutFile(ctx, { fileId: id, reason }) },
    }),
  }),
  endpoint({
    operationId: 'listPayoutConflicts',
    method: 'get',
    path: '/v1/payout-conflicts',
    tag,
    summary: 'What banks said against settled payouts, newest first',
    access: { staff: READERS },
    query: conflictQuery,
    responses: { 200: pageOf(PayoutConflict) },
    handler: async (ctx, { query }) => {
      const page = await listPayoutConflicts(ctx, query);
      return { status: 200, body: { ...page, data: page.data.map((row) => aged(ctx, row)) } };
    },
  }),
  endpoint({
    operationId: 'closePayoutConflict',
    method: 'post',
    path: '/v1/payout-conflicts/{id}/close',
    tag,
    category,
    summary: 'End the work on what a bank said against a settled payout',
    description: 'Nothing moves by it. Who imported the report cannot end it.',
    access: { staff: ['operations', 'compliance_officer'] },
    params,
    body: ApprovalReason,
    example: { reason: 'The bank confirmed in writing that it did not pay' },
    responses: { 200: PayoutConflict },
    problems: {
      ...pickProblems(FUNDING_PROBLEMS, 'report_needs_another_person', 'conflict_closed'),
      ...OWN,
    },
    handler: async (ctx, { params: { id }, body: { reason } }) => ({
      status: 200,
      body: aged(ctx, await closePayoutConflict(ctx, { id, reason })),
    }),
  }),
];
