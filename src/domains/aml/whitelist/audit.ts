import { auditEvents } from '../../../platform/audit/events.ts';

const ENTRY = ['listId', 'sourceId', 'expiresAt', 'endCause', 'alertId', 'approvalId'] as const;

/** What the whitelist records. */
export const WHITELIST_EVENTS = auditEvents({
  'aml_whitelist.added': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'Two people said that a customer is not a listed entry, for a time',
    shows: ENTRY,
  },
  'aml_whitelist.ended': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'An entry of the whitelist ended',
    shows: ENTRY,
  },
});
