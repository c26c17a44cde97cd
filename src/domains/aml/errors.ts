import { type ProblemTable, refusals } from '../../kernel/error.ts';
import { ALERT_PROBLEMS } from './alerts/errors.ts';
import { CASE_PROBLEMS } from './cases/errors.ts';
import { LIST_PROBLEMS } from './lists/errors.ts';
import { MONITORING_PROBLEMS } from './monitoring/errors.ts';
import { REPORT_PROBLEMS } from './reports/errors.ts';
import { RESCREENING_PROBLEMS } from './rescreening/errors.ts';
import { SCREENING_PROBLEMS } from './screening/errors.ts';

/** Refusals of AML; none of them is ever given to a customer. */
export const AML_PROBLEMS = {
  ...LIST_PROBLEMS,
  ...SCREENING_PROBLEMS,
  ...ALERT_PROBLEMS,
  ...CASE_PROBLEMS,
  ...REPORT_PROBLEMS,
  ...RESCREENING_PROBLEMS,
  ...MONITORING_PROBLEMS,
} as const satisfies ProblemTable;

/** Throws an AML refusal. */
export const refuseAml = refusals(AML_PROBLEMS);
