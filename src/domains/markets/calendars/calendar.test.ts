import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Instant, instantOfMs, msOfInstant, parseInstant } from '../../../kernel/time.ts';
import {
  businessDayAfter,
  type Calendar,
  type Closure,
  nextClose,
  nextOpen,
  sessionAt,
  sessionsBetween,
  stateAt,
  tradingDateAt,
  type WeeklySession,
} from './calendar.ts';
import { nyseHolidays } from './nyse-holidays.ts';
import { hoursRefusal } from './rules.ts';

const WORKDAYS = [1, 2, 3, 4, 5] as const;

function weekdays(kind: WeeklySession['kind'], opensAt: string, closesAt: string): WeeklySession[] {
  return WORKDAYS.map((day) => ({ kind, opensOn: day, opensAt, closesOn: day, closesAt }));
}

const NYSE: Calendar = {
  timeZone: 'America/New_York',
  dayEndsAt: '00:00',
  preOpenMinutes: 0,
  sessions: [
    ...weekdays('pre', '04:00', '09:30'),
    ...weekdays('regular', '09:30', '16:00'),
    ...weekdays('post', '16:00', '20:00'),
  ],
  closures: nyseHolidays(2026),
};
const LSE: Calendar = {
  ...NYSE,
  timeZone: 'Europe/London',
  sessions: weekdays('regular', '08:00', '16:30'),
  closures: [],
};
const SEM: Calendar = {
  ...LSE,
  timeZone: 'Indian/Mauritius',
  sessions: weekdays('regular', '10:00', '14:30'),
};
const FOREX: Calendar = {
  timeZone: 'America/New_York',
  dayEndsAt: '17:00',
  preOpenMinutes: 0,
  sessions: [{ kind: 'regular', opensOn: 7, opensAt: '17:00', closesOn: 5, closesAt: '17:00' }],
  closures: [{ day: '2026-12-25', closesAt: null }],
};
const CRYPTO: Calendar = {
  timeZone: 'UTC',
  dayEndsAt: '00:00',
  preOpenMinutes: 0,
  sessions: [{ kind: 'regular', opensOn: 1, opensAt: '00:00', closesOn: 1, closesAt: '00:00' }],
  closures: [],
};

const at = (text: string): Instant => parseInstant(`${text}:00Z`);
const short = (instant: Instant | null): string | null => instant?.slice(0, 16) ?? null;

describe('the clock of each zone', () => {
  const table = [
    // exchange and asked at (UTC), next open, next close
    [
      'New York, the Friday before summer time',
      NYSE,
      '2026-03-06T22:00',
      '2026-03-09T13:30',
      '2026-03-09T20:00',
    ],
    ['New York, in winter', NYSE, '2026-03-06T13:00', '2026-03-06T14:30', '2026-03-06T21:00'],
    [
      'New York, the weekend winter time begins',
      NYSE,
      '2026-10-31T12:00',
      '2026-11-02T14:30',
      '2026-11-02T21:00',
    ],
    [
      'London, the weekend summer time begins',
      LSE,
      '2026-03-28T12:00',
      '2026-03-30T07:00',
      '2026-03-30T15:30',
    ],
    [
      'London, the weekend winter time begins',
      LSE,
      '2026-10-24T12:00',
      '2026-10-26T08:00',
      '2026-10-26T16:30',
    ],
    [
      'Mauritius, which knows no summer time',
      SEM,
      '2026-03-28T12:00',
      '2026-03-30T06:00',
      '2026-03-30T10:30',
    ],
    ['Mauritius, in autumn', SEM, '2026-10-26T07:00', '2026-10-27T06:00', '2026-10-26T10:30'],
    [
      'forex over the change to summer time',
      FOREX,
      '2026-03-07T12:00',
      '2026-03-08T21:00',
      '2026-03-13T21:00',
    ],
    [
      'forex over the change to winter time',
      FOREX,
      '2026-10-31T12:00',
      '2026-11-01T22:00',
      '2026-11-06T22:00',
    ],
    ['a holiday', NYSE, '2026-07-02T21:00', '2026-07-06T13:30', '2026-07-06T20:00'],
    ['a half day', NYSE, '2026-11-27T15:00', '2026-11-30T14:30', '2026-11-27T18:00'],
    [
      'a holiday that begins the evening before',
      FOREX,
      '2026-12-24T12:00',
      '2026-12-27T22:00',
      '2026-12-24T22:00',
    ],
    ['what never closes', CRYPTO, '2026-03-07T12:00', null, null],
  ] as const;
  test.each(table)('%s: next open and close', (_title, calendar, asked, open, close) => {
    expect([short(nextOpen(calendar, at(asked))), short(nextClose(calendar, at(asked)))]).toEqual([
      open,
      close,
    ]);
  });

  test('tells the kinds of session apart, and takes orders in the regular one only', () => {
    const kinds = ['08:59', '09:00', '14:29', '14:30', '20:59', '21:00', '00:59', '01:00'].map(
      (time, place) => {
        const instant = at(`2026-01-0${place < 6 ? 6 : 7}T${time}`);
        return [time, sessionAt(NYSE, instant)?.kind ?? null, stateAt(NYSE, instant).open];
      },
    );
    expect(kinds).toEqual([
      ['08:59', null, false],
      ['09:00', 'pre', false],
      ['14:29', 'pre', false],
      ['14:30', 'regular', true],
      ['20:59', 'regular', true],
      ['21:00', 'post', false],
      ['00:59', 'post', false],
      ['01:00', null, false],
    ]);
  });

  test('a half day has no session after its end', () => {
    const sessions = sessionsBetween(NYSE, at('2026-11-27T05:00'), at('2026-11-28T05:00'));
    expect(sessions.map(({ kind, opensAt, closesAt }) => [kind, short(opensAt), short(closesAt)])).toEqual([
      ['pre', '2026-11-27T09:00', '2026-11-27T14:30'],
      ['regular', '2026-11-27T14:30', '2026-11-27T18:00'],
    ]);
  });
});

