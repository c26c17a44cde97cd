import { auditEvents } from '../audit/events.ts';

/** What the relay records: the one thing about it that a person must know. */
export const OUTBOX_EVENTS = auditEvents({
  'outbox_event.parked': {
    category: 'system',
    severity: 'critical',
    description: 'A handler failed on an event too often; the events behind it wait',
    shows: ['consumer', 'type', 'position', 'attempts', 'failure'],
  },
});
