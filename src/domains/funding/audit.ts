import { auditEvents } from '../../platform/audit/events.ts';

const DEPOSIT_SHOWS = [
  'accountId',
  'asset',
  'amount',
  'method',
  'provider',
  'paymentReference',
  'status',
  'approvalId',
  'journalId',
  'reason',
] as const;

const WITHDRAWAL_SHOWS = [
  'accountId',
  'asset',
  'amount',
  'fee',
  'beneficiaryId',
  'status',
  'holdId',
  'approvalId',
  'journalId',
  'transactionReference',
  'rejectionReason',
] as const;

const BENEFICIARY_SHOWS = ['kind', 'status', 'usableFrom'] as const;

/** What funding records. */
export const FUNDING_EVENTS = auditEvents({
  'deposit.created': {
    category: 'financial',
    severity: 'info',
    description: 'A customer announced a deposit',
    shows: DEPOSIT_SHOWS,
  },
  'deposit.cleared': {
    category: 'financial',
    severity: 'warning',
    description: 'A deposit was cleared and credited',
    shows: DEPOSIT_SHOWS,
  },
  'deposit.failed': {
    category: 'financial',
    severity: 'info',
    description: 'A deposit was closed without credit',
    shows: DEPOSIT_SHOWS,
  },
  'beneficiary.added': {
    category: 'financial',
    severity: 'info',
    description: 'A customer added a beneficiary',
    shows: BENEFICIARY_SHOWS,
  },
  'beneficiary.removed': {
    category: 'financial',
    severity: 'info',
    description: 'A customer removed a beneficiary',
    shows: BENEFICIARY_SHOWS,
  },
  'withdrawal.requested': {
    category: 'financial',
    severity: 'info',
    description: 'A customer requested a withdrawal; its funds were reserved',
    shows: WITHDRAWAL_SHOWS,
  },
  'withdrawal.destination_read': {
    category: 'compliance',
    severity: 'info',
    description: 'Staff read where a withdrawal is paid to',
    shows: WITHDRAWAL_SHOWS,
  },
  'withdrawal.approved': {
    category: 'financial',
    severity: 'warning',
    description: 'A withdrawal was approved by its checkers',
    shows: WITHDRAWAL_SHOWS,
  },
  'withdrawal.rejected': {
    category: 'financial',
    severity: 'warning',
    description: 'A withdrawal was rejected; its funds were set free',
    shows: WITHDRAWAL_SHOWS,
  },
  'withdrawal.cancelled': {
    category: 'financial',
    severity: 'info',
    description: 'A customer cancelled a withdrawal; its funds were set free',
    shows: WITHDRAWAL_SHOWS,
  },
  'withdrawal.processing': {
    category: 'financial',
    severity: 'warning',
    description: 'The payout of a withdrawal was begun',
    shows: WITHDRAWAL_SHOWS,
  },
  'withdrawal.completed': {
    category: 'financial',
    severity: 'warning',
    description: 'A withdrawal was paid out and booked',
    shows: WITHDRAWAL_SHOWS,
  },
  'withdrawal.failed': {
    category: 'financial',
    severity: 'warning',
    description: 'A payout failed; its funds were set free',
    shows: WITHDRAWAL_SHOWS,
  },
  'funding_limit.seeded': {
    category: 'admin_action',
    severity: 'warning',
    description: 'A funding limit was set where there was none',
    shows: ['kycLevel', 'asset', 'direction', 'windowHours', 'maximum'],
  },
});
