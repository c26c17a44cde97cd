import { auditEvents } from '../audit/events.ts';

const SHOWS = ['action', 'subjectType', 'subjectId', 'status', 'quorum', 'reason', 'vote'] as const;

export const APPROVAL_EVENTS = auditEvents({
  'approval.requested': {
    category: 'admin_action',
    severity: 'info',
    description: 'An action that needs another person was requested',
    shows: SHOWS,
  },
  'approval.voted': {
    category: 'admin_action',
    severity: 'info',
    description: 'A checker decided on an action',
    shows: SHOWS,
  },
  'approval.executed': {
    category: 'admin_action',
    severity: 'warning',
    description: 'An approved action took effect',
    shows: SHOWS,
  },
  'approval.rejected': {
    category: 'admin_action',
    severity: 'warning',
    description: 'A checker rejected an action',
    shows: SHOWS,
  },
  'approval.expired': {
    category: 'admin_action',
    severity: 'warning',
    description: 'An action was not decided in time',
    shows: SHOWS,
  },
  'approval.cancelled': {
    category: 'admin_action',
    severity: 'info',
    description: 'An action nobody need decide any more was closed',
    shows: SHOWS,
  },
});
