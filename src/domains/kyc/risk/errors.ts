import type { ProblemTable } from '../../../kernel/error.ts';

/** Refusals of risk rating. */
export const RISK_PROBLEMS = {
  matrix_not_draft: { status: 409, title: 'The matrix is no longer a draft' },
  matrix_unchanged: { status: 409, title: 'The matrix says what the one in force says' },
  risk_simulation_missing: {
    status: 409,
    title: 'The matrix was not simulated against the one in force within seven days',
  },
  risk_simulation_running: { status: 409, title: 'The matrix is being simulated' },
  not_rated: { status: 409, title: 'The person has not been rated' },
  rating_not_higher: { status: 409, title: 'The score is not above the one the person has' },
  rating_not_raised: { status: 409, title: 'Nobody raised the score of the person' },
} as const satisfies ProblemTable;
