import { addMs, type Instant } from '../../../kernel/time.ts';
import type { SeniorReason } from './rules.ts';

const DAY_MS = 86_400_000;

/**
 * The same time of day some working days later, Monday to Friday where the firm is; public holidays count as
 * working days, so that work is due rather earlier.
 * @units zone IANA name
 */
export function dueAfterWorkingDays(from: Instant, days: number, zone: string): Instant {
  let due = from;
  let left = days;
  while (left > 0) {
    due = addMs(due, DAY_MS);
    if (Temporal.Instant.from(due).toZonedDateTimeISO(zone).dayOfWeek <= 5) {
      left -= 1;
    }
  }
  return due;
}

/** Where an application stands in the queue; higher comes first. */
export function priorityOf(reasons: readonly SeniorReason[]): number {
  if (reasons.includes('risk_high') || reasons.includes('politically_exposed')) {
    return 20;
  }
  return reasons.length > 0 ? 10 : 0;
}
