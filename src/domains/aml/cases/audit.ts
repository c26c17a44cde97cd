import { auditEvents } from '../../../platform/audit/events.ts';

const CASE = [
  'number',
  'kind',
  'status',
  'severity',
  'assigneeId',
  'dueAt',
  'suspicionAt',
  'disposition',
  'closeApprovalId',
] as const;

/** What the work on cases records. */
export const CASE_EVENTS = auditEvents({
  'aml_case.opened': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'A case was opened',
    shows: CASE,
  },
  'aml_case.changed': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'A case was assigned, linked, or went on',
    shows: [...CASE, 'alertId', 'subjectId', 'step'],
  },
  'aml_case.commented': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'Somebody wrote something to a case',
    shows: CASE,
  },
  'aml_case.file_added': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'A file was added to a case',
    shows: ['caseId', 'contentType', 'sizeBytes'],
  },
  'aml_case.escalated': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'A case went to the MLRO as suspicious; the time to report it runs',
    shows: CASE,
  },
  'aml_case.closing_requested': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'Somebody wants to close a case; another person has to agree',
    shows: CASE,
  },
  'aml_case.closing_refused': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'The second person did not agree, and the case goes on',
    shows: CASE,
  },
  'aml_case.closed': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'A case was closed',
    shows: CASE,
  },
  'aml_case.file_read': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'Staff opened a file of a case',
    shows: ['caseId', 'contentType', 'sizeBytes'],
  },
});
