import { auditEvents } from './events.ts';

const SHOWS = ['operation'] as const;

/** That staff saw records of a person, where the operation tells of no event of its own. */
export const READ_EVENTS = auditEvents({
  'person_record.read': {
    category: 'compliance',
    severity: 'info',
    description: "Staff read records of a person's file",
    shows: SHOWS,
  },
  'restricted_record.read': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: "Staff read records of a person's file that the person must not know of",
    shows: SHOWS,
  },
});
