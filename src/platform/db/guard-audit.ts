import { auditEvents } from '../audit/events.ts';

/** What the guard records: each start, each change of what it finds. */
export const GUARD_EVENTS = auditEvents({
  'guard.passed': {
    category: 'security',
    severity: 'info',
    description: 'The database protects what the migrations made it protect',
    shows: ['objects', 'baseline', 'migrations'],
  },
  'guard.failed': {
    category: 'security',
    severity: 'critical',
    description: 'The database no longer protects what the migrations made it protect',
    shows: ['differences', 'count'],
  },
  'guard.recovered': {
    category: 'security',
    severity: 'critical',
    description: 'The database protects again what it did not protect for a time',
    shows: ['objects', 'earlier'],
  },
});
