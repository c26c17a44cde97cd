import { describe, expect, test } from 'bun:test';
import Big from 'big.js';
import fc from 'fast-check';
import { type Amount, amountOf, formatAmount, MAX_AMOUNT, parseAmount, ZERO } from '../../kernel/amount.ts';
import type { Destination } from './destination.ts';
import { isSameHolder } from './holder-name.ts';
import {
  depositMayBecome,
  type FundedAsset,
  feeOf,
  fitsAsset,
  limitRefusal,
  methodSuits,
  OPEN_WITHDRAWAL_STATUSES,
  payeeSuits,
  reservedFor,
  reviewOf,
  VOID_WITHDRAWAL_STATUSES,
  type WithdrawalStatus,
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
    'pending under_review',
    'under_review approved',
    'under_review rejected',
    'under_review cancelled',
    'approved processing',
    'approved cancelled',
    'approved under_review',
    'processing completed',
    'processing failed',
    'processing unknown',
    'processing approved',
    'unknown completed',
    'unknown failed',
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

test('a deposit is credited once: only what waits is seen, cleared or failed, and only what is cleared goes back', () => {
  for (const from of depositStatus.enumValues) {
    for (const to of depositStatus.enumValues) {
      const waits = from === 'pending' || from === 'processing';
      const ends = waits && (to === 'cleared' || to === 'failed');
      const seen = from === 'pending' && to === 'processing';
      const back = from === 'cleared' && (to === 'refunded' || to === 'charged_back');
      expect(depositMayBecome(from, to)).toBe(ends || seen || back);
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

describe('who looks at a withdrawal', () => {
  const known = { kycLevel: 'standard', rating: 'low' as string | null, everMatched: false };
  const review = (amount: string, risk = known, asset = 'USD') => {
    return reviewed(asset, { [asset]: amount }, risk);
  };
  const reviewed = (asset: string, asked: Readonly<Record<string, string>>, risk = known) => {
    const amounts = new Map(Object.entries(asked).map(([code, amount]) => [code, parseAmount(amount)]));
    const { status, quorum, mlro } = reviewOf(asset, amounts, risk);
    return [status, quorum, mlro];
  };

  test('one person up to the published amount, two above it, and the MLRO far above it', () => {
    expect(review('10000')).toEqual(['pending', 1, false]);
    expect(review('10000.01')).toEqual(['under_review', 2, false]);
    expect(review('100000')).toEqual(['under_review', 2, false]);
    expect(review('100000.01')).toEqual(['under_review', 2, true]);
  });

  test('always the MLRO where nothing is published', () => {
    expect(review('0.00000001', known, 'XAU')).toEqual(['under_review', 2, true]);
  });

  test('a little of each asset as much as of one: each counts as its share of what is published', () => {
    const most = { USD: '5000', EUR: '2500', MUR: '90000', BTC: '0.005' };
    expect(reviewed('USD', most)).toEqual(['pending', 1, false]);
    expect(reviewed('BTC', { ...most, BTC: '0.00500001' })).toEqual(['under_review', 2, false]);
    expect(reviewed('EUR', { USD: '10000', EUR: '0.01' })).toEqual(['under_review', 2, false]);
    expect(reviewed('ETH', { USD: '50000', ETH: '15' })).toEqual(['under_review', 2, false]);
    expect(reviewed('ETH', { USD: '50000', ETH: '15.00000001' })).toEqual(['under_review', 2, true]);
  });

  test('what nothing is published for makes the withdrawals of other assets no larger', () => {
    expect(reviewed('USD', { USD: '10000', XAU: '1' })).toEqual(['pending', 1, false]);
    expect(reviewed('XAU', { USD: '1', XAU: '0.00000001' })).toEqual(['under_review', 2, true]);
  });

  test('two people where one document proves the customer, and the MLRO where a screening found something', () => {
    expect(review('1', { ...known, kycLevel: 'basic' })).toEqual(['under_review', 2, false]);
    expect(review('1', { ...known, everMatched: true })).toEqual(['under_review', 2, true]);
    for (const rating of ['high', 'prohibited', null]) {
      expect(review('1', { ...known, kycLevel: 'enhanced', rating })).toEqual(['under_review', 2, false]);
    }
    expect(review('1', { ...known, rating: 'medium' })).toEqual(['pending', 1, false]);
  });
});

test('a fee is its fixed part and its share, rounded up to what the asset can be divided into', () => {
  const rate = (fixed: string, rateBps: number) => ({ fixed: amountOf(parseAmount(fixed)), rateBps });
  expect(feeOf(parseAmount('100'), rate('0', 0), 2)).toBe(amountOf(0n));
  expect(feeOf(parseAmount('100'), rate('1.5', 25), 2)).toBe(parseAmount('1.75'));
  expect(feeOf(parseAmount('100.01'), rate('0', 25), 2)).toBe(parseAmount('0.26'));
  expect(feeOf(parseAmount('0.00000001'), rate('0', 1), 8)).toBe(amountOf(1n));
});

test('a fee is held between minimum and maximum, never below nothing, and rounded in the house’s favour', () => {
  const part = fc.bigInt({ min: 0n, max: 4n * 10n ** 13n }).map((cents) => amountOf(cents * 1_000_000n));
  fc.assert(
    fc.property(
      fc.bigInt({ min: 1n, max: MAX_AMOUNT / 1_000_000n }).map((cents) => amountOf(cents * 1_000_000n)),
      part,
      fc.integer({ min: 0, max: 10_000 }),
      part,
      fc.option(part),
      (amount, fixed, rateBps, minimum, above) => {
        const maximum = above === null ? null : amountOf(minimum + above);
        const share = Big(formatAmount(amount)).times(rateBps).div(10_000).round(2, Big.roundUp);
        const asked = Big(formatAmount(fixed)).plus(share);
        const raised = asked.lt(formatAmount(minimum)) ? Big(formatAmount(minimum)) : asked;
        const most = formatAmount(maximum ?? MAX_AMOUNT);
        const wanted = raised.gt(most) ? most : raised.toFixed();
        expect(formatAmount(feeOf(amount, { fixed, rateBps, minimum, maximum }, 2))).toBe(wanted);
      },
    ),
  );
});

test('amount and fee are reserved together, or nothing where no amount can hold them', () => {
  expect(reservedFor(amountOf(MAX_AMOUNT - 1n), amountOf(1n))).toBe(MAX_AMOUNT);
  expect(reservedFor(MAX_AMOUNT, amountOf(1n))).toBeUndefined();
});

describe('limits fail closed', () => {
  const day = (maximum: string, used: string, asset = 'USD') => ({
    asset,
    windowHours: 24,
    maximum: parseAmount(maximum),
    used: parseAmount(used),
  });

  /** The same room in each of the three windows. */
  const whole = (maximum: string, used: string, asset = 'USD') =>
    [24, 168, 720].map((windowHours) => ({ ...day(maximum, used, asset), windowHours }));

  test('no row for one of the windows refuses, whatever the other rows say', () => {
    expect(limitRefusal([], 'USD', parseAmount('1'))).toBe('limit_missing');
    for (const missing of [24, 168, 720]) {
      const others = whole('1000', '0').filter(({ windowHours }) => windowHours !== missing);
      expect(limitRefusal(others, 'USD', parseAmount('1'))).toBe('limit_missing');
      const another = [...others, ...whole('1000', '0', 'EUR')];
      expect(limitRefusal(another, 'USD', parseAmount('1'))).toBe('limit_missing');
    }
  });

  test('exactly what is left passes and the smallest unit more does not', () => {
    expect(limitRefusal(whole('1000', '900'), 'USD', parseAmount('100'))).toBeNull();
    expect(limitRefusal(whole('1000', '900'), 'USD', parseAmount('100.00000001'))).toBe('limit_exceeded');
  });

  test('the assets of a level and method share each window, whatever their limits are measured in', () => {
    const shared = [...whole('1000', '500'), ...whole('3', '1', 'EUR')];
    expect(limitRefusal(shared, 'EUR', parseAmount('0.5'))).toBeNull();
    expect(limitRefusal(shared, 'EUR', parseAmount('0.50000001'))).toBe('limit_exceeded');
    expect(limitRefusal(shared, 'USD', parseAmount('166.66666666'))).toBeNull();
    expect(limitRefusal(shared, 'USD', parseAmount('166.66666667'))).toBe('limit_exceeded');
    const week = shared.map((limit) => (limit.windowHours === 168 ? limit : { ...limit, used: ZERO }));
    expect(limitRefusal(week, 'EUR', parseAmount('0.50000001'))).toBe('limit_exceeded');
  });

  test('a limit of nothing bars its own asset, and leaves the others theirs whatever was withdrawn of it', () => {
    const barred = (used: string) => [...whole('1000', '0'), ...whole('0', used, 'EUR')];
    expect(limitRefusal(barred('0'), 'USD', parseAmount('1000'))).toBeNull();
    expect(limitRefusal(barred('0'), 'EUR', parseAmount('0.00000001'))).toBe('limit_exceeded');
    expect(limitRefusal(barred('1'), 'USD', parseAmount('1000'))).toBeNull();
    expect(limitRefusal(barred('1'), 'USD', parseAmount('1000.00000001'))).toBe('limit_exceeded');
    expect(limitRefusal(barred('1'), 'EUR', parseAmount('0.00000001'))).toBe('limit_exceeded');
    const shared = [...barred('1'), ...whole('3', '1.5', 'MUR')];
    expect(limitRefusal(shared, 'USD', parseAmount('500'))).toBeNull();
    expect(limitRefusal(shared, 'USD', parseAmount('500.00000001'))).toBe('limit_exceeded');
  });

  test('every window must leave room', () => {
    const [today, week, month] = whole('2000', '0');
    for (const tight of [today, week, month].map((limit) => ({ ...day('2000', '1990'), ...limit }))) {
      const limits = whole('2000', '0').map((limit) =>
        limit.windowHours === tight.windowHours ? { ...limit, used: parseAmount('1990') } : limit,
      );
      expect(limitRefusal(limits, 'USD', parseAmount('11'))).toBe('limit_exceeded');
      expect(limitRefusal(limits, 'USD', parseAmount('10'))).toBeNull();
    }
  });

  test('what passes never adds up to more than the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: 1n, max: 500n }), { maxLength: 60 }), (amounts) => {
        const maximum = amountOf(1000n);
        let used = amountOf(0n);
        for (const amount of amounts as Amount[]) {
          if (
            limitRefusal(
              [24, 168, 720].map((windowHours) => ({ asset: 'USD', windowHours, maximum, used })),
              'USD',
              amount,
            ) === null
          ) {
            used = amountOf(used + amount);
          }
        }
        expect(used <= maximum).toBe(true);
      }),
    );
  });
});

describe("a holder is the customer when the words of the name are the customer's", () => {
  const person = "Anaïs Marie D'Unienville-Roy";
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
    expect(isSameHolder('Ivan Petrov', 'Иван Петров')).toBe(true);
  });

  test('a customer without a name matches nobody', () => {
    expect(isSameHolder('', ' ')).toBe(false);
  });
});
