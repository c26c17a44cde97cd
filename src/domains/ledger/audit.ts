import { auditEvents } from '../../platform/audit/events.ts';

const FX_RATE_SHOWS = [
  'base',
  'quote',
  'rate',
  'spreadBps',
  'positionMax',
  'source',
  'asOf',
  'validUntil',
  'approvalId',
] as const;

const CONVERSION_SHOWS = [
  'accountId',
  'fromAsset',
  'toAsset',
  'fromAmount',
  'toAmount',
  'rate',
  'midRate',
  'spreadBps',
  'rateId',
  'rateSource',
  'rateAt',
  'rounding',
  'expiresAt',
  'executedAt',
  'journalId',
] as const;

const HOLD_SHOWS = [
  'walletId',
  'asset',
  'amount',
  'remaining',
  'reason',
  'status',
  'referenceType',
  'referenceId',
  'reference',
  'byHand',
] as const;

/** What the ledger records. */
export const LEDGER_EVENTS = auditEvents({
  'asset.created': {
    category: 'admin_action',
    severity: 'warning',
    description: 'An asset was made known',
    shows: ['code', 'name', 'kind', 'scale', 'isin', 'cusip', 'chain'],
  },
  'hold.created': {
    category: 'financial',
    severity: 'info',
    description: 'Funds were reserved',
    shows: [...HOLD_SHOWS, 'expiresAt'],
  },
  'hold.released': {
    category: 'financial',
    severity: 'info',
    description: 'Reserved funds were set free',
    shows: [...HOLD_SHOWS, 'approvalId', 'why'],
  },
  'hold.captured': {
    category: 'financial',
    severity: 'info',
    description: 'Reserved funds were taken',
    shows: [...HOLD_SHOWS, 'approvalId', 'captured', 'destinationWalletId', 'journalId'],
  },
  'hold.expired': {
    category: 'financial',
    severity: 'info',
    description: 'A hold reached its end and its funds were set free',
    shows: [...HOLD_SHOWS, 'expiresAt'],
  },
  'journal.posted': {
    category: 'financial',
    severity: 'warning',
    description: 'A journal was posted by hand',
    shows: ['book', 'kind', 'valueDate', 'approvalId', 'referenceType', 'referenceId', 'entries'],
  },
  'journal.reversed': {
    category: 'financial',
    severity: 'warning',
    description: 'A journal was reversed',
    shows: ['book', 'kind', 'valueDate', 'approvalId', 'reversesId', 'entries'],
  },
  'fees.swept': {
    category: 'financial',
    severity: 'warning',
    description: 'Fees left client money',
    shows: ['book', 'kind', 'valueDate', 'approvalId', 'entries'],
  },
  'debt.repaid': {
    category: 'financial',
    severity: 'warning',
    description: 'A debt was repaid from what its debtor has',
    shows: ['asset', 'amount', 'journalId'],
  },
  'wallet.labelled': {
    category: 'financial',
    severity: 'info',
    description: 'References of the firm were put on a wallet',
    shows: ['asset', 'metadata', 'revision'],
  },
  'obligation.settled': {
    category: 'financial',
    severity: 'info',
    description: 'What a trade brought settled and may be withdrawn',
    shows: ['tradeId', 'accountId', 'asset', 'amount', 'used', 'tradeDate', 'settlesOn'],
  },
  'transfer.posted': {
    category: 'financial',
    severity: 'info',
    description: 'Funds moved between accounts of one person',
    shows: ['fromAccountId', 'toAccountId', 'asset', 'amount', 'journalId'],
  },
  'paper_account.funded': {
    category: 'financial',
    severity: 'info',
    description: 'A customer gave their paper account play money',
    shows: ['accountId', 'book', 'asset', 'amount', 'total', 'journalId'],
  },
  'fx_rate.set': {
    category: 'financial',
    severity: 'warning',
    description: 'A rate of exchange was set',
    shows: FX_RATE_SHOWS,
  },
  'fx_rate.withdrawn': {
    category: 'financial',
    severity: 'warning',
    description: 'A rate of exchange was stopped before its end',
    shows: [...FX_RATE_SHOWS, 'withdrawnAt', 'reason'],
  },
  'fx_rate.seeded': {
    category: 'financial',
    severity: 'info',
    description: 'A rate of exchange was seeded',
    shows: FX_RATE_SHOWS,
  },
  'conversion.quoted': {
    category: 'financial',
    severity: 'info',
    description: 'A price to convert was offered',
    shows: CONVERSION_SHOWS,
  },
  'conversion.executed': {
    category: 'financial',
    severity: 'info',
    description: 'A customer converted one currency into another',
    shows: CONVERSION_SHOWS,
  },
  'reconciliation.completed': {
    category: 'financial',
    severity: 'info',
    description: 'The books were reconciled',
    shows: ['status', 'breakCount'],
  },
  'reconciliation.broken': {
    category: 'financial',
    severity: 'critical',
    description: 'The reconciliation found breaks',
    shows: ['status', 'breakCount'],
  },
});
