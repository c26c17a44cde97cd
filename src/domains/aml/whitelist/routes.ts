import { z } from '@hono/zod-openapi';
import { ApprovalView } from '../../../platform/approvals/api.ts';
import { pageOf, pageQuery } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { AML_PROBLEMS } from '../errors.ts';
import { AML_OPERATION, OFFICERS, READERS } from '../operation.ts';
import { requestWhitelistEntries } from './add-entries.ts';
import { WhitelistAddition, WhitelistEntries, WhitelistEntry, WhitelistQuery } from './api.ts';
import { revokeWhitelistEntry, revokeWhitelistOf } from './revoke-entry.ts';
import { listWhitelist } from './store.ts';

export const whitelistEndpoints: readonly Endpoint[] = [
  endpoint({
    ...AML_OPERATION,
    operationId: 'listAmlWhitelist',
    method: 'get',
    path: '/v1/aml/whitelist',
    summary: 'Whom customers are known not to be, newest first',
    access: { staff: READERS },
    query: z.strictObject({ ...pageQuery, ...WhitelistQuery }),
    responses: { 200: pageOf(WhitelistEntry) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listWhitelist(ctx, query) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'addAmlWhitelistEntries',
    method: 'post',
    path: '/v1/aml/whitelist',
    summary: 'Ask another person to agree that a customer is not some of the entries an open alert names',
    description:
      'The alert stays open and the gate as it is: closing the alert is another step. An entry covers the listed ' +
      'entry and the customer in the states they have now; what changes of either is an alert again.',
    access: { staff: OFFICERS, stepUp: true },
    body: WhitelistAddition,
    example: {
      alertId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001',
      entries: [{ listId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a002', sourceId: '6908555', party: '' }],
      days: 180,
      reason: 'Another birth date and another nationality',
    },
    responses: { 202: z.object({ approval: ApprovalView }).openapi('AmlWhitelistApproval') },
    problems: {
      ...pickProblems(
        AML_PROBLEMS,
        'alert_resolved',
        'alert_confirmed',
        'self_review',
        'whitelist_entry_unknown',
      ),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found', 'approval_pending_exists'),
    },
    handler: async (ctx, { body }) => ({
      status: 202,
      body: { approval: await requestWhitelistEntries(ctx, body) },
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'revokeAmlWhitelist',
    method: 'delete',
    path: '/v1/aml/whitelist',
    summary: 'Take back all that is said of whom a customer is not; they are screened anew',
    access: { staff: OFFICERS },
    query: z.strictObject({ userId: idInput }),
    responses: { 200: WhitelistEntries },
    problems: {
      ...pickProblems(AML_PROBLEMS, 'self_review'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { query: { userId } }) => ({
      status: 200,
      body: { data: [...(await revokeWhitelistOf(ctx, userId))] },
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'revokeAmlWhitelistEntry',
    method: 'delete',
    path: '/v1/aml/whitelist/{id}',
    summary: 'Take an entry of the whitelist back; the customer is screened anew',
    access: { staff: OFFICERS },
    params: z.object({ id: idInput }),
    responses: { 200: WhitelistEntry },
    problems: pickProblems(AML_PROBLEMS, 'self_review'),
    handler: async (ctx, { params: { id } }) => ({
      status: 200,
      body: await revokeWhitelistEntry(ctx, id),
    }),
  }),
];
