/**
 * What every request passes, in this order: the limit of its address, authenticate, the limit of its
 * credential, authorise, validate, verb, response schema; and around it all, one place that renders and
 * records refusals.
 */
import { z } from '@hono/zod-openapi';
import { type Actor, actorIdOf } from '../../kernel/actor.ts';
import { assert, present } from '../../kernel/assert.ts';
import type { DomainError } from '../../kernel/error.ts';
import { type Id, isId } from '../../kernel/id.ts';
import { tellUnreadable } from '../alarms/unreadable.ts';
import { type Attempt, attempt } from '../audit/attempt.ts';
import type { Client, Ctx, Deps } from '../context.ts';
import { SealError } from '../crypto/seal.ts';
import { constraintOf, sqlStateOf } from '../db/errors.ts';
import { transact } from '../db/transact.ts';
import { recordSeen, type Seen } from '../privacy/record-seen.ts';
import { refuseInRecovery } from '../recovery/mode.ts';
import { type Authenticate, INVALID_TOKEN } from './authenticate.ts';
import { authorise } from './authorise.ts';
import { type Endpoint, isWrite, mayLackBody, type Reply, rateClassOf } from './endpoint.ts';
import type { Handshake } from './handshake.ts';
import { claimKey, keepAnswer, readIdempotencyKey, requestHash } from './idempotency.ts';
import { observeAnswer } from './metrics.ts';
import { problemResponse, refusalOf } from './problem.ts';
import { requireTokens, setRateHeaders } from './rate-headers.ts';
import { networkOf, rateLimiterOf, type Standing } from './rate-limiter.ts';
import { DEFAULT_BODY_BYTES, readBody, refuseBody } from './read-body.ts';
import { refuse } from './refuse.ts';
import { queryOf, validate } from './validate.ts';
import { toWire, toWireAs } from './wire.ts';

/** A request as the router hands it over. */
export type Incoming = {
  /** When it came, on the monotonic clock. */
  readonly beganMs: number;
  readonly request: Request;
  readonly params: Readonly<Record<string, string>>;
  readonly requestId: string;
  readonly client: Client;
  /** Takes the connection over as a WebSocket, where the request asks for that. */
  readonly upgrade?: (data: object) => boolean;
};

const NO_MEMBERS = z.strictObject({});
/** Made once: a Response copies them faster than it reads an object. */
const WITHOUT_BODY = new Headers({ 'cache-control': 'no-store' });
const AS_JSON = new Headers({ 'cache-control': 'no-store', 'content-type': 'application/json' });
const NOTHING = Object.freeze({});
const ANONYMOUS: Actor = Object.freeze({ kind: 'anonymous' });
const LATER = Object.freeze({ login: 'app' as const });

