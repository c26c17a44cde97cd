import { z } from '@hono/zod-openapi';
import { ApprovalView } from '../../../platform/approvals/api.ts';
import { pageOf, pageQuery } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../../identity/index.ts';
import { AML_PROBLEMS } from '../errors.ts';
import { AML_OPERATION, OFFICERS, READERS } from '../operation.ts';
import { resolveAlert } from '../resolve-alert.ts';
import { Alert, AlertFile, AlertQuery, Assignment, Comment, Lift, Resolution, Standing } from './api.ts';
import { assignAlert } from './assign-alert.ts';
import { commentAlert } from './comment-alert.ts';
import { requestLift } from './lift-customer.ts';
import { getAlert, getStanding, listAlerts } from './store.ts';

const params = z.object({ id: idInput });
const customerParams = z.object({ userId: idInput });

export const alertEndpoints: readonly Endpoint[] = [
  endpoint({
    ...AML_OPERATION,
    operationId: 'listAmlAlerts',
    method: 'get',
    path: '/v1/aml/alerts',
    summary: 'Alerts, newest first',
    access: { staff: READERS, scope: 'aml:read' },
    query: z.strictObject({ ...pageQuery, ...AlertQuery }),
    responses: { 200: pageOf(Alert) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listAlerts(ctx, query) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'getAmlAlert',
    method: 'get',
    path: '/v1/aml/alerts/{id}',
    summary: 'One alert with what it is about and what happened to it',
    description:
      'Files belong to a case, which holds all alerts of one matter: `POST /v1/aml/cases` with the `alertId` opens one, ' +
      '`POST /v1/aml/cases/{id}/files` adds to it, and `caseId` says which it is.',
    access: { staff: READERS, scope: 'aml:read' },
    params,
    responses: { 200: AlertFile },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getAlert(ctx, id) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'assignAmlAlert',
    method: 'post',
    path: '/v1/aml/alerts/{id}/assign',
    summary: 'Give an alert to somebody of compliance',
    access: { staff: OFFICERS },
    params,
    body: Assignment,
    example: { assigneeId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001' },
    responses: { 200: Alert },
    problems: pickProblems(AML_PROBLEMS, 'alert_resolved', 'self_review', 'assignee_unsuitable'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: await assignAlert(ctx, id, body.assigneeId),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'commentAmlAlert',
    method: 'post',
    path: '/v1/aml/alerts/{id}/comments',
    summary: 'Write something to an alert; what was written stays',
    access: { staff: OFFICERS },
    params,
    body: Comment,
    example: { text: 'The passport gives another year of birth' },
    responses: { 201: Alert },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 201,
      body: await commentAlert(ctx, id, body.text),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'resolveAmlAlert',
    method: 'post',
    path: '/v1/aml/alerts/{id}/resolve',
    summary: 'Decide what an alert is; a true match freezes at once, and a second person agrees',
    description:
      'A true match that stops money freezes the customer in the same transaction, and where it is of monitoring keeps ' +
      'their money in (`no_out`, for a case); the alert is closed once a second person agreed ' +
      '(`closeApprovalId`). What frees money waits for the second person altogether and ' +
      'answers 202. Only an alert that stops nobody and is not grave is closed by one person.',
    access: { staff: OFFICERS, stepUp: true },
    params,
    body: Resolution,
    example: { disposition: 'false_positive', reason: 'Another birth date and another nationality' },
    responses: { 200: Alert, 202: z.object({ approval: ApprovalView }).openapi('AlertApproval') },
    problems: {
      ...pickProblems(AML_PROBLEMS, 'alert_resolved', 'self_review', 'case_required'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => {
      const outcome = await resolveAlert(ctx, id, body);
      return 'alert' in outcome
        ? { status: 200, body: outcome.alert }
        : { status: 202, body: { approval: outcome.approval } };
    },
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'getAmlStanding',
    method: 'get',
    path: '/v1/aml/customers/{userId}',
    summary: 'How a customer stands: the gate, what restricts it, what is open',
    access: { staff: READERS },
    params: customerParams,
    responses: { 200: Standing },
    problems: pickProblems(IDENTITY_PROBLEMS, 'self_action'),
    handler: async (ctx, { params: { userId } }) => ({ status: 200, body: await getStanding(ctx, userId) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'liftAmlCustomer',
    method: 'post',
    path: '/v1/aml/customers/{userId}/lift',
    summary: 'Ask to end what stands against a customer; two others decide, the MLRO among them',
    description:
      '`sanctions` (the default) ends a freeze, and a new screening then says how the customer stands. `aml_case` ends ' +
      'what keeps money in since an alert of monitoring was confirmed.',
    access: { staff: OFFICERS, stepUp: true },
    params: customerParams,
    body: Lift,
    example: {
      reason: 'The publisher took the entry off the list and confirmed it in writing',
      cause: 'sanctions',
    },
    responses: { 202: z.object({ approval: ApprovalView }).openapi('LiftApproval') },
    problems: {
      ...pickProblems(AML_PROBLEMS, 'customer_not_confirmed', 'customer_not_restricted'),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { userId }, body }) => ({
      status: 202,
      body: { approval: await requestLift(ctx, userId, body) },
    }),
  }),
];
