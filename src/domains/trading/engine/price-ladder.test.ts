import { expect, test } from 'bun:test';
import type { Side } from './command.ts';
import { createLadder, levelFor, type PriceLadder, removeLevel, walkLevels } from './price-ladder.ts';

test.each(['buy', 'sell'] as const)(
  'a %s ladder stays sorted over thousands of prices that come and go',
  (side) => {
    const ladder = createLadder(side);
    const prices = new Set<bigint>();
    let state = 7;
    for (let step = 0; step < 20_000; step += 1) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      const price = BigInt((state >>> 8) % 5_000) + 1n;
      const shrinks = step > 12_000 ? 4 : 1;
      if (prices.has(price) && step % 5 < shrinks) {
        removeLevel(ladder, levelFor(ladder, price));
        prices.delete(price);
      } else {
        expect(levelFor(ladder, price).price).toBe(price);
        prices.add(price);
      }
      if (step % 1_000 === 0) {
        expect(pricesOf(ladder)).toEqual(sorted(prices, side));
      }
    }
    expect(ladder.blocks.length).toBeGreaterThan(1);
    expect(pricesOf(ladder)).toEqual(sorted(prices, side));

    for (const price of [...prices].sort((left, right) => Number(left % 97n) - Number(right % 97n))) {
      removeLevel(ladder, levelFor(ladder, price));
    }
    expect(ladder).toEqual(createLadder(side));
  },
);

test.each(['buy', 'sell'] as const)(
  'a %s ladder ranks prices exactly that floats cannot tell apart',
  (side) => {
    const ladder = createLadder(side);
    const base = 10n ** 19n;
    const prices = Array.from({ length: 1_000 }, (_, index) => base + BigInt((index * 389) % 1_000));
    for (const price of prices) {
      expect(levelFor(ladder, price).price).toBe(price);
    }

    expect(new Set(prices.map(Number)).size).toBe(1);
    expect(pricesOf(ladder)).toEqual(sorted(new Set(prices), side));
  },
);

test('a price has one level, found again wherever it lies', () => {
  const ladder = createLadder('sell');
  const levels = Array.from({ length: 2_000 }, (_, index) =>
    levelFor(ladder, BigInt((index * 701) % 2_000) + 1n),
  );

  expect(new Set(levels).size).toBe(2_000);
  expect(levels.every((level) => levelFor(ladder, level.price) === level)).toBe(true);
  expect(ladder.best?.price).toBe(1n);
});

function pricesOf(ladder: PriceLadder): bigint[] {
  const prices: bigint[] = [];
  walkLevels(ladder, (level) => prices.push(level.price) > 0);
  expect(ladder.best?.price).toBe(prices[0]);
  return prices;
}

function sorted(prices: Set<bigint>, side: Side): bigint[] {
  const ascending = [...prices].sort((left, right) => (left < right ? -1 : 1));
  return side === 'sell' ? ascending : ascending.reverse();
}
