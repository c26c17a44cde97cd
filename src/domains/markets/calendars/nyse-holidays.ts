import type { Closure } from './calendar.ts';

export type NamedClosure = Closure & { readonly name: string };

/** When a half day ends. @units New York, HH:MM */
const HALF_DAY_ENDS_AT = '13:00';

/**
 * The days on which NYSE and Nasdaq are closed or close early in a year, by their published rules: a holiday on a
 * Saturday is kept on the Friday before, one on a Sunday on the Monday after; New Year's Day on a Saturday is not
 * kept. Days of mourning and the like follow from no rule and are entered by staff.
 * @source NYSE Rule 7.2 and the calendars NYSE and Nasdaq publish
 */
export function nyseHolidays(year: number): readonly NamedClosure[] {
  const day = (month: number, date: number) => Temporal.PlainDate.from({ year, month, day: date });
  const easter = easterSunday(year);
  const thanksgiving = nthWeekday(year, 11, 4, 4);
  const whole: readonly (readonly [Temporal.PlainDate, string])[] = [
    [day(1, 1), "New Year's Day"],
    [nthWeekday(year, 1, 1, 3), 'Martin Luther King, Jr. Day'],
    [nthWeekday(year, 2, 1, 3), "Washington's Birthday"],
    [easter.subtract({ days: 2 }), 'Good Friday'],
    [lastMonday(year, 5), 'Memorial Day'],
    [day(6, 19), 'Juneteenth National Independence Day'],
    [day(7, 4), 'Independence Day'],
    [nthWeekday(year, 9, 1, 1), 'Labor Day'],
    [thanksgiving, 'Thanksgiving Day'],
    [day(12, 25), 'Christmas Day'],
  ];
  const closed = whole.flatMap(([date, name]) => {
    const kept = keptOn(date);
    return kept.year === year ? [{ day: kept.toString(), closesAt: null, name }] : [];
  });
  // The day before a holiday of a fixed date, from Monday to Thursday: on a Friday the holiday itself is kept.
  const early: readonly (readonly [Temporal.PlainDate, string])[] = [
    [day(7, 3), 'Day before Independence Day'],
    [thanksgiving.add({ days: 1 }), 'Day after Thanksgiving'],
    [day(12, 24), 'Christmas Eve'],
  ];
  const half = early
    .filter(([date, name]) => date.dayOfWeek <= 4 || (date.dayOfWeek === 5 && name.startsWith('Day after')))
    .map(([date, name]) => ({ day: date.toString(), closesAt: HALF_DAY_ENDS_AT, name }));
  return [...closed, ...half].sort((left, right) => (left.day < right.day ? -1 : 1));
}

function keptOn(date: Temporal.PlainDate): Temporal.PlainDate {
  if (date.dayOfWeek === 7) {
    return date.add({ days: 1 });
  }
  return date.dayOfWeek === 6 ? date.subtract({ days: 1 }) : date;
}

/** @units weekday: 1 is Monday */
function nthWeekday(year: number, month: number, weekday: number, nth: number): Temporal.PlainDate {
  const first = Temporal.PlainDate.from({ year, month, day: 1 });
  return first.add({ days: ((weekday - first.dayOfWeek + 7) % 7) + 7 * (nth - 1) });
}

function lastMonday(year: number, month: number): Temporal.PlainDate {
  const last = Temporal.PlainDate.from({ year, month, day: 1 }).add({ months: 1 }).subtract({ days: 1 });
  return last.subtract({ days: last.dayOfWeek - 1 });
}

/** @source the Gregorian computus as Meeus, Jones and Butcher give it */
function easterSunday(year: number): Temporal.PlainDate {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const d = Math.floor(b / 4);
  const e = b % 4;
  const g = Math.floor((8 * b + 13) / 25);
  const h = (19 * a + b - d - g + 15) % 30;
  const i = Math.floor(c / 4);
  const k = c % 4;
  const l = (32 + 2 * e + 2 * i - h - k) % 7;
  const m = Math.floor((a + 11 * h + 19 * l) / 433);
  const month = Math.floor((h + l - 7 * m + 90) / 25);
  return Temporal.PlainDate.from({ year, month, day: (h + l - 7 * m + 33 * month + 19) % 32 });
}
