import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Amount, amountOf, formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { addMs, parseInstant } from '../../../kernel/time.ts';
import { markedAt } from '../positions/rules.ts';
import { foundNobody, hasMoved, takeoverPrice } from '../takeover/rules.ts';
import { periodsBetween, uncharged } from './funding-periods.ts';
import { closingsFor, fundingFor, levelsOf, liquidationPrice, stateOf } from './rules.ts';

type Closable = Parameters<typeof closingsFor>[1][number];

const THRESHOLDS = { call: parseAmount('0.8'), liquidation: parseAmount('0.5') };

const cents = (most: number) =>
  fc.bigInt({ min: 1n, max: BigInt(most) }).map((n) => amountOf(n * 1_000_000n));
const position = fc.record({
  side: fc.constantFrom('long' as const, 'short' as const),
  quantity: cents(5_000),
  entryValue: cents(5_000_000),
  maintenanceMarginBps: fc.integer({ min: 10, max: 400 }),
});

describe('how an account stands', () => {
  const table = [
    // equity, initial, maintenance -> call at, liquidate at, cure at, standing
    ['81', '100', '25', '80', '50', '85', 'sound'],
    ['80', '100', '25', '80', '50', '85', 'called'],
    ['50.00000001', '100', '25', '80', '50', '85', 'called'],
    ['50', '100', '25', '80', '50', '85', 'liquidate'],
    ['-5', '100', '25', '80', '50', '85', 'liquidate'],
    // The maintenance margin binds where it is the stricter one.
    ['60', '100', '60', '80', '60', '85', 'liquidate'],
    ['90', '100', '90', '90', '90', '95', 'liquidate'],
    ['0', '0', '0', '0', '0', '0', 'sound'],
  ] as const;
  for (const [equity, initial, maintenance, callAt, liquidateAt, cureAt, standing] of table) {
    test(`equity ${equity} behind ${initial} (${maintenance} to keep): ${standing}`, () => {
      const sums = {
        unrealised: parseAmount('-3'),
        initial: parseAmount(initial),
        maintenance: parseAmount(maintenance),
      };
      const state = stateOf(parseAmount(equity) + 3_00000000n, sums, THRESHOLDS);
      expect([state.callAt, state.liquidateAt, state.cureAt].map(formatAmount)).toEqual([
        callAt,
        liquidateAt,
        cureAt,
      ]);
      expect([formatAmount(state.equity), state.standing]).toEqual([equity, standing]);
    });
  }
});

test('the liquidation price is the first price on its side at which the account would be liquidated', () => {
  const held = fc.tuple(position, cents(2_000_000), cents(200_000), cents(200_000), cents(20_000));
  fc.assert(
    fc.property(held, ([open, collateral, initial, otherInitial, otherMaintenance]) => {
      const rest = { equity: collateral, initial: initial + otherInitial, maintenance: otherMaintenance };
      const price = liquidationPrice(open, rest, THRESHOLDS);
      const standingAt = (at: bigint) => {
        const { unrealisedPnl, maintenanceMargin } = markedAt(open, at, open.maintenanceMarginBps);
        const sums = {
          unrealised: unrealisedPnl,
          initial: amountOf(rest.initial),
          maintenance: amountOf(maintenanceMargin + rest.maintenance),
        };
        return stateOf(collateral, sums, THRESHOLDS).standing;
      };
      const better = open.side === 'long' ? 1n : -1n;
      if (price === null) {
        // No price liquidates a long position; a short one was carried at none.
        expect(standingAt(1n) === 'liquidate').toBe(open.side === 'short');
        return;
      }
      // Rounding of a requirement is worth less than this much of the price.
      const slack = (4n * 10n ** 8n) / open.quantity + 2n;
      expect(standingAt(price + better * slack)).not.toBe('liquidate');
      if (price - better * slack > 0n) {
        expect(standingAt(price - better * slack)).toBe('liquidate');
      }
    }),
    { numRuns: 300 },
  );
});

