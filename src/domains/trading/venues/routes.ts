import { z } from '@hono/zod-openapi';
import { pageOf } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../../identity/index.ts';
import { TRADING_PROBLEMS } from '../errors.ts';
import { RequestedResolution, VenueOrder, VenueOrderQuery, VenueOrderResolution } from './api.ts';
import { listVenueOrders } from './list-venue-orders.ts';
import { resolveVenueOrder } from './resolve-venue-order.ts';

export const venueEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listVenueOrders',
    method: 'get',
    path: '/v1/venue-orders',
    tag: 'trading',
    summary: 'Orders that were sent to venues and what the venues said, newest first',
    description: 'With `state=unknown` those that nobody knows the fate of, which wait for a person.',
    access: { staff: ['operations', 'risk_manager', 'compliance_officer', 'auditor'], scope: 'orders:read' },
    query: VenueOrderQuery,
    responses: { 200: pageOf(VenueOrder).openapi('VenueOrderPage') },
    handler: async (ctx, { query }) => ({ status: 200, body: await listVenueOrders(ctx, query) }),
  }),
  endpoint({
    operationId: 'resolveVenueOrder',
    method: 'post',
    path: '/v1/venue-orders/{id}/resolve',
    tag: 'trading',
    summary: 'Ask another person to agree on what a venue did with an order',
    description:
      'For an order whose state is `unknown`: the venue did not answer, or reported what the order does not cover. ' +
      'Once another person agrees, the executions given are booked, the order ends and what is left of its reservation ' +
      'is free. Until then everything stays reserved.',
    access: { staff: ['operations', 'risk_manager'] },
    category: 'trading',
    params: z.object({ id: idInput }),
    body: VenueOrderResolution,
    example: {
      executions: [{ executionId: 'X-4711', price: '60000', quantity: '0.01' }],
      evidence: 'Trade confirmation of the venue of 22 November',
      reason: 'The venue was not reachable when the order was sent',
    },
    responses: { 202: RequestedResolution },
    problems: {
      ...pickProblems(
        TRADING_PROBLEMS,
        'venue_order_not_unknown',
        'venue_order_changed',
        'venue_execution_known',
        'venue_execution_not_covered',
      ),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found', 'approval_pending_exists'),
    },
    handler: async (ctx, { params, body }) => ({
      status: 202,
      body: await resolveVenueOrder(ctx, { orderId: params.id, ...body }),
    }),
  }),
];
