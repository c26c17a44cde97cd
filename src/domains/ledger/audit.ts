import { auditEvents } from '../../platform/audit/events.ts';

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
    shows: ['asset', 'amount', 'reason', 'referenceType', 'referenceId', 'expiresAt'],
  },
  'hold.released': {
    category: 'financial',
    severity: 'info',
    description: 'Reserved funds were set free',
    shows: ['asset', 'amount', 'remaining', 'reason', 'status', 'referenceType', 'referenceId'],
  },
  'hold.captured': {
    category: 'financial',
    severity: 'info',
    description: 'Reserved funds were taken',
    shows: ['asset', 'amount', 'remaining', 'reason', 'status', 'referenceType', 'referenceId'],
  },
  'hold.expired': {
    category: 'financial',
    severity: 'info',
    description: 'A hold reached its end and its funds were set free',
    shows: ['asset', 'amount', 'remaining', 'reason', 'status', 'referenceType', 'referenceId'],
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
