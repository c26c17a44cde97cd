/** One renderer for every refusal (RFC 9457). No stack, no SQL, no hint of what others own. */
import { z } from '@hono/zod-openapi';
import { DomainError } from '../../kernel/error.ts';
import { translateDatabaseError } from '../db/errors.ts';
import { refuse } from './refuse.ts';

export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string(),
    requestId: z.string(),
    errors: z.array(z.object({ pointer: z.string(), code: z.string(), detail: z.string() })).optional(),
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
