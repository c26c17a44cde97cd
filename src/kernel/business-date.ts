/** Days of the firm: a business date is a day of its time zone, and ends there. Pure. */
import { type Instant, parseInstant } from './time.ts';

/** The day an instant falls on. @units YYYY-MM-DD in the zone */
export function dayOf(instant: Instant, timeZone: string): string {
  return Temporal.Instant.from(instant).toZonedDateTimeISO(timeZone).toPlainDate().toString();
}

/** The first instant after a day. @units exclusive */
export function endOfDay(day: string, timeZone: string): Instant {
  const next = Temporal.PlainDate.from(day).add({ days: 1 });
  return parseInstant(next.toZonedDateTime({ timeZone }).toInstant().toString());
}

/** A day so many days away. @units days, negative for earlier */
export function addDays(day: string, days: number): string {
  return Temporal.PlainDate.from(day).add({ days }).toString();
}

/** How many days lie between two days; negative where the second is earlier. */
export function daysBetween(from: string, to: string): number {
  return Temporal.PlainDate.from(from).until(Temporal.PlainDate.from(to), { largestUnit: 'days' }).days;
}

/** Whether a day is a Saturday or a Sunday. */
export function isWeekend(day: string): boolean {
  return Temporal.PlainDate.from(day).dayOfWeek > 5;
}

/** Whether a text is a day of the calendar. @units YYYY-MM-DD */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    return false;
  }
  try {
    return Temporal.PlainDate.from(text).toString() === text;
  } catch {
    return false;
  }
}
