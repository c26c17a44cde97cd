import { auditEvents } from '../../../platform/audit/events.ts';

/** What is recorded of the accounts that customers pay to. */
export const DEPOSIT_ACCOUNT_EVENTS = auditEvents({
  'deposit_account.changed': {
    category: 'admin_action',
    severity: 'critical',
    description: 'The account that customers are told to pay to was set by approval',
    shows: ['asset', 'legalEntity', 'iban', 'bic', 'bankName', 'holderName', 'approvalId'],
  },
});
