import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Amount, formatAmount, ONE, parseAmount } from '../../../kernel/amount.ts';
import { newId } from '../../../kernel/id.ts';
import { CADENCE } from '../../../platform/changes/cadence.ts';
import { createAlertBook, type WatchedAlert } from './alert-book.ts';
import { emaSide, percentChange, rsi, smaSide, volumeMultiple } from './indicators.ts';
import { type Condition, levelsOf, type Metric, metricName, reaches } from './rules.ts';

function amounts(...texts: readonly string[]): Amount[] {
  return texts.map(parseAmount);
}

function text(amount: bigint | null): string | null {
  return amount === null ? null : formatAmount(amount);
}

describe('the relative strength index', () => {
  test.each([
    // One gain of 1 and one loss of 3 in two moves: 100 * 0.5 / 2.
    [['10', '11', '8'], 2, '25'],
    // Then a gain of 2: gains (0.5 + 2) / 2, losses 1.5 / 2.
    [['10', '11', '8', '10'], 2, '62.5'],
    [['1', '2', '3'], 2, '100'],
    [['3', '2', '1'], 2, '0'],
    [['5', '5', '5'], 2, '50'],
    [['5', '6'], 2, null],
    // Thirds do not end: rounded half even at the eighth decimal.
    [['10', '11', '13', '12'], 3, '75'],
    [['10', '11', '10', '11'], 3, '66.66666667'],
  ])('of %j over %i is %s', (closes, period, value) => {
    expect(text(rsi(amounts(...closes), period))).toBe(value);
  });

  test('lies within 0 and 100 and agrees with the textbook to six digits', () => {
    const closes = fc.array(fc.bigInt(1n, 10n ** 14n), { minLength: 12, maxLength: 60 });
    fc.assert(
      fc.property(closes, fc.integer({ min: 2, max: 10 }), (values, period) => {
        const value = Number(rsi(values, period)) / 1e8;
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(100);
        expect(value).toBeCloseTo(plainRsi(values.map(Number), period), 5);
      }),
    );
  });
});

/** In floats, as textbooks write it. */
function plainRsi(closes: readonly number[], period: number): number {
  const moves = closes.slice(1).map((close, index) => close - (closes[index] ?? 0));
  const mean = (of: readonly number[]) => of.reduce((sum, each) => sum + each, 0) / period;
  let gain = mean(moves.slice(0, period).map((move) => Math.max(move, 0)));
  let loss = mean(moves.slice(0, period).map((move) => Math.max(-move, 0)));
  for (const move of moves.slice(period)) {
    gain = (gain * (period - 1) + Math.max(move, 0)) / period;
    loss = (loss * (period - 1) + Math.max(-move, 0)) / period;
  }
  return gain + loss === 0 ? 50 : (100 * gain) / (gain + loss);
}

describe('averages, changes and multiples', () => {
  test.each([
    ['rise', ['1', '2', '3', '4'], ONE],
    ['fall', ['4', '3', '2', '1'], -ONE],
    ['stand', ['2', '2', '2', '2'], 0n],
    ['are too few', ['2', '2'], null],
  ])('the quick mean lies on the right side of the slow one where closes %s', (_what, closes, side) => {
    expect(smaSide(amounts(...closes), 2, 4)).toBe(side as Amount | null);
    expect(emaSide(amounts(...closes), 2, 4)).toBe(side as Amount | null);
  });

  test('a mean that differs beyond the eighth decimal is told apart', () => {
    // (0.00000001 + 0.00000002) / 2 against (0.00000001 + 0.00000001 + 0.00000002) / 3.
    expect(smaSide([1n, 1n, 2n], 2, 3)).toBe(ONE);
  });

  test.each([
    [['1', '1', '3'], 2, '3'],
    [['1', '2', '1'], 2, '0.66666666'],
    [['0', '0', '5'], 2, null],
    [['1', '5'], 2, null],
  ])('the last of %j is, to the %i before, %s', (volumes, candles, multiple) => {
    expect(text(volumeMultiple(amounts(...volumes), candles))).toBe(multiple);
  });

  test.each([
    ['100', '101', '1'],
    ['100', '99', '-1'],
    ['3', '4', '33.33333333'],
    ['0.00000001', '999999999999', null],
  ])('from %s to %s is %s percent', (from, to, percent) => {
    expect(text(percentChange(parseAmount(from), parseAmount(to)))).toBe(percent);
  });
});

