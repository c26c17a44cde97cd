/**
 * The calendar by which suspicions are reported: working days of Mauritius, which are neither Saturday nor Sunday
 * nor a holiday that is observed. A holiday that nobody entered counts as a working day, so that a forgotten one
 * makes a deadline earlier, never later. Pure.
 */
import { type Instant, parseInstant } from '../../../kernel/time.ts';

/** The firm may be open elsewhere; this clock runs where the authority sits. */
export const REPORT_ZONE = 'Indian/Mauritius';

/** @source docs/compliance/sources.md, suspicious transaction reports */
export const REPORT_WORKING_DAYS = 5;

const SATURDAY = 6;

/**
 * The end of the last of so many working days after an instant; the day of the instant itself does not count.
 * @units the first instant that is too late
 */
export function endOfWorkingDays(
  from: Instant,
  workingDays: number,
  holidays: ReadonlySet<string>,
  zone: string = REPORT_ZONE,
): Instant {
  let day = Temporal.Instant.from(from).toZonedDateTimeISO(zone).toPlainDate();
  for (let left = workingDays; left > 0; ) {
    day = day.add({ days: 1 });
    if (isWorkingDay(day, holidays)) {
      left -= 1;
    }
  }
  return parseInstant(day.add({ days: 1 }).toZonedDateTime(zone).toInstant().toString());
}

/** The day an instant falls on where the authority sits. @units YYYY-MM-DD */
export function reportDay(at: Instant): string {
  return Temporal.Instant.from(at).toZonedDateTimeISO(REPORT_ZONE).toPlainDate().toString();
}

/** Years whose movable holidays somebody should have entered by now: this one, and the next from November on. */
export function yearsToPlan(now: Instant): readonly number[] {
  const { year, month } = Temporal.Instant.from(now).toZonedDateTimeISO(REPORT_ZONE);
  return month >= 11 ? [year, year + 1] : [year];
}

function isWorkingDay(day: Temporal.PlainDate, holidays: ReadonlySet<string>): boolean {
  return day.dayOfWeek < SATURDAY && !holidays.has(day.toString());
}
