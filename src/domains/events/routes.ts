import { type Endpoint, endpoint } from '../../platform/http/endpoint.ts';
import { EventList, eventQuery } from './api.ts';
import { EVENTS_PROBLEMS } from './errors.ts';
import { listEvents } from './list-events.ts';

export const eventEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listEvents',
    method: 'get',
    path: '/v1/events',
    tag: 'events',
    summary: 'The caller’s own events, oldest first',
    description:
      'Continue with `after` set to the id of the last event that was read. Events are kept for 90 days; after one that is gone, `event_unknown` says to begin without `after`.',
    access: { customer: true, scope: 'events:read' },
    query: eventQuery,
    responses: { 200: EventList },
    problems: EVENTS_PROBLEMS,
    handler: async (ctx, { query }) => ({ status: 200, body: { data: await listEvents(ctx, query) } }),
  }),
];
