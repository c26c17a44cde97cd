import { type ProblemTable, refusals } from '../../kernel/error.ts';

/** Refusals of the stream, before it begins or in its `error` messages. */
export const STREAM_PROBLEMS = {
  upgrade_required: { status: 426, title: 'This resource is a WebSocket' },
  channel_unknown: { status: 422, title: 'There is no channel of this name' },
  already_subscribed: { status: 409, title: 'The stream has this subscription already' },
  subscription_unknown: { status: 404, title: 'The stream has no subscription of this name' },
  subscription_limit_reached: { status: 409, title: 'The stream has as many subscriptions as it may have' },
  stream_limit_reached: { status: 429, title: 'The credential has as many open streams as it may have' },
} as const satisfies ProblemTable;

/** Throws a refusal of the stream. */
export const refuseStream = refusals(STREAM_PROBLEMS);
