import { auditEvents } from './events.ts';

/** What did not happen. Category and class of a row are those of the operation that was asked for. */
export const ATTEMPT_EVENTS = auditEvents({
  'request.refused': {
    category: 'security',
    severity: 'warning',
    description: 'A request was refused; category and class are those of the operation',
    shows: ['status', 'code', 'count', 'on'],
  },
  'request.failed': {
    category: 'security',
    severity: 'error',
    description: 'A request failed; category and class are those of the operation',
    shows: ['status', 'code', 'count', 'on'],
  },
});
