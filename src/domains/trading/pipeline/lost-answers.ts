import { DomainError } from '../../../kernel/error.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';

/** Whether a commit may have happened of which the answer was lost. */
export function isOutcomeUnknown(error: unknown): boolean {
  const state = sqlStateOf(error);
  return !(error instanceof DomainError) && (state === undefined || /^(08|57P)/.test(state));
}
