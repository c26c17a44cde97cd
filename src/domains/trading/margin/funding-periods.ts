/**
 * The periods that holding a position is charged for. Pure. They count from the midnight of the firm's day: 24
 * hours are the night, and a day of 23 or 25 hours has a last period that is as much shorter or longer.
 */
import { addDays, dayOf, endOfDay } from '../../../kernel/business-date.ts';
import { addMs, type Instant, msOfInstant } from '../../../kernel/time.ts';

export type FundingPeriod = {
  /** Exclusive: who holds a position at this instant is charged for all of the period. */
  readonly end: Instant;
  /** @units seconds */
  readonly seconds: number;
};

const HOUR_MS = 3_600_000;

/**
 * The periods that ended after all was charged up to one instant and not after another, the oldest first and at most
 * so many. No hour is charged twice, whatever the length of the periods was before.
 */
export function uncharged(
  chargedTo: Instant,
  ...rest: [until: Instant, hours: number, timeZone: string, most: number]
): FundingPeriod[] {
  return periodsBetween(chargedTo, ...rest).map(({ end, seconds }) => ({
    end,
    seconds: Math.min(seconds, Math.ceil((msOfInstant(end) - msOfInstant(chargedTo)) / 1_000)),
  }));
}

/** The periods that ended after one instant and not after another, the oldest first and at most so many. */
export function periodsBetween(
  after: Instant,
  until: Instant,
  hours: number,
  timeZone: string,
  most: number,
): FundingPeriod[] {
  const periods: FundingPeriod[] = [];
  for (let day = dayOf(after, timeZone); periods.length < most; day = addDays(day, 1)) {
    for (const period of periodsOf(day, hours, timeZone)) {
      if (period.end > until || periods.length === most) {
        return periods;
      }
      if (period.end > after) {
        periods.push(period);
      }
    }
  }
  return periods;
}

function periodsOf(day: string, hours: number, timeZone: string): FundingPeriod[] {
  const begins = endOfDay(addDays(day, -1), timeZone);
  const ends = endOfDay(day, timeZone);
  const count = Math.max(1, Math.round((msOfInstant(ends) - msOfInstant(begins)) / HOUR_MS / hours));
  return Array.from({ length: count }, (_, index) => {
    const start = addMs(begins, index * hours * HOUR_MS);
    const end = index === count - 1 ? ends : addMs(start, hours * HOUR_MS);
    return { end, seconds: (msOfInstant(end) - msOfInstant(start)) / 1_000 };
  });
}
