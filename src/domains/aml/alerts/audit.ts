import { auditEvents } from '../../../platform/audit/events.ts';

const ALERT = [
  'kind',
  'effect',
  'status',
  'severity',
  'screeningId',
  'sourceRef',
  'occurrences',
  'points',
  'dueAt',
  'caseId',
] as const;

/** What the work on alerts records. */
export const ALERT_EVENTS = auditEvents({
  'aml_alert.opened': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'Something raised an alert',
    shows: ALERT,
  },
  'aml_alert.seen_again': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'An open alert was raised again',
    shows: ALERT,
  },
  'aml_alert.assigned': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'An alert was assigned',
    shows: ['status', 'assigneeId'],
  },
  'aml_alert.commented': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'Somebody wrote something to an alert',
    shows: ['status', 'kind'],
  },
  'aml_alert.closing_requested': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'Somebody decided what an alert is; another person has to agree',
    shows: ['status', 'proposedDisposition', 'closeApprovalId'],
  },
  'aml_alert.closing_refused': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'The second person did not agree, and the alert goes on',
    shows: ['status', 'proposedDisposition', 'closeApprovalId'],
  },
  'aml_alert.resolved': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'An alert was resolved',
    shows: ['status', 'disposition', 'reason', 'resolvedBy', 'closeApprovalId'],
  },
  'aml_alert.overdue': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'An alert was not closed by its due date',
    shows: ['status', 'severity', 'kind', 'dueAt', 'assigneeId'],
  },
  'aml_alert.critical_overdue': {
    category: 'compliance',
    severity: 'critical',
    class: 'restricted',
    description: 'A critical alert was not closed by its due date',
    shows: ['status', 'severity', 'kind', 'dueAt', 'assigneeId'],
  },
  'aml_customer.confirmed': {
    category: 'compliance',
    severity: 'critical',
    class: 'restricted',
    description: 'A customer was confirmed to be listed, and everything of theirs was frozen',
    shows: ['alertId', 'caseId'],
  },
  'aml_customer.restricted': {
    category: 'compliance',
    severity: 'critical',
    class: 'restricted',
    description: 'What rules found of a customer was confirmed, and their money stays in',
    shows: ['alertId', 'caseId'],
  },
  'aml_customer.released': {
    category: 'compliance',
    severity: 'critical',
    class: 'restricted',
    description: 'Two people ended what kept the money of a customer in for a case',
    shows: ['restrictions', 'caseId', 'alertId', 'approvalId'],
  },
  'aml_customer.lifted': {
    category: 'compliance',
    severity: 'critical',
    class: 'restricted',
    description: 'Two people ended what stood against a customer for sanctions',
    shows: ['caseId', 'approvalId'],
  },
});
