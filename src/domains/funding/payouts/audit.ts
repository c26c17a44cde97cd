import { auditEvents } from '../../../platform/audit/events.ts';
import { PAYOUT_FILE_SHOWS } from '../audit.ts';
import { WITHDRAWAL_SHOWS } from '../audit-shows.ts';

/** What funding records of payouts that went another way than they were told to. */
export const PAYOUT_FILE_EVENTS = auditEvents({
  'payout_file.counted_as_fetched': {
    category: 'financial',
    severity: 'warning',
    description: 'After a restore a payout file counts as fetched, since who fetched it may be lost',
    shows: PAYOUT_FILE_SHOWS,
  },
  'withdrawal.paid_otherwise': {
    category: 'financial',
    severity: 'warning',
    description: 'The bank paid another amount than the withdrawal was of; the difference was booked',
    shows: WITHDRAWAL_SHOWS,
  },
  'payout_report.refused': {
    category: 'financial',
    severity: 'critical',
    description:
      'The bank reports on a payout file that nobody fetched or that was given up: it may have it, and pay by it',
    shows: PAYOUT_FILE_SHOWS,
  },
});
