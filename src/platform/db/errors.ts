/**
 * What PostgreSQL's errors mean, decided in one place. Messages of the driver hold parameters and
 * never leave this file.
 */
import { DomainError } from '../../kernel/error.ts';
import { PLATFORM_PROBLEMS } from '../http/problems.ts';

/** What a trigger of ours raises where no caller, whatever its rights, may do a thing. */
const DATABASE_FORBIDS = 'PL403';

/** Those of the system's own names that are as long begin with E, and no SQLSTATE does. */
const SQLSTATE = /^(?!E)[0-9A-Z]{5}$/;

/** SQLSTATE of a driver error, also when drizzle wrapped it. */
export function sqlStateOf(error: unknown): string | undefined {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = (cause as { code?: unknown } | null)?.code;
  return typeof code === 'string' && SQLSTATE.test(code) ? code : undefined;
}

/** The constraint a write ran into. */
export function constraintOf(error: unknown): string | undefined {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const name = (cause as { constraint_name?: unknown } | null)?.constraint_name;
  return typeof name === 'string' ? name : undefined;
}

/** Serialization failure, deadlock and a stale plan: nothing was done, the same work may succeed. */
export function isRetryable(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === '40001' || state === '40P01' || isStalePlan(error);
}

/** The schema changed since the connection planned the statement; by now the connection has forgotten its plans. */
function isStalePlan(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const routine = (cause as { routine?: unknown } | null)?.routine;
  const state = sqlStateOf(error);
  return (
    (state === '0A000' && routine === 'RevalidateCachedQuery') ||
    (state === '26000' && routine === 'FetchPreparedStatement') ||
    (state === '42804' && routine === 'transformAssignedExpr')
  );
}

/** Turns a conflict of concurrent requests into a refusal; anything else stays what it was. */
export function translateDatabaseError(error: unknown): unknown {
  if (isStalePlan(error)) {
    return new DomainError('busy', PLATFORM_PROBLEMS.busy, { headers: { 'retry-after': '1' } });
  }
  switch (sqlStateOf(error)) {
    case '23505':
    case '23P01':
      return new DomainError('conflict', PLATFORM_PROBLEMS.conflict);
    case '40001':
    case '40P01':
    case '55P03':
    case '57014':
      return new DomainError('busy', PLATFORM_PROBLEMS.busy, { headers: { 'retry-after': '1' } });
    case DATABASE_FORBIDS:
      return new DomainError('forbidden', PLATFORM_PROBLEMS.forbidden);
    default:
      return isUnavailable(error)
        ? new DomainError('unavailable', PLATFORM_PROBLEMS.unavailable, { headers: { 'retry-after': '5' } })
        : error;
  }
}

/**
 * SQLSTATEs of a server that ends, crashed, starts or is full, of a session it ended and of a connection that
 * broke; and what the driver and the system call a connection that is not there.
 */
const UNAVAILABLE =
  /^(57P0[123]|53300|25P03|08...|CONNECTION_|CONNECT_|ECONN|ENOENT|EPIPE|ETIMEDOUT|EHOST|ENET)/;

/** Whether the database is not there, so that nothing else would go through either. */
export function isUnavailable(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = (cause as { code?: unknown } | null)?.code;
  return typeof code === 'string' && UNAVAILABLE.test(code);
}
