import { auditEvents } from '../audit/events.ts';

/** What the platform's jobs record of themselves. */
export const JOB_EVENTS = auditEvents({
  'job.failed': {
    category: 'system',
    severity: 'error',
    description: 'A job failed; it runs again at its next time',
    shows: ['failure'],
  },
  'job.thread_ended': {
    category: 'system',
    severity: 'critical',
    description: 'The thread of jobs broke off: what it did is taken back and done again once it works',
    shows: ['cause'],
  },
  'rows.purged': {
    category: 'system',
    severity: 'info',
    description: 'Rows that had served were removed; none of them a record of a class with a policy',
    shows: ['counts'],
  },
  'partitions.created': {
    category: 'system',
    severity: 'info',
    description: 'Months were added to the tables cut by month',
    shows: ['count'],
  },
  'partitions.rescued': {
    category: 'system',
    severity: 'warning',
    description: 'Rows were moved from the backstop of a table cut by month into months of their own',
    shows: ['table', 'rows'],
  },
  'partitions.overflowed': {
    category: 'system',
    severity: 'critical',
    description: 'Rows lie in the backstop of a table cut by month: its months were not kept ahead',
    shows: ['tables'],
  },
});