describe('the end of the orders of a day', () => {
  const table = [
    ['2026-01-06T15:00', NYSE, '2026-01-06T21:00'],
    ['2026-11-27T15:00', NYSE, '2026-11-27T18:00'],
    ['2026-01-06T15:00', FOREX, '2026-01-06T22:00'],
    ['2026-01-06T22:00', FOREX, '2026-01-07T22:00'],
    ['2026-01-09T15:00', FOREX, '2026-01-09T22:00'],
    ['2026-01-06T23:59', CRYPTO, '2026-01-07T00:00'],
    ['2026-01-07T00:00', CRYPTO, '2026-01-08T00:00'],
    ['2026-01-06T21:00', NYSE, null],
  ] as const;
  test.each(table)('asked at %s', (asked, calendar, end) => {
    expect(short(stateAt(calendar, at(asked)).dayOrdersEndAt)).toBe(end);
  });
});

describe('the minutes before an opening', () => {
  const collecting = { ...NYSE, preOpenMinutes: 30 };
  const table = [
    // asked at (UTC), whether limit orders are collected, until when that holds, and when orders of the day end
    ['2026-01-06T13:59', false, '2026-01-06T14:00', null],
    ['2026-01-06T14:00', true, '2026-01-06T14:30', '2026-01-06T21:00'],
    ['2026-01-06T14:30', false, '2026-01-06T21:00', '2026-01-06T21:00'],
    ['2026-01-06T21:00', false, '2026-01-07T14:00', null],
    // Over a weekend, before a half day, and not on a holiday.
    ['2026-01-12T14:10', true, '2026-01-12T14:30', '2026-01-12T21:00'],
    ['2026-11-27T14:10', true, '2026-11-27T14:30', '2026-11-27T18:00'],
    ['2026-11-26T14:10', false, '2026-11-27T14:00', null],
  ] as const;
  test.each(table)('asked at %s', (asked, preOpen, until, end) => {
    const state = stateAt(collecting, at(asked));
    expect([state.preOpen, short(state.until), short(state.dayOrdersEndAt)]).toEqual([preOpen, until, end]);
  });

  test('begin no sooner than a minute after a change of the hours, which may have closed it just then', () => {
    const changed = { ...collecting, changedAt: at('2026-01-06T14:10') };
    const states = ['2026-01-06T14:10', '2026-01-06T14:11'].map((asked) => stateAt(changed, at(asked)));
    expect(states.map(({ preOpen, until }) => [preOpen, short(until)])).toEqual([
      [false, '2026-01-06T14:11'],
      [true, '2026-01-06T14:30'],
    ]);
    const late = { ...collecting, changedAt: at('2026-01-06T14:29') };
    expect(stateAt(late, at('2026-01-06T14:29'))).toMatchObject({ open: false, preOpen: false });
  });

  test('begin no sooner than a minute after the last closing, when every book has halted', () => {
    const daily = {
      ...FOREX,
      preOpenMinutes: 720,
      sessions: [1, 2].map((day) => ({
        kind: 'regular' as const,
        opensOn: day,
        opensAt: '18:00',
        closesOn: day + 1,
        closesAt: '17:00',
      })),
    };
    const states = ['2026-01-06T22:00', '2026-01-06T22:01', '2026-01-06T23:00'].map((asked) =>
      stateAt(daily, at(asked)),
    );
    expect(states.map(({ open, preOpen }) => [open, preOpen])).toEqual([
      [false, false],
      [false, true],
      [true, false],
    ]);
    expect(states.map(({ until }) => short(until))).toEqual([
      '2026-01-06T22:01',
      '2026-01-06T23:00',
      '2026-01-07T22:00',
    ]);
  });
});

