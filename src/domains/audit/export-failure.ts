/** Why an export failed, as a closed list of words: the errors' own texts may hold what nobody should read. */
import { AssertionError } from '../../kernel/assert.ts';
import { DomainError } from '../../kernel/error.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';

/**
 * `storage_full` and `storage` are of the place files are kept at, `database` of a database that did not answer,
 * `log_inconsistent` says that log and tree do not fit together, `internal` that the server's log says more.
 */
export const EXPORT_FAILURES = [
  'storage_full',
  'storage',
  'database',
  'log_inconsistent',
  'internal',
] as const;

export type ExportFailure = (typeof EXPORT_FAILURES)[number];

const NO_ROOM: readonly string[] = ['ENOSPC', 'EDQUOT', 'EFBIG'];
/** What the driver and the system call a connection that is not there. */
const CONNECTION = /^(CONNECTION_|CONNECT_|ECONN|EPIPE|ETIMEDOUT|EHOST|ENET)/;

/** The word for what was thrown while an export was written. */
export function failureOf(thrown: unknown): ExportFailure {
  if (thrown instanceof AssertionError) {
    return 'log_inconsistent';
  }
  const code = systemCodeOf(thrown);
  if (thrown instanceof DomainError || sqlStateOf(thrown) !== undefined || CONNECTION.test(code)) {
    return 'database';
  }
  if (NO_ROOM.includes(code)) {
    return 'storage_full';
  }
  return /^E[A-Z0-9]+$/.test(code) ? 'storage' : 'internal';
}

/** The word that is stored; `internal` for one that is none of the list. */
export function storedFailure(word: string | null): ExportFailure | null {
  return word === null ? null : (EXPORT_FAILURES.find((known) => known === word) ?? 'internal');
}

function systemCodeOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
  const code = (cause as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}
