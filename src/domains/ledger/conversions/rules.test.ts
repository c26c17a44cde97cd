import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Amount, amountOf, formatAmount, MAX_AMOUNT, parseAmount } from '../../../kernel/amount.ts';
import type { Instant } from '../../../kernel/time.ts';
import {
  convert,
  midPrice,
  type PairRate,
  priceAfter,
  quoteRefusal,
  rateOf,
  ringGains,
  shownRate,
  worthOf,
} from './rules.ts';

const USD_MUR: PairRate = { base: 'USD', quote: 'MUR', rate: '46.0500000000', spreadBps: 50 };

/** What converting an amount gives at a pair's own price. */
function sell(pair: PairRate, from: string, amount: string, scales = { from: 2, to: 2 }) {
  const price = priceAfter(midPrice(pair, from), pair.spreadBps);
  return convert({ named: 'fromAmount', amount: parseAmount(amount) }, price, scales);
}

function buy(pair: PairRate, from: string, amount: string, scales = { from: 2, to: 2 }) {
  const price = priceAfter(midPrice(pair, from), pair.spreadBps);
  return convert({ named: 'toAmount', amount: parseAmount(amount) }, price, scales);
}

function shown(converted: ReturnType<typeof convert>) {
  return typeof converted === 'string'
    ? converted
    : [formatAmount(converted.fromAmount), formatAmount(converted.toAmount), converted.rounding];
}

describe('a conversion', () => {
  test.each([
    // pair, sold, amount, what comes of it
    ['sell', 'USD', '100', ['100', '4581.97', 'to_amount_down']],
    ['sell', 'MUR', '100', ['100', '2.16', 'to_amount_down']],
    ['buy', 'USD', '100', ['2.19', '100', 'from_amount_up']],
    ['buy', 'MUR', '100', ['4628.15', '100', 'from_amount_up']],
    ['sell', 'MUR', '0.46', 'conversion_too_small'],
    ['sell', 'MUR', '0.47', ['0.47', '0.01', 'to_amount_down']],
    ['buy', 'USD', '0.01', ['0.01', '0.01', 'from_amount_up']],
    ['sell', 'USD', '999999999999', 'conversion_too_large'],
  ] as const)('to %s %s %s is made from the fraction and rounded once', (way, from, amount, expected) => {
    const converted = way === 'sell' ? sell(USD_MUR, from, amount) : buy(USD_MUR, from, amount);
    expect(shown(converted)).toEqual(expected as never);
  });

  test('keeps to the scale of each asset', () => {
    const yen: PairRate = { base: 'USD', quote: 'JPY', rate: '149.37', spreadBps: 0 };
    expect(shown(sell(yen, 'USD', '1', { from: 2, to: 0 }))).toEqual(['1', '149', 'to_amount_down']);
    expect(shown(buy(yen, 'JPY', '1', { from: 0, to: 2 }))).toEqual(['150', '1', 'from_amount_up']);
    const dinar: PairRate = { base: 'KWD', quote: 'USD', rate: '3.25', spreadBps: 0 };
    expect(shown(sell(dinar, 'USD', '1', { from: 2, to: 3 }))).toEqual(['1', '0.307', 'to_amount_down']);
  });

  test('favours the house by less than one unit of the rounded asset, whichever amount was named', () => {
    fc.assert(
      fc.property(
        pairs,
        amounts,
        fc.boolean(),
        fc.boolean(),
        scales,
        (pair, amount, forward, sells, places) => {
          const from = forward ? pair.base : pair.quote;
          const price = priceAfter(midPrice(pair, from), pair.spreadBps);
          const step = 10n ** BigInt(8 - (sells ? places.from : places.to));
          const named = amountOf((amount / step + 1n) * step);
          const wish = { named: sells ? 'fromAmount' : 'toAmount', amount: named } as const;
          const converted = convert(wish, price, places);
          fc.pre(typeof converted !== 'string');
          const { fromAmount, toAmount } = converted as Exclude<typeof converted, string>;
          const leftOver = fromAmount * price.numerator - toAmount * price.denominator;
          const unit = 10n ** BigInt(8 - (sells ? places.to : places.from));
          expect(leftOver >= 0n).toBe(true);
          expect(leftOver < unit * (sells ? price.denominator : price.numerator)).toBe(true);
          expect([
            fromAmount % 10n ** BigInt(8 - places.from),
            toAmount % 10n ** BigInt(8 - places.to),
          ]).toEqual([0n, 0n]);
        },
      ),
    );
  });

  test('there and back at unchanged rates never gains, however the amounts are named', () => {
    const step = fc.record({ sells: fc.boolean(), share: fc.integer({ min: 1, max: 100 }) });
    fc.assert(
      fc.property(pairs, amounts, scales, fc.array(step, { maxLength: 12 }), (pair, start, places, steps) => {
        const units = { [pair.base]: places.from, [pair.quote]: places.to };
        const wallets = { [pair.base]: start - (start % 10n ** BigInt(8 - places.from)), [pair.quote]: 0n };
        const before = { ...wallets };
        let at = pair.base;
        for (const { sells, share } of steps) {
          exchange(wallets, units, pair, at, sells, share);
          at = at === pair.base ? pair.quote : pair.base;
        }
        exchange(wallets, units, pair, pair.quote, true, 100);
        expect((wallets[pair.base] ?? 0n) <= (before[pair.base] ?? 0n)).toBe(true);
        expect((wallets[pair.quote] ?? 0n) >= 0n).toBe(true);
      }),
    );
  });
});

