/**
 * Figures for operators, on a port of their own so that no customer can read them. Labels are
 * operation ids and statuses: nothing that names a person or an object.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type Deps, perDeps } from '../context.ts';
import { countAnswer, figuresText, type RequestFigures } from './request-figures.ts';

type Metrics = {
  readonly registry: Registry;
  readonly requests: RequestFigures;
  readonly alarms: Counter<'alarm'>;
  readonly mails: Gauge<'state'>;
  readonly streamEnds: Counter<'how'>;
  readonly threads: Gauge<'thread'>;
  readonly threadEnds: Counter<'thread'>;
};

const metricsOf = perDeps((deps: Deps): Metrics => {
  const registry = new Registry();
  return {
    registry,
    requests: new Map(),
    alarms: new Counter({
      name: 'plimsoll_alarms_total',
      help: 'Alarms raised, by name',
      labelNames: ['alarm'],
      registers: [registry],
    }),
    streamEnds: new Counter({
      name: 'plimsoll_stream_ends_total',
      help: 'Streams that ended, by how; too_slow are clients that did not read',
      labelNames: ['how'],
      registers: [registry],
    }),
    threads: new Gauge({
      name: 'plimsoll_threads_up',
      help: 'Whether a thread of this process works: 1, or 0 while it starts or after it broke off',
      labelNames: ['thread'],
      registers: [registry],
    }),
    threadEnds: new Counter({
      name: 'plimsoll_thread_ends_total',
      help: 'How often a thread of this process broke off and was started anew',
      labelNames: ['thread'],
      registers: [registry],
    }),
    mails: new Gauge({
      name: 'plimsoll_mails',
      help: 'Mails sent and lost since the start, and those that wait',
      labelNames: ['state'],
      registers: [registry],
      collect() {
        for (const [state, count] of Object.entries(deps.mail.counts())) {
          this.set({ state }, count);
        }
      },
    }),
  };
});

/** Counts one answer. @units ms */
export function observeAnswer(deps: Deps, operation: string, status: number, ms: number): void {
  countAnswer(metricsOf(deps).requests, operation, status, ms);
}

const alarmCounts = perDeps((deps: Deps) => ({
  count: (alarm: string): void => metricsOf(deps).alarms.inc({ alarm }),
}));

/** Counts one alarm that was raised. */
export function countAlarm(deps: Deps, alarm: string): void {
  alarmCounts(deps).count(alarm);
}

/** Has the alarms of a thread counted where somebody asks for them. */
export function countAlarmsWith(deps: Deps, count: (alarm: string) => void): void {
  alarmCounts(deps).count = count;
}

/** Shows whether a thread of this process works. */
export function showThread(deps: Deps, thread: string, isUp: boolean): void {
  metricsOf(deps).threads.set({ thread }, isUp ? 1 : 0);
}

/** Counts one thread that broke off. */
export function countThreadEnd(deps: Deps, thread: string): void {
  metricsOf(deps).threadEnds.inc({ thread });
}

/** Counts one stream that ended. */
export function countStreamEnd(deps: Deps, how: string): void {
  metricsOf(deps).streamEnds.inc({ how });
}

/** Shows how many streams are open, whenever somebody asks. */
export function watchStreams(deps: Deps, open: () => number): void {
  const { registry } = metricsOf(deps);
  new Gauge({
    name: 'plimsoll_streams',
    help: 'Open streams',
    registers: [registry],
    collect() {
      this.set(open());
    },
  });
}

/** Serves `/metrics` in the Prometheus text format until stopped. */
export function serveMetrics(deps: Deps, host: string, port: number): { readonly stop: () => Promise<void> } {
  const { registry, requests } = metricsOf(deps);
  collectDefaultMetrics({ register: registry });
  const server = Bun.serve({
    hostname: host,
    port,
    fetch: async (request) =>
      new URL(request.url).pathname === '/metrics'
        ? new Response((await registry.metrics()) + figuresText(requests), {
            headers: { 'content-type': registry.contentType },
          })
        : new Response('Not found', { status: 404 }),
  });
  return { stop: () => server.stop(true) };
}
