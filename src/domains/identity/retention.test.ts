import { expect, test } from 'bun:test';
import { type Instant, parseInstant } from '../../kernel/time.ts';
import { keptUntil } from './retention.ts';

const at = (text: string): Instant => parseInstant(text);

test.each([
  ['2026-03-01T10:00:00Z', [], 7, '2033-03-01T10:00:00.000000Z'],
  ['2026-03-01T10:00:00Z', [], 1, '2027-03-01T10:00:00.000000Z'],
  ['2026-03-01T10:00:00.123456Z', [], 30, '2056-03-01T10:00:00.123456Z'],
  ['2024-02-29T00:00:00Z', [], 7, '2031-03-01T00:00:00.000000Z'],
  ['2024-02-29T00:00:00Z', [], 8, '2032-02-29T00:00:00.000000Z'],
])(
  'records of a relationship ended at %s are kept %#: years as the calendar counts',
  (end, later, years, until) => {
    expect(keptUntil([at(end), ...later.map(at)], years) as string).toBe(until);
  },
);

test('whatever happened last starts the clock, in any order', () => {
  const [early, late] = [at('2026-01-01T00:00:00Z'), at('2026-05-01T00:00:00Z')];
  expect(keptUntil([early, late], 7)).toBe(at('2033-05-01T00:00:00Z'));
  expect(keptUntil([late, early], 7)).toBe(at('2033-05-01T00:00:00Z'));
});
