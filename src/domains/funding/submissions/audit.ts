import { auditEvents } from '../../../platform/audit/events.ts';

const SUBMISSION_SHOWS = [
  'withdrawalId',
  'provider',
  'sentAt',
  'tries',
  'said',
  'saidAt',
  'acceptedAt',
  'lastFailure',
] as const;

/** What funding records of payouts that a provider carries. */
export const SUBMISSION_EVENTS = auditEvents({
  'payout_submission.queued': {
    category: 'financial',
    severity: 'info',
    description: 'A payout that was begun waits for its provider to be told',
    shows: SUBMISSION_SHOWS,
  },
  'payout_submission.sent': {
    category: 'financial',
    severity: 'warning',
    description: 'From here on a provider may have been told of a payout',
    shows: SUBMISSION_SHOWS,
  },
  'payout_submission.said': {
    category: 'financial',
    severity: 'info',
    description: 'A provider said something else of a payout than before, or the same on a later day',
    shows: SUBMISSION_SHOWS,
  },
  'payout_submission.counted_as_sent': {
    category: 'financial',
    severity: 'warning',
    description: 'After a restore a provider counts as told of a payout, since that it was may be lost',
    shows: SUBMISSION_SHOWS,
  },
  'payout_submission.refused': {
    category: 'financial',
    severity: 'critical',
    description: 'A payout is not what was approved: its provider is not told of it',
    shows: SUBMISSION_SHOWS,
  },
  'payout_submission.turned_away': {
    category: 'financial',
    severity: 'critical',
    description: 'A provider turns away whoever asks it about a payout, time and again',
    shows: SUBMISSION_SHOWS,
  },
  'payout_submission.contradicts': {
    category: 'financial',
    severity: 'critical',
    description: 'A provider says of a payout what cannot be true of it as it stands, or of another amount',
    shows: SUBMISSION_SHOWS,
  },
});
