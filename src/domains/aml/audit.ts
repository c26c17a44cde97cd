import { ALERT_EVENTS } from './alerts/audit.ts';
import { CASE_EVENTS } from './cases/audit.ts';
import { LIST_EVENTS } from './lists/audit.ts';
import { MONITORING_EVENTS } from './monitoring/audit.ts';
import { REPORT_EVENTS } from './reports/audit.ts';
import { RESCREENING_EVENTS } from './rescreening/audit.ts';
import { SCREENING_EVENTS } from './screening/audit.ts';
import { VENDOR_EVENTS } from './vendors/audit.ts';
import { WHITELIST_EVENTS } from './whitelist/audit.ts';

/** What AML records; all of it of class restricted (no tipping off). */
export const AML_EVENTS = {
  ...LIST_EVENTS,
  ...SCREENING_EVENTS,
  ...ALERT_EVENTS,
  ...WHITELIST_EVENTS,
  ...CASE_EVENTS,
  ...REPORT_EVENTS,
  ...RESCREENING_EVENTS,
  ...MONITORING_EVENTS,
  ...VENDOR_EVENTS,
};
