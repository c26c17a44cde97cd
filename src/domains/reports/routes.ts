import { z } from '@hono/zod-openapi';
import { type Role, STAFF_ROLES } from '../../kernel/actor.ts';
import { type Endpoint, endpoint } from '../../platform/http/endpoint.ts';
import { idInput } from '../../platform/http/wire.ts';
import { AccountDetail, Holding, Portfolio } from './api.ts';
import { getAccount } from './read-account.ts';
import { getPortfolio, listHoldings } from './read-portfolio.ts';

const READERS = [
  'support',
  'compliance_officer',
  'mlro',
  'operations',
  'risk_manager',
  'auditor',
] as const satisfies readonly Role[];

const params = z.object({ id: idInput });

export const reportEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'getAccount',
    method: 'get',
    path: '/v1/accounts/{id}',
    tag: 'accounts',
    summary: 'One account, with what it has behind its positions',
    access: { customer: true, staff: STAFF_ROLES, scope: 'accounts:read' },
    params,
    responses: { 200: AccountDetail },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getAccount(ctx, id) }),
  }),
  endpoint({
    operationId: 'listHoldings',
    method: 'get',
    path: '/v1/accounts/{id}/holdings',
    tag: 'reports',
    summary: 'The units an account holds, with their cost, last price and value',
    access: { customer: true, staff: READERS, scope: 'accounts:read' },
    params,
    responses: { 200: z.object({ data: z.array(Holding) }).openapi('HoldingList') },
    handler: async (ctx, { params: { id } }) => ({
      status: 200,
      body: { data: await listHoldings(ctx, id) },
    }),
  }),
  endpoint({
    operationId: 'getPortfolio',
    method: 'get',
    path: '/v1/accounts/{id}/portfolio',
    tag: 'reports',
    summary: 'What an account is worth now, and of what',
    access: { customer: true, staff: READERS, scope: 'accounts:read' },
    params,
    responses: { 200: Portfolio },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getPortfolio(ctx, id) }),
  }),
];
