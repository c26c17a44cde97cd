/**
 * What every request passes, in this order: authenticate, authorise, validate, verb, response
 * schema; and around it all, one place that renders and records refusals.
 */
import { z } from '@hono/zod-openapi';
import type { Actor } from '../../kernel/actor.ts';
import { assert, present } from '../../kernel/assert.ts';
import type { DomainError } from '../../kernel/error.ts';
import { type Id, isId } from '../../kernel/id.ts';
import { attempt } from '../audit/attempt.ts';
import type { Client, Ctx, Deps } from '../context.ts';
import { constraintOf, sqlStateOf } from '../db/errors.ts';
import { transact } from '../db/transact.ts';
import type { Authenticate } from './authenticate.ts';
import { authorise } from './authorise.ts';
import type { Endpoint, Reply } from './endpoint.ts';
import { claimKey, keepAnswer, readIdempotencyKey, requestHash } from './idempotency.ts';
import { problemResponse, refusalOf } from './problem.ts';
import { DEFAULT_BODY_BYTES, readBody, refuseBody } from './read-body.ts';
import { refuse } from './refuse.ts';
import { queryOf, validate } from './validate.ts';
import { toWire } from './wire.ts';

/** A request as the router hands it over. */
export type Incoming = {
  readonly request: Request;
  readonly params: Readonly<Record<string, string>>;
  readonly requestId: string;
  readonly client: Client;
};

const NO_MEMBERS = z.strictObject({});
const ANONYMOUS: Actor = { kind: 'anonymous' };

/** Answers one request to one operation; never throws. */
export async function answer(
  deps: Deps,
  authenticate: Authenticate,
  operation: Endpoint,
  incoming: Incoming,
): Promise<Response> {
  let ctx: Ctx = {
    deps,
    actor: ANONYMOUS,
    requestId: incoming.requestId,
    client: incoming.client,
    login: 'engine',
  };
  try {
    // A public operation looks at no credential: an expired one must not keep anybody from signing in.
    const actor = 'public' in operation.access ? ANONYMOUS : await identify(deps, authenticate, incoming);
    ctx = { ...ctx, actor };
    ctx = { ...ctx, ...authorise(operation.access, actor, deps.clock.realMs(), deps.mode) };
    ctx = { ...ctx, ...readPreconditions(operation, incoming.request) };
    const input = await readInput(operation, incoming);
    const reply = await perform(ctx, operation, input, incoming);
    return render(reply, incoming);
  } catch (thrown) {
    return refused(ctx, operation, incoming, thrown);
  }
}

/** Renders and records what was refused outside any operation: unknown paths and methods. */
export async function refuseUnrouted(deps: Deps, incoming: Incoming, error: DomainError): Promise<Response> {
  const ctx: Ctx = {
    deps,
    actor: ANONYMOUS,
    requestId: incoming.requestId,
    client: incoming.client,
    login: 'engine',
  };
  const path = new URL(incoming.request.url).pathname;
  await attempt(ctx, {
    operation: 'unrouted',
    method: incoming.request.method,
    route: '(unknown)',
    status: error.definition.status,
    code: error.code,
    category: 'security',
    restricted: false,
  }).catch((failure: unknown) =>
    deps.log.error({ failure: nameOf(failure) }, 'an attempt could not be recorded'),
  );
  return problemResponse(error, path, incoming.requestId);
}

async function identify(deps: Deps, authenticate: Authenticate, incoming: Incoming): Promise<Actor> {
  const header = incoming.request.headers.get('authorization');
  if (header === null) {
    return ANONYMOUS;
  }
  const bearer = /^Bearer ([\x21-\x7e]{1,4096})$/i.exec(header)?.[1];
  if (bearer === undefined) {
    throw refuse('credential_invalid');
  }
  return authenticate(deps, bearer, incoming.client);
}

function readPreconditions(operation: Endpoint, request: Request): Partial<Ctx> {
  const preconditions: { idempotencyKey?: string; ifMatch?: number } = {};
  if (operation.idempotency !== undefined) {
    preconditions.idempotencyKey = readIdempotencyKey(request.headers.get('idempotency-key'));
  }
  if (operation.ifMatch) {
    const header = request.headers.get('if-match');
    if (header === null) {
      throw refuse('if_match_required');
    }
    const version = /^"(\d{1,9})"$/.exec(header)?.[1];
    if (version === undefined) {
      throw refuse('version_mismatch');
    }
    preconditions.ifMatch = Number.parseInt(version, 10);
  }
  return preconditions;
}

type Parts = { readonly params: unknown; readonly query: unknown; readonly body: unknown };

async function readInput(operation: Endpoint, incoming: Incoming): Promise<Parts> {
  const params = validatePath(operation, incoming.params);
  const query = validate(operation.query ?? NO_MEMBERS, queryOf(new URL(incoming.request.url)), 'query');
  if (operation.body === undefined) {
    if (operation.method !== 'get') {
      await refuseBody(incoming.request);
    }
    return { params, query, body: undefined };
  }
  const limit = operation.maxBodyBytes ?? DEFAULT_BODY_BYTES;
  const kind = operation.bodyKind ?? 'json';
  const body = await readBody(incoming.request, kind, limit);
  return { params, query, body: kind === 'raw' ? body : validate(operation.body, body, 'body') };
}

