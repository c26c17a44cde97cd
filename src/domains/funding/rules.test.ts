import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Amount, amountOf, parseAmount } from '../../kernel/amount.ts';
import type { Destination } from './destination.ts';
import { isSameHolder } from './holder-name.ts';
import {
  depositMayBecome,
  type FundedAsset,
  fitsAsset,
  limitRefusal,
  methodSuits,
  OPEN_WITHDRAWAL_STATUSES,
  payeeSuits,
  reviewOf,
  VOID_WITHDRAWAL_STATUSES,
  type WithdrawalStatus,
  withdrawalFee,
  withdrawalMayBecome,
} from './rules.ts';
import { depositStatus, withdrawalStatus } from './schema.ts';

const USD: FundedAsset = { code: 'USD', kind: 'fiat', scale: 2, chain: null };
const BTC: FundedAsset = { code: 'BTC', kind: 'crypto', scale: 8, chain: 'bitcoin' };
const AAPL: FundedAsset = { code: 'AAPL', kind: 'stock', scale: 8, chain: null };

const bank: Destination = { kind: 'bank', holderName: 'A B', iban: 'X', bic: 'Y' };
const phone: Destination = { kind: 'mobile_money', holderName: 'A B', method: 'mips', phone: '+230' };
const onBitcoin: Destination = { kind: 'crypto_wallet', holderName: 'A B', chain: 'bitcoin', address: 'X' };
const onTron: Destination = { ...onBitcoin, chain: 'tron' };

describe('a withdrawal moves along its table and no other way', () => {
  const ALLOWED = new Set([
    'pending approved',
    'pending rejected',
    'pending cancelled',
    'under_review approved',
    'under_review rejected',
    'under_review cancelled',
    'approved processing',
    'approved cancelled',
    'processing completed',
    'processing failed',
  ]);
  for (const from of withdrawalStatus.enumValues) {
    for (const to of withdrawalStatus.enumValues) {
      test(`${from} to ${to}: ${ALLOWED.has(`${from} ${to}`)}`, () => {
        expect(withdrawalMayBecome(from, to)).toBe(ALLOWED.has(`${from} ${to}`));
      });
    }
  }
});

test('every status of a withdrawal is open, void or completed', () => {
  const sorted: WithdrawalStatus[] = [...OPEN_WITHDRAWAL_STATUSES, ...VOID_WITHDRAWAL_STATUSES, 'completed'];
  expect(sorted.toSorted()).toEqual([...withdrawalStatus.enumValues].toSorted());
});

test('a deposit is credited once: nothing leaves cleared, and only what waits becomes cleared or failed', () => {
  for (const from of depositStatus.enumValues) {
    for (const to of depositStatus.enumValues) {
      const waits = from === 'pending' || from === 'processing';
      expect(depositMayBecome(from, to)).toBe(waits && (to === 'cleared' || to === 'failed'));
    }
  }
});

test('money comes by bank, coins by chain, and anything by other means', () => {
  expect(methodSuits('bank_transfer', USD)).toBe(true);
  expect(methodSuits('mcb_juice', USD)).toBe(true);
  expect(methodSuits('crypto', USD)).toBe(false);
  expect(methodSuits('crypto', BTC)).toBe(true);
  expect(methodSuits('card', BTC)).toBe(false);
  expect(methodSuits('bank_transfer', AAPL)).toBe(false);
  expect(methodSuits('other', AAPL)).toBe(true);
});

test('an asset is paid to what can receive it', () => {
  expect([bank, phone, onBitcoin, onTron].map((payee) => payeeSuits(payee, USD))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect([bank, phone, onBitcoin, onTron].map((payee) => payeeSuits(payee, BTC))).toEqual([
    false,
    false,
    true,
    false,
  ]);
  expect([bank, phone, onBitcoin, onTron].some((payee) => payeeSuits(payee, AAPL))).toBe(false);
});

test('an amount finer than its asset does not fit', () => {
  expect(fitsAsset(parseAmount('1.25'), USD)).toBe(true);
  expect(fitsAsset(parseAmount('1.255'), USD)).toBe(false);
  expect(fitsAsset(parseAmount('0.00000001'), BTC)).toBe(true);
});

test('two checkers look above the published amount, and always where none is published', () => {
  expect(reviewOf('USD', parseAmount('10000'))).toEqual({ status: 'pending', quorum: 1 });
  expect(reviewOf('USD', parseAmount('10000.01'))).toEqual({ status: 'under_review', quorum: 2 });
  expect(reviewOf('XAU', parseAmount('0.00000001'))).toEqual({ status: 'under_review', quorum: 2 });
});

test('an asset without a published fee costs nothing', () => {
  expect(withdrawalFee('USD')).toBe(amountOf(0n));
  expect(withdrawalFee('BTC')).toBe(parseAmount('0.0001'));
});

describe('limits fail closed', () => {
  const day = (maximum: string, used: string) => ({
    windowHours: 24,
    maximum: parseAmount(maximum),
    used: parseAmount(used),
  });

  test('no row for the required window refuses, whatever other rows say', () => {
    expect(limitRefusal([], parseAmount('1'))).toBe('limit_missing');
    expect(limitRefusal([{ ...day('1000', '0'), windowHours: 168 }], parseAmount('1'))).toBe('limit_missing');
  });

  test('exactly what is left passes and the smallest unit more does not', () => {
    expect(limitRefusal([day('1000', '900')], parseAmount('100'))).toBeNull();
    expect(limitRefusal([day('1000', '900')], parseAmount('100.00000001'))).toBe('limit_exceeded');
  });

  test('every window must leave room', () => {
    const week = { ...day('2000', '1990'), windowHours: 168 };
    expect(limitRefusal([day('1000', '0'), week], parseAmount('11'))).toBe('limit_exceeded');
    expect(limitRefusal([day('1000', '0'), week], parseAmount('10'))).toBeNull();
  });

  test('what passes never adds up to more than the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: 1n, max: 500n }), { maxLength: 60 }), (amounts) => {
        const maximum = amountOf(1000n);
        let used = amountOf(0n);
        for (const amount of amounts as Amount[]) {
          if (limitRefusal([{ windowHours: 24, maximum, used }], amount) === null) {
            used = amountOf(used + amount);
          }
        }
        expect(used <= maximum).toBe(true);
      }),
    );
  });
});

describe("a holder is the customer when the words of the name are the customer's", () => {
  const person = { firstName: 'Anaïs Marie', lastName: "D'Unienville-Roy" };
  test.each([
    'Anaïs Marie D’Unienville-Roy',
    'DUNIENVILLE ROY ANAIS MARIE',
    '  anais   marie dunienville-roy ',
    "D'Unienville-Roy, Anaïs Marie",
  ])('%s is', (name) => {
    expect(isSameHolder(name, person)).toBe(true);
  });

  test.each([
    'Anaïs Dunienville-Roy',
    'Anaïs Marie Roy',
    'Acme Ltd',
    'Anaïs Marie Marie D’Unienville Roy',
    '—',
    '',
  ])('%s is not', (name) => {
    expect(isSameHolder(name, person)).toBe(false);
  });

  test('a name in another script is compared by its sounds', () => {
    expect(isSameHolder('Ivan Petrov', { firstName: 'Иван', lastName: 'Петров' })).toBe(true);
  });

  test('a customer without a name matches nobody', () => {
    expect(isSameHolder('', { firstName: '', lastName: '' })).toBe(false);
  });
});
