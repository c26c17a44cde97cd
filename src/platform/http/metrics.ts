/**
 * Figures for operators, on a port of their own so that no customer can read them. Labels are
 * operation ids and statuses: nothing that names a person or an object.
 */
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import { type Deps, perDeps } from '../context.ts';

type Metrics = {
  readonly registry: Registry;
  readonly requests: Counter<'operation' | 'status'>;
  readonly seconds: Histogram<'operation'>;
};

const metricsOf = perDeps((): Metrics => {
  const registry = new Registry();
  return {
    registry,
    requests: new Counter({
      name: 'plimsoll_requests_total',
      help: 'Answers by operation and status',
      labelNames: ['operation', 'status'],
      registers: [registry],
    }),
    seconds: new Histogram({
      name: 'plimsoll_request_seconds',
      help: 'Time to answer by operation',
      labelNames: ['operation'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
      registers: [registry],
    }),
  };
});

/** Counts one answer. @units ms */
export function observeAnswer(deps: Deps, operation: string, status: number, ms: number): void {
  const metrics = metricsOf(deps);
  metrics.requests.inc({ operation, status: String(status) });
  metrics.seconds.observe({ operation }, ms / 1000);
}

/** Serves `/metrics` in the Prometheus text format until stopped. */
export function serveMetrics(deps: Deps, host: string, port: number): { readonly stop: () => Promise<void> } {
  const { registry } = metricsOf(deps);
  collectDefaultMetrics({ register: registry });
  const server = Bun.serve({
    hostname: host,
    port,
    fetch: async (request) =>
      new URL(request.url).pathname === '/metrics'
        ? new Response(await registry.metrics(), { headers: { 'content-type': registry.contentType } })
        : new Response('Not found', { status: 404 }),
  });
  return { stop: () => server.stop(true) };
}
