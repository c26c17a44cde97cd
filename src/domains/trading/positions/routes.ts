import { z } from '@hono/zod-openapi';
import type { Role } from '../../../kernel/actor.ts';
import { pageOf } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint } from '../../../platform/http/endpoint.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { Position, PositionQuery } from './api.ts';
import { getPosition, listPositions } from './store.ts';

const READERS = [
  'support',
  'compliance_officer',
  'mlro',
  'operations',
  'risk_manager',
  'auditor',
] as const satisfies readonly Role[];
const READING = { customer: true, staff: READERS, scope: 'orders:read' } as const;

const byId = z.object({ id: idInput });

export const positionEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listPositions',
    method: 'get',
    path: '/v1/accounts/{id}/positions',
    tag: 'trading',
    summary: 'The positions of an account in contracts, newest first',
    access: READING,
    params: byId,
    query: PositionQuery,
    responses: { 200: pageOf(Position).openapi('PositionPage') },
    handler: async (ctx, { params: { id }, query }) => ({
      status: 200,
      body: await listPositions(ctx, id, query),
    }),
  }),
  endpoint({
    operationId: 'getPosition',
    method: 'get',
    path: '/v1/positions/{id}',
    tag: 'trading',
    summary: 'One position in a contract',
    access: READING,
    params: byId,
    responses: { 200: Position },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getPosition(ctx, id) }),
  }),
];
