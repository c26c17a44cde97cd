import { describe, expect, test } from 'bun:test';
import { parseInstant } from '../../../kernel/time.ts';
import { endOfWorkingDays, REPORT_WORKING_DAYS, reportDay, yearsToPlan } from './calendar.ts';

const dueOf = (from: string, ...holidays: string[]) =>
  endOfWorkingDays(parseInstant(from), REPORT_WORKING_DAYS, new Set(holidays));

// Midnight in Mauritius is 20:00 UTC of the day before.
describe('five working days after', () => {
  const table: readonly [string, string, string, string[]][] = [
    ['a Monday morning', '2026-03-02T05:00:00Z', '2026-03-09T20:00:00.000000Z', []],
    ['a Friday evening', '2026-03-06T15:00:00Z', '2026-03-13T20:00:00.000000Z', []],
    ['a Saturday', '2026-03-07T08:00:00Z', '2026-03-13T20:00:00.000000Z', []],
    ['a Sunday', '2026-03-08T08:00:00Z', '2026-03-13T20:00:00.000000Z', []],
    ['a Sunday before a Monday off', '2026-03-08T08:00:00Z', '2026-03-16T20:00:00.000000Z', ['2026-03-09']],
    [
      'a Thursday with a day off within',
      '2026-03-05T08:00:00Z',
      '2026-03-13T20:00:00.000000Z',
      ['2026-03-12'],
    ],
    [
      'a holiday on a Saturday, which changes nothing',
      '2026-03-06T08:00:00Z',
      '2026-03-13T20:00:00.000000Z',
      ['2026-03-07'],
    ],
    [
      'the last day of a year',
      '2026-12-31T08:00:00Z',
      '2027-01-08T20:00:00.000000Z',
      ['2027-01-01', '2027-01-02'],
    ],
    ['the day before a leap day', '2028-02-28T08:00:00Z', '2028-03-06T20:00:00.000000Z', []],
  ];
  test.each(table)('%s', (_title, from, due, holidays) => {
    expect<string>(dueOf(from, ...holidays)).toBe(due);
  });

  test('is counted from the day in Mauritius, not in UTC', () => {
    // 20:00 UTC on Monday is midnight on Tuesday there.
    expect<string>(dueOf('2026-03-02T19:59:59Z')).toBe('2026-03-09T20:00:00.000000Z');
    expect<string>(dueOf('2026-03-02T20:00:00Z')).toBe('2026-03-10T20:00:00.000000Z');
    expect(reportDay(parseInstant('2026-03-02T20:00:00Z'))).toBe('2026-03-03');
  });

  test('is never later for a holiday that nobody entered', () => {
    for (let day = 1; day <= 28; day += 1) {
      const from = `2026-03-${String(day).padStart(2, '0')}T08:00:00Z`;
      expect(dueOf(from) <= dueOf(from, '2026-03-12', '2026-03-20')).toBe(true);
    }
  });
});

test('next year is planned from November on', () => {
  expect(yearsToPlan(parseInstant('2026-10-31T19:00:00Z'))).toEqual([2026]);
  expect(yearsToPlan(parseInstant('2026-10-31T21:00:00Z'))).toEqual([2026, 2027]);
});
