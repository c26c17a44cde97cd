import { describe, expect, test } from 'bun:test';
import { newApiKeyText, readApiKeyText } from './api-key-format.ts';
import {
  accountTypeOf,
  counterWentBack,
  initialsOf,
  type LoginFacts,
  lockMs,
  loginOutcome,
  maskEmail,
  normaliseEmail,
} from './rules.ts';

test.each([
  [0, 0],
  [4, 0],
  [5, 30_000],
  [6, 60_000],
  [9, 480_000],
  [12, 3_600_000],
  [10_000, 3_600_000],
])('after %i failures a sign-in is locked for %i ms', (failures, ms) => {
  expect(lockMs(failures)).toBe(ms);
});

describe('what a sign-in leads to', () => {
  const right: LoginFacts = {
    locked: false,
    firstFactorRight: true,
    emailVerified: true,
    secondFactor: 'right',
    status: 'active',
  };
  const cases: readonly [Partial<LoginFacts>, string][] = [
    [{}, 'opened'],
    [{ secondFactor: 'none' }, 'opened'],
    [{ status: 'pending_kyc' }, 'opened'],
    [{ locked: true }, 'blocked'],
    [{ locked: true, firstFactorRight: false }, 'blocked'],
    [{ firstFactorRight: false }, 'failed'],
    [{ firstFactorRight: false, emailVerified: false, status: 'suspended' }, 'failed'],
    [{ secondFactor: 'wrong' }, 'failed'],
    [{ emailVerified: false, secondFactor: 'none' }, 'email_not_verified'],
    [{ secondFactor: 'missing' }, 'mfa_required'],
    [{ secondFactor: 'missing', status: 'suspended' }, 'mfa_required'],
    [{ status: 'suspended' }, 'account_restricted'],
    [{ status: 'closed' }, 'account_restricted'],
  ];
  test.each(cases)('%j leads to %s', (facts, outcome) => {
    expect(loginOutcome({ ...right, ...facts })).toBe(outcome as never);
  });
});

test.each([
  [0, 0, false],
  [0, 1, false],
  [7, 8, false],
  [7, 7, true],
  [7, 6, true],
  [7, 0, true],
])('a passkey counted to %i that answers %i is a copy: %p', (known, answered, copied) => {
  expect(counterWentBack(known, answered)).toBe(copied);
});

test('one mailbox has one spelling', () => {
  expect(normaliseEmail('  Anjali@Example.MU ')).toBe('anjali@example.mu');
});

test('masks leave too little to write to', () => {
  expect(maskEmail('anjali@example.mu')).toBe('a•••@e•••.mu');
  expect(initialsOf({ firstName: 'élodie', lastName: '李' })).toBe('É. 李.');
  expect(initialsOf({ firstName: '', lastName: '' })).toBe('');
});

test('how far a customer has come follows from e-mail and KYC', () => {
  expect(accountTypeOf(false, 'approved')).toBe('market_data_only');
  expect(accountTypeOf(true, 'pending')).toBe('demo_trader');
  expect(accountTypeOf(true, 'approved')).toBe('live_trader');
});

test('a key reads back, and one changed character does not', () => {
  const keyId = '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001';
  const { text, secretHash } = newApiKeyText('live', keyId);
  expect(readApiKeyText(text)).toEqual({ mode: 'live', keyId, secretHash });
  for (let at = text.lastIndexOf('_') + 1; at < text.length; at += 1) {
    const changed = `${text.slice(0, at)}${text[at] === 'x' ? 'y' : 'x'}${text.slice(at + 1)}`;
    expect(readApiKeyText(changed)).toBeUndefined();
  }
});
