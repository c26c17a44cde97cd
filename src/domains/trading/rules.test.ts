import { describe, expect, test } from 'bun:test';
import { formatAmount, parseAmount } from '../../kernel/amount.ts';
import { decideOrder, type Instruction, type Situation, type Terms } from './rules.ts';

const TERMS: Terms = {
  status: 'active',
  kind: 'spot',
  execution: 'internal',
  tick: parseAmount('0.5'),
  lot: parseAmount('0.01'),
  minQuantity: parseAmount('0.02'),
  maxQuantity: parseAmount('10'),
  collarBps: 1000,
  makerFeeBps: 10,
  takerFeeBps: 20,
};

const GOOD: Situation = {
  gate: null,
  accountTrades: true,
  terms: TERMS,
  last: parseAmount('100'),
  valueRefusal: () => null,
  openOrdersRefusal: () => null,
  openOrders: 0,
  funds: { status: 'active', available: parseAmount('1000000') },
};

function order(words: string): Instruction {
  const [side, size, type, timeInForce, price] = words.split(/ +/);
  const notional = size?.startsWith('$') ? parseAmount(size.slice(1)) : null;
  return {
    side: side as 'buy' | 'sell',
    type: type as 'market' | 'limit',
    timeInForce: timeInForce as Instruction['timeInForce'],
    quantity: notional === null ? parseAmount(size ?? '') : null,
    notional,
    limitPrice: price === undefined ? null : parseAmount(price),
  };
}

function verdict(words: string, changes: Partial<Situation> = {}): string {
  const answer = decideOrder(order(words), { ...GOOD, ...changes });
  if (!answer.accepted) {
    return answer.reason;
  }
  const cap = answer.priceCap === null ? '' : ` cap ${formatAmount(answer.priceCap)}`;
  return `reserves ${formatAmount(answer.reservation)}${cap}`;
}

describe('an accepted order reserves its worst price and its worst fee, rounded up', () => {
  const table = [
    ['buy  1     limit  gtc 100', 'reserves 100.2'],
    ['buy  0.03  limit  gtc 100.5', 'reserves 3.02103'],
    ['sell 1     limit  gtc 100', 'reserves 1'],
    ['buy  1     market ioc', 'reserves 110.22 cap 110'],
    ['sell 1     market ioc', 'reserves 1 cap 90'],
    ['buy  $50   market ioc', 'reserves 50.1 cap 110'],
    ['buy  $33.33333333 market ioc', 'reserves 33.4 cap 110'],
  ] as const;
  for (const [words, answer] of table) {
    test(`${words}: ${answer}`, () => {
      expect(verdict(words)).toBe(answer);
    });
  }
});

describe('an order is refused', () => {
  const table: readonly (readonly [string, Partial<Situation>, string])[] = [
    ['buy  1     limit  gtc 100', { gate: 'kyc_not_approved' }, 'kyc_not_approved'],
    ['buy  1     limit  gtc 100', { accountTrades: false }, 'account_not_active'],
    ['buy  1     limit  gtc 100', { terms: { ...TERMS, status: 'halted' } }, 'instrument_halted'],
    ['buy  1     limit  gtc 100', { terms: { ...TERMS, status: 'delisted' } }, 'instrument_delisted'],
    ['buy  1     limit  gtc 100', { terms: { ...TERMS, kind: 'contract' } }, 'instrument_not_tradable'],
    ['buy  1     limit  gtc 100', { terms: { ...TERMS, execution: 'venue' } }, 'instrument_not_tradable'],
    ['buy  1     limit  gtc 100', { last: null }, 'price_unavailable'],
    ['buy  1     limit  gtc 110.5', {}, 'price_outside_collar'],
    ['sell 1     limit  gtc 89.5', {}, 'price_outside_collar'],
    ['buy  1     limit  gtc 100.25', {}, 'price_off_tick'],
    ['buy  0.025 limit  gtc 100', {}, 'quantity_off_lot'],
    ['buy  0.01  limit  gtc 100', {}, 'quantity_below_minimum'],
    ['buy  10.01 limit  gtc 100', {}, 'quantity_above_maximum'],
    ['buy  $2    market ioc', {}, 'notional_too_small'],
    ['buy  $1200 market ioc', {}, 'quantity_above_maximum'],
    ['buy  1     limit  gtc 100', { valueRefusal: () => 'limit_missing' }, 'limit_missing'],
    ['buy  1     limit  gtc 100', { openOrdersRefusal: () => 'limit_exceeded' }, 'limit_exceeded'],
    ['buy  1     limit  gtc 100', { funds: null }, 'insufficient_funds'],
    [
      'buy  1     limit  gtc 100',
      { funds: { status: 'active', available: parseAmount('100.19999999') } },
      'insufficient_funds',
    ],
    ['buy  1     limit  gtc 100', { funds: { status: 'suspended', available: 0n } }, 'wallet_not_active'],
  ];
  for (const [words, changes, reason] of table) {
    test(`${words} with ${Object.keys(changes).join() || 'all else well'}: ${reason}`, () => {
      expect(verdict(words, changes)).toBe(reason);
    });
  }
});

