import { describe, expect, test } from 'bun:test';
import Big from 'big.js';
import fc from 'fast-check';
import {
  type Amount,
  amountOf,
  formatAmount,
  isMultipleOf,
  MAX_AMOUNT,
  parseAmount,
  readStoredAmount,
  scaleOf,
  storedAmount,
  sumAmounts,
} from './amount.ts';
import { bpsOf, divide, divideRounded, multiply, type Rounding, roundToStep } from './rounding.ts';

const BIG_MODES: Readonly<Record<Rounding, 0 | 1 | 2 | 3>> = {
  down: Big.roundDown,
  up: Big.roundUp,
  half_even: Big.roundHalfEven,
};

const anyAmount = fc.bigInt({ min: -MAX_AMOUNT, max: MAX_AMOUNT }).map((scaled) => amountOf(scaled));
const smallAmount = fc.bigInt({ min: -(10n ** 13n), max: 10n ** 13n }).map((scaled) => amountOf(scaled));
const anyMode = fc.constantFrom<Rounding>('up', 'down', 'half_even');

describe('amounts', () => {
  test('every amount survives its decimal string', () => {
    fc.assert(fc.property(anyAmount, (amount) => parseAmount(formatAmount(amount)) === amount));
  });

  test('every amount survives the eight decimals that PostgreSQL prints', () => {
    fc.assert(
      fc.property(anyAmount, (amount) => {
        const [whole = '', fraction = ''] = formatAmount(amount).split('.');
        const stored = storedAmount(amount);
        return stored === `${whole}.${fraction.padEnd(8, '0')}` && readStoredAmount(stored) === amount;
      }),
    );
  });

  test('reads what PostgreSQL prints', () => {
    expect(parseAmount('12.50000000')).toBe(1_250_000_000n as Amount);
    expect(parseAmount('-0.00000001')).toBe(-1n as Amount);
    expect(formatAmount(parseAmount('0.00000000'))).toBe('0');
  });

  test.each([
    '',
    '1e5',
    '1.123456789',
    '01',
    '.5',
    '5.',
    '+1',
    ' 1',
    '1,0',
    '1234567890123',
    'NaN',
    '0x10',
    '١',
  ])('refuses %p', (text) => {
    expect(() => parseAmount(text)).toThrow(RangeError);
  });

  test('refuses what numeric(20,8) cannot hold', () => {
    expect(formatAmount(MAX_AMOUNT)).toBe('999999999999.99999999');
    expect(() => amountOf(MAX_AMOUNT + 1n)).toThrow(RangeError);
    expect(() => sumAmounts([MAX_AMOUNT, 1n])).toThrow(RangeError);
  });

  test('scale counts the decimals in use', () => {
    expect(scaleOf(parseAmount('1.50'))).toBe(1);
    expect(scaleOf(parseAmount('100'))).toBe(0);
    expect(scaleOf(parseAmount('0.00000001'))).toBe(8);
  });

  test('a multiple of a tick is exact', () => {
    expect(isMultipleOf(parseAmount('10.05'), parseAmount('0.05'))).toBe(true);
    expect(isMultipleOf(parseAmount('10.06'), parseAmount('0.05'))).toBe(false);
  });
});

describe('rounding', () => {
  test('products and quotients agree with big.js in every mode', () => {
    fc.assert(
      fc.property(smallAmount, smallAmount, anyMode, (left, right, mode) => {
        const exact = new Big(formatAmount(left)).times(formatAmount(right));
        expect(formatAmount(multiply(left, right, mode))).toBe(plain(exact.round(8, BIG_MODES[mode])));
      }),
    );
    fc.assert(
      fc.property(
        fc.bigInt(-(10n ** 24n), 10n ** 24n),
        fc.bigInt(1n, 10n ** 12n),
        anyMode,
        (top, bottom, mode) => {
          Big.DP = 40;
          const exact = new Big(top.toString()).div(bottom.toString());
          expect(divideRounded(top, bottom, mode).toString()).toBe(plain(exact.round(0, BIG_MODES[mode])));
        },
      ),
    );
  });

  test('a fee rounds up to the last decimal and never down to nothing', () => {
    expect(formatAmount(bpsOf(parseAmount('0.00000001'), 10n, 'up'))).toBe('0.00000001');
    expect(formatAmount(bpsOf(parseAmount('1000'), 25n, 'up'))).toBe('2.5');
  });

  test('rounds to a step in the named direction', () => {
    expect(formatAmount(roundToStep(parseAmount('1.239'), parseAmount('0.01'), 'down'))).toBe('1.23');
    expect(formatAmount(roundToStep(parseAmount('1.231'), parseAmount('0.01'), 'up'))).toBe('1.24');
  });

  test('refuses a zero divisor', () => {
    expect(() => divide(parseAmount('1'), parseAmount('0'), 'down')).toThrow(RangeError);
  });
});

function plain(value: Big): string {
  const text = value.toFixed();
  return text === '-0' ? '0' : text;
}
