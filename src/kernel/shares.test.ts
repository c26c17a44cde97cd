import { expect, test } from 'bun:test';
import Big from 'big.js';
import fc from 'fast-check';
import { exceedOne, sumShares } from './shares.ts';

const share = fc.record({
  part: fc.bigInt({ min: 0n, max: 10n ** 20n }),
  whole: fc.bigInt({ min: 1n, max: 10n ** 20n }),
});

test('shares are one whole exactly when they add up to it, to the smallest part', () => {
  const thirds = Array(3).fill({ part: 1n, whole: 3n });
  expect(exceedOne(thirds)).toBe(false);
  expect(exceedOne([...thirds, { part: 1n, whole: 10n ** 20n }])).toBe(true);
  expect(exceedOne([])).toBe(false);
});

test('any part of nothing is more than all of it, and no part of it is none', () => {
  expect(exceedOne([{ part: 0n, whole: 0n }])).toBe(false);
  for (const shares of [[{ part: 1n, whole: 0n }], Array(2).fill({ part: 1n, whole: 0n })]) {
    expect(exceedOne(shares)).toBe(true);
  }
});

test('a sum is what decimals say of it', () => {
  const Exact = Big();
  Exact.DP = 60;
  fc.assert(
    fc.property(fc.array(share, { maxLength: 6 }), (shares) => {
      const { part, whole } = sumShares(shares);
      const wanted = shares.reduce(
        (sum, one) => sum.plus(Exact(`${one.part}`).div(`${one.whole}`)),
        Exact(0),
      );
      expect(Exact(`${part}`).div(`${whole}`).minus(wanted).abs().lt('1e-50')).toBe(true);
    }),
  );
});
