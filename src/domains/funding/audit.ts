import { auditEvents } from '../../platform/audit/events.ts';
import { DEBIT_SHOWS, WITHDRAWAL_SHOWS } from './audit-shows.ts';

const DEPOSIT_SHOWS = [
  'accountId',
  'asset',
  'amount',
  'method',
  'provider',
  'paymentReference',
  'status',
  'approvalId',
  'statementLineId',
  'providerEventId',
  'journalId',
  'settlementDate',
  'unsettled',
  'reversalApprovalId',
  'reversalEventId',
  'reversalJournalId',
  'takenBack',
  'debt',
  'fee',
  'feeJournalId',
  'reason',
] as const;

const STATEMENT_SHOWS = [
  'status',
  'standing',
  'confirmationId',
  'voidId',
  'bankAccountId',
  'statementReference',
  'currency',
  'openingBalance',
  'closingBalance',
  'closingDate',
  'entryCount',
  'refusalCode',
  'refusal',
] as const;

const EVENT_SHOWS = ['provider', 'eventId', 'type', 'state', 'reason', 'depositId', 'withdrawalId'] as const;

const RECEIPT_SHOWS = [
  'statementLineId',
  'asset',
  'amount',
  'reason',
  'depositId',
  'accountId',
  'status',
  'journalId',
  'closingJournalId',
  'explanation',
  'explainedJournalId',
  'restOf',
  'approvalId',
  'assigneeId',
] as const;

const BENEFICIARY_SHOWS = ['kind', 'status', 'usableFrom'] as const;

/** Until when a review holds it is in no row of the customer's own doing, which their export holds. */
const HELD_SHOWS = [...BENEFICIARY_SHOWS, 'payableFrom'] as const;

const LIMIT_SHOWS = [
  'kycLevel',
  'asset',
  'direction',
  'method',
  'windowHours',
  'maximum',
  'approvalId',
] as const;

const FEE_SHOWS = ['tier', 'effectiveFrom', 'approvalId', 'fees'] as const;

const PAYOUT_ACCOUNT_SHOWS = ['asset', 'bic', 'approvalId'] as const;

export const PAYOUT_FILE_SHOWS = [
  'messageId',
  'provider',
  'asset',
  'executionDate',
  'transactionCount',
  'controlSum',
] as const;