describe('the reason given is the first that applies', () => {
  // Each step mends the fault that the former refusal named; the next fault then shows.
  const ladder: readonly (readonly [Partial<Situation>, string, string])[] = [
    [{ gate: 'under_review' }, 'buy 99.005 limit gtc 200.25', 'under_review'],
    [{ accountTrades: false }, 'buy 99.005 limit gtc 200.25', 'account_not_active'],
    [{ terms: { ...TERMS, status: 'halted' } }, 'buy 99.005 limit gtc 200.25', 'instrument_halted'],
    [{ last: null }, 'buy 99.005 limit gtc 200.25', 'price_unavailable'],
    [{}, 'buy 99.005 limit gtc 200.25', 'price_outside_collar'],
    [{}, 'buy 99.005 limit gtc 100.25', 'price_off_tick'],
    [{}, 'buy 99.005 limit gtc 100', 'quantity_off_lot'],
    [{}, 'buy 99 limit gtc 100', 'quantity_above_maximum'],
    [{ valueRefusal: () => 'limit_exceeded' }, 'buy 9 limit gtc 100', 'limit_exceeded'],
    [{ openOrdersRefusal: () => 'limit_missing' }, 'buy 9 limit gtc 100', 'limit_missing'],
    [{}, 'buy 9 limit gtc 100', 'insufficient_funds'],
  ];
  for (const [index, [, words, reason]] of ladder.entries()) {
    test(`${reason}, whatever comes after it`, () => {
      const later = ladder.slice(index).map(([changes]) => changes);
      const situation = Object.assign({}, { funds: null }, ...later.reverse());
      expect(verdict(words, situation)).toBe(reason);
    });
  }
});

describe('what is measured', () => {
  test('a limit far behind the market is no offence', () => {
    expect(verdict('buy 1 limit gtc 0.5')).toBe('reserves 0.501');
    expect(verdict('sell 1 limit gtc 100000')).toBe('reserves 1');
  });

  test('a sale far below the market is worth the market price', () => {
    const seen: bigint[] = [];
    const valueRefusal = (value: bigint) => {
      seen.push(value);
      return null;
    };
    verdict('sell 1 limit gtc 90', { valueRefusal });
    verdict('sell 1 limit gtc 150', { valueRefusal });
    verdict('buy 1 market ioc', { valueRefusal });
    expect(seen.map(formatAmount)).toEqual(['100', '150', '110']);
  });

  test('only orders that may rest count as open', () => {
    const refusing: Partial<Situation> = { openOrdersRefusal: () => 'limit_exceeded' };
    expect(verdict('buy 1 limit ioc 100', refusing)).toBe('reserves 100.2');
    expect(verdict('buy 1 market ioc', refusing)).toBe('reserves 110.22 cap 110');
    expect(verdict('buy 1 limit day 100', refusing)).toBe('limit_exceeded');
  });

  test('an order beyond what an amount holds is refused, not an error', () => {
    const huge = { ...TERMS, maxQuantity: parseAmount('999999999999') };
    expect(verdict('buy 999999999999 limit gtc 100', { terms: huge })).toBe('limit_exceeded');
  });

  test('the cap of a market order is on a tick and never below one', () => {
    const coarse = { ...TERMS, tick: parseAmount('7') };
    expect(verdict('buy 1 market ioc', { terms: coarse })).toBe('reserves 112.224 cap 112');
    expect(verdict('sell 1 market ioc', { terms: coarse })).toBe('reserves 1 cap 84');
    expect(verdict('sell 1 market ioc', { terms: coarse, last: parseAmount('3') })).toBe('reserves 1 cap 7');
  });
});
