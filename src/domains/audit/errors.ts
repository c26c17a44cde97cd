import { type ProblemTable, refusals } from '../../kernel/error.ts';

/** Refusals of the audit domain. */
export const AUDIT_PROBLEMS = {
  row_not_sealed: { status: 409, title: 'The row is not yet covered by a checkpoint; try again in a second' },
  export_not_ready: { status: 409, title: 'The export is not completed' },
} as const satisfies ProblemTable;

/** Throws a refusal of the audit domain. */
export const refuseAudit = refusals(AUDIT_PROBLEMS);