const CONFLICT_SHOWS = ['reportId', 'withdrawalId', 'repaymentId', 'said', 'stood', 'status'] as const;

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
  'deposit.received': {
    category: 'financial',
    severity: 'info',
    description: 'Money for a deposit was seen',
    shows: DEPOSIT_SHOWS,
  },
  'deposit.settled': {
    category: 'financial',
    severity: 'info',
    description: 'A deposit can no longer be called back; it may be withdrawn',
    shows: DEPOSIT_SHOWS,
  },
  'deposit.held': {
    category: 'financial',
    severity: 'info',
    description: 'What is held for a dispute of a deposit, or freed of it, is unsettled no more or again',
    shows: DEPOSIT_SHOWS,
  },
  'deposit.refunded': {
    category: 'financial',
    severity: 'warning',
    description: 'A deposit was refunded',
    shows: DEPOSIT_SHOWS,
  },
  'deposit.charged_back': {
    category: 'financial',
    severity: 'error',
    description: 'A deposit was charged back',
    shows: DEPOSIT_SHOWS,
  },
  'payment_event.received': {
    category: 'financial',
    severity: 'info',
    description: 'An event of a payment provider was taken',
    shows: EVENT_SHOWS,
  },
  'payment_event.closed': {
    category: 'financial',
    severity: 'warning',
    description: 'The work on an event of a payment provider was ended',
    shows: [...EVENT_SHOWS, 'note', 'approvalId'],
  },
  'payment_event.allocated': {
    category: 'financial',
    severity: 'warning',
    description: 'Two people gave the payment an event of a provider tells of to an account',
    shows: EVENT_SHOWS,
  },
  'payment_event.read': {
    category: 'compliance',
    severity: 'info',
    description: 'Staff read what a payment provider told, payer included',
    shows: EVENT_SHOWS,
  },
  'bank_statement.file_read': {
    category: 'compliance',
    severity: 'warning',
    description: 'Staff fetched the file of a bank statement, with everybody it names',
    shows: ['status', 'standing', 'statementReference', 'sha256'],
  },
  'statement_debit.read': {
    category: 'compliance',
    severity: 'info',
    description: 'Staff read to whom money went that left the bank account',
    shows: DEBIT_SHOWS,
  },
  'bank_account.added': {
    category: 'admin_action',
    severity: 'warning',
    description: 'A bank account was added to those whose statements are taken',
    shows: ['iban', 'currency', 'houseRole', 'houseReference', 'name', 'approvalId'],
  },
  'bank_statement.imported': {
    category: 'financial',
    severity: 'warning',
    description: 'A bank statement was imported',
    shows: STATEMENT_SHOWS,
  },
  'bank_statement.confirmed': {
    category: 'financial',
    severity: 'warning',
    description: 'A second person confirmed that a bank statement is the bank’s: it counts',
    shows: STATEMENT_SHOWS,
  },
  'bank_statement.voided': {
    category: 'financial',
    severity: 'error',
    description: 'A bank statement counts for nothing: it was not confirmed, or two people gave it up',
    shows: STATEMENT_SHOWS,
  },
  'deposit.reopened': {
    category: 'financial',
    severity: 'error',
    description:
      'The credit of a deposit was undone with the bank statement that had shown it; it waits again',
    shows: DEPOSIT_SHOWS,
  },
  'statement_debit.voided': {
    category: 'financial',
    severity: 'warning',
    description: 'A debit ended with the bank statement that had shown it',
    shows: DEBIT_SHOWS,
  },
  'bank_statement.booked': {
    category: 'financial',
    severity: 'warning',
    description: 'Every line of a bank statement was booked',
    shows: ['statementId', 'bookedAt'],
  },
  'bank_statement.refused': {
    category: 'financial',
    severity: 'error',
    description: 'A bank statement was refused; nothing was booked',
    shows: STATEMENT_SHOWS,
  },
  'unallocated_receipt.opened': {
    category: 'financial',
    severity: 'warning',
    description: 'Money was received that is nobody’s yet',
    shows: RECEIPT_SHOWS,
  },
  'unallocated_receipt.read': {
    category: 'compliance',
    severity: 'info',
    description: 'Staff read who paid money that is nobody’s yet',
    shows: RECEIPT_SHOWS,
  },
  'unallocated_receipt.assigned': {
    category: 'financial',
    severity: 'info',
    description: 'Unallocated money was given to somebody to look into',
    shows: RECEIPT_SHOWS,
  },
  'statement_debit.opened': {
    category: 'financial',
    severity: 'error',
    description: 'Money left the bank account that no payout explains',
    shows: DEBIT_SHOWS,
  },
  'statement_debit.explained': {
    category: 'financial',
    severity: 'info',
    description: 'What left the bank account was explained',
    shows: DEBIT_SHOWS,
  },
  'statement_debit.paid_elsewhere': {
    category: 'compliance',
    severity: 'critical',
    description:
      'A debit went to another account than the payee of the payout, or than whoever had paid what it sends back; stop it at the bank if that is possible',
    shows: DEBIT_SHOWS,
  },
  'statement_debit.given_up_paid': {
    category: 'compliance',
    severity: 'critical',
    description:
      'The bank shows a debit of a repayment that was given up; stop it at the bank if that is possible',
    shows: DEBIT_SHOWS,
  },
  'statement_debit.assigned': {
    category: 'financial',
    severity: 'info',
    description: 'A debit was given to somebody to look into',
    shows: DEBIT_SHOWS,
  },
  'clearing_period.changed': {
    category: 'admin_action',
    severity: 'warning',
    description: 'How long a way of paying in can be called back was set by approval',
    shows: ['method', 'days', 'approvalId'],
  },
  'unallocated_receipt.closed': {
    category: 'financial',
    severity: 'warning',
    description: 'Unallocated money was allocated, returned or explained',
    shows: RECEIPT_SHOWS,
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
    description: 'Staff read where a withdrawal is paid to, and what travels with its coins',
    shows: WITHDRAWAL_SHOWS,
  },
  'withdrawal.under_review': {
    category: 'financial',
    severity: 'warning',
    description: 'A withdrawal that had not left was put before its checkers again',
    shows: WITHDRAWAL_SHOWS,
  },
  'withdrawal.in_flight': {
    category: 'compliance',
    severity: 'critical',
    class: 'restricted',
    description:
      'Money of a person who was restricted or shut out may be on its way; stop it at the bank if that is possible',
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
  'withdrawal.unknown': {
    category: 'financial',
    severity: 'critical',
    description: 'The outcome of a payout is not known; a person must settle it',
    shows: WITHDRAWAL_SHOWS,
  },
  'beneficiary.held': {
    category: 'compliance',
    severity: 'warning',
    description: 'A beneficiary waits for a review',
    class: 'restricted',
    shows: HELD_SHOWS,
  },
  'beneficiary.rescreened': {
    category: 'compliance',
    severity: 'info',
    description: 'A beneficiary was held against changed lists and stays usable',
    class: 'restricted',
    shows: HELD_SHOWS,
  },
  'beneficiary.activated': {
    category: 'financial',
    severity: 'info',
    description: 'A beneficiary became usable once its review had ended',
    shows: HELD_SHOWS,
  },
  'payout_file.created': {
    category: 'financial',
    severity: 'warning',
    description: 'Approved withdrawals and repayments were put into a payout file',
    shows: PAYOUT_FILE_SHOWS,
  },
  'payout_file.downloaded': {
    category: 'financial',
    severity: 'warning',
    description: 'Staff read a payout file with its payees',
    shows: PAYOUT_FILE_SHOWS,
  },
  'payout_report.imported': {
    category: 'financial',
    severity: 'warning',
    description: "The bank's report on a payout file was imported",
    shows: [
      'fileId',
      'messageId',
      'completedCount',
      'failedCount',
      'pendingCount',
      'unknownCount',
      'conflictCount',
    ],
  },
  'payout_report.contradicts': {
    category: 'financial',
    severity: 'critical',
    description: 'The bank says of a payment what cannot be true of the settled payout',
    shows: CONFLICT_SHOWS,
  },
  'payout_conflict.closed': {
    category: 'financial',
    severity: 'warning',
    description: 'The work on what the bank said against a settled payout was ended',
    shows: [...CONFLICT_SHOWS, 'closedBy', 'note'],
  },
  'payout_file.voided': {
    category: 'financial',
    severity: 'warning',
    description: 'A payout file that was never fetched was given up; its withdrawals wait to be paid again',
    shows: [...PAYOUT_FILE_SHOWS, 'approvalId'],
  },
  'payout_account.seeded': {
    category: 'admin_action',
    severity: 'warning',
    description: 'The account a currency is paid from was set where there was none',
    shows: PAYOUT_ACCOUNT_SHOWS,
  },
  'payout_account.changed': {
    category: 'admin_action',
    severity: 'critical',
    description: 'The account a currency is paid from was changed by approval',
    shows: PAYOUT_ACCOUNT_SHOWS,
  },
  'fee_schedule.seeded': {
    category: 'admin_action',
    severity: 'warning',
    description: 'The fees of a tier were set where there were none',
    shows: FEE_SHOWS,
  },
  'fee_schedule.changed': {
    category: 'admin_action',
    severity: 'warning',
    description: 'The fees of a tier were changed by approval; the earlier ones are kept',
    shows: FEE_SHOWS,
  },
  'funding_limit.changed': {
    category: 'admin_action',
    severity: 'warning',
    description: 'A funding limit was changed by approval',
    shows: LIMIT_SHOWS,
  },
  'funding_limit.seeded': {
    category: 'admin_action',
    severity: 'warning',
    description: 'A funding limit was set where there was none',
    shows: LIMIT_SHOWS,
  },
});
