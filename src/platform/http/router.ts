/**
 * Mounts operations on a Hono app: one route per operation, and for each known path an answer to
 * OPTIONS and a 405 with Allow to every other method. Paths of the app itself (the reference, the
 * problem pages) are told apart by their handlers and treated alike.
 */

import type { Context, Hono } from 'hono';
import { getConnInfo } from 'hono/bun';
import { newId } from '../../kernel/id.ts';
import type { Client, Deps } from '../context.ts';
import type { Authenticate } from './authenticate.ts';
import type { Endpoint } from './endpoint.ts';
import { observeAnswer } from './metrics.ts';
import { answer, type Incoming, refuseUnrouted } from './pipeline.ts';
import { refusalOf } from './problem.ts';
import { refuse } from './refuse.ts';

/** Finds the client behind trusted proxies. */
export type ClientAddress = (peer: string, forwardedFor: string | null) => string;

/** Mounts every operation; what the app mounted before keeps answering GET only. */
export function mountEndpoints(
  app: Hono,
  deps: Deps,
  authenticate: Authenticate,
  clientAddress: ClientAddress,
  operations: readonly Endpoint[],
): void {
  const methodsOf = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    methodsOf.set(path, (methodsOf.get(path) ?? new Set()).add(method));
  }
  for (const operation of operations) {
    const route = honoPath(operation);
    const method = operation.method.toUpperCase();
    methodsOf.set(route, (methodsOf.get(route) ?? new Set()).add(method));
    app.on(method, route, async (context) => {
      const began = performance.now();
      const response = await answer(deps, authenticate, operation, incomingOf(context, clientAddress));
      observeAnswer(deps, operation.operationId, response.status, performance.now() - began);
      return response;
    });
  }
  for (const [route, methods] of methodsOf) {
    mountOtherMethods(app, deps, clientAddress, route, methods);
  }
  app.notFound((context) => refuseUnrouted(deps, incomingOf(context, clientAddress), refuse('not_found')));
  app.onError((error, context) => refuseUnrouted(deps, incomingOf(context, clientAddress), refusalOf(error)));
}

function mountOtherMethods(
  app: Hono,
  deps: Deps,
  clientAddress: ClientAddress,
  route: string,
  methods: ReadonlySet<string>,
): void {
  const allow = [...methods, ...(methods.has('GET') ? ['HEAD'] : []), 'OPTIONS'].sort().join(', ');
  app.options(route, () => new Response(null, { status: 204, headers: { allow } }));
  app.all(route, (context) => {
    // Hono hands a handler that called next() on to here: its own method is no wrong one.
    const error = methods.has(context.req.method === 'HEAD' ? 'GET' : context.req.method)
      ? refuse('not_found')
      : refuse('method_not_allowed', { headers: { allow }, detail: `Use ${allow}.` });
    return refuseUnrouted(deps, incomingOf(context, clientAddress), error);
  });
}

function incomingOf(context: Context, clientAddress: ClientAddress): Incoming {
  return {
    request: context.req.raw,
    params: context.req.param() as Readonly<Record<string, string>>,
    requestId: newId(),
    client: clientOf(context, clientAddress),
  };
}

function clientOf(context: Context, clientAddress: ClientAddress): Client {
  return {
    ip: clientAddress(peerOf(context), context.req.header('x-forwarded-for') ?? null),
    userAgent: (context.req.header('user-agent') ?? '').slice(0, 512),
  };
}

/** The peer's address; empty when the app is called in process, without a socket. */
function peerOf(context: Context): string {
  return context.env === undefined ||
    !('requestIP' in (context.env as object) || 'server' in (context.env as object))
    ? ''
    : (getConnInfo(context).remote.address ?? '');
}

function honoPath({ path, tail }: Endpoint): string {
  const route = path.replace(/\{(\w+)\}/g, ':$1');
  return tail ? `${route}{.+}` : route;
}
