import { type AuditEvent, auditEvents } from '../audit/events.ts';
import type { ApprovalActions } from './actions.ts';

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
  'restricted_approval.requested': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'An action that few may know of and that needs another person was requested',
    shows: SHOWS,
  },
  'restricted_approval.voted': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'A checker decided on an action that few may know of',
    shows: SHOWS,
  },
  'restricted_approval.executed': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'An approved action that few may know of took effect',
    shows: SHOWS,
  },
  'restricted_approval.rejected': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'A checker rejected an action that few may know of',
    shows: SHOWS,
  },
  'restricted_approval.expired': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'An action that few may know of was not decided in time',
    shows: SHOWS,
  },
  'restricted_approval.cancelled': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'An action that few may know of and nobody need decide any more was closed',
    shows: SHOWS,
  },
});

type Step = 'requested' | 'voted' | 'executed' | 'rejected' | 'expired' | 'cancelled';

/** What a step of an approval is recorded as: an action that few may know of leaves no row that more may read. */
export function approvalEvent(actions: ApprovalActions, step: Step, action: string): AuditEvent {
  return APPROVAL_EVENTS[`${actions.isRestricted(action) ? 'restricted_approval' : 'approval'}.${step}`];
}
