import { z } from '@hono/zod-openapi';
import { ApprovalReason, ApprovalView } from '../../platform/approvals/api.ts';
import { pageOf, pageQuery } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import { AUDIT_PROBLEMS } from './errors.ts';
import { getHold, KEEPERS, listHolds, placeHold } from './legal-holds.ts';
import { requestRelease } from './release-legal-hold.ts';
import {
  LegalHoldView,
  legalHoldQuery,
  NewLegalHold,
  RetentionItem,
  RetentionPolicyList,
  RetentionRun,
  recordClassInput,
  SetRetentionPolicy,
} from './retention-api.ts';
import { listPolicies, proposePolicy } from './retention-policies.ts';
import { getRun, listItems, listRuns, requestDestruction, startRun } from './retention-runs.ts';
import { EXAMINERS } from './rules.ts';

const own = { tag: 'audit', category: 'compliance', restricted: true } as const;
const params = z.object({ id: idInput });
const page = z.strictObject(pageQuery);
const reads = { staff: EXAMINERS, scope: 'audit:read' } as const;
const decides = { staff: KEEPERS, stepUp: true } as const;
const pendingExists = pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists');

const holdEndpoints: readonly Endpoint[] = [
  endpoint({
    ...own,
    operationId: 'listLegalHolds',
    method: 'get',
    path: '/v1/audit/legal-holds',
    summary: 'Legal holds, newest first',
    description: 'Nobody is shown a hold on themselves.',
    access: reads,
    query: legalHoldQuery,
    responses: { 200: pageOf(LegalHoldView) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listHolds(ctx, query) }),
  }),
  endpoint({
    ...own,
    operationId: 'createLegalHold',
    method: 'post',
    path: '/v1/audit/legal-holds',
    inRecovery: true,
    summary: 'Keeps records from destruction: of a person, of a time, or all',
    description:
      'In force at once: erasure, retention runs and the archiving of the log obey it until two people release it.',
    access: decides,
    body: NewLegalHold,
    example: {
      scope: 'user',
      userId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001',
      reference: 'Supreme Court, order 4711 of 2026',
      reason: 'Records are to be produced at the hearing',
    },
    responses: { 201: LegalHoldView },
    problems: pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    handler: async (ctx, { body }) => ({ status: 201, body: await placeHold(ctx, body) }),
  }),
  endpoint({
    ...own,
    operationId: 'getLegalHold',
    method: 'get',
    path: '/v1/audit/legal-holds/{id}',
    summary: 'One legal hold',
    access: reads,
    params,
    responses: { 200: LegalHoldView },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getHold(ctx, id) }),
  }),
  endpoint({
    ...own,
    operationId: 'releaseLegalHold',
    method: 'post',
    path: '/v1/audit/legal-holds/{id}/release',
    summary: 'Asks for a legal hold to be released; another person decides',
    access: decides,
    params,
    body: ApprovalReason,
    example: { reason: 'The court closed the case on 3 March' },
    responses: { 202: ApprovalView },
    problems: { ...pickProblems(AUDIT_PROBLEMS, 'hold_released'), ...pendingExists },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: await requestRelease(ctx, id, body.reason),
    }),
  }),
];

const policyEndpoints: readonly Endpoint[] = [
  endpoint({
    ...own,
    operationId: 'listRetentionPolicies',
    method: 'get',
    path: '/v1/audit/retention-policies',
    summary: 'How long each class of records is kept',
    access: reads,
    responses: { 200: RetentionPolicyList },
    handler: async (ctx) => ({ status: 200, body: { data: await listPolicies(ctx) } }),
  }),
  endpoint({
    ...own,
    operationId: 'setRetentionPolicy',
    method: 'put',
    path: '/v1/audit/retention-policies/{recordClass}',
    summary: 'Asks for a class to be kept longer or shorter; another person decides',
    description: 'Months count from the end of the relationship and whatever of the class happened later.',
    access: decides,
    params: z.object({ recordClass: recordClassInput }),
    body: SetRetentionPolicy,
    example: {
      months: 120,
      basis: 'Board decision 2026/14',
      reason: 'The auditors asked for ten years',
    },
    responses: { 202: ApprovalView },
    problems: pendingExists,
    handler: async (ctx, { params: { recordClass }, body }) => ({
      status: 202,
      body: await proposePolicy(ctx, recordClass, body),
    }),
  }),
];

const runEndpoints: readonly Endpoint[] = [
  endpoint({
    ...own,
    operationId: 'listRetentionRuns',
    method: 'get',
    path: '/v1/audit/retention-runs',
    summary: 'Reports of what was due for destruction, newest first',
    access: reads,
    query: page,
    responses: { 200: pageOf(RetentionRun) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listRuns(ctx, query) }),
  }),
  endpoint({
    ...own,
    operationId: 'startRetentionRun',
    method: 'post',
    path: '/v1/audit/retention-runs',
    summary: 'Reports what is due now; destroys nothing',
    access: decides,
    rate: 'export',
    responses: { 201: RetentionRun },
    handler: async (ctx) => ({ status: 201, body: await startRun(ctx) }),
  }),
  endpoint({
    ...own,
    operationId: 'getRetentionRun',
    method: 'get',
    path: '/v1/audit/retention-runs/{id}',
    summary: 'One report',
    access: reads,
    params,
    responses: { 200: RetentionRun },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getRun(ctx, id) }),
  }),
  endpoint({
    ...own,
    operationId: 'listRetentionItems',
    method: 'get',
    path: '/v1/audit/retention-runs/{id}/items',
    summary: 'What a report found, and what became of it',
    access: reads,
    params,
    query: page,
    responses: { 200: pageOf(RetentionItem) },
    handler: async (ctx, { params: { id }, query }) => ({
      status: 200,
      body: await listItems(ctx, id, query),
    }),
  }),
  endpoint({
    ...own,
    operationId: 'destroyDueRecords',
    method: 'post',
    path: '/v1/audit/retention-runs/{id}/destroy',
    summary: 'Asks for what a report found to be destroyed; another person decides',
    description:
      'Bound to exactly the items of the report. Each is looked at again before it goes: a hold placed since, or a fact that restarted the clock, keeps it.',
    access: decides,
    params,
    body: ApprovalReason,
    example: { reason: 'Monthly destruction, list checked' },
    responses: { 202: ApprovalView },
    problems: { ...pickProblems(AUDIT_PROBLEMS, 'run_not_open', 'nothing_due'), ...pendingExists },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: await requestDestruction(ctx, id, body.reason),
    }),
  }),
];

export const retentionEndpoints: readonly Endpoint[] = [
  ...holdEndpoints,
  ...policyEndpoints,
  ...runEndpoints,
];
