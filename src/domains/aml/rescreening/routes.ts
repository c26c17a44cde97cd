import { z } from '@hono/zod-openapi';
import { pageOf, pageQuery } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { AML_PROBLEMS } from '../errors.ts';
import { AML_OPERATION, OFFICERS, READERS } from '../operation.ts';
import { Rescreening } from './api.ts';
import { getRun, listRuns, startRescreening } from './runs.ts';

export const rescreeningEndpoints: readonly Endpoint[] = [
  endpoint({
    ...AML_OPERATION,
    operationId: 'startRescreening',
    method: 'post',
    path: '/v1/aml/rescreenings',
    summary: 'Hold everybody against the active lists again',
    description:
      'Changes of lists are followed without it. The work is done in the background; the run says how far it is.',
    access: { staff: OFFICERS },
    responses: { 202: Rescreening },
    problems: pickProblems(AML_PROBLEMS, 'no_active_list', 'rescreening_running'),
    handler: async (ctx) => ({ status: 202, body: await startRescreening(ctx) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'listRescreenings',
    method: 'get',
    path: '/v1/aml/rescreenings',
    summary: 'Runs that held everybody against the lists, newest first',
    access: { staff: READERS, scope: 'aml:read' },
    query: z.strictObject(pageQuery),
    responses: { 200: pageOf(Rescreening) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listRuns(ctx, query) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'getRescreening',
    method: 'get',
    path: '/v1/aml/rescreenings/{id}',
    summary: 'A run with how far it is',
    access: { staff: READERS, scope: 'aml:read' },
    params: z.object({ id: idInput }),
    responses: { 200: Rescreening },
    problems: pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getRun(ctx, id) }),
  }),
];
