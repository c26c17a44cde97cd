import { expect, test } from 'bun:test';
import { type AccountOperation, type AccountStatus, accountAllows, isCurrency } from './rules.ts';

const OPERATIONS: readonly AccountOperation[] = ['money_in', 'money_out', 'trade', 'cancel', 'read'];

// status     deposits withdrawals orders cancels reads
test.each([
  ['active', 'yes yes yes yes yes'],
  ['frozen', 'no  no  no  yes yes'],
  ['suspended', 'yes no  no  yes yes'],
  ['closed', 'no  no  no  no  yes'],
] as const)('a(n) %s account allows %s', (status: AccountStatus, row) => {
  const allowed = OPERATIONS.map((operation) => (accountAllows(status, operation) ? 'yes' : 'no'));
  expect(allowed).toEqual(row.split(/\s+/) as ('yes' | 'no')[]);
});

test('a base currency is one of ISO 4217', () => {
  expect(['USD', 'MUR', 'EUR'].every(isCurrency)).toBe(true);
  expect(['BTC', 'usd', 'ZZZ', ''].some(isCurrency)).toBe(false);
});
