import { z } from '@hono/zod-openapi';
import { pageOf } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { AccountMargin, AccountMarginCall, MarginCallQuery } from './api.ts';
import { getMargin } from './get-margin.ts';
import { listMarginCalls } from './list-margin-calls.ts';

const READING = {
  customer: true,
  staff: ['risk_manager', 'compliance_officer', 'mlro', 'operations', 'support', 'auditor'],
  scope: 'accounts:read',
} as const;

export const marginEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listMarginCalls',
    method: 'get',
    path: '/v1/risk/margin-calls',
    tag: 'risk',
    summary: 'Calls for more margin, newest first',
    description:
      'Those of one’s own accounts; staff see all. Each as it was made, with its deadline and what came of it. How an account stands now says `getMargin`.',
    access: READING,
    query: MarginCallQuery,
    responses: { 200: pageOf(AccountMarginCall).openapi('MarginCallPage') },
    handler: async (ctx, { query }) => ({ status: 200, body: await listMarginCalls(ctx, query) }),
  }),
  endpoint({
    operationId: 'getMargin',
    method: 'get',
    path: '/v1/risk/margin/{accountId}',
    tag: 'risk',
    summary: 'How an account stands behind its positions',
    description:
      'At the prices of now: equity, margin used and required, margin level and ratio, what a call and a liquidation would begin at, and the liquidation price of each position. An account without contracts answers no assets.',
    access: READING,
    params: z.object({ accountId: idInput }),
    responses: { 200: AccountMargin },
    problems: pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    handler: async (ctx, { params }) => ({ status: 200, body: await getMargin(ctx, params.accountId) }),
  }),
];
