import { type ProblemTable, refusals } from '../../../kernel/error.ts';

/** Refusals of price alerts. */
export const PRICE_ALERT_PROBLEMS = {
  price_alert_kind_fixed: { status: 422, title: 'An alert keeps its kind; make another one instead' },
  price_alert_expired: { status: 422, title: 'The alert would have expired already' },
  price_alert_cooldown_too_short: {
    status: 422,
    title: 'An alert that repeats needs a cooldown of at least 60 seconds',
  },
  price_alert_limit_reached: {
    status: 409,
    title: 'As many price alerts as one person may have exist already',
  },
} as const satisfies ProblemTable;

export const refusePriceAlert = refusals(PRICE_ALERT_PROBLEMS);
