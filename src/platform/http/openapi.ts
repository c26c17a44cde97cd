/**
 * The OpenAPI 3.1 document, made from the operations themselves.
 */
import { OpenAPIHono, z } from '@hono/zod-openapi';
import { assert } from '../../kernel/assert.ts';
import type { ProblemTable } from '../../kernel/error.ts';
import { type Endpoint, isWrite, mayLackBody, rateClassOf } from './endpoint.ts';
import { Problem } from './problem.ts';
import { PLATFORM_PROBLEMS } from './problems.ts';

export type Operations = readonly Endpoint[];

type RouteConfig = Parameters<OpenAPIHono['openAPIRegistry']['registerPath']>[0];
type Responses = RouteConfig['responses'];

/** What answers carry beside their body. */
const HEADERS = {
  'RateLimit-Policy': {
    description:
      'The policy the request is counted under: name, quota and window in seconds (draft-ietf-httpapi-ratelimit-headers-11).',
    schema: { type: 'string' },
    example: '"read";q=600;w=60',
  },
  RateLimit: {
    description: 'What is left of the quota, and in how many seconds all of it is there again.',
    schema: { type: 'string' },
    example: '"read";r=598;t=1',
  },
  'Retry-After': {
    description: 'Seconds after which the same request may succeed.',
    schema: { type: 'integer' },
    example: 1,
  },
} as const;

/** What holds of every operation. */
const CONVENTIONS = `Compliance-first brokerage back end.

- Amounts are decimal strings of at most 12 digits and 8 decimals, instants RFC 3339 in UTC, ids lower-case UUIDs. A slash in a path parameter is written \`%2F\`: \`BTC%2FUSD\`.
- Members of a body and query parameters that an operation does not name are refused. A member that is not wanted is left out, not null.
- Where an operation takes an \`Idempotency-Key\`, a retry with the same key and body has one effect and the first answer, with \`Idempotent-Replayed: true\`. A key is its method's and path's; what places orders shares the keys of the account, whichever operation is called: a key that placed an order neither replaces one nor places a batch, and is refused with \`idempotency_key_reused\`.
- Lists come in pages: \`nextCursor\` is the \`cursor\` of the next one, and null on the last.
- Where an operation takes \`If-Match\`, it wants the \`ETag\` that the thing was read with.
- A decision of the business is data: an order that a rule refuses is stored, and answered 201 with its reason.
- Every refusal is an RFC 9457 problem document. Programs go by its \`code\`; each has a page at \`/problems/<code>\`.`;

/** @shape an OpenAPI 3.1 document as a JSON value */
export function openapiDocument(operations: Operations, version: string): Record<string, unknown> {
  const app = new OpenAPIHono();
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: 'An access token from login (EdDSA, ten minutes) or an API key (pk_live_…, pk_test_…).',
  });
  for (const [name, header] of Object.entries(HEADERS)) {
    app.openAPIRegistry.registerComponent('headers', name, header);
  }
  for (const operation of operations) {
    app.openAPIRegistry.registerPath(routeOf(operation));
  }
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Plimsoll',
      version,
      description: CONVENTIONS,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(operations.map((operation) => operation.tag))].map((name) => ({ name })),
  });
  return JSON.parse(JSON.stringify(document), withoutFlags) as Record<string, unknown>;
}

/** The generator writes a pattern's flags behind it; JSON Schema reads every pattern with `u`, and knows no other. */
function withoutFlags(name: string, value: unknown): unknown {
  if (name !== 'pattern' || typeof value !== 'string') {
    return value;
  }
  const [, pattern = value, flags = 'u'] = /^(.*)\/([a-z]+)$/s.exec(value) ?? [];
  assert(flags === 'u', `the pattern ${value} has no form in JSON Schema`);
  return pattern;
}

/** Every refusal an operation can give: its own and those its declaration implies. */
export function problemsOf(operation: Endpoint): ProblemTable {
  return { ...impliedProblems(operation), ...operation.problems };
}

function impliedProblems(operation: Endpoint): ProblemTable {
  const all = PLATFORM_PROBLEMS;
  const signedIn = !('public' in operation.access);
  const { access } = operation;
  return {
    ...(signedIn
      ? {
          credential_missing: all.credential_missing,
          credential_invalid: all.credential_invalid,
          token_expired: all.token_expired,
          forbidden: all.forbidden,
          scope_missing: all.scope_missing,
          signature_required: all.signature_required,
          signature_invalid: all.signature_invalid,
        }
      : {}),
    ...('staff' in access && access.staff ? { second_factor_required: all.second_factor_required } : {}),
    ...('stepUp' in access && access.stepUp ? { step_up_required: all.step_up_required } : {}),
    ...(operation.params === undefined ? {} : { not_found: all.not_found }),
    ...(operation.body === undefined
      ? {}
      : {
          malformed_request: all.malformed_request,
          ...(operation.bodyKind === undefined || operation.bodyKind === 'json'
            ? { malformed_json: all.malformed_json }
            : {}),
          signature_invalid: all.signature_invalid,
          content_digest_mismatch: all.content_digest_mismatch,
          body_too_large: all.body_too_large,
          unsupported_media_type: all.unsupported_media_type,
        }),
    ...(operation.idempotency === undefined
      ? {}
      : {
          idempotency_key_missing: all.idempotency_key_missing,
          idempotency_key_invalid: all.idempotency_key_invalid,
          idempotency_key_reused: all.idempotency_key_reused,
          idempotency_in_progress: all.idempotency_in_progress,
        }),
    ...(operation.ifMatch
      ? { if_match_required: all.if_match_required, version_mismatch: all.version_mismatch }
      : {}),
    ...(operation.query !== undefined && 'cursor' in operation.query.shape
      ? { invalid_cursor: all.invalid_cursor }
      : {}),
    ...(isWrite(operation) ? { conflict: all.conflict } : {}),
    ...(rateClassOf(operation) === 'none' ? {} : { rate_limited: all.rate_limited }),
    busy: all.busy,
    validation_failed: all.validation_failed,
    internal_error: all.internal_error,
    unavailable: all.unavailable,
    ...(isWrite(operation) ? { recovery_mode: all.recovery_mode } : {}),
  };
}

