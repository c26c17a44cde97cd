import type { ProblemTable } from '../../../kernel/error.ts';

/** Refusals of screening. */
export const SCREENING_PROBLEMS = {
  no_active_list: { status: 503, title: 'No screening list is active' },
  name_unusable: { status: 422, title: 'The name cannot be screened' },
  config_not_draft: { status: 409, title: 'The configuration is no draft any more' },
  config_unchanged: { status: 409, title: 'A version with the same numbers exists' },
  simulation_missing: { status: 409, title: 'The draft was not simulated against what is active' },
} as const satisfies ProblemTable;
