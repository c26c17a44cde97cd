import { auditEvents } from '../../platform/audit/events.ts';

/** What AML records; all of it of class restricted (no tipping off). */
export const AML_EVENTS = auditEvents({
  'screening_list.created': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'A screening list was set up',
    shows: ['kind', 'name'],
  },
  'list_version.activated': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'A version of a screening list became active',
    shows: ['status', 'entityCount', 'addedCount', 'changedCount', 'removedCount', 'publishedAt'],
  },
  'list_version.refused': {
    category: 'compliance',
    severity: 'error',
    class: 'restricted',
    description: 'A version of a screening list was refused; the old one stays active',
    shows: ['status', 'entityCount', 'removedCount', 'refusal'],
  },
  'screening.completed': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'A subject was compared with the active lists',
    shows: ['checkType', 'trigger', 'result', 'riskScore', 'matchCount', 'algorithmVersion', 'configHash'],
  },
  'screening.read': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'Staff read a screening with its subject',
    shows: ['result', 'matchCount'],
  },
  'aml_alert.opened': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'A screening raised an alert',
    shows: ['status', 'severity', 'screeningId'],
  },
  'aml_alert.assigned': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'An alert was assigned',
    shows: ['status', 'assigneeId'],
  },
  'aml_alert.resolved': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'An alert was resolved',
    shows: ['status', 'disposition', 'reason', 'resolvedBy'],
  },
});
