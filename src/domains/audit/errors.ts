import { type ProblemTable, refusals } from '../../kernel/error.ts';

/** Refusals of the audit domain. */
export const AUDIT_PROBLEMS = {
  row_not_sealed: { status: 409, title: 'The row is not yet covered by a checkpoint; try again in a second' },
  export_not_ready: { status: 409, title: 'The export is not completed' },
  export_finished: { status: 409, title: 'The export is over and cannot be called off' },
  range_not_satisfiable: { status: 416, title: 'The file ends before the range that was asked for' },
  hold_released: { status: 409, title: 'The legal hold is released already' },
  run_not_open: { status: 409, title: 'The destruction of what this run found is approved already' },
  nothing_due: { status: 409, title: 'The run found nothing that could be destroyed' },
  run_changed: { status: 409, title: 'The items of the run are not those that were put before the checkers' },
  month_archived: { status: 409, title: 'The month is archived, or about to be' },
  month_not_due: { status: 409, title: 'The month holds nothing that its retention policy lets go' },
  month_changed: { status: 409, title: 'The month does not hold the rows that were put before the checkers' },
} as const satisfies ProblemTable;

/** Throws a refusal of the audit domain. */
export const refuseAudit = refusals(AUDIT_PROBLEMS);
