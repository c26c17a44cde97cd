import { z } from '@hono/zod-openapi';
import type { Role } from '../../../kernel/actor.ts';
import { pageOf } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { symbolInput } from '../../markets/index.ts';
import { RISK_PROBLEMS } from '../errors.ts';
import {
  BreakerLift,
  BreakerQuery,
  BreakerRule,
  BreakerRuleList,
  BreakerRuleOrder,
  CircuitBreaker,
  NewBreaker,
  RequestedLift,
  SetBreakerRule,
} from './api.ts';
import { requestBreakerLift } from './lift-breaker.ts';
import { setBreakerRule } from './set-breaker-rule.ts';
import { getBreakerRule, listBreakerRules, listBreakers } from './store.ts';
import { tripBreaker } from './trip-breaker.ts';

const READERS = ['risk_manager', 'compliance_officer', 'auditor', 'admin'] as const satisfies readonly Role[];
const READING = { staff: READERS, scope: 'risk:read' } as const;
const WRITING = { staff: ['risk_manager', 'admin'] } as const;

const NOT_FOUND = pickProblems(PLATFORM_PROBLEMS, 'not_found');
const bySymbol = z.object({ symbol: symbolInput });

export const breakerEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listCircuitBreakers',
    method: 'get',
    path: '/v1/risk/circuit-breakers',
    tag: 'risk',
    summary: 'When trading was stopped, newest first',
    access: READING,
    query: BreakerQuery,
    responses: { 200: pageOf(CircuitBreaker).openapi('CircuitBreakerPage') },
    handler: async (ctx, { query }) => ({ status: 200, body: await listBreakers(ctx, query) }),
  }),
  endpoint({
    operationId: 'tripCircuitBreaker',
    method: 'post',
    path: '/v1/risk/circuit-breakers',
    tag: 'risk',
    summary: 'Stop trading, of one instrument or of all',
    description:
      'One person is enough. Once it answers, no order is accepted and no trade settled, in any process; cancelling goes on. One breaker stands for a target at a time: one that ends sooner gives way to it (`supersededBy`), and where one stands that lasts as long or longer there is nothing to stop (409 `breaker_stands`).',
    access: WRITING,
    category: 'trading',
    body: NewBreaker,
    example: { symbol: 'BTC/USD', reason: 'Prices of our source look wrong' },
    responses: { 201: CircuitBreaker },
    problems: { ...pickProblems(RISK_PROBLEMS, 'breaker_end_past', 'breaker_stands'), ...NOT_FOUND },
    handler: async (ctx, { body }) => ({ status: 201, body: await tripBreaker(ctx, body) }),
  }),
  endpoint({
    operationId: 'liftCircuitBreaker',
    method: 'post',
    path: '/v1/risk/circuit-breakers/{id}/lift',
    tag: 'risk',
    summary: 'Ask another person to let trading go on',
    access: WRITING,
    category: 'trading',
    params: z.object({ id: idInput }),
    body: BreakerLift,
    example: { reason: 'The source was mended and checked' },
    responses: { 202: RequestedLift },
    problems: {
      ...pickProblems(RISK_PROBLEMS, 'breaker_lifted'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found', 'approval_pending_exists'),
    },
    handler: async (ctx, { params, body }) => ({
      status: 202,
      body: await requestBreakerLift(ctx, { breakerId: params.id, reason: body.reason }),
    }),
  }),
  endpoint({
    operationId: 'listBreakerRules',
    method: 'get',
    path: '/v1/risk/breaker-rules',
    tag: 'risk',
    summary: 'Which moves of the price stop which instrument',
    access: READING,
    responses: { 200: BreakerRuleList },
    handler: async (ctx) => ({ status: 200, body: { data: await listBreakerRules(ctx) } }),
  }),
  endpoint({
    operationId: 'getBreakerRule',
    method: 'get',
    path: '/v1/risk/breaker-rules/{symbol}',
    tag: 'risk',
    summary: 'Which move of the price stops an instrument',
    access: READING,
    params: bySymbol,
    responses: { 200: BreakerRule },
    problems: NOT_FOUND,
    handler: async (ctx, { params }) => ({ status: 200, body: await getBreakerRule(ctx, params.symbol) }),
  }),
  endpoint({
    operationId: 'setBreakerRule',
    method: 'put',
    path: '/v1/risk/breaker-rules/{symbol}',
    tag: 'risk',
    summary: 'Set which move of the price stops an instrument',
    description:
      'In force at once where it is no looser than the rule before in any respect; otherwise when a second person approves it.',
    access: WRITING,
    category: 'trading',
    params: bySymbol,
    body: BreakerRuleOrder,
    example: {
      active: true,
      moveBps: 1000,
      windowSeconds: 300,
      pauseSeconds: 300,
      alertBps: 500,
      reason: 'Policy of the firm',
    },
    responses: { 200: SetBreakerRule },
    problems: { ...pickProblems(RISK_PROBLEMS, 'breaker_terms_invalid'), ...NOT_FOUND },
    handler: async (ctx, { params, body }) => {
      const { ruleId, approvalId } = await setBreakerRule(ctx, { ...body, symbol: params.symbol });
      const status = approvalId === null ? ('in_force' as const) : ('pending' as const);
      return { status: 200, body: { ruleId, approvalId, status } };
    },
  }),
];