describe('what is closed', () => {
  const closable = (id: string, quantity: string, more: Partial<Closable> = {}): Closable => ({
    id,
    quantity: parseAmount(quantity),
    lot: parseAmount('0.001'),
    minQuantity: parseAmount('0.001'),
    value: amountOf(parseAmount(quantity) * 1000n),
    initial: amountOf(parseAmount(quantity) * 100n),
    maintenance: amountOf(parseAmount(quantity) * 25n),
    takerFeeBps: 10,
    ...more,
  });
  const stateWith = (equity: string, held: readonly Closable[]) => {
    const sum = (pick: (one: Closable) => bigint): Amount =>
      amountOf(held.reduce((total, one) => total + pick(one), 0n));
    return stateOf(
      parseAmount(equity),
      {
        unrealised: amountOf(0n),
        initial: sum(({ initial }) => initial),
        maintenance: sum(({ maintenance }) => maintenance),
      },
      THRESHOLDS,
    );
  };
  const shown = (equity: string, held: readonly Closable[], whole = false) =>
    closingsFor(stateWith(equity, held), held, THRESHOLDS, whole).map(
      ({ id, quantity }) => `${id} ${formatAmount(quantity)}`,
    );

  test('is the least number of lots after which the account is well again', () => {
    // 50 - q >= 85 (1 - q), so q >= 35/84.
    expect(shown('50', [closable('a', '1')])).toEqual(['a 0.417']);
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 8499 }), (equityCents) => {
        const held = [closable('a', '1')];
        const state = stateWith((equityCents / 100).toFixed(2), held);
        const [closing] = closingsFor(state, held, THRESHOLDS, false);
        const isEnough = (quantity: bigint) => {
          const left = 10n ** 8n - quantity;
          const [initial, maintenance] = [100n * left, 25n * left];
          return state.equity - quantity >= levelsOf({ initial, maintenance }, THRESHOLDS).cureAt;
        };
        const quantity = closing?.quantity ?? 0n;
        expect(isEnough(quantity)).toBe(true);
        expect(quantity === 10n ** 8n || !isEnough(quantity - 100_000n)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  test('comes from the position that requires most, and from the next only where that was not enough', () => {
    const held = [closable('small', '0.2'), closable('large', '1')];
    expect(shown('95', held)).toEqual(['large 0.084']);
    expect(shown('10', held)).toEqual(['large 1', 'small 0.096']);
  });

  test('leaves nothing that could not be ordered, and takes all where there is no equity', () => {
    const coarse = closable('a', '1', { minQuantity: parseAmount('0.4'), lot: parseAmount('0.1') });
    expect(shown('83', [coarse])).toEqual(['a 0.4']);
    expect(shown('20', [coarse])).toEqual(['a 1']);
    expect(shown('0', [closable('a', '1'), closable('b', '1')])).toEqual(['a 1', 'b 1']);
    expect(shown('84', [closable('a', '1')], true)).toEqual(['a 1']);
  });
});

describe('funding', () => {
  const table = [
    // value, bps, day count, seconds -> cost
    ['1000', 1000, 'actual_365', 28_800, '0.09132421'],
    ['1000', 1000, 'actual_360', 86_400, '0.27777778'],
    // What the customer receives rounds down.
    ['1000', -1000, 'actual_360', 86_400, '-0.27777777'],
    ['1000', 0, 'actual_365', 86_400, '0'],
    ['0.00000001', 1, 'actual_365', 3_600, '0.00000001'],
    ['0.00000001', -1, 'actual_365', 3_600, '0'],
  ] as const;
  for (const [value, rateBps, dayCount, seconds, cost] of table) {
    test(`of ${value} at ${rateBps} bps (${dayCount}) for ${seconds} s is ${cost}`, () => {
      const amount = fundingFor(parseAmount(value), { rateBps, dayCount }, seconds);
      expect(formatAmount(amount)).toBe(cost);
    });
  }

  test('has no gap and no overlap, through both changes of the clock', () => {
    for (const hours of [1, 2, 4, 8, 12, 24]) {
      const after = parseInstant('2026-03-27T11:00:00Z');
      const periods = periodsBetween(
        after,
        parseInstant('2026-10-27T11:00:00Z'),
        hours,
        'Europe/London',
        10_000,
      );
      let end = null as string | null;
      let seconds = 0;
      for (const period of periods) {
        if (end !== null) {
          expect(Date.parse(period.end) - Date.parse(end)).toBe(period.seconds * 1_000);
          seconds += period.seconds;
        }
        end = period.end;
      }
      expect(seconds * 1_000).toBe(Date.parse(end ?? '') - Date.parse(periods[0]?.end ?? ''));
      const odd = periods.filter((period) => period.seconds !== hours * 3_600);
      expect(odd.map((period) => Math.abs(period.seconds / 3_600 - hours))).toEqual(
        hours === 1 ? [] : [1, 1],
      );
    }
  });

  test('charges no hour twice, however long its periods were before', () => {
    // Charged by 8 hours up to noon, and by 24 from then on: midnight is four hours further in Mauritius.
    const periods = uncharged(
      parseInstant('2026-01-01T12:00:00Z'),
      parseInstant('2026-01-02T20:00:00Z'),
      24,
      'Indian/Mauritius',
      10,
    );
    expect(periods).toEqual([
      { end: parseInstant('2026-01-01T20:00:00Z'), seconds: 8 * 3_600 },
      { end: parseInstant('2026-01-02T20:00:00Z'), seconds: 24 * 3_600 },
    ]);
  });

  test('of 24 hours ends with the firm’s day', () => {
    const periods = periodsBetween(
      parseInstant('2026-01-01T19:59:59Z'),
      parseInstant('2026-01-03T20:00:00Z'),
      24,
      'Indian/Mauritius',
      10,
    );
    expect(periods.map(({ end }) => end)).toEqual([
      parseInstant('2026-01-01T20:00:00Z'),
      parseInstant('2026-01-02T20:00:00Z'),
      parseInstant('2026-01-03T20:00:00Z'),
    ]);
  });
});

describe('what the firm takes over', () => {
  const start = parseInstant('2026-11-23T10:00:00.000000Z');
  const FIVE_MINUTES = 5 * 60_000;
  const tried = (seconds: number, filled = 0n, endedBy: string | null = 'no_liquidity') => ({
    placedAt: addMs(start, seconds * 1_000),
    quantity: 10n,
    filled,
    endedBy,
  });
  const at = (seconds: number) => addMs(start, seconds * 1_000);

  test.each([
    ['nothing was tried', [], 400, false],
    ['the first try is too young', [tried(0)], 299, false],
    ['the first try is old enough', [tried(0), tried(290)], 300, true],
    ['the last try is as old', [tried(0)], 301, false],
    ['the last try was taken whole', [tried(0), tried(290, 10n, null)], 300, false],
    ['a lot was taken now and then', [tried(0, 1n), tried(290, 1n)], 300, true],
    ['the last try met only prices too far', [tried(0), tried(290, 0n, 'price_cap')], 300, true],
    ['the last try was cancelled', [tried(0), tried(290, 0n, 'requested')], 300, false],
    ['another took the place of the last try', [tried(0), tried(290, 0n, null)], 300, false],
    ['the last try could not be booked', [tried(0), tried(290, 0n, 'settlement_failed')], 300, false],
    [
      'the last try met nobody, whatever ended one before',
      [tried(0, 0n, 'restricted'), tried(290)],
      300,
      true,
    ],
  ] as const)('%s', (_what, attempts, seconds, found) => {
    expect(foundNobody(attempts, FIVE_MINUTES, at(seconds))).toBe(found);
  });

  test('the price is the mark, on a tick, in favour of who is closed out', () => {
    const priced = (side: 'buy' | 'sell', mark: string) =>
      formatAmount(takeoverPrice(side, parseAmount(mark), parseAmount('0.5')));
    expect(priced('sell', '851.2')).toBe('851.5');
    expect(priced('buy', '851.2')).toBe('851');
    expect(priced('buy', '0.2')).toBe('0.5');
  });

  test('what was agreed on holds within the collar, both ways', () => {
    const moved = (mark: string) => hasMoved(parseAmount('1000'), parseAmount(mark), 1000);
    expect([moved('900'), moved('1100'), moved('899.99'), moved('1100.01')]).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });
});
