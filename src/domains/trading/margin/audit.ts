import { auditEvents } from '../../../platform/audit/events.ts';

const STANDING = ['accountId', 'asset', 'equity', 'initialMargin', 'maintenanceMargin'] as const;

/** What keeping margin records. */
export const MARGIN_EVENTS = auditEvents({
  'margin_keeper.elected': {
    category: 'system',
    severity: 'info',
    description: 'A process took over the keeping of margin',
    shows: ['epoch'],
  },
  'margin_call.opened': {
    category: 'trading',
    severity: 'warning',
    description: 'An account was told that it needs more behind its positions',
    shows: [...STANDING, 'shortBy', 'calledAt', 'deadlineAt'],
  },
  'margin_call.mailed': {
    category: 'trading',
    severity: 'info',
    description: 'A customer was mailed that an account needs more behind its positions',
    shows: ['accountId', 'asset', 'mailedAt'],
  },
  'margin_call.reminded': {
    category: 'trading',
    severity: 'info',
    description: 'A customer was reminded, before the deadline, of a margin call that is not met',
    shows: ['accountId', 'asset', 'deadlineAt', 'remindedAt'],
  },
  'margin_call.overdue': {
    category: 'trading',
    severity: 'error',
    description: 'The deadline of a margin call is over and the call is not met',
    shows: ['accountId', 'asset', 'deadlineAt', 'overdueToldAt'],
  },
  'margin_call.ended': {
    category: 'trading',
    severity: 'info',
    description: 'A margin call is over: it was met, or the positions were liquidated',
    shows: ['accountId', 'asset', 'outcome', 'endedAt'],
  },
  'liquidation.started': {
    category: 'trading',
    severity: 'critical',
    description: 'The firm began to close positions that their margin no longer carries',
    shows: [...STANDING, 'cause', 'startedAt'],
  },
  'liquidation.stepped': {
    category: 'trading',
    severity: 'warning',
    description: 'Orders were decided that close positions of a liquidation',
    shows: ['accountId', 'asset', 'steps', 'orders', 'equity', 'cureAt'],
  },
  'liquidation.held_back': {
    category: 'trading',
    severity: 'error',
    description: 'A liquidation cannot go on just now',
    shows: ['accountId', 'asset', 'heldBack'],
  },
  'liquidation.resumed': {
    category: 'trading',
    severity: 'info',
    description: 'A liquidation that could not go on goes on again',
    shows: ['accountId', 'asset', 'heldBack'],
  },
  'liquidation.ended': {
    category: 'trading',
    severity: 'warning',
    description: 'A liquidation is over: the account is well again, or has no position left',
    shows: ['accountId', 'asset', 'cause', 'steps', 'outcome', 'endedAt'],
  },
  'liquidation.taken_over': {
    category: 'trading',
    severity: 'critical',
    description: 'The firm took a position over that its liquidation found nobody for, as two people agreed',
    shows: [
      'accountId',
      'positionId',
      'symbol',
      'side',
      'quantity',
      'price',
      'mark',
      'approvalId',
      'orderId',
      'tradeId',
      'takenAt',
    ],
  },
  'funding.charged': {
    category: 'financial',
    severity: 'info',
    description: 'The cost of holding the positions of an instrument was booked for a period',
    shows: ['symbol', 'periodEnd', 'positions', 'waived', 'paid', 'received', 'borne', 'asset'],
  },
  'funding.stalled': {
    category: 'financial',
    severity: 'critical',
    description:
      'A period of a contract is not charged, nor any after it: nothing was, or could be, waived either',
    shows: ['symbol', 'periodEnd', 'since'],
  },
});