describe('the alert book', () => {
  const instrumentId = newId();
  const alert = (condition: Condition, more: Partial<WatchedAlert> = {}): WatchedAlert => ({
    id: newId(),
    instrumentId,
    version: 1,
    armed: true,
    quietUntil: null,
    levels: levelsOf(condition),
    ...more,
  });
  const PRICE: Metric = { name: 'price' };

  test('finds what a plain search finds, for any alerts and any movement', () => {
    const one = fc.record({
      kind: fc.constantFrom('price_above' as const, 'price_below' as const),
      price: fc.integer({ min: 1, max: 50 }),
      armed: fc.boolean(),
    });
    const moves = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 40 }), moves, fc.array(fc.nat(39)), (all, prices, gone) => {
        const book = createAlertBook();
        const alerts = all.map(({ kind, price, armed }) => alert({ kind, price: `${price}` }, { armed }));
        alerts.forEach(book.put);
        const removed = new Set(gone.map((index) => alerts[index]?.id));
        for (const id of removed) {
          book.remove(id ?? '');
        }
        const kept = alerts.filter(({ id }) => !removed.has(id));
        const scaled = prices.map((price) => BigInt(price) * ONE);
        const low = scaled.reduce((left, right) => (left < right ? left : right));
        const high = scaled.reduce((left, right) => (left > right ? left : right));
        const last = scaled.at(-1) ?? low;
        const idsOf = (found: readonly { readonly id: string }[]) => found.map(({ id }) => id).toSorted();
        const reached = book.reached(instrumentId, PRICE, { low, high, last }).map((each) => each.alert);
        const holds = ({ levels }: WatchedAlert, price: bigint) =>
          levels.some((level) => reaches(level, price));
        expect(idsOf(reached)).toEqual(
          idsOf(kept.filter((each) => each.armed && (holds(each, low) || holds(each, high)))),
        );
        expect(idsOf(book.released(instrumentId, PRICE, last))).toEqual(
          idsOf(kept.filter((each) => !each.armed && !holds(each, last))),
        );
      }),
    );
  });

  test('reckons a figure once for all who wait for it, and forgets one nobody waits for', () => {
    const book = createAlertBook();
    const condition = {
      kind: 'technical_indicator',
      indicator: 'rsi',
      interval: '1m',
      period: 14,
      direction: 'above',
    } as const;
    const alerts = ['70', '80'].map((level) => alert({ ...condition, level }));
    alerts.forEach(book.put);
    expect(book.metricsOf(instrumentId).map(metricName)).toEqual(['rsi 1m 14']);
    for (const { id } of alerts) {
      book.remove(id);
    }
    expect([book.metricsOf(instrumentId), book.instruments()]).toEqual([[], []]);
  });

  test('of a change either way finds both, and releases it only between them', () => {
    const book = createAlertBook();
    const metric: Metric = { name: 'change', minutes: 5 };
    const condition = {
      kind: 'percent_change',
      direction: 'either',
      percent: '2',
      windowMinutes: 5,
    } as const;
    const watched = alert(condition, { armed: false });
    book.put(watched);
    expect(book.released(instrumentId, metric, 3n * ONE)).toEqual([]);
    expect(new Set(book.released(instrumentId, metric, ONE))).toEqual(new Set([watched]));
    book.put({ ...watched, armed: true });
    for (const value of [2n * ONE, -2n * ONE]) {
      const reading = { low: value, high: value, last: value };
      expect(book.reached(instrumentId, metric, reading).map(({ alert: { id } }) => id)).toEqual([
        watched.id,
      ]);
    }
  });
});

test('a price waits for nothing on its way to alerts and marks that lasts a second, also where no notice comes', async () => {
  const { drainMs, gatherMs, spacingMs, pauseMs, lookMs } = CADENCE;
  expect(drainMs + gatherMs + spacingMs).toBeLessThanOrEqual(250);
  expect(drainMs + spacingMs + pauseMs).toBeLessThanOrEqual(1_000);
  expect(lookMs).toBeLessThanOrEqual(1_000);
  // Whoever follows prices sleeps for these alone.
  for (const path of ['./evaluator.ts', '../../trading/margin/keeper.ts']) {
    const source = await Bun.file(new URL(path, import.meta.url)).text();
    const waits = [...source.matchAll(/Bun\.sleep\((.*?)\)|setTimeout\(\w+, (.*?)\)/g)];
    expect(waits.map(([, slept, paused]) => slept ?? paused)).toEqual([
      'CADENCE.spacingMs',
      'CADENCE.pauseMs',
    ]);
  }
});
