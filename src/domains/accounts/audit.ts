import { auditEvents } from '../../platform/audit/events.ts';

const SHOWS = ['type', 'baseCurrency', 'status', 'isDefault', 'version', 'reason'] as const;

/** What accounts records. */
export const ACCOUNT_EVENTS = auditEvents({
  'account.opened': {
    category: 'trading',
    severity: 'info',
    description: 'An account was opened',
    shows: SHOWS,
  },
  'account.renamed': {
    category: 'trading',
    severity: 'info',
    description: 'An account was renamed',
    shows: SHOWS,
  },
  'account.frozen': {
    category: 'admin_action',
    severity: 'warning',
    description: 'An account was frozen',
    shows: SHOWS,
  },
  'account.unfrozen': {
    category: 'admin_action',
    severity: 'warning',
    description: 'A frozen account was made active again',
    shows: SHOWS,
  },
});
