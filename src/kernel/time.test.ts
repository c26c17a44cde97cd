import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  addMs,
  INSTANT_PATTERN,
  instantOfMs,
  msOfInstant,
  parseInstant,
  readStoredInstant,
  systemClock,
} from './time.ts';

/** 1900 to 9999. @units ms */
const anyMs = fc.integer({ min: -2_208_988_800_000, max: 253_402_300_799_999 });

describe('an instant', () => {
  test.each([
    ['2026-01-31T09:30:00Z', '2026-01-31T09:30:00.000000Z'],
    ['2026-01-31T09:30:00.5+04:00', '2026-01-31T05:30:00.500000Z'],
    ['2026-01-31 09:30:00.123456+00', '2026-01-31T09:30:00.123456Z'],
    ['2026-01-31 09:30:00-03', '2026-01-31T12:30:00.000000Z'],
    ['2026-01-31 09:30:00+05:30', '2026-01-31T04:00:00.000000Z'],
    ['2026-01-31T09:30:00.123456789Z', '2026-01-31T09:30:00.123456Z'],
  ])('%s is %s', (text, instant) => {
    expect(parseInstant(text) as string).toBe(instant);
  });

  test.each([
    '',
    'now',
    '2026-01-31',
    '2026-02-30T00:00:00Z',
    '2026-01-31T09:30:00',
    '2026-01-31T25:00:00Z',
    '1700000000',
  ])('%p is none', (text) => {
    expect(() => parseInstant(text)).toThrow(RangeError);
  });

  test.each([
    ['2026-01-31 09:30:00+00', '2026-01-31T09:30:00.000000Z'],
    ['2026-01-31 09:30:00.5+00', '2026-01-31T09:30:00.500000Z'],
    ['2026-01-31 09:30:00.123456+00', '2026-01-31T09:30:00.123456Z'],
    ['2026-01-31 09:30:00.12+05:30', '2026-01-31T04:00:00.120000Z'],
  ])('%s, as PostgreSQL prints it, is %s', (text, instant) => {
    expect(readStoredInstant(text) as string).toBe(instant);
    expect(parseInstant(text) as string).toBe(instant);
  });

  test('has one spelling, and the order of text is the order of time', () => {
    fc.assert(
      fc.property(anyMs, anyMs, (one, two) => {
        const [first, second] = [instantOfMs(one), instantOfMs(two)];
        expect(first).toMatch(INSTANT_PATTERN);
        expect(first < second).toBe(one < two);
        expect(msOfInstant(first)).toBe(one);
        expect(parseInstant(first)).toBe(first);
      }),
    );
  });

  test('moves by milliseconds and keeps its microseconds', () => {
    const instant = parseInstant('2026-01-31T09:30:00.123456Z');
    expect(addMs(instant, 1) as string).toBe('2026-01-31T09:30:00.124456Z');
    expect(addMs(addMs(instant, 86_400_000), -86_400_000)).toBe(instant);
    expect(msOfInstant(instant)).toBe(Date.UTC(2026, 0, 31, 9, 30, 0, 123));
  });
});

describe('the clock', () => {
  test('moves business time and never real time', () => {
    let offset = 0;
    const clock = systemClock(() => offset);
    offset = 3_600_000;
    const ahead = msOfInstant(clock.now()) - msOfInstant(clock.realNow());
    expect(Math.abs(ahead - 3_600_000)).toBeLessThan(1000);
    expect(Math.abs(clock.realMs() - Date.now())).toBeLessThan(1000);
  });
});
