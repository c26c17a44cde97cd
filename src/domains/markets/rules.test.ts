import { describe, expect, test } from 'bun:test';
import { parseAmount } from '../../kernel/amount.ts';
import { isCusip, isIsin } from './identifiers.ts';
import { type InstrumentTerms, termsRefusal } from './rules.ts';

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

const SPOT: InstrumentTerms = {
  kind: 'spot',
  baseAsset: 'BTC',
  quoteAsset: 'USD',
  isin: null,
  cusip: null,
  tick: parseAmount('0.01'),
  lot: parseAmount('0.1'),
  minQuantity: parseAmount('0.1'),
  maxQuantity: parseAmount('100'),
  fractional: true,
  settlementAsset: null,
  maxLeverage: null,
  initialMarginBps: null,
  maintenanceMarginBps: null,
};

const CONTRACT: Partial<InstrumentTerms> = {
  kind: 'contract',
  settlementAsset: 'USD',
  maxLeverage: parseAmount('20'),
  initialMarginBps: 500,
  maintenanceMarginBps: 250,
};

describe('the terms of an instrument', () => {
  for (const [tick, lot, minQuantity, maxQuantity, baseAsset, quoteAsset, answer] of TABLE) {
    test(`tick ${tick}, lot ${lot}, ${minQuantity} to ${maxQuantity} ${baseAsset}/${quoteAsset}: ${answer ?? 'hold'}`, () => {
      const refusal = termsRefusal({
        ...SPOT,
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

  const more: readonly (readonly [string, Partial<InstrumentTerms>, ReturnType<typeof termsRefusal>])[] = [
    ['whole units with a lot below one', { fractional: false }, 'instrument_terms_invalid'],
    ['whole units in lots of five', { fractional: false, lot: parseAmount('5') }, null],
    ['an ISIN that checks', { isin: 'US0378331005' }, null],
    ['an ISIN with a wrong check digit', { isin: 'US0378331006' }, 'instrument_identifier_invalid'],
    ['a CUSIP with a wrong check digit', { cusip: '037833101' }, 'instrument_identifier_invalid'],
    ['a contract without margin', { kind: 'contract' }, 'instrument_margin_invalid'],
    ['a contract with margin', CONTRACT, null],
    ['a spot instrument with margin', { ...CONTRACT, kind: 'spot' }, 'instrument_margin_invalid'],
    [
      'leverage beyond what the margin covers',
      { ...CONTRACT, maxLeverage: parseAmount('20.0001') },
      'instrument_margin_invalid',
    ],
    ['leverage below one', { ...CONTRACT, maxLeverage: parseAmount('0.9') }, 'instrument_margin_invalid'],
    [
      'maintenance no lower than the initial margin',
      { ...CONTRACT, maintenanceMarginBps: 500 },
      'instrument_margin_invalid',
    ],
  ];
  test.each(more)('%s: %#', (_title, changes, answer) => {
    expect(termsRefusal({ ...SPOT, minQuantity: parseAmount('5'), ...changes })).toBe(answer);
  });
});

describe('numbers of securities', () => {
  const isins = ['US0378331005', 'GB0002634946', 'AU0000XVGZA3', 'JP3788600009'];

  test('are known by their check digit, and no other digit will do', () => {
    for (const isin of isins) {
      const right = [...'0123456789'].filter((digit) => isIsin(`${isin.slice(0, -1)}${digit}`));
      expect([isin, right]).toEqual([isin, [isin.slice(-1)]]);
    }
    for (const cusip of ['037833100', '17275R102', '38259P508', '594918104', '68389X105']) {
      const right = [...'0123456789'].filter((digit) => isCusip(`${cusip.slice(0, -1)}${digit}`));
      expect([cusip, right]).toEqual([cusip, [cusip.slice(-1)]]);
    }
  });

  test('of another form are none', () => {
    for (const text of ['', 'US037833100', 'us0378331005', '0378331005US', 'US03783310055']) {
      expect([text, isIsin(text)]).toEqual([text, false]);
    }
    for (const text of ['', '03783310', '0378331000', '03783310A', 'a37833100']) {
      expect([text, isCusip(text)]).toEqual([text, false]);
    }
  });
});