function routeOf(operation: Endpoint): RouteConfig {
  const headers = requestHeaders(operation);
  return {
    operationId: operation.operationId,
    method: operation.method,
    path: operation.path,
    tags: [operation.tag],
    summary: operation.summary,
    description: describe(operation),
    security: 'public' in operation.access ? [] : [{ bearer: [] }],
    'x-access': operation.access,
    request: {
      ...(operation.params === undefined ? {} : { params: operation.params }),
      ...(operation.query === undefined ? {} : { query: operation.query }),
      ...(headers === undefined ? {} : { headers }),
      ...(operation.body === undefined ? {} : { body: requestBody(operation) }),
    },
    responses: { ...successes(operation), ...refusals(operation) },
  } as RouteConfig;
}

function describe(operation: Endpoint): string {
  const { access } = operation;
  const rate = rateClassOf(operation);
  const counted = rate === 'none' ? 'Not counted.' : `Counted as \`${rate}\`.`;
  if ('public' in access) {
    return [operation.description, 'Public: no credential is needed.', counted].filter(Boolean).join('\n\n');
  }
  const who = [
    access.customer ? 'customers (their own)' : '',
    access.self ? 'anyone signed in (their own)' : '',
    ...(access.staff ?? []),
  ]
    .filter(Boolean)
    .join(', ');
  const lines = [
    operation.description,
    `Who may: ${who}.`,
    access.scope === undefined ? 'Not with an API key.' : `API key scope: \`${access.scope}\`.`,
    access.stepUp
      ? `Needs a second factor checked within five minutes${access.scope === undefined ? '' : ', or a service key'}.`
      : '',
    counted,
  ];
  return lines.filter(Boolean).join('\n\n');
}

function requestHeaders(operation: Endpoint): z.ZodObject | undefined {
  const headers: Record<string, z.ZodType> = {};
  if (operation.idempotency !== undefined) {
    headers['Idempotency-Key'] = z.string().openapi({
      minLength: 8,
      maxLength: 257,
      description: 'Makes a retry safe: one key, one effect.',
      example: 'a1f4c2d8-order-0001',
    });
  }
  if (operation.ifMatch) {
    headers['If-Match'] = z.string().openapi({ description: 'The ETag that was read.', example: '"3"' });
  }
  for (const name of operation.reads ?? []) {
    const header = z.string().openapi({ description: 'See the description of the operation.' });
    // What a read may be told beside its address only refines it.
    headers[name] = operation.method === 'get' ? header.optional() : header;
  }
  return Object.keys(headers).length === 0 ? undefined : z.object(headers);
}

function requestBody(operation: Endpoint) {
  const kind = operation.bodyKind ?? 'json';
  const type =
    kind === 'json'
      ? 'application/json'
      : kind === 'multipart'
        ? 'multipart/form-data'
        : (operation.bodyTypes?.[0] ?? 'application/octet-stream');
  const example = operation.example === undefined ? {} : { example: operation.example };
  return { required: !mayLackBody(operation), content: { [type]: { schema: operation.body, ...example } } };
}

function successes(operation: Endpoint): Responses {
  const responses: Responses = {};
  for (const [status, schema] of Object.entries(operation.responses)) {
    if (schema === null) {
      responses[status] = { description: 'Done; no body.', headers: rateHeaders(operation) };
    } else if ('binary' in schema) {
      responses[status] = {
        description: 'The content.',
        headers: rateHeaders(operation),
        content: { [schema.binary]: { schema: z.string().openapi({ type: 'string', format: 'binary' }) } },
      };
    } else {
      responses[status] = {
        description: operation.summary,
        headers: rateHeaders(operation),
        content: { 'application/json': { schema } },
      };
    }
  }
  return responses;
}

function refusals(operation: Endpoint): Responses {
  const byStatus = new Map<number, [string, string][]>();
  for (const [code, problem] of Object.entries(problemsOf(operation))) {
    byStatus.set(problem.status, [...(byStatus.get(problem.status) ?? []), [code, problem.title]]);
  }
  const responses: Responses = {};
  for (const [status, codes] of byStatus) {
    responses[String(status)] = {
      description: codes.map(([code, title]) => `\`${code}\`: ${title}`).join('\n'),
      headers: {
        ...rateHeaders(operation),
        ...(status === 429 || status === 503 ? { 'Retry-After': headerRef('Retry-After') } : {}),
      },
      content: {
        'application/problem+json': { schema: Problem, examples: exampleProblems(operation, status, codes) },
      },
    };
  }
  return responses;
}

function rateHeaders(operation: Endpoint) {
  return rateClassOf(operation) === 'none'
    ? {}
    : { 'RateLimit-Policy': headerRef('RateLimit-Policy'), RateLimit: headerRef('RateLimit') };
}

function headerRef(name: keyof typeof HEADERS) {
  return { $ref: `#/components/headers/${name}` } as const;
}

function exampleProblems(operation: Endpoint, status: number, codes: readonly [string, string][]) {
  return Object.fromEntries(
    codes.map(([code, title]) => [
      code,
      {
        value: {
          type: `/problems/${code}`,
          title,
          status,
          detail: title,
          instance: operation.path,
          code,
          requestId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001',
        },
      },
    ]),
  );
}
