import type { ProblemTable } from '../../../kernel/error.ts';

/** Refusals of the work on monitoring rules. */
export const MONITORING_PROBLEMS = {
  rule_unknown: { status: 422, title: 'There is no rule of this key' },
  rule_content_invalid: { status: 422, title: 'The rule cannot be set to this' },
  rule_not_draft: { status: 409, title: 'The version is no longer a draft' },
  rule_not_simulated: { status: 409, title: 'The draft has not been simulated against what is in force' },
  rule_simulation_cut: {
    status: 409,
    title: 'The simulation did not reach the end of its time; simulate a shorter one',
  },
  rule_simulation_empty: {
    status: 409,
    title: 'The simulation was over a time in which nobody did what the rule looks at',
  },
  rule_simulation_old: { status: 409, title: 'The simulation is older than seven days' },
  snooze_too_long: { status: 422, title: 'A rule is snoozed for 90 days at most' },
  snooze_ended: { status: 409, title: 'The snooze has ended already' },
} as const satisfies ProblemTable;