/** A path that cannot name a resource names none. */
function validatePath(operation: Endpoint, params: Readonly<Record<string, string>>): unknown {
  const result = (operation.params ?? NO_MEMBERS).safeParse(params);
  if (!result.success) {
    throw refuse('not_found');
  }
  return result.data;
}

async function perform(ctx: Ctx, operation: Endpoint, input: Parts, incoming: Incoming): Promise<Reply> {
  if (operation.idempotency !== 'transaction') {
    return checked(operation, await operation.handler(ctx, input as never));
  }
  const actor = ctx.actor;
  assert('userId' in actor, 'an operation with a key has a signed-in caller');
  const accountId = (input.body as { accountId?: string } | undefined)?.accountId;
  const claim = {
    scopeId: (accountId !== undefined && isId(accountId) ? accountId : actor.userId) as Id,
    method: incoming.request.method,
    path: new URL(incoming.request.url).pathname,
    key: present(ctx.idempotencyKey, 'the key was read'),
  };
  const hash = requestHash(toWire(input.body));
  return transact(ctx, 'engine', async (tx) => {
    const kept = await claimKey(tx, ctx, claim, hash);
    if (kept !== undefined) {
      return { ...kept, headers: { 'idempotent-replayed': 'true' } };
    }
    const reply = checked(operation, await operation.handler({ ...ctx, tx }, input as never));
    await keepAnswer(tx, ctx, claim, { status: reply.status, body: reply.body });
    return reply;
  });
}

/** Holds an answer to its declared schema; what the schema does not name is dropped. */
function checked(operation: Endpoint, reply: Reply): Reply {
  const schema = operation.responses[reply.status];
  assert(schema !== undefined, `${operation.operationId} declares the status ${reply.status}`);
  if (schema === null || 'binary' in schema) {
    return reply;
  }
  const result = schema.safeParse(toWire(reply.body));
  assert(
    result.success,
    `${operation.operationId} answers as declared${result.success ? '' : `: ${faultPaths(result.error)}`}`,
  );
  return { ...reply, body: result.data };
}

/** Where an answer broke its schema, without its values. */
function faultPaths(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.')} ${issue.code}`).join(', ');
}

function render(reply: Reply, incoming: Incoming): Response {
  const { requestId } = incoming;
  if (reply.body instanceof Response) {
    reply.body.headers.set('x-request-id', requestId);
    return reply.body;
  }
  const version = (reply.body as { version?: unknown } | undefined)?.version;
  const nextCursor = (reply.body as { nextCursor?: unknown } | undefined)?.nextCursor;
  return new Response(reply.body === undefined ? null : JSON.stringify(reply.body), {
    status: reply.status,
    headers: {
      ...(reply.body === undefined ? {} : { 'content-type': 'application/json' }),
      'cache-control': 'no-store',
      'x-request-id': requestId,
      ...(typeof version === 'number' ? { etag: `"${version}"` } : {}),
      ...(typeof nextCursor === 'string' ? { link: nextPage(incoming.request, nextCursor) } : {}),
      ...reply.headers,
    },
  });
}

/** The same listing with the same filters, further on. */
function nextPage(request: Request, cursor: string): string {
  const { pathname, searchParams } = new URL(request.url);
  searchParams.set('cursor', cursor);
  return `<${pathname}?${searchParams.toString()}>; rel="next"`;
}

async function refused(
  ctx: Ctx,
  operation: Endpoint,
  incoming: Incoming,
  thrown: unknown,
): Promise<Response> {
  const error = refusalOf(thrown);
  if (error.definition.status >= 500) {
    ctx.deps.log.error(
      { requestId: ctx.requestId, operation: operation.operationId, failure: nameOf(thrown) },
      'request failed',
    );
  }
  try {
    await attempt(ctx, {
      operation: operation.operationId,
      method: incoming.request.method,
      route: operation.path,
      status: error.definition.status,
      code: error.code,
      category: operation.category ?? 'security',
      restricted: operation.restricted ?? false,
    });
  } catch (failure) {
    ctx.deps.log.error(
      { requestId: ctx.requestId, failure: nameOf(failure) },
      'an attempt could not be recorded',
    );
  }
  return problemResponse(error, new URL(incoming.request.url).pathname, incoming.requestId);
}

/** What may be logged of a failure: assertion texts are ours, a driver's message may hold data. */
function nameOf(failure: unknown): string {
  const state = sqlStateOf(failure);
  if (state !== undefined) {
    return `SQLSTATE ${state} ${constraintOf(failure) ?? ''}`.trimEnd();
  }
  if (failure instanceof Error) {
    return ['AssertionError', 'SealError', 'TypeError'].includes(failure.name)
      ? `${failure.name}: ${failure.message}\n${(failure.stack ?? '').split('\n').slice(1, 6).join('\n')}`
      : `${failure.name} ${driverCodeOf(failure)}`.trimEnd();
  }
  return 'unknown';
}

/** Codes such as CONNECT_TIMEOUT name the fault without saying anything of the request. */
function driverCodeOf(failure: Error): string {
  const { code } = (failure.cause ?? failure) as { readonly code?: unknown };
  return typeof code === 'string' && /^[A-Z_]{3,40}$/.test(code) ? code : '';
}
