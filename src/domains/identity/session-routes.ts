import { z } from '@hono/zod-openapi';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { idInput } from '../../platform/http/wire.ts';
import { endOtherSessions, endUserSessions, SESSION_ENDERS } from './end-user-sessions.ts';
import { IDENTITY_PROBLEMS } from './errors.ts';
import { EndedSessions, endSessionsQuery } from './session-api.ts';

/** How sessions end, many at once. */
export const sessionEndpoints: readonly Endpoint[] = [
  endpoint({
    tag: 'identity',
    category: 'authentication',
    operationId: 'endOtherSessions',
    method: 'delete',
    path: '/v1/me/sessions',
    inRecovery: true,
    summary: 'Ends one’s own sessions but the one that asks',
    access: { self: true },
    responses: { 200: EndedSessions },
    handler: async (ctx) => ({ status: 200, body: await endOtherSessions(ctx) }),
  }),
  endpoint({
    tag: 'identity',
    category: 'admin_action',
    operationId: 'endUserSessions',
    method: 'delete',
    path: '/v1/users/{id}/sessions',
    inRecovery: true,
    summary: 'Ends every session of a person, on every node within a second',
    description:
      'The person is told by mail and can sign in again; suspend them to keep them out. API keys go on ' +
      'working. Sessions of staff end at the word of an admin or a compliance officer only.',
    access: { staff: SESSION_ENDERS },
    params: z.object({ id: idInput }),
    query: endSessionsQuery,
    responses: { 200: EndedSessions },
    problems: pickProblems(IDENTITY_PROBLEMS, 'self_action'),
    handler: async (ctx, { params: { id }, query: { reason } }) => ({
      status: 200,
      body: await endUserSessions(ctx, id, reason),
    }),
  }),
];
