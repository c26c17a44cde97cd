import { describe, expect, test } from 'bun:test';
import { parseAmount } from '../../kernel/amount.ts';
import { termsRefusal } from './rules.ts';

const TABLE = [
  // tick        lot           min           max     base   quote  answer
  ['0.01', '0.000001', '0.000001', '100', 'BTC', 'USD', null],
  ['0.01', '0.0000001', '0.0000001', '100', 'BTC', 'USD', 'instrument_steps_inexact'],
  ['0.00000001', '1', '1', '100', 'EUR', 'USD', null],
  ['0.00000001', '0.1', '1', '100', 'EUR', 'USD', 'instrument_steps_inexact'],
  ['0.01', '0.1', '0.15', '100', 'BTC', 'USD', 'instrument_terms_invalid'],
  ['0.01', '0.1', '0.1', '100.05', 'BTC', 'USD', 'instrument_terms_invalid'],
  ['0.01', '0.1', '2', '1', 'BTC', 'USD', 'instrument_terms_invalid'],
  ['0.01', '0.1', '1', '2', 'USD', 'USD', 'instrument_terms_invalid'],
] as const;

describe('the terms of an instrument', () => {
  for (const [tick, lot, minQuantity, maxQuantity, baseAsset, quoteAsset, answer] of TABLE) {
    test(`tick ${tick}, lot ${lot}, ${minQuantity} to ${maxQuantity} ${baseAsset}/${quoteAsset}: ${answer ?? 'hold'}`, () => {
      const refusal = termsRefusal({
        tick: parseAmount(tick),
        lot: parseAmount(lot),
        minQuantity: parseAmount(minQuantity),
        maxQuantity: parseAmount(maxQuantity),
        baseAsset,
        quoteAsset,
      });
      expect(refusal).toBe(answer);
    });
  }
});
