import { auditEvents } from '../../platform/audit/events.ts';

const EXPORT = [
  'from',
  'to',
  'format',
  'recipient',
  'status',
  'rowCount',
  'treeSize',
  'sizeBytes',
  'sha256',
  'failure',
] as const;

const ARCHIVE = ['month', 'status', 'rowCount', 'approvalId', 'sha256', 'treeSize', 'failure'] as const;

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
    shows: [...EXPORT, 'range'],
  },
  'audit_export.cancelled': {
    category: 'admin_action',
    severity: 'info',
    description: 'An export of the audit log was called off',
    shows: EXPORT,
  },
  'audit_export.expired': {
    category: 'admin_action',
    severity: 'info',
    description: 'The file of an export of the audit log was removed, its time being over',
    shows: EXPORT,
  },
  'audit_archive.approved': {
    category: 'compliance',
    severity: 'warning',
    description: 'Two people decided that a month of the audit log is archived',
    shows: ARCHIVE,
  },
  'audit_archive.exported': {
    category: 'compliance',
    severity: 'info',
    description: 'The rows of a month of the audit log were written to a file',
    shows: ARCHIVE,
  },
  'audit_archive.verified': {
    category: 'compliance',
    severity: 'info',
    description: 'The file of a month of the audit log was read back and holds',
    shows: ARCHIVE,
  },
  'audit_archive.detached': {
    category: 'compliance',
    severity: 'critical',
    description: 'A month was taken out of the audit log; its file and its leaves remain',
    shows: ARCHIVE,
  },
  'audit_archive.dropped': {
    category: 'compliance',
    severity: 'critical',
    description: 'The owner of the database dropped a month that stood apart; its file and its leaves remain',
    shows: [...ARCHIVE, 'droppedAt'],
  },
  'audit_archive.failed': {
    category: 'compliance',
    severity: 'error',
    class: 'restricted',
    description: 'A month of the audit log could not be archived; it stays where it is',
    shows: ARCHIVE,
  },
});
