import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Amount } from '../../../kernel/amount.ts';
import { wayOf } from './price-spans.ts';

test('the way of a batch reaches what all its prices would have, trails as well, by five of them at most', () => {
  const reaches = (prices: readonly bigint[], seen: bigint, distance: bigint, sign: bigint): boolean => {
    let mark = seen * sign;
    return prices.some((price) => {
      mark = price * sign > mark ? price * sign : mark;
      return mark - price * sign >= distance;
    });
  };
  const price = fc.bigInt(1n, 60n);
  fc.assert(
    fc.property(fc.array(price, { minLength: 1, maxLength: 40 }), price, price, (prices, seen, distance) => {
      const way = wayOf(prices as Amount[]);
      expect(way.length).toBeLessThanOrEqual(5);
      expect(way.at(-1)).toBe(prices.at(-1) as Amount);
      for (const sign of [1n, -1n]) {
        expect(reaches(way, seen, distance, sign)).toBe(reaches(prices, seen, distance, sign));
      }
      const ends = (some: readonly bigint[]) => [...some].sort((one, other) => (one < other ? -1 : 1));
      expect([ends(way)[0], ends(way).at(-1)]).toEqual([ends(prices)[0], ends(prices).at(-1)]);
    }),
  );
});
