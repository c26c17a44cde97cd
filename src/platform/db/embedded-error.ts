/** What an operator must put right before the embedded PostgreSQL can run; the message says how. */
export class EmbeddedError extends Error {
  override readonly name = 'EmbeddedError';
}

/** The system's code of a failed call, such as ENOENT. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
