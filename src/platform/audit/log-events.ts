import { auditEvents } from './events.ts';

/** What the log records about itself. */
export const LOG_EVENTS = auditEvents({
  'audit_row.altered': {
    category: 'security',
    severity: 'critical',
    class: 'restricted',
    description:
      'Audit rows do not carry the code they were written with: they were altered before they were sealed',
    shows: ['rows', 'leaves', 'count'],
  },
  'audit_log.inconsistent': {
    category: 'security',
    severity: 'critical',
    class: 'restricted',
    description: 'The log does not continue its last checkpoint; nothing more is signed',
    shows: ['fault', 'treeSize', 'checkpointSize'],
  },
  'audit_log.contradicted': {
    category: 'security',
    severity: 'critical',
    class: 'restricted',
    description: 'A witness or an anchor holds what this log is not; nothing more is signed',
    shows: ['fault', 'treeSize'],
  },
  'audit_log.key_changed': {
    category: 'security',
    severity: 'warning',
    description: 'The log is signed with another key from here on',
    shows: ['origin', 'verifierKey', 'earlierKey'],
  },
});
