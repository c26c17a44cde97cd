import { expect, test } from 'bun:test';
import { dayOf } from './business-date.ts';
import { parseInstant } from './time.ts';

test.each([
  ['2026-01-31T19:59:59.999999Z', 'Indian/Mauritius', '2026-01-31'],
  ['2026-01-31T20:00:00.000000Z', 'Indian/Mauritius', '2026-02-01'],
  ['2026-01-31T04:59:59.999999Z', 'America/New_York', '2026-01-30'],
  ['2026-01-31T23:59:59.999999Z', 'UTC', '2026-01-31'],
])('%s lies in a day of %s: %s', (text, zone, day) => {
  expect(dayOf(parseInstant(text), zone)).toBe(day);
});