describe('a value date', () => {
  const table = [
    // traded at (UTC), exchange, trading day, T+0, T+1, T+2
    ['2026-01-06T15:00', NYSE, '2026-01-06', '2026-01-07', '2026-01-08'],
    ['2026-01-09T15:00', NYSE, '2026-01-09', '2026-01-12', '2026-01-13'],
    // Over a weekend and Martin Luther King, Jr. Day.
    ['2026-01-16T15:00', NYSE, '2026-01-16', '2026-01-20', '2026-01-21'],
    // Thanksgiving is none, the half day after it is one.
    ['2026-11-25T15:00', NYSE, '2026-11-25', '2026-11-27', '2026-11-30'],
    // Still the sixth in New York.
    ['2026-01-07T00:30', NYSE, '2026-01-06', '2026-01-07', '2026-01-08'],
    // The trading day ends at 17:00 in New York: Sunday evening is Monday, and Christmas is none.
    ['2026-01-06T21:59', FOREX, '2026-01-06', '2026-01-07', '2026-01-08'],
    ['2026-01-06T22:00', FOREX, '2026-01-07', '2026-01-08', '2026-01-09'],
    ['2026-01-11T23:00', FOREX, '2026-01-12', '2026-01-13', '2026-01-14'],
    ['2026-12-23T15:00', FOREX, '2026-12-23', '2026-12-24', '2026-12-28'],
    ['2026-01-10T12:00', CRYPTO, '2026-01-10', '2026-01-11', '2026-01-12'],
  ] as const;

  test.each(table)(
    'of a trade at %s counts the days on which its exchange trades',
    (time, calendar, ...[first, second, third]) => {
      const day = tradingDateAt(calendar, at(time));
      const counted = [0, 1, 2].map((count) => businessDayAfter(calendar, day, count));
      expect(counted).toEqual([first, second, third]);
    },
  );

  test('is always a weekday that is no holiday, and later for every day more', () => {
    const holidays = new Set(NYSE.closures.filter(({ closesAt }) => closesAt === null).map(({ day }) => day));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 340 }), fc.integer({ min: 1, max: 9 }), (offset, count) => {
        const day = Temporal.PlainDate.from('2026-01-01').add({ days: offset });
        const found = Temporal.PlainDate.from(businessDayAfter(NYSE, day.toString(), count));
        const before = businessDayAfter(NYSE, day.toString(), count - 1);
        let business = 0;
        for (
          let each = day.add({ days: 1 });
          Temporal.PlainDate.compare(each, found) <= 0;
          each = each.add({ days: 1 })
        ) {
          business += each.dayOfWeek <= 5 && !holidays.has(each.toString()) ? 1 : 0;
        }
        return (
          business === count &&
          found.dayOfWeek <= 5 &&
          !holidays.has(found.toString()) &&
          before < found.toString()
        );
      }),
    );
  });
});

