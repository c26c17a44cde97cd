import { pageOf } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint } from '../../platform/http/endpoint.ts';
import { AuditLog } from './api.ts';
import { EXAMINERS } from './rules.ts';
import { readTimeline } from './timeline.ts';
import { timelineParams, timelineQuery } from './timeline-api.ts';

export const timelineEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'getAuditTimeline',
    restricted: true,
    method: 'get',
    path: '/v1/audit/timelines/{kind}/{id}',
    tag: 'audit',
    summary: 'What happened to a customer, an account, an order or a payment, newest first',
    description:
      'For a user, what they did and what was done about them. For anything else, its own rows and all that the same requests did in other domains: holds, journals, approvals, screenings. Each person it tells of is recorded as read.',
    access: { staff: EXAMINERS, scope: 'audit:read' },
    params: timelineParams,
    query: timelineQuery,
    responses: { 200: pageOf(AuditLog) },
    category: 'compliance',
    handler: async (ctx, { params, query }) => ({
      status: 200,
      body: await readTimeline(ctx, params.kind, params.id, query),
    }),
  }),
];
