import type { ProblemTable } from '../../../kernel/error.ts';

/** Refusals of the work on cases. */
export const CASE_PROBLEMS = {
  case_closed: { status: 409, title: 'The case is closed' },
  case_closing: { status: 409, title: 'Somebody wants to close the case; a second person decides first' },
  case_has_open_alerts: { status: 409, title: 'An alert of the case is not closed yet' },
  case_restricts: { status: 409, title: 'A customer is restricted for the case; they are released first' },
  case_escalated: { status: 409, title: 'The case is with the MLRO already' },
  suspicion_at_invalid: {
    status: 422,
    title: 'A suspicion is formed at the earliest with the first alert of its case, and not in time to come',
  },
  case_file_limit_reached: { status: 409, title: 'The case holds as many files as it may' },
} as const satisfies ProblemTable;
