import { z } from '@hono/zod-openapi';
import { readiness } from '../health.ts';
import { type Endpoint, endpoint } from './endpoint.ts';

const Health = z.object({ status: z.enum(['ok', 'unavailable']) }).openapi('Health');

const Readiness = z
  .object({
    status: z.enum(['ok', 'unavailable']),
    failing: z.array(z.object({ name: z.string(), detail: z.string() })),
  })
  .openapi('Readiness');

export const healthEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'getLiveness',
    method: 'get',
    path: '/livez',
    tag: 'platform',
    summary: 'Whether the process runs',
    access: { public: true },
    rate: 'none',
    responses: { 200: Health },
    handler: async () => ({ status: 200, body: { status: 'ok' } }),
  }),
  endpoint({
    operationId: 'getReadiness',
    method: 'get',
    path: '/readyz',
    tag: 'platform',
    summary: 'Whether the node may serve: database, migrations, guard, sealer, jobs',
    access: { public: true },
    responses: { 200: Readiness, 503: Readiness },
    handler: async (ctx) => {
      const { ready, failing } = await readiness(ctx.deps);
      return { status: ready ? 200 : 503, body: { status: ready ? 'ok' : 'unavailable', failing } };
    },
  }),
];
