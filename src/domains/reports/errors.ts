import { type ProblemTable, refusals } from '../../kernel/error.ts';

/** Refusals of reports. */
export const REPORT_PROBLEMS = {
  history_range_too_long: { status: 422, title: 'A history tells of 366 days at most' },
} as const satisfies ProblemTable;

/** Throws a refusal of reports. */
export const refuseReport = refusals(REPORT_PROBLEMS);
