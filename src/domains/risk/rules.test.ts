import { describe, expect, test } from 'bun:test';
import { parseAmount } from '../../kernel/amount.ts';
import { parseInstant } from '../../kernel/time.ts';
import { bindingLimit, type LimitRow, type LimitScope, limitRefusal } from './rules.ts';

const SUBJECT = { accountId: 'acc', userId: 'usr', instrumentId: 'ins', asset: 'BTC', currency: 'USD' };
const SCOPE_IDS: Record<LimitScope, string> = {
  account: 'acc',
  user: 'usr',
  instrument: 'ins',
  asset: 'BTC',
  platform: '',
};

function row(scope: LimitScope, value: string, more: Partial<LimitRow> = {}): LimitRow {
  return {
    id: `${scope}-${value}`,
    scope,
    scopeId: SCOPE_IDS[scope],
    type: 'max_order_value',
    value: parseAmount(value),
    currency: 'USD',
    effectiveFrom: parseInstant('2026-01-01T00:00:00Z'),
    ...more,
  };
}

describe('the limit that binds', () => {
  const widest = ['platform', 'asset', 'instrument', 'user', 'account'] as const;
  for (const [index, scope] of widest.entries()) {
    test(`of ${widest.slice(0, index + 1).join(', ')} is the one of the ${scope}`, () => {
      const rows = widest.slice(0, index + 1).map((name, place) => row(name, String(place + 1)));
      expect(bindingLimit(rows, 'max_order_value', SUBJECT)?.scope).toBe(scope);
    });
  }

  const none: readonly (readonly [string, Partial<LimitRow>])[] = [
    ['of another type', { type: 'max_open_orders' }],
    ['of another scope id', { scopeId: 'other' }],
    ['in another currency', { currency: 'EUR' }],
  ];
  for (const [what, more] of none) {
    test(`is none where there is only one ${what}`, () => {
      expect(bindingLimit([row('account', '1', more)], 'max_order_value', SUBJECT)).toBeNull();
    });
  }

  test('without a currency binds in every currency', () => {
    expect(
      bindingLimit([row('platform', '5', { currency: null })], 'max_order_value', SUBJECT),
    ).not.toBeNull();
  });

  test('of one scope is the one that took effect last, whatever their order', () => {
    const older = row('account', '9');
    const newer = row('account', '2', { effectiveFrom: parseInstant('2026-02-01T00:00:00Z') });
    expect(bindingLimit([newer, older], 'max_order_value', SUBJECT)?.value).toBe(parseAmount('2'));
    expect(bindingLimit([older, newer], 'max_order_value', SUBJECT)?.value).toBe(parseAmount('2'));
  });
});

describe('keeping a limit', () => {
  const table = [
    // limit  wanted        answer
    [null, '0', 'limit_missing'],
    ['10', '10', null],
    ['10', '10.00000001', 'limit_exceeded'],
    ['0', '0.00000001', 'limit_exceeded'],
  ] as const;
  for (const [limit, wanted, answer] of table) {
    test(`${wanted} under a limit of ${limit ?? 'nothing set'}: ${answer ?? 'keeps it'}`, () => {
      expect(limitRefusal(limit === null ? null : row('account', limit), parseAmount(wanted))).toBe(answer);
    });
  }
});
