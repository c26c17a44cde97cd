import { z } from '@hono/zod-openapi';
import { ApprovalView } from '../../../platform/approvals/api.ts';
import { pageOf } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { Application, Item, Review } from '../api.ts';
import { decideApplication } from '../decide-application.ts';
import { KYC_PROBLEMS } from '../errors.ts';
import { READERS, REVIEWERS } from '../operation.ts';
import {
  Assignment,
  Comparison,
  ItemDecision,
  QUEUE_QUERY,
  QueueEntry,
  Rejection,
  Resubmission,
} from './api.ts';
import { assignApplication } from './assign-application.ts';
import { compareApplication } from './compare-application.ts';
import { decideItem } from './decide-item.ts';
import { listReviewQueue } from './review-queue.ts';

const params = z.object({ id: idInput });

const REVIEW = { tag: 'kyc', category: 'compliance' } as const;

/** What was tried of a decision is not for everybody who reads the log. */
const DECISION = { ...REVIEW, restricted: true } as const;

const STEPPED_UP = { staff: REVIEWERS, stepUp: true } as const;

export const reviewEndpoints: readonly Endpoint[] = [
  endpoint({
    ...DECISION,
    operationId: 'approveKycApplication',
    method: 'post',
    path: '/v1/kyc/applications/{id}/approve',
    summary: 'Approve an application that is screened clear; some need a senior person besides',
    description:
      'Approves what nobody has decided on along with it. High risk, politically exposed people, legal persons, the ' +
      'enhanced level, items that were let pass and grave notices wait for the MLRO: the answer is 202 with the ' +
      'approval.',
    access: STEPPED_UP,
    params,
    body: Review,
    example: { reason: 'Passport and address verified against the originals' },
    responses: { 200: Application, 202: z.object({ approval: ApprovalView }).openapi('KycSeniorApproval') },
    problems: {
      ...pickProblems(KYC_PROBLEMS, 'self_review', 'application_not_submitted', 'screening_not_clear'),
      ...pickProblems(KYC_PROBLEMS, 'items_sent_back', 'items_missing', 'risk_not_rated', 'risk_prohibited'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => {
      const outcome = await decideApplication(ctx, id, 'approved', body.reason);
      return 'application' in outcome
        ? { status: 200, body: outcome.application }
        : { status: 202, body: outcome };
    },
  }),
  endpoint({
    ...DECISION,
    operationId: 'rejectKycApplication',
    method: 'post',
    path: '/v1/kyc/applications/{id}/reject',
    summary: 'Reject an application',
    access: STEPPED_UP,
    params,
    body: Rejection,
    example: { reason: 'The passport was altered', reasonCode: 'identity_not_verified' },
    responses: { 200: Application },
    problems: pickProblems(KYC_PROBLEMS, 'self_review', 'application_not_submitted'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: applicationOf(await decideApplication(ctx, id, 'rejected', body.reason, body)),
    }),
  }),
  endpoint({
    ...DECISION,
    operationId: 'requestKycResubmission',
    method: 'post',
    path: '/v1/kyc/applications/{id}/request-resubmission',
    summary: 'Ask the applicant to show some items again',
    access: STEPPED_UP,
    params,
    body: Resubmission,
    example: {
      reason: 'The bill is cut off',
      items: [{ itemId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001', reasonCode: 'unreadable' }],
    },
    responses: { 200: Application },
    problems: pickProblems(KYC_PROBLEMS, 'self_review', 'application_not_submitted', 'item_unknown'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: applicationOf(await decideApplication(ctx, id, 'resubmission_required', body.reason, body)),
    }),
  }),
  endpoint({
    ...REVIEW,
    operationId: 'listKycReviewQueue',
    method: 'get',
    path: '/v1/kyc/review-queue',
    summary: 'Applications that wait, the most pressing first',
    access: { staff: READERS },
    query: z.strictObject(QUEUE_QUERY),
    responses: { 200: pageOf(QueueEntry) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listReviewQueue(ctx, query) }),
  }),
  endpoint({
    ...REVIEW,
    operationId: 'assignKycApplication',
    method: 'post',
    path: '/v1/kyc/applications/{id}/assign',
    summary: 'Give an application to a reviewer',
    access: { staff: REVIEWERS },
    params,
    body: Assignment,
    example: { assigneeId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001' },
    responses: { 200: Application },
    problems: pickProblems(KYC_PROBLEMS, 'self_review', 'assignee_unsuitable', 'application_not_submitted'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: await assignApplication(ctx, id, body.assigneeId),
    }),
  }),
  endpoint({
    ...REVIEW,
    operationId: 'getKycComparison',
    recordsReads: true,
    method: 'get',
    path: '/v1/kyc/applications/{id}/comparison',
    summary: 'What each source says, side by side',
    access: { staff: READERS },
    params,
    responses: { 200: Comparison },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await compareApplication(ctx, id) }),
  }),
  endpoint({
    ...REVIEW,
    operationId: 'decideKycItem',
    method: 'post',
    path: '/v1/kyc/applications/{id}/items/{itemId}/decide',
    summary: 'Accept one item, send it back, or let it pass',
    access: { staff: REVIEWERS },
    params: z.object({ id: idInput, itemId: idInput }),
    body: ItemDecision,
    example: { decision: 'resubmit', reasonCode: 'unreadable', note: 'The lower half is blurred' },
    responses: { 200: Item },
    problems: pickProblems(
      KYC_PROBLEMS,
      'self_review',
      'application_awaits_senior',
      'application_not_submitted',
      'expiry_known',
    ),
    handler: async (ctx, { params: { id, itemId }, body }) => ({
      status: 200,
      body: await decideItem(ctx, id, itemId, body),
    }),
  }),
];

/** Only an approval waits for anybody. */
function applicationOf(outcome: Awaited<ReturnType<typeof decideApplication>>) {
  return 'application' in outcome ? outcome.application : outcome.approval;
}
