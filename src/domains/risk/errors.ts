import { type ProblemTable, refusals } from '../../kernel/error.ts';

/** Refusals of risk. */
export const RISK_PROBLEMS = {
  limit_scope_unknown: { status: 422, title: 'There is no such account, user, instrument or asset' },
  limit_period_invalid: { status: 422, title: 'The limit would end before it begins' },
} as const satisfies ProblemTable;

/** Throws a refusal of risk. */
export const refuseRisk = refusals(RISK_PROBLEMS);
