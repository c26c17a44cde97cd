import { type ProblemTable, refusals } from '../../../kernel/error.ts';

/** The closed list of refusals around recovery. */
export const RECOVERY_PROBLEMS = {
  not_in_recovery: { status: 409, title: 'The installation is not in recovery' },
  recovery_changed: { status: 409, title: 'The recovery is not what was put before the checkers' },
  log_not_settled: { status: 409, title: 'It is not settled under which name the audit log goes on' },
  log_settled: { status: 409, title: 'It is settled already under which name the audit log goes on' },
  log_origin_in_use: { status: 409, title: 'Checkpoints under this name exist already: take another' },
  reconciliation_unsigned: { status: 409, title: 'The reconciliation is not signed' },
  reconciliation_too_old: {
    status: 409,
    title: 'The reconciliation does not cover the time of the recovery',
  },
  reconciliation_incomplete: {
    status: 409,
    title: 'A bank account or custodian was not compared in the reconciliation',
  },
} as const satisfies ProblemTable;

/** Throws a refusal around recovery. */
export const refuseRecovery = refusals(RECOVERY_PROBLEMS);
