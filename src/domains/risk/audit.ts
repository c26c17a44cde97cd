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
      'setBy',
      'approvalId',
      'reason',
    ],
  },
});
