import { type ProblemTable, refusals } from '../../kernel/error.ts';

/** Refusals of the event feed. */
export const EVENTS_PROBLEMS = {
  event_unknown: { status: 404, title: 'The event to continue after is not in this feed' },
} as const satisfies ProblemTable;

/** Throws a refusal of the event feed. */
export const refuseEvents = refusals(EVENTS_PROBLEMS);