/** Converts a share of what is held in one direction, as far as it goes. */
function exchange(
  wallets: Record<string, bigint>,
  units: Record<string, number>,
  pair: PairRate,
  from: string,
  sells: boolean,
  share: number,
): void {
  const to = from === pair.base ? pair.quote : pair.base;
  const price = priceAfter(midPrice(pair, from), pair.spreadBps);
  const places = { from: units[from] ?? 0, to: units[to] ?? 0 };
  const step = 10n ** BigInt(8 - (sells ? places.from : places.to));
  const held = ((wallets[from] ?? 0n) * BigInt(share)) / 100n;
  const wished = sells ? held : (held * price.numerator) / price.denominator;
  const amount = wished - (wished % step);
  if (amount <= 0n || amount > MAX_AMOUNT) {
    return;
  }
  const wish = { named: sells ? 'fromAmount' : 'toAmount', amount: amount as Amount } as const;
  const converted = convert(wish, price, places);
  if (typeof converted !== 'string' && converted.fromAmount <= (wallets[from] ?? 0n)) {
    wallets[from] = (wallets[from] ?? 0n) - converted.fromAmount;
    wallets[to] = (wallets[to] ?? 0n) + converted.toAmount;
  }
}

describe('a ring of rates', () => {
  const eurUsd: PairRate = { base: 'EUR', quote: 'USD', rate: '1.1', spreadBps: 50 };
  const usdMur: PairRate = { base: 'USD', quote: 'MUR', rate: '46', spreadBps: 50 };

  test.each([
    ['50.6', 50, false],
    ['50.6', 0, false],
    // Three spreads of half a per cent are 1.49 per cent together.
    ['51.3', 50, false],
    ['51.4', 50, true],
    ['49.9', 50, false],
    ['49.8', 50, true],
    ['0.0197628458', 50, true],
  ] as const)('of EUR/MUR at %s with a spread of %i gains: %p', (rate, spreadBps, gains) => {
    expect(ringGains([eurUsd, usdMur], { base: 'EUR', quote: 'MUR', rate, spreadBps })).toBe(gains);
  });

  test('is found in either spelling of a pair, through several others, and not in the rate it replaces', () => {
    expect(ringGains([eurUsd, usdMur], { base: 'MUR', quote: 'EUR', rate: '0.019', spreadBps: 50 })).toBe(
      true,
    );
    expect(ringGains([eurUsd, usdMur], { base: 'MUR', quote: 'EUR', rate: '0.01976', spreadBps: 50 })).toBe(
      false,
    );
    expect(ringGains([{ ...eurUsd, rate: '9' }], eurUsd)).toBe(false);
    const murZar: PairRate = { base: 'MUR', quote: 'ZAR', rate: '0.39', spreadBps: 0 };
    const four = [{ ...eurUsd, spreadBps: 0 }, { ...usdMur, spreadBps: 0 }, murZar];
    expect(ringGains(four, { base: 'EUR', quote: 'ZAR', rate: '19.734', spreadBps: 0 })).toBe(false);
    expect(ringGains(four, { base: 'EUR', quote: 'ZAR', rate: '19.735', spreadBps: 0 })).toBe(true);
    expect(ringGains(four, { base: 'EUR', quote: 'ZAR', rate: '19.733', spreadBps: 0 })).toBe(true);
  });

  test('gains nobody anything, either way round, where each rate was held against those before it', () => {
    const cents = fc.integer({ min: 100, max: 100_000 });
    const deviation = fc.integer({ min: -150, max: 150 });
    const sets = fc.tuple(cents, cents, deviation, fc.integer({ min: 0, max: 100 }), amounts);
    let rings = 0;
    fc.assert(
      fc.property(sets, ([first, second, off, spreadBps, start]) => {
        const across = (BigInt(first) * BigInt(second) * BigInt(10_000 + off)) / 10_000n;
        const inForce: PairRate[] = [];
        for (const [base, quote, scaled] of [
          ['A', 'B', BigInt(first) * 1_000_000n],
          ['B', 'C', BigInt(second) * 1_000_000n],
          ['A', 'C', across * 10_000n],
        ] as const) {
          const added = { base, quote, rate: formatAmount(scaled), spreadBps };
          if (!ringGains(inForce, added)) {
            inForce.push(added);
          }
        }
        rings += inForce.length === 3 ? 1 : 0;
        for (const way of ['ABCA', 'ACBA']) {
          const held: Record<string, bigint> = { A: start - (start % 1_000_000n) };
          for (const [index, from] of [...way].slice(0, 3).entries()) {
            const step = [from, way[index + 1] ?? ''];
            const pair = inForce.find(({ base, quote }) => step.includes(base) && step.includes(quote));
            if (pair !== undefined) {
              exchange(held, { A: 2, B: 2, C: 2 }, pair, from, true, 100);
            }
          }
          expect((held.A ?? 0n) <= start).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
    expect(rings).toBeGreaterThan(30);
  });
});

describe('a rate for people', () => {
  test('has ten decimals where it is kept and eight at most on the wire, rounded down', () => {
    const inverse = rateOf(midPrice(USD_MUR, 'MUR'));
    expect([inverse, shownRate(inverse)]).toEqual(['0.0217155266', '0.02171552']);
    expect(shownRate('46.0500000000')).toBe('46.05');
    expect(rateOf(priceAfter(midPrice(USD_MUR, 'USD'), 50))).toBe('45.8197500000');
  });

  test('values what is held, short positions too', () => {
    const price = midPrice(USD_MUR, 'MUR');
    expect([1000n, -1000n].map((held) => worthOf(held * 100_000_000n, price))).toEqual([
      2_171_552_660n,
      -2_171_552_660n,
    ]);
  });
});

describe('a quote', () => {
  const at = (text: string) => `2026-11-21T10:00:${text}Z` as Instant;
  const quote = { expiresAt: at('30.000000'), rateValidUntil: at('45.000000') };

  test('stands until its end, and not in that instant', () => {
    expect(quoteRefusal(quote, at('29.999999'))).toBeNull();
    expect(quoteRefusal(quote, at('30.000000'))).toBe('quote_expired');
  });

  test('that its rate ended says so', () => {
    const cut = { ...quote, rateValidUntil: quote.expiresAt };
    expect(quoteRefusal(cut, at('30.000000'))).toBe('rate_stale');
  });
});

const pairs: fc.Arbitrary<PairRate> = fc.record({
  base: fc.constant('AAA'),
  quote: fc.constant('BBB'),
  rate: fc.bigInt({ min: 10n, max: 1_000_000_000_000_000n }).map((scaled) => formatAmount(scaled)),
  spreadBps: fc.integer({ min: 0, max: 2000 }),
});
const amounts = fc.bigInt({ min: 1n, max: 10_000_000_000_000_000n });
const scales = fc.record({ from: fc.integer({ min: 0, max: 4 }), to: fc.integer({ min: 0, max: 4 }) });
