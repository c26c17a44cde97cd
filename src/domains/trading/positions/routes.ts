import { z } from '@hono/zod-openapi';
import type { Role } from '../../../kernel/actor.ts';
import { pageOf } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { TRADING_PROBLEMS } from '../errors.ts';
import { Position, PositionExits, PositionQuery } from './api.ts';
import { removeExits, setExits } from './set-exits.ts';
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

const WRITING = { customer: true, scope: 'orders:write' } as const;

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
  endpoint({
    operationId: 'setPositionExits',
    method: 'put',
    path: '/v1/positions/{id}/exits',
    tag: 'trading',
    summary: 'Set a stop-loss and a take-profit on a position',
    description:
      'Replaces both: one that is not named is taken away. They belong to the position: whatever is added to it or taken off it, the mark that reaches one closes all of it, by market orders that only reduce (`origin: position_exit`), and they end with it. They may be set while the market is closed or halted; nothing is triggered meanwhile. The same exits again change nothing. Others after one was triggered take the trigger back, as long as none of its orders is under way.',
    access: WRITING,
    rate: 'orders',
    category: 'trading',
    params: byId,
    body: PositionExits,
    example: { takeProfit: { triggerPrice: '66000' }, stopLoss: { triggerPrice: '57500' } },
    responses: { 200: Position },
    problems: {
      ...pickProblems(
        TRADING_PROBLEMS,
        'position_closed',
        'exit_under_way',
        'price_off_tick',
        'exit_on_wrong_side',
        'kyc_not_approved',
        'account_restricted',
        'under_review',
        'agreements_outdated',
        'account_not_active',
      ),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { params: { id }, body }) => ({ status: 200, body: await setExits(ctx, id, body) }),
  }),
  endpoint({
    operationId: 'removePositionExits',
    method: 'delete',
    path: '/v1/positions/{id}/exits',
    tag: 'trading',
    summary: 'Take the stop-loss and the take-profit of a position away',
    description:
      'As one cancels an order: nothing is asked of the account. After one was triggered it works as long as none of its orders is under way. Where there are none, nothing changes.',
    access: WRITING,
    rate: 'orders',
    category: 'trading',
    params: byId,
    responses: { 200: Position },
    problems: {
      ...pickProblems(TRADING_PROBLEMS, 'position_closed', 'exit_under_way'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await removeExits(ctx, id) }),
  }),
];
