import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { formatAmount, parseAmount, ZERO } from '../../../../kernel/amount.ts';
import type { TradableQuote } from '../../../markets/index.ts';
import { latencyOf, levelsOf, meet, type Outcome, type StandingOrder } from './execution.ts';

const QUOTE: TradableQuote = {
  instrumentId: 'btc',
  last: parseAmount('100'),
  bid: parseAmount('99.9'),
  ask: parseAmount('100.1'),
  key: 'first',
  stale: false,
  tick: parseAmount('0.01'),
  lot: parseAmount('0.1'),
  maxQuantity: parseAmount('10'),
  quoteAsset: 'USD',
};

const BUY: StandingOrder = {
  side: 'buy',
  timeInForce: 'gtc',
  limit: parseAmount('100.1'),
  isMarket: false,
  quantity: parseAmount('2'),
  notional: null,
  postOnly: false,
  executed: ZERO,
  executedAmount: ZERO,
  resting: false,
  quoteKey: null,
};

function at(
  order: Partial<StandingOrder>,
  quote: Partial<TradableQuote> = {},
  seed = 1n,
  taken = 0n,
): Outcome {
  const now = { ...QUOTE, ...quote };
  const standing = { ...BUY, ...order };
  return meet(standing, now, levelsOf(seed, standing.side, now), taken);
}

function told({ executions, end }: Outcome): string {
  const parts = executions.map(
    ({ price, quantity, liquidity }) => `${formatAmount(quantity)} at ${formatAmount(price)} as ${liquidity}`,
  );
  return [...parts, end ?? 'open'].join(', ');
}

describe('the simulated venue', () => {
  const table: readonly (readonly [string, Partial<StandingOrder>, Partial<TradableQuote>, string])[] = [
    ['takes at the quote', {}, {}, '2 at 100.1 as taker, filled'],
    ['sells at the bid', { side: 'sell', limit: null, isMarket: true }, {}, '2 at 99.9 as taker, filled'],
    [
      'adds half the spread to a last price without a bid and an ask',
      { limit: null, isMarket: true },
      { bid: null, ask: null },
      '2 at 100.05 as taker, filled',
    ],
    ['rests below the quote', { limit: parseAmount('100') }, {}, 'open'],
    [
      'fills what rested at its own price',
      { limit: parseAmount('100.5'), resting: true },
      {},
      '2 at 100.5 as maker, filled',
    ],
    ['gives each order a quote’s depth once', { quoteKey: 'first' }, {}, 'open'],
    ['will not cross post-only', { postOnly: true }, {}, 'post_only_would_cross'],
    ['ends what an ioc cannot take', { timeInForce: 'ioc', limit: parseAmount('99') }, {}, 'ioc_remainder'],
    [
      'executes a fok whole or not at all',
      { timeInForce: 'fok', quantity: parseAmount('9') },
      {},
      'fok_unfillable',
    ],
    [
      'stops a market order at its cap',
      { isMarket: true, timeInForce: 'ioc', limit: parseAmount('100') },
      {},
      'price_cap',
    ],
    [
      'spends a notional in whole lots',
      { isMarket: true, limit: null, quantity: null, notional: parseAmount('155') },
      {},
      '1.5 at 100.1 as taker, filled',
    ],
    [
      'sells no more units than a notional may take',
      {
        side: 'sell',
        isMarket: true,
        limit: null,
        quantity: parseAmount('1.2'),
        notional: parseAmount('155'),
      },
      {},
      '1.2 at 99.9 as taker, reserved_units_sold',
    ],
    [
      'sells no more than a notional where there are more units',
      { side: 'sell', isMarket: true, limit: null, quantity: parseAmount('2'), notional: parseAmount('155') },
      {},
      '1.5 at 99.9 as taker, filled',
    ],
    [
      'says when a notional buys no lot',
      { isMarket: true, limit: null, quantity: null, notional: parseAmount('5') },
      {},
      'notional_too_small',
    ],
  ];
  test.each(table)('%s', (_rule, order, quote, outcome) => {
    expect(told(at(order, quote))).toBe(outcome);
  });

  test('fills what is larger than a level over several, each a step further, and charges the firm', () => {
    const { executions, end } = at({ isMarket: true, limit: null, quantity: parseAmount('9') });
    expect(executions.length).toBeGreaterThan(1);
    const prices = executions.map(({ price }) => formatAmount(price));
    expect(prices).toEqual(['100.1', '100.13', '100.16', '100.19'].slice(0, prices.length));
    expect(executions.every(({ fee }) => fee > 0n)).toBe(true);
    expect(end === 'filled' || end === 'no_liquidity').toBe(true);
  });

  test('gives no more to many orders than to one: what was taken is gone, from the best price on', () => {
    const whole = at({ isMarket: true, limit: null, quantity: parseAmount('1000') }).executions;
    const parts: Outcome['executions'][number][] = [];
    let taken = 0n;
    for (let end: string | null = null; end !== 'no_liquidity'; ) {
      const part = at({ isMarket: true, limit: null, quantity: parseAmount('0.7') }, {}, 1n, taken);
      taken = part.executions.reduce((sum, { quantity }) => sum + quantity, taken);
      parts.push(...part.executions);
      end = part.end;
    }
    const byPrice = Map.groupBy(parts, ({ price }) => price);
    const sums = [...byPrice].map(([price, same]) => [
      price,
      same.reduce((sum, one) => sum + one.quantity, 0n),
    ]);
    expect(sums).toEqual(whole.map(({ price, quantity }) => [price, quantity]));
    // The price stands there all the same, and a notional is not too small for what is not there.
    expect(told(at({ postOnly: true }, {}, 1n, taken))).toBe('post_only_would_cross');
    const notional = { isMarket: true, limit: null, quantity: null, notional: parseAmount('155') };
    expect(told(at(notional, {}, 1n, taken))).toBe('no_liquidity');
    expect(told(at({ timeInForce: 'fok' }, {}, 1n, taken))).toBe('fok_unfillable');
  });

  test('says the same of the same seed, quote and order, and never more than was asked for', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 1_000n }),
        fc.string(),
        fc.integer({ min: 1, max: 300 }),
        fc.constantFrom('buy' as const, 'sell' as const),
        (seed, key, lots, side) => {
          const quantity = parseAmount(`${lots / 10}`);
          const order = { side, quantity, isMarket: true, limit: null };
          const outcome = at(order, { key }, seed);
          expect(at(order, { key }, seed)).toEqual(outcome);
          const executed = outcome.executions.reduce((sum, one) => sum + one.quantity, 0n);
          expect(executed).toBeLessThanOrEqual(quantity);
          expect(outcome.end === 'filled').toBe(executed === quantity);
          expect(latencyOf(seed, key)).toBe(latencyOf(seed, key));
        },
      ),
    );
  });
});
