import { auditEvents } from '../../../platform/audit/events.ts';

/** What is recorded of the days on which banks do not settle. */
export const BANK_DAY_EVENTS = auditEvents({
  'bank_holiday.set': {
    category: 'admin_action',
    severity: 'warning',
    description: 'Whether banks settle a currency on a day was set by approval',
    shows: ['currency', 'day', 'name', 'observed', 'approvalId'],
  },
});
