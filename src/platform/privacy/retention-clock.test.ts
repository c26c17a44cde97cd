import { expect, test } from 'bun:test';
import { type Instant, parseInstant } from '../../kernel/time.ts';
import { keptUntil } from './retention-clock.ts';

const at = (text: string): Instant => parseInstant(text);

test.each([
  ['2026-03-01T10:00:00Z', 84, '2033-03-01T10:00:00.000000Z'],
  ['2026-03-01T10:00:00Z', 12, '2027-03-01T10:00:00.000000Z'],
  ['2026-03-01T10:00:00.123456Z', 360, '2056-03-01T10:00:00.123456Z'],
  ['2024-02-29T00:00:00Z', 84, '2031-03-01T00:00:00.000000Z'],
  ['2024-02-29T00:00:00Z', 96, '2032-02-29T00:00:00.000000Z'],
  ['2026-01-31T00:00:00Z', 1, '2026-03-01T00:00:00.000000Z'],
  ['2026-08-31T23:00:00Z', 6, '2027-03-01T23:00:00.000000Z'],
])(
  'records of a relationship ended at %s are kept %d months, as the calendar counts',
  (end, months, until) => {
    expect(keptUntil([at(end)], months) as string).toBe(until);
  },
);

test('whatever happened last starts the clock, in any order', () => {
  const [early, late] = [at('2026-01-01T00:00:00Z'), at('2026-05-01T00:00:00Z')];
  expect(keptUntil([early, late], 84)).toBe(at('2033-05-01T00:00:00Z'));
  expect(keptUntil([late, early], 84)).toBe(at('2033-05-01T00:00:00Z'));
});
