/** One renderer for every refusal (RFC 9457). No stack, no SQL, no hint of what others own. */
import { z } from '@hono/zod-openapi';
import { DomainError } from '../../kernel/error.ts';
import { translateDatabaseError } from '../db/errors.ts';
import { refuse } from './refuse.ts';

const FAULTS =
  'The faults of a request, the first fifty. `pointer` is a JSON pointer into the body, or begins with `query`, `path` or `header`. `code` is `missing_field`, `unknown_field`, `invalid_text` (cannot be stored), `invalid_type`, `invalid_value` (none of those listed), `invalid_union` (fits none of its forms), `invalid_format`, `too_small`, `too_big`, or `custom` for a rule of its own, which `detail` says';

export const Problem = z
  .object({
    type: z.string().openapi({ description: 'The page that says what the code means, and who gives it' }),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().openapi({ description: 'For people; programs go by `code`' }),
    instance: z.string(),
    code: z.string(),
    requestId: z.string().openapi({ description: 'Name it when you ask the firm about this answer' }),
    errors: z
      .array(z.object({ pointer: z.string(), code: z.string(), detail: z.string() }))
      .optional()
      .openapi({ description: FAULTS }),
    decisionId: z.string().optional(),
  })
  .openapi('Problem');

export type ProblemDocument = z.infer<typeof Problem>;

/** What any thrown value means to the caller; what is not a refusal becomes `internal_error`. */
export function refusalOf(thrown: unknown): DomainError {
  const error = thrown instanceof DomainError ? thrown : translateDatabaseError(thrown);
  return error instanceof DomainError
    ? error
    : refuse('internal_error', { detail: 'The failure was recorded under the request id.' });
}

/**
 * The document of a refusal.
 * @source RFC 9457
 */
export function problemDocument(error: DomainError, path: string, requestId: string): ProblemDocument {
  return {
    type: `/problems/${error.code}`,
    title: error.definition.title,
    status: error.definition.status,
    detail: error.extras.detail ?? error.definition.title,
    instance: path,
    code: error.code,
    requestId,
    ...(error.extras.errors === undefined ? {} : { errors: [...error.extras.errors] }),
    ...(error.extras.decisionId === undefined ? {} : { decisionId: error.extras.decisionId }),
  };
}

/** The answer that carries a refusal, with the headers it needs. */
export function problemResponse(error: DomainError, path: string, requestId: string): Response {
  return new Response(JSON.stringify(problemDocument(error, path, requestId)), {
    status: error.definition.status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-request-id': requestId,
      ...(error.definition.status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(error.definition.status === 503 ? { 'retry-after': '5' } : {}),
      ...error.extras.headers,
    },
  });
}
