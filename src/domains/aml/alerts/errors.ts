import type { ProblemTable } from '../../../kernel/error.ts';

/** Refusals of the work on alerts. */
export const ALERT_PROBLEMS = {
  alert_resolved: { status: 409, title: 'The alert is resolved already' },
  alert_changed: { status: 409, title: 'The alert is about more than it was when this was asked for' },
  alert_confirmed: {
    status: 409,
    title: 'Somebody said that the alert is a true match; another person decides on that first',
  },
  whitelist_entry_unknown: {
    status: 422,
    title: 'The alert names no such entry of a customer in a state that can be whitelisted',
  },
  case_required: { status: 409, title: 'What stays unclear belongs into a case first' },
  customer_not_confirmed: { status: 409, title: 'Nothing stands against this customer for sanctions' },
  customer_not_restricted: { status: 409, title: 'No case keeps the money of this customer in' },
  customer_confirmed_again: {
    status: 409,
    title: 'Somebody confirmed a match of this customer since this was asked for',
  },
  mlro_vote_required: { status: 409, title: 'One of the votes must be the MLRO’s' },
  assignee_unsuitable: { status: 422, title: 'Only compliance works on this' },
  self_review: { status: 403, title: 'Nobody works on an alert about themselves' },
} as const satisfies ProblemTable;
