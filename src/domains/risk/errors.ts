import { type ProblemTable, refusals } from '../../kernel/error.ts';

/** Refusals of risk. */
export const RISK_PROBLEMS = {
  limit_scope_unknown: { status: 422, title: 'There is no such account, user, instrument or asset' },
  limit_period_invalid: { status: 422, title: 'The limit would end before it begins' },
  limit_zone_unknown: { status: 422, title: 'There is no such time zone' },
  limit_withdrawn: { status: 409, title: 'The limit was taken back already' },
  breaker_end_past: { status: 422, title: 'The breaker would lift before it is tripped' },
  breaker_stands: { status: 409, title: 'A breaker that lasts as long or longer stands already' },
  breaker_lifted: { status: 409, title: 'The breaker was lifted already' },
  breaker_terms_invalid: {
    status: 422,
    title: 'The moves are not in order: alertBps, moveBps and platformMoveBps, each at least the one before',
  },
  alert_acknowledged: { status: 409, title: 'Somebody acknowledged the alert already' },
} as const satisfies ProblemTable;

/** Throws a refusal of risk. */
export const refuseRisk = refusals(RISK_PROBLEMS);
