import { auditEvents } from '../../../platform/audit/events.ts';

const REPAYMENT_SHOWS = [
  'depositId',
  'receiptId',
  'asset',
  'amount',
  'status',
  'approvalId',
  'journalId',
  'statementLineId',
  'payoutReference',
  'fileId',
  'payoutReportId',
  'paidLineId',
  'resolutionId',
  'transactionReference',
] as const;

/** What funding records of money that goes back. */
export const REPAYMENT_EVENTS = auditEvents({
  'repayment.opened': {
    category: 'financial',
    severity: 'warning',
    description: 'Money that was sent back in the books waits to be paid to whoever had paid it',
    shows: REPAYMENT_SHOWS,
  },
  'repayment.changed': {
    category: 'financial',
    severity: 'warning',
    description: 'A repayment was put into a file, paid, or is not known to be',
    shows: REPAYMENT_SHOWS,
  },
  'repayment.failed': {
    category: 'financial',
    severity: 'error',
    description: 'A repayment was not made; a person decides whether it is tried again',
    shows: REPAYMENT_SHOWS,
  },
  'repayment.screened': {
    category: 'compliance',
    severity: 'info',
    description: 'Whom money goes back to was held against the lists',
    class: 'restricted',
    shows: ['depositId', 'receiptId', 'asset', 'amount', 'status'],
  },
  'repayment.read': {
    category: 'compliance',
    severity: 'info',
    description: 'Staff read to whom money goes back',
    shows: REPAYMENT_SHOWS,
  },
});
