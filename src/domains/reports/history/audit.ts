import { auditEvents } from '../../../platform/audit/events.ts';

/** What portfolio history records. */
export const HISTORY_EVENTS = auditEvents({
  'portfolio.snapshots_taken': {
    category: 'financial',
    severity: 'info',
    description: 'What accounts were worth at the end of a day was written down',
    shows: ['day', 'snapshots', 'gaps'],
  },
  'portfolio.day_completed': {
    category: 'financial',
    severity: 'info',
    description: 'A day was written down for every account',
    shows: ['day', 'endsAt', 'snapshots', 'gaps'],
  },
});
