/**
 * Mounts operations on a Hono app: one route per operation, and for each known path an answer to
 * OPTIONS and a 405 with Allow to every other method. Paths of the app itself (the reference, the
 * problem pages) are told apart by their handlers and treated alike.
 */

import type { Context, Hono } from 'hono';
import { newId } from '../../kernel/id.ts';
import type { Deps, Location } from '../context.ts';
import type { Authenticate } from './authenticate.ts';
import type { Endpoint } from './endpoint.ts';
import { asksForWebSocket } from './handshake.ts';
import { answer, type Incoming, refuseUnrouted } from './pipeline.ts';
import { refusalOf } from './problem.ts';
import { refuse } from './refuse.ts';

const NO_PARAMS = Object.freeze({});

/** Finds the client behind trusted proxies. */
export type ClientAddress = (peer: string, forwardedFor: string | null) => string;

/** Finds where the client is, from what a trusted proxy adds to the request. */
export type ClientLocation = (peer: string, headers: Headers) => Location | undefined;

/** Mounts every operation; what the app mounted before keeps answering GET only. */
export function mountEndpoints(
  app: Hono,
  deps: Deps,
  authenticate: Authenticate,
  clientAddress: ClientAddress,
  operations: readonly Endpoint[],
  clientLocation: ClientLocation = () => undefined,
): void {
  const methodsOf = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    methodsOf.set(path, (methodsOf.get(path) ?? new Set()).add(method));
  }
  const operationsAt = Map.groupBy(operations, honoPath);
  for (const [route, found] of operationsAt) {
    const methods = found.map((operation) => operation.method.toUpperCase());
    methodsOf.set(route, (methodsOf.get(route) ?? new Set()).union(new Set(methods)));
  }
  const parts = { deps, authenticate, clientAddress, clientLocation };
  for (const [route, methods] of [...methodsOf].sort(byRoute)) {
    // One handler for a path, whatever the method: the app then needs to chain none.
    app.all(route, routeHandler(parts, operationsAt.get(route) ?? [], methods));
  }
  app.notFound((context) => refuseUnrouted(deps, incomingAt(context, parts), refuse('not_found')));
  app.onError((error, context) => refuseUnrouted(deps, incomingAt(context, parts), refusalOf(error)));
  answerPlainPaths(app, parts, operations);
}

type Parts = {
  readonly deps: Deps;
  readonly authenticate: Authenticate;
  readonly clientAddress: ClientAddress;
  readonly clientLocation: ClientLocation;
};

/** A path without parameters, spelled as declared, is one look-up away: no router walks for it. */
function answerPlainPaths(app: Hono, parts: Parts, operations: readonly Endpoint[]): void {
  const plain = new Map<string, Map<string, Endpoint>>();
  for (const operation of operations.filter(({ path }) => !path.includes('{'))) {
    const methods = plain.get(operation.path) ?? new Map<string, Endpoint>();
    plain.set(operation.path, methods.set(operation.method.toUpperCase(), operation));
  }
  const routed = app.fetch;
  app.fetch = (request, env, executionCtx) => {
    const operation = plain.get(pathOf(request.url))?.get(request.method);
    return operation === undefined
      ? routed(request, env, executionCtx)
      : answer(parts.deps, parts.authenticate, operation, incomingOf(request, env, NO_PARAMS, parts));
  };
}

function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3);
  const end = url.indexOf('?', start);
  return end < 0 ? url.slice(start) : url.slice(start, end);
}

function routeHandler(
  parts: Parts,
  operations: readonly Endpoint[],
  methods: ReadonlySet<string>,
): (context: Context) => Response | Promise<Response> {
  const byMethod = new Map(operations.map((operation) => [operation.method.toUpperCase(), operation]));
  const allow = [...methods, ...(methods.has('GET') ? ['HEAD'] : []), 'OPTIONS'].sort().join(', ');
  return (context) => {
    const method = context.req.method === 'HEAD' ? 'GET' : context.req.method;
    const operation = byMethod.get(method);
    if (operation !== undefined) {
      return answer(parts.deps, parts.authenticate, operation, incomingAt(context, parts));
    }
    if (method === 'OPTIONS') {
      return new Response(null, { status: 204, headers: { allow } });
    }
    // A page of the app itself that called next() leads here: its own method is no wrong one.
    const error = methods.has(method)
      ? refuse('not_found')
      : refuse('method_not_allowed', { headers: { allow }, detail: `Use ${allow}.` });
    return refuseUnrouted(parts.deps, incomingAt(context, parts), error);
  };
}

function incomingAt(context: Context, parts: Parts): Incoming {
  const params = context.req.param() as Readonly<Record<string, string>>;
  return incomingOf(context.req.raw, context.env, params, parts);
}

function incomingOf(
  request: Request,
  env: unknown,
  params: Readonly<Record<string, string>>,
  { clientAddress, clientLocation }: Parts,
): Incoming {
  const { headers } = request;
  const server = serverOf(env);
  const peer = server?.requestIP(request)?.address ?? '';
  const location = clientLocation(peer, headers);
  return {
    beganMs: performance.now(),
    request,
    params,
    requestId: newId(),
    client: {
      ip: clientAddress(peer, headers.get('x-forwarded-for')),
      userAgent: (headers.get('user-agent') ?? '').slice(0, 512),
      ...(location === undefined ? {} : { location }),
    },
    ...(server !== undefined && asksForWebSocket(request)
      ? { upgrade: (data: object) => server.upgrade(request, { data }) }
      : {}),
  };
}

/** What holds the sockets; absent when the app is called in process, without one. */
function serverOf(env: unknown): Pick<Bun.Server<object>, 'requestIP' | 'upgrade'> | undefined {
  return ((env ?? {}) as { readonly server?: Bun.Server<object> }).server;
}

/** A path spelled out comes before one with a parameter in its place, which would answer for it. */
function byRoute([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  const [first, second] = [left.replaceAll(':', '\uffff'), right.replaceAll(':', '\uffff')];
  return first < second ? -1 : Number(first > second);
}

function honoPath({ path, tail }: Endpoint): string {
  const route = path.replace(/\{(\w+)\}/g, ':$1');
  return tail ? `${route}{.+}` : route;
}
