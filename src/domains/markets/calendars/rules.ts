/** What hours an exchange can have. Pure. */
import type { WeeklySession } from './calendar.ts';

export type Hours = {
  /** @units IANA name */
  readonly timeZone: string;
  /** @units local HH:MM */
  readonly dayEndsAt: string;
  /** How long before an opening orders are collected for it. @units minutes */
  readonly preOpenMinutes: number;
  readonly sessions: readonly WeeklySession[];
};

/** Whether a half day closes anything: it ends before the trading day does; midnight is the end of the day. */
export function closesEarly(dayEndsAt: string, closesAt: string | null): boolean {
  return closesAt === null || dayEndsAt === '00:00' || closesAt < dayEndsAt;
}

const WEEK_MINUTES = 7 * 24 * 60;

/** Whether hours make sense; null means they do. */
export function hoursRefusal({ timeZone, sessions }: Hours): 'market_hours_invalid' | null {
  const regular = sessions.some(({ kind }) => kind === 'regular');
  return regular && isTimeZone(timeZone) && !overlap(sessions) ? null : 'market_hours_invalid';
}

/** A zone of the tz database, by its name: an offset such as +04:00 knows no summer. */
function isTimeZone(name: string): boolean {
  try {
    return (
      name === 'UTC' ||
      new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone.includes('/')
    );
  } catch {
    return false;
  }
}

function overlap(sessions: readonly WeeklySession[]): boolean {
  return sessions.some((one, place) =>
    sessions.slice(place + 1).some((other) => one.kind === other.kind && meet(one, other)),
  );
}

/** Two sessions meet where one begins while the other lasts. */
function meet(one: WeeklySession, other: WeeklySession): boolean {
  const apart =
    (minuteOf(other.opensOn, other.opensAt) - minuteOf(one.opensOn, one.opensAt) + WEEK_MINUTES) %
    WEEK_MINUTES;
  return apart < lengthOf(one) || WEEK_MINUTES - apart < lengthOf(other);
}

/** @units minutes; a session that ends when it began lasts a week */
function lengthOf({ opensOn, opensAt, closesOn, closesAt }: WeeklySession): number {
  const length = (minuteOf(closesOn, closesAt) - minuteOf(opensOn, opensAt) + WEEK_MINUTES) % WEEK_MINUTES;
  return length === 0 ? WEEK_MINUTES : length;
}

function minuteOf(day: number, time: string): number {
  const [hours = '0', minutes = '0'] = time.split(':');
  return ((day - 1) * 24 + Number.parseInt(hours, 10)) * 60 + Number.parseInt(minutes, 10);
}