describe('a time that the clock skips or repeats', () => {
  const sunday = (opensAt: string, closesAt: string): Calendar => ({
    ...CRYPTO,
    timeZone: 'America/New_York',
    sessions: [{ kind: 'regular', opensOn: 7, opensAt, closesOn: 7, closesAt }],
  });
  const table = [
    [
      'opens in the hour that is left out',
      '2026-03-08',
      '02:30',
      '04:00',
      '2026-03-08T07:00',
      '2026-03-08T08:00',
    ],
    [
      'closes in the hour that is left out',
      '2026-03-08',
      '01:00',
      '02:30',
      '2026-03-08T06:00',
      '2026-03-08T07:00',
    ],
    [
      'opens in the hour that comes twice',
      '2026-11-01',
      '01:30',
      '03:00',
      '2026-11-01T05:30',
      '2026-11-01T08:00',
    ],
    [
      'closes in the hour that comes twice',
      '2026-11-01',
      '00:00',
      '01:30',
      '2026-11-01T04:00',
      '2026-11-01T05:30',
    ],
  ] as const;
  test.each(table)('%s', (_title, day, opensAt, closesAt, open, close) => {
    const calendar = sunday(opensAt, closesAt);
    const before = at(`${day}T03:00`);
    expect([short(nextOpen(calendar, before)), short(nextClose(calendar, before))]).toEqual([open, close]);
  });
});

/** A month of minutes with what the local clock reads at each: the slow way to know what is open. */
type Minutes = { readonly startMs: number; readonly readings: readonly string[] };

const MINUTE_MS = 60_000;
const WINDOW_DAYS = 26;

function minutesOf(timeZone: string, start: string): Minutes {
  const startMs = msOfInstant(at(start));
  const readings = Array.from({ length: WINDOW_DAYS * 1440 }, (_, minute) =>
    Temporal.Instant.fromEpochMilliseconds(startMs + minute * MINUTE_MS)
      .toZonedDateTimeISO(timeZone)
      .toPlainDateTime()
      .toString({ smallestUnit: 'minute' }),
  );
  return { startMs, readings };
}

/** Minute by minute whether the regular session is open: each time means the first minute that reads as much. */
function slowlyOpen({ readings }: Minutes, calendar: Calendar): boolean[] {
  const beginning = Temporal.PlainDate.from(readings[0]?.slice(0, 10) ?? '');
  const first = (day: Temporal.PlainDate, time: string): number => {
    const wanted = `${day.toString()}T${time}`;
    let minute = Math.max(0, (beginning.until(day).days - 2) * 1440);
    while (minute < readings.length && (readings[minute] ?? '') < wanted) {
      minute += 1;
    }
    return Math.min(minute, readings.length);
  };
  const open = Array<boolean>(readings.length).fill(false);
  const from = beginning.subtract({ days: 8 });
  for (let offset = 0; offset < WINDOW_DAYS + 10; offset += 1) {
    const day = from.add({ days: offset });
    for (const session of calendar.sessions.filter(({ opensOn }) => opensOn === day.dayOfWeek)) {
      const opens = `${day.toString()}T${session.opensAt}`;
      let end = day;
      while (end.dayOfWeek !== session.closesOn || `${end.toString()}T${session.closesAt}` <= opens) {
        end = end.add({ days: 1 });
      }
      open.fill(true, first(day, session.opensAt), first(end, session.closesAt));
    }
  }
  for (const { day, closesAt } of calendar.closures) {
    const date = Temporal.PlainDate.from(day);
    const midnight = calendar.dayEndsAt === '00:00';
    const begins = first(midnight ? date : date.subtract({ days: 1 }), calendar.dayEndsAt);
    const ends = first(midnight ? date.add({ days: 1 }) : date, calendar.dayEndsAt);
    const cut = closesAt === null ? begins : Math.max(begins, first(date, closesAt));
    open.fill(false, Math.min(cut, ends), ends);
  }
  return open;
}

