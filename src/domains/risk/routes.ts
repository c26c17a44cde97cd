import { z } from '@hono/zod-openapi';
import { pageOf } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import { alertEndpoints } from './alerts/routes.ts';
import {
  AccountLimits,
  AccountLimitsQuery,
  LimitWithdrawal,
  ProposedRiskLimit,
  RiskLimit,
  RiskLimitProposal,
  RiskLimitQuery,
} from './api.ts';
import { breakerEndpoints } from './breakers/routes.ts';
import { RISK_PROBLEMS } from './errors.ts';
import { getAccountLimits } from './get-account-limits.ts';
import { proposeRiskLimit } from './propose-risk-limit.ts';
import { listRiskLimits } from './store.ts';
import { proposeLimitWithdrawal } from './withdraw-risk-limit.ts';

export const riskEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listRiskLimits',
    method: 'get',
    path: '/v1/risk/limits',
    tag: 'risk',
    summary: 'The limits of trading, newest first',
    description:
      'The narrowest scope that has a limit binds: account, user, instrument, asset, platform. Without any the order is refused.',
    access: { staff: ['risk_manager', 'compliance_officer', 'auditor', 'admin'], scope: 'risk:read' },
    query: RiskLimitQuery,
    responses: { 200: pageOf(RiskLimit).openapi('RiskLimitPage') },
    handler: async (ctx, { query }) => ({ status: 200, body: await listRiskLimits(ctx, query) }),
  }),
  endpoint({
    operationId: 'getAccountRiskLimits',
    method: 'get',
    path: '/v1/accounts/{id}/risk-limits',
    tag: 'risk',
    summary: 'The limits that bind orders of an account just now',
    description:
      'Of each kind the one that decides: the narrowest scope that has a limit binds, and nothing is said of the others. It may change at any time; an order is judged by what binds when it comes.',
    access: {
      customer: true,
      staff: ['risk_manager', 'compliance_officer', 'mlro', 'operations', 'support', 'auditor'],
      scope: 'accounts:read',
    },
    params: z.object({ id: idInput }),
    query: AccountLimitsQuery,
    responses: { 200: AccountLimits },
    problems: pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    handler: async (ctx, { params: { id }, query }) => ({
      status: 200,
      body: await getAccountLimits(ctx, id, query.symbol),
    }),
  }),
  endpoint({
    operationId: 'proposeRiskLimit',
    method: 'post',
    path: '/v1/risk/limits',
    tag: 'risk',
    summary: 'Propose a limit of trading',
    description: 'It takes effect when a second person approves it.',
    access: { staff: ['risk_manager', 'admin'] },
    category: 'trading',
    body: RiskLimitProposal,
    example: {
      scope: 'platform',
      type: 'max_order_value',
      value: '250000',
      currency: 'USD',
      reason: 'Default of the firm',
    },
    responses: { 202: ProposedRiskLimit },
    problems: {
      ...pickProblems(RISK_PROBLEMS, 'limit_period_invalid', 'limit_scope_unknown', 'limit_zone_unknown'),
    },
    handler: async (ctx, { body }) => ({ status: 202, body: await proposeRiskLimit(ctx, body) }),
  }),
  endpoint({
    operationId: 'withdrawRiskLimit',
    method: 'delete',
    path: '/v1/risk/limits/{id}',
    tag: 'risk',
    summary: 'Propose to take a limit back',
    description:
      'It binds until a second person approves. Then the next wider limit binds; where there is none, orders are refused. The limit stays in the list with who took it back and why.',
    access: { staff: ['risk_manager', 'admin'] },
    category: 'trading',
    params: z.object({ id: idInput }),
    body: LimitWithdrawal,
    example: { reason: 'The customer is covered by the limit of the platform again' },
    responses: { 202: ProposedRiskLimit },
    problems: {
      ...pickProblems(RISK_PROBLEMS, 'limit_withdrawn'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found', 'approval_pending_exists'),
    },
    handler: async (ctx, { params, body }) => ({
      status: 202,
      body: await proposeLimitWithdrawal(ctx, { limitId: params.id, reason: body.reason }),
    }),
  }),
  ...breakerEndpoints,
  ...alertEndpoints,
];
