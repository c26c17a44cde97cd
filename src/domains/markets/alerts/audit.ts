import { auditEvents } from '../../../platform/audit/events.ts';

const ALERT = [
  'instrumentId',
  'kind',
  'condition',
  'repeat',
  'cooldownSeconds',
  'expiresAt',
  'active',
  'armed',
  'triggerCount',
  'triggeredAt',
  'triggeredValue',
  'version',
] as const;

/** What price alerts record; their messages are their owners' own words and stay out. */
export const PRICE_ALERT_EVENTS = auditEvents({
  'price_alert.created': {
    category: 'system',
    severity: 'info',
    description: 'A customer asked to be told of a price',
    shows: ALERT,
  },
  'price_alert.changed': {
    category: 'system',
    severity: 'info',
    description: 'A customer changed what they asked to be told of',
    shows: ALERT,
  },
  'price_alert.deleted': {
    category: 'system',
    severity: 'info',
    description: 'A customer deleted a price alert',
    shows: ALERT,
  },
  'price_alert.triggered': {
    category: 'system',
    severity: 'info',
    description: 'What a customer asked to be told of came about',
    shows: ALERT,
  },
  'price_alert.armed': {
    category: 'system',
    severity: 'info',
    description: 'A repeating price alert waits again, since its condition no longer holds',
    shows: ALERT,
  },
  'price_alert.expired': {
    category: 'system',
    severity: 'info',
    description: 'A price alert came to the end its customer set',
    shows: ALERT,
  },
});