describe('against a model that looks at every minute', () => {
  const months = [
    ['America/New_York', '2026-02-26T00:00'],
    ['America/New_York', '2026-10-22T00:00'],
    ['Europe/London', '2026-03-19T00:00'],
    ['Europe/London', '2026-10-15T00:00'],
    ['Indian/Mauritius', '2026-03-19T00:00'],
  ] as const;
  const time = fc
    .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom('00', '15', '30', '45', '59'))
    .map(([hours, minutes]) => `${String(hours).padStart(2, '0')}:${minutes}`);
  const weekday = fc.integer({ min: 1, max: 7 });
  const sessions = fc.array(
    fc.record({
      kind: fc.constant('regular' as const),
      opensOn: weekday,
      opensAt: time,
      closesOn: weekday,
      closesAt: time,
    }),
    { minLength: 1, maxLength: 4 },
  );

  test.each(months)('%s from %s: open, next open and next close are the same', (timeZone, start) => {
    const minutes = minutesOf(timeZone, start);
    const firstDay = Temporal.PlainDate.from(start.slice(0, 10));
    const closure: fc.Arbitrary<Closure> = fc.record({
      day: fc.integer({ min: 6, max: 20 }).map((days) => firstDay.add({ days }).toString()),
      closesAt: fc.option(time),
    });
    fc.assert(
      fc.property(
        sessions,
        fc.array(closure, { maxLength: 3 }),
        fc.constantFrom('00:00', '17:00'),
        fc.array(fc.integer({ min: 8 * 1440, max: 16 * 1440 }), { minLength: 4, maxLength: 8 }),
        (weekly, closures, dayEndsAt, asked) => {
          const calendar: Calendar = { timeZone, dayEndsAt, preOpenMinutes: 0, sessions: weekly, closures };
          const open = slowlyOpen(minutes, calendar);
          for (const minute of asked) {
            const instant = instantOfMs(minutes.startMs + minute * MINUTE_MS);
            const after = (wanted: boolean): Instant | null => {
              const found = open.findIndex(
                (now, place) => place > minute && now === wanted && open[place - 1] !== wanted,
              );
              return found < 0 ? null : instantOfMs(minutes.startMs + found * MINUTE_MS);
            };
            expect(stateAt(calendar, instant).open).toBe(open[minute] ?? false);
            const ends = instantOfMs(minutes.startMs + open.length * MINUTE_MS);
            const known = (moment: Instant | null) => (moment !== null && moment < ends ? moment : null);
            expect(known(nextOpen(calendar, instant))).toBe(after(true));
            expect(known(nextClose(calendar, instant))).toBe(after(false));
            const { from, until } = stateAt(calendar, instant);
            expect(from <= instant && instant < until).toBe(true);
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('the holidays of NYSE and Nasdaq', () => {
  const published = {
    2025: '01-01 01-20 02-17 04-18 05-26 06-19 07-03* 07-04 09-01 11-27 11-28* 12-24* 12-25',
    2026: '01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 11-27* 12-24* 12-25',
    2027: '01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 11-26* 12-24',
    2028: '01-17 02-21 04-14 05-29 06-19 07-03* 07-04 09-04 11-23 11-24* 12-25',
  };
  test.each(Object.entries(published))('%s are those that are published', (year, days) => {
    const found = nyseHolidays(Number.parseInt(year, 10));
    expect(found.map(({ day, closesAt }) => `${day.slice(5)}${closesAt === null ? '' : '*'}`).join(' ')).toBe(
      days,
    );
  });
});

describe('hours', () => {
  const hours = (sessions: readonly WeeklySession[], timeZone = 'Europe/London') =>
    hoursRefusal({ timeZone, dayEndsAt: '00:00', preOpenMinutes: 0, sessions });
  const sunday = FOREX.sessions[0] as WeeklySession;

  test('are taken where every kind has one session at a time', () => {
    for (const { sessions, timeZone } of [NYSE, LSE, SEM, FOREX, CRYPTO]) {
      expect(hours(sessions, timeZone)).toBeNull();
    }
    const touching = [...weekdays('regular', '09:00', '12:00'), ...weekdays('regular', '12:00', '16:00')];
    expect(hours(touching)).toBeNull();
  });

  test.each([
    ['without a regular session', weekdays('pre', '04:00', '09:30'), 'Europe/London'],
    ['in a zone that is none', LSE.sessions, 'Europe/Nowhere'],
    ['in an offset, which knows no summer', LSE.sessions, '+01:00'],
    [
      'that overlap',
      [...weekdays('regular', '08:00', '12:00'), ...weekdays('regular', '11:59', '16:00')],
      'UTC',
    ],
    ['that overlap over the end of the week', [sunday, ...weekdays('regular', '08:00', '09:00')], 'UTC'],
    ['within a session that lasts a week', [...CRYPTO.sessions, sunday], 'UTC'],
  ] as const)('%s are refused', (_title, sessions, timeZone) => {
    expect(hours(sessions, timeZone)).toBe('market_hours_invalid');
  });
});
