import { auditEvents } from '../../../platform/audit/events.ts';

/** What the lists record. */
export const LIST_EVENTS = auditEvents({
  'screening_list.created': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'A screening list was set up',
    shows: ['kind', 'name', 'purpose', 'effect', 'format'],
  },
  'screening_list.changed': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description:
      'How a screening list is read, from where, or what a hit on it does was changed by two people',
    shows: [
      'purpose',
      'effect',
      'format',
      'status',
      'maxShrinkBps',
      'minEntities',
      'sourceUrls',
      'fetchMinutes',
      'staleAfterHours',
      'changeApprovalId',
      'version',
    ],
  },
  'screening_list.fetch_requested': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'Staff asked for a screening list to be fetched now',
    shows: ['nextFetchAt'],
  },
  'screening_list.fetched': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'A screening list was asked for at the address of its publisher',
    shows: ['outcome', 'detail', 'status', 'bytes', 'versionId', 'failedFetches'],
  },
  'screening_list.stale': {
    category: 'compliance',
    severity: 'critical',
    class: 'restricted',
    description: 'A screening list could not be fetched, or nobody confirmed it for too long',
    shows: ['lastFetchAt', 'lastFetchOutcome', 'failedFetches', 'confirmedAt'],
  },
  'list_version.activated': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'A version of a screening list became active',
    shows: [
      'status',
      'source',
      'entityCount',
      'addedCount',
      'changedCount',
      'removedCount',
      'heldCount',
      'approvalId',
    ],
  },
  'list_version.turned_down': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'A second person did not agree to what a version takes off a list; it stays on it',
    shows: ['status', 'entityCount', 'changedCount', 'removedCount'],
  },
  'list_version.refused': {
    category: 'compliance',
    severity: 'critical',
    class: 'restricted',
    description: 'A version of a screening list was refused; the old one stays active',
    shows: ['status', 'source', 'entityCount', 'removedCount', 'refusal'],
  },
});
