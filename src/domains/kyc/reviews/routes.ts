import { z } from '@hono/zod-openapi';
import { ApprovalReason, ApprovalView } from '../../../platform/approvals/api.ts';
import { pageOf, pageQuery } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../../identity/index.ts';
import { KYC_PROBLEMS } from '../errors.ts';
import { READERS, REVIEWERS } from '../operation.ts';
import { CustomerReview, REVIEW_KINDS, ReviewAssignment } from './api.ts';
import { assignReview, completeReview, listReviews, requestWaiver } from './work-on-review.ts';

const params = z.object({ id: idInput });
const REVIEWING = { tag: 'kyc', category: 'compliance', restricted: true } as const;
const EXAMPLE_ID = '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001';

const OPEN_REVIEW = {
  ...pickProblems(KYC_PROBLEMS, 'review_closed'),
  ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
};

/** Customers who have to be looked at again. */
export const customerReviewEndpoints: readonly Endpoint[] = [
  endpoint({
    ...REVIEWING,
    operationId: 'listKycReviewsDue',
    method: 'get',
    path: '/v1/kyc/reviews-due',
    summary: 'Customers who have to be looked at again, the first one due first',
    access: { staff: READERS },
    query: z.strictObject({
      ...pageQuery,
      status: z.enum(['open', 'done']).optional(),
      kind: z.enum(REVIEW_KINDS).optional(),
      overdue: z.stringbool().optional(),
    }),
    responses: { 200: pageOf(CustomerReview) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listReviews(ctx, query) }),
  }),
  endpoint({
    ...REVIEWING,
    operationId: 'assignKycReview',
    method: 'post',
    path: '/v1/kyc/reviews-due/{id}/assign',
    summary: 'Give a review to somebody',
    access: { staff: REVIEWERS },
    params,
    body: ReviewAssignment,
    example: { assigneeId: EXAMPLE_ID },
    responses: { 200: CustomerReview },
    problems: { ...OPEN_REVIEW, ...pickProblems(KYC_PROBLEMS, 'assignee_unsuitable') },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: await assignReview(ctx, id, body.assigneeId),
    }),
  }),
  endpoint({
    ...REVIEWING,
    operationId: 'completeKycReview',
    method: 'post',
    path: '/v1/kyc/reviews-due/{id}/complete',
    summary: 'End a review on what was approved since it began',
    description:
      'A document that expires is renewed by a newer one, all else by an application; both have to be approved. What the review restricted is lifted; what restricts for another reason goes on.',
    access: { staff: REVIEWERS },
    params,
    responses: { 200: CustomerReview },
    problems: { ...OPEN_REVIEW, ...pickProblems(KYC_PROBLEMS, 'review_evidence_missing') },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await completeReview(ctx, id) }),
  }),
  endpoint({
    ...REVIEWING,
    operationId: 'waiveKycReview',
    method: 'post',
    path: '/v1/kyc/reviews-due/{id}/waive',
    summary: 'Ask for a review to end without new evidence; a second person decides',
    access: { staff: REVIEWERS, stepUp: true },
    params,
    body: ApprovalReason,
    example: { reason: 'Confirmed by telephone; nothing has changed' },
    responses: { 202: z.object({ approval: ApprovalView }).openapi('KycReviewWaiver') },
    problems: {
      ...OPEN_REVIEW,
      ...pickProblems(KYC_PROBLEMS, 'review_not_waivable'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: { approval: await requestWaiver(ctx, id, body.reason) },
    }),
  }),
];
