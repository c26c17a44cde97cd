import type { ProblemTable } from '../../../kernel/error.ts';

/** Refusals of re-screening. */
export const RESCREENING_PROBLEMS = {
  rescreening_running: { status: 409, title: 'People are being screened anew already' },
} as const satisfies ProblemTable;
