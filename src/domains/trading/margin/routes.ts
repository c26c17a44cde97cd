import { z } from '@hono/zod-openapi';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { AccountMargin } from './api.ts';
import { getMargin } from './get-margin.ts';

export const marginEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'getMargin',
    method: 'get',
    path: '/v1/risk/margin/{accountId}',
    tag: 'risk',
    summary: 'How an account stands behind its positions',
    description:
      'At the prices of now: equity, margin used and required, margin level and ratio, what a call and a liquidation would begin at, and the liquidation price of each position. An account without contracts answers no assets.',
    access: {
      customer: true,
      staff: ['risk_manager', 'compliance_officer', 'mlro', 'operations', 'support', 'auditor'],
      scope: 'accounts:read',
    },
    params: z.object({ accountId: idInput }),
    responses: { 200: AccountMargin },
    problems: pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    handler: async (ctx, { params }) => ({ status: 200, body: await getMargin(ctx, params.accountId) }),
  }),
];
