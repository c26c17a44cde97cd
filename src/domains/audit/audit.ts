import { auditEvents } from '../../platform/audit/events.ts';

const EXPORT = ['from', 'to', 'format', 'status', 'rowCount', 'treeSize', 'sha256', 'failure'] as const;

/** What reading the evidence leaves behind. */
export const AUDIT_EVENTS = auditEvents({
  'audit_log.person_read': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'What the log holds about a person was read',
    shows: ['filters', 'rows'],
  },
  'audit_log.verified': {
    category: 'system',
    severity: 'info',
    description: 'The audit log was verified and holds',
    shows: ['treeSize', 'rowsChecked', 'checkpointsChecked', 'findingCount'],
  },
  'audit_log.refuted': {
    category: 'security',
    severity: 'critical',
    class: 'restricted',
    description: 'The audit log was verified and does not hold',
    shows: ['treeSize', 'rowsChecked', 'checkpointsChecked', 'findingCount', 'findings'],
  },
  'audit_export.requested': {
    category: 'admin_action',
    severity: 'warning',
    description: 'An export of the audit log was requested',
    shows: EXPORT,
  },
  'audit_export.completed': {
    category: 'admin_action',
    severity: 'info',
    description: 'An export of the audit log was written',
    shows: EXPORT,
  },
  'audit_export.failed': {
    category: 'admin_action',
    severity: 'error',
    description: 'An export of the audit log could not be written',
    shows: EXPORT,
  },
  'audit_export.downloaded': {
    category: 'admin_action',
    severity: 'warning',
    description: 'An export of the audit log was downloaded',
    shows: EXPORT,
  },
});
