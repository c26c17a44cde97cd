import { describe, expect, test } from 'bun:test';
import { amountOf, MAX_AMOUNT, ONE, parseAmount } from '../../kernel/amount.ts';
import { parseInstant } from '../../kernel/time.ts';
import type { HeldAsset } from '../ledger/index.ts';
import { averageCost, holdingOf, totalOf, valueAt } from './value.ts';

const QUOTED_AT = parseInstant('2026-01-31T09:30:00Z');

function price(last: string, inverse = false) {
  return { symbol: 'ANY', last: parseAmount(last), inverse, quotedAt: QUOTED_AT };
}

function held(asset: string, quantity: string, cost: HeldAsset['cost'] = null): HeldAsset {
  const amount = parseAmount(quantity);
  return {
    asset,
    kind: 'crypto',
    quantity: amount,
    available: amount,
    reserved: amountOf(0n),
    unsettled: amountOf(0n),
    settling: [],
    cost,
  };
}

describe('a value', () => {
  test('multiplies by a price, and divides by one that is quoted the other way round', () => {
    expect(valueAt(parseAmount('0.5'), price('60000'))).toBe(parseAmount('30000'));
    expect(valueAt(parseAmount('110'), price('1.1', true))).toBe(parseAmount('100'));
  });

  test('rounds half to even, so that many values favour nobody', () => {
    expect(valueAt(amountOf(1n), price('0.5'))).toBe(amountOf(0n));
    expect(valueAt(amountOf(3n), price('0.5'))).toBe(amountOf(2n));
  });

  test('is none where no amount could say it', () => {
    expect(valueAt(MAX_AMOUNT, price('2'))).toBeNull();
    expect(averageCost(MAX_AMOUNT, amountOf(ONE / 2n))).toBeNull();
  });
});

describe('a holding', () => {
  test('tells its profit only where cost and value are in one currency', () => {
    const cost = { amount: parseAmount('20000'), currency: 'USD' };
    expect(holdingOf(held('BTC', '0.5', cost), price('60000'), 'USD').unrealisedPnl).toBe(
      parseAmount('10000'),
    );
    expect(
      holdingOf(held('BTC', '0.5', { ...cost, currency: 'EUR' }), price('60000'), 'USD').unrealisedPnl,
    ).toBeNull();
    expect(holdingOf(held('BTC', '0.5'), price('60000'), 'USD').unrealisedPnl).toBeNull();
    expect(holdingOf(held('BTC', '0.5', cost), undefined, 'USD')).toMatchObject({
      value: null,
      unrealisedPnl: null,
    });
  });

  test('without a price is named, and never counted as worth nothing', () => {
    const holdings = [
      holdingOf(held('USD', '10'), undefined, 'USD'),
      holdingOf(held('ETH', '1'), undefined, 'USD'),
    ];
    expect(totalOf(holdings)).toEqual({ value: parseAmount('10'), unpriced: ['ETH'] });
  });
});
