import { auditEvents } from '../../../platform/audit/events.ts';
import { PAYOUT_FILE_SHOWS } from '../audit.ts';

/** What funding records of files that the bank may have though nobody here is known to have fetched them. */
export const PAYOUT_FILE_EVENTS = auditEvents({
  'payout_file.counted_as_fetched': {
    category: 'financial',
    severity: 'warning',
    description: 'After a restore a payout file counts as fetched, since who fetched it may be lost',
    shows: PAYOUT_FILE_SHOWS,
  },
  'payout_report.refused': {
    category: 'financial',
    severity: 'critical',
    description:
      'The bank reports on a payout file that nobody fetched or that was given up: it may have it, and pay by it',
    shows: PAYOUT_FILE_SHOWS,
  },
});
