import { auditEvents } from '../../platform/audit/events.ts';

/** What risk records. */
export const RISK_EVENTS = auditEvents({
  'risk_limit.set': {
    category: 'trading',
    severity: 'warning',
    description: 'A limit of trading was set',
    shows: [
      'scope',
      'scopeId',
      'type',
      'value',
      'currency',
      'effectiveFrom',
      'effectiveUntil',
      'dayZone',
      'alertPercent',
      'setBy',
      'approvalId',
      'reason',
    ],
  },
  'risk_limit.withdrawn': {
    category: 'trading',
    severity: 'warning',
    description: 'A limit of trading was taken back; the next wider one binds, or orders are refused',
    shows: ['scope', 'scopeId', 'type', 'value', 'currency', 'approvalId', 'reason'],
  },
  'circuit_breaker.tripped': {
    category: 'trading',
    severity: 'critical',
    description: 'Trading was stopped, by a person or by a move of the price',
    shows: ['scope', 'instrumentId', 'trigger', 'reason', 'fromPrice', 'toPrice', 'trippedBy', 'endsAt'],
  },
  'circuit_breaker.lifted': {
    category: 'trading',
    severity: 'critical',
    description: 'Trading goes on: the time of a breaker was over, or two people lifted it',
    shows: ['scope', 'instrumentId', 'trigger', 'liftedBy', 'liftReason', 'liftApprovalId'],
  },
  'circuit_breaker.superseded': {
    category: 'trading',
    severity: 'warning',
    description: 'A breaker gave way to one of the same target that lasts longer; trading stays stopped',
    shows: ['scope', 'instrumentId', 'trigger', 'endsAt', 'liftedBy', 'supersededBy'],
  },
  'breaker_rule.set': {
    category: 'trading',
    severity: 'warning',
    description: 'When the breaker of an instrument trips by itself was set',
    shows: [
      'instrumentId',
      'active',
      'moveBps',
      'windowSeconds',
      'pauseSeconds',
      'alertBps',
      'platformMoveBps',
      'approvalId',
      'reason',
    ],
  },
  'risk_alert.raised': {
    category: 'trading',
    severity: 'warning',
    description: 'Something that the firm should look at: a limit nearly used up, a price that moved far',
    shows: ['kind', 'severity', 'day', 'accountId', 'instrumentId', 'details'],
  },
  'risk_alert.acknowledged': {
    category: 'trading',
    severity: 'info',
    description: 'Somebody saw to an alert',
    shows: ['kind', 'severity', 'day', 'accountId', 'instrumentId', 'acknowledgedBy', 'note'],
  },
});