/** Answers one request to one operation; never throws. */
export async function answer(
  deps: Deps,
  authenticate: Authenticate,
  operation: Endpoint,
  incoming: Incoming,
): Promise<Response> {
  const { requestId, client } = incoming;
  let actor: Actor = ANONYMOUS;
  let standing: Standing | undefined;
  try {
    // Only what has to wait is awaited: most requests spend a token at hand and show a known credential.
    const rate = rateClassOf(operation);
    const network = networkOf(client.ip);
    if (rate !== 'none') {
      const spent = rateLimiterOf(deps)('address', network);
      standing = spent instanceof Promise ? await spent : spent;
      requireTokens(standing);
    }
    const identified = identify(deps, authenticate, operation, incoming);
    actor = identified instanceof Promise ? await identified : identified;
    if (rate !== 'none') {
      const spent = rateLimiterOf(deps)(rate, actor.kind === 'anonymous' ? network : actorIdOf(actor));
      standing = spent instanceof Promise ? await spent : spent;
      requireTokens(standing);
    }
    const { login } = bringsCredentialLater(operation, actor, incoming)
      ? LATER
      : authorise(operation.access, actor, deps.clock.realMs(), deps.mode);
    refuseStandstill(deps, operation);
    const ctx: Ctx = {
      deps,
      actor,
      requestId,
      client,
      login,
      ...readPreconditions(operation, incoming),
      ...(operation.websocket === true ? { handshake: handshakeOf(authenticate, incoming) } : undefined),
    };
    const read = readInput(operation, incoming);
    const input = read instanceof Promise ? await read : read;
    if (operation.before !== undefined) {
      await operation.before(ctx, input as never);
    }
    const reply =
      operation.idempotency === 'transaction'
        ? await performOnce(ctx, operation, input, incoming)
        : checked(operation, await operation.handler(ctx, input as never));
    if (login === 'staff' && operation.method === 'get' && operation.recordsReads !== true) {
      await recordSeen(ctx, seenIn(operation, input, reply));
    }
    return finished(deps, operation, incoming, standing, render(reply, incoming));
  } catch (thrown) {
    const ctx: Ctx = { deps, actor, requestId, client, login: 'engine' };
    return refused(ctx, operation, incoming, thrown, standing);
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

/** A browser cannot send a credential with the request for a WebSocket: its first message brings it. */
function bringsCredentialLater({ websocket }: Endpoint, actor: Actor, { upgrade }: Incoming): boolean {
  return websocket === true && upgrade !== undefined && actor.kind === 'anonymous';
}

function handshakeOf(authenticate: Authenticate, { request, upgrade }: Incoming): Handshake {
  return { authenticate, request, ...(upgrade === undefined ? {} : { upgrade }) };
}

/** In recovery only reads and what leads out of it are served. @errors recovery_mode */
function refuseStandstill(deps: Deps, operation: Endpoint): void {
  if (isWrite(operation) && operation.inRecovery !== true) {
    refuseInRecovery(deps);
  }
}

/**
 * A credential is counted by itself; without one the address stands for it. A public operation looks at
 * none: an expired one must not keep anybody from signing in.
 */
function identify(
  deps: Deps,
  authenticate: Authenticate,
  operation: Endpoint,
  incoming: Incoming,
): Actor | Promise<Actor> {
  const header = incoming.request.headers.get('authorization');
  if (header === null || 'public' in operation.access) {
    return ANONYMOUS;
  }
  const bearer = /^Bearer ([\x21-\x7e]{1,4096})$/i.exec(header)?.[1];
  if (bearer === undefined) {
    // Who sends credentials of another kind is told which kind is wanted, and of no error.
    throw refuse('credential_invalid', /^Bearer\b/i.test(header) ? INVALID_TOKEN : {});
  }
  return authenticate(deps, bearer, incoming.client, incoming.request);
}

function readPreconditions(operation: Endpoint, { request }: Incoming): Partial<Ctx> | undefined {
  if (operation.idempotency === undefined && !operation.ifMatch) {
    return undefined;
  }
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

type Parts = {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
};

function readInput(operation: Endpoint, { request, params: sent }: Incoming): Parts | Promise<Parts> {
  const params = operation.params === undefined ? NOTHING : validatePath(operation.params, sent);
  const query = readQuery(operation, request);
  return operation.body === undefined && operation.method === 'get'
    ? { params, query, body: undefined, headers: headersOf(operation, request) }
    : readWithBody(operation, request, params, query);
}

function readQuery(operation: Endpoint, { url }: Request): unknown {
  return operation.query === undefined && !url.includes('?')
    ? NOTHING
    : validate(operation.query ?? NO_MEMBERS, queryOf(new URL(url)), 'query');
}

async function readWithBody(
  operation: Endpoint,
  request: Request,
  params: unknown,
  query: unknown,
): Promise<Parts> {
  const headers = headersOf(operation, request);
  if (operation.body === undefined) {
    await refuseBody(request);
    return { params, query, body: undefined, headers };
  }
  const limit = operation.maxBodyBytes ?? DEFAULT_BODY_BYTES;
  const kind = operation.bodyKind ?? 'json';
  const body =
    mayLackBody(operation) && request.body === null
      ? {}
      : await readBody(request, kind, limit, operation.bodyTypes);
  return { params, query, body: kind === 'raw' ? body : validate(operation.body, body, 'body'), headers };
}

function headersOf({ reads }: Endpoint, request: Request): Readonly<Record<string, string>> {
  return reads === undefined
    ? NOTHING
    : Object.fromEntries(reads.map((name) => [name, request.headers.get(name) ?? '']));
}

/** A path that cannot name a resource names none. */
function validatePath(schema: z.ZodType, params: Readonly<Record<string, string>>): unknown {
  const result = schema.safeParse(params);
  if (!result.success) {
    throw refuse('not_found');
  }
  return result.data;
}

/** Claims the key in the effect's transaction and keeps the answer there (I11). */
async function performOnce(ctx: Ctx, operation: Endpoint, input: Parts, incoming: Incoming): Promise<Reply> {
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
  // A stream is held to its schema by its own tests: it is not there yet.
  if (schema === null || 'binary' in schema || reply.body instanceof Response) {
    return reply;
  }
  const result = schema.safeParse(toWireAs(schema, reply.body));
  assert(
    result.success,
    `${operation.operationId} answers as declared${result.success ? '' : `: ${faultPaths(result.error)}`}`,
  );
  return { ...reply, body: result.data };
}

function seenIn({ operationId, restricted }: Endpoint, { params, query }: Parts, { body }: Reply): Seen {
  const shown = body instanceof Response ? undefined : body;
  return { operationId, restricted: restricted === true, asked: [params, query], body: shown };
}

/** Where an answer broke its schema, without its values. */
function faultPaths(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.')} ${issue.code}`).join(', ');
}

function render(reply: Reply, incoming: Incoming): Response {
  const { body } = reply;
  if (body instanceof Response) {
    return body;
  }
  const response = new Response(body === undefined ? null : JSON.stringify(body), {
    status: reply.status,
    headers: body === undefined ? WITHOUT_BODY : AS_JSON,
  });
  const { version, nextCursor } = (body ?? {}) as { version?: unknown; nextCursor?: unknown };
  if (typeof version === 'number') {
    response.headers.set('etag', `"${version}"`);
  }
  if (typeof nextCursor === 'string') {
    response.headers.set('link', nextPage(incoming.request, nextCursor));
  }
  for (const name in reply.headers) {
    response.headers.set(name, reply.headers[name] ?? '');
  }
  return response;
}

/** What every answer of an operation gets, refused or not: its id, its standing, its place in the figures. */
function finished(
  deps: Deps,
  { operationId }: Endpoint,
  { requestId, beganMs }: Incoming,
  standing: Standing | undefined,
  response: Response,
): Response {
  response.headers.set('x-request-id', requestId);
  if (standing !== undefined) {
    setRateHeaders(response.headers, standing);
  }
  observeAnswer(deps, operationId, response.status, performance.now() - beganMs);
  return response;
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
  standing: Standing | undefined,
): Promise<Response> {
  const error = refusalOf(thrown);
  if (thrown instanceof SealError) {
    tellUnreadable(ctx.deps, ctx.requestId, thrown);
  }
  if (error.definition.status >= 500) {
    tellFailed(ctx, operation, error, thrown);
  }
  try {
    await attempt(ctx, {
      operation: operation.operationId,
      method: incoming.request.method,
      route: operation.path,
      status: error.definition.status,
      code: error.code,
      category: operation.category ?? 'security',
      restricted: operation.restricted === true || error.definition.restricted === true,
      ...triedOn(incoming),
    });
  } catch (failure) {
    ctx.deps.log.error(
      { requestId: ctx.requestId, failure: nameOf(failure) },
      'an attempt could not be recorded',
    );
  }
  const response = problemResponse(error, new URL(incoming.request.url).pathname, incoming.requestId);
  return finished(ctx.deps, operation, incoming, standing, response);
}

/** What the server refuses on purpose, such as every write while it is in recovery, is no failure of it. */
function tellFailed(
  { deps, requestId }: Ctx,
  operation: Endpoint,
  error: DomainError,
  thrown: unknown,
): void {
  const { code, definition } = error;
  const what = { requestId, operation: operation.operationId, status: definition.status, code };
  if (thrown === error && definition.status === 503 && code !== 'unavailable') {
    deps.log.warn(what, 'request refused');
  } else {
    deps.log.error({ ...what, failure: nameOf(thrown) }, 'request failed');
  }
}

/** The ids of the path; nothing else of it, which may be anything. */
function triedOn({ params }: Incoming): Pick<Attempt, 'on'> {
  const ids = Object.entries(params).filter(([, value]) => isId(value));
  return ids.length === 0 ? {} : { on: Object.fromEntries(ids) as NonNullable<Attempt['on']> };
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
