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
  'account.lot_method_changed': {
    category: 'trading',
    severity: 'info',
    description: 'The owner chose which lots of an account go first',
    shows: [...SHOWS, 'lotMethod'],
  },
  'account.margin_set': {
    category: 'trading',
    severity: 'warning',
    description: 'The terms on which an account holds positions were changed',
    shows: [
      ...SHOWS,
      'marginEnabled',
      'maxLeverage',
      'marginCallThreshold',
      'liquidationThreshold',
      'autoLiquidation',
      'marginApprovalId',
    ],
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
