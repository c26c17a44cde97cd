import type { ProblemTable } from '../../../kernel/error.ts';

/** Refusals of providers of identity checks. */
export const PROVIDER_PROBLEMS = {
  provider_is_manual: { status: 409, title: 'Applications are looked at by people; upload the documents' },
  provider_unavailable: {
    status: 503,
    title: 'The provider does not answer; upload the documents or try again',
  },
  kyc_event_signature_invalid: { status: 401, title: 'The signature of the event is not valid' },
  kyc_event_malformed: { status: 422, title: 'The event could not be read' },
} as const satisfies ProblemTable;
