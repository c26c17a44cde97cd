/**
 * Decisions of identity. Pure: no clock, no database, no hashing. What it does not decide: who may
 * call an operation (declared on the route) and what money may do (gates.ts).
 */
import type { PersonName } from './profile.ts';

export const MIN_PASSWORD_LENGTH = 12;
export const MAX_PASSWORD_LENGTH = 128;

const FREE_FAILURES = 5;
const FIRST_LOCK_MS = 30_000;
const LONGEST_LOCK_MS = 3_600_000;

/**
 * How long a sign-in is locked after this many failures in a row: nothing for the first four, then
 * half a minute, doubling up to an hour.
 * @units milliseconds; 0 is no lock
 */
export function lockMs(failedAttempts: number): number {
  const beyond = failedAttempts - FREE_FAILURES;
  return beyond < 0 ? 0 : Math.min(FIRST_LOCK_MS * 2 ** Math.min(beyond, 20), LONGEST_LOCK_MS);
}

export type LoginFacts = {
  readonly locked: boolean;
  readonly passwordRight: boolean;
  readonly emailVerified: boolean;
  readonly secondFactor: 'none' | 'missing' | 'wrong' | 'right';
  readonly status: 'pending_kyc' | 'active' | 'suspended' | 'closed';
};

export type LoginOutcome =
  | 'blocked'
  | 'failed'
  | 'email_not_verified'
  | 'mfa_required'
  | 'account_restricted'
  | 'opened';

/**
 * What a sign-in leads to. A locked one says nothing about the password, and nothing but the first
 * two is said to someone who does not know it.
 */
export function loginOutcome(facts: LoginFacts): LoginOutcome {
  if (facts.locked) {
    return 'blocked';
  }
  if (!facts.passwordRight || facts.secondFactor === 'wrong') {
    return 'failed';
  }
  if (!facts.emailVerified) {
    return 'email_not_verified';
  }
  if (facts.secondFactor === 'missing') {
    return 'mfa_required';
  }
  return facts.status === 'suspended' || facts.status === 'closed' ? 'account_restricted' : 'opened';
}

/** One spelling per mailbox, so that a blind index finds it. */
export function normaliseEmail(email: string): string {
  return email.trim().normalize('NFKC').toLowerCase();
}

/** One spelling per password, whatever the keyboard composed. @source NIST SP 800-63B 5.1.1.2 */
export function normalisePassword(password: string): string {
  return password.normalize('NFKC');
}

/** Whether a password is made of its own e-mail address, of one character, or of a row of keys. */
export function isPredictable(password: string, email: string): boolean {
  const lower = password.toLowerCase();
  const mailbox = email.split('@')[0] ?? '';
  return (
    new Set(lower).size < 4 ||
    KEY_ROWS.some((row) => row.includes(lower)) ||
    (mailbox.length >= 4 && lower.replaceAll(mailbox, '').length < 6)
  );
}

/** The letters staff may see of a name. */
export function initialsOf(name: PersonName): string {
  return [name.firstName, name.lastName]
    .map((part) => [...part.trim()][0])
    .filter((letter) => letter !== undefined)
    .map((letter) => `${letter.toUpperCase()}.`)
    .join(' ');
}

/** `a•••@e•••.mu`: enough to compare over the telephone, too little to write to. */
export function maskEmail(email: string): string {
  const [mailbox = '', domain = ''] = email.split('@');
  const top = domain.split('.').at(-1) ?? '';
  return `${mailbox.slice(0, 1)}•••@${domain.slice(0, 1)}•••.${top}`;
}

/** Members of a profile that KYC verifies. */
export function isVerifiedIdentity(member: string): boolean {
  return ['firstName', 'lastName', 'birthDate', 'birthPlace', 'gender', 'nationality'].includes(member);
}

export type AccountType = 'market_data_only' | 'demo_trader' | 'live_trader';

/** How far a customer has come: nothing but prices, then paper, then live money. */
export function accountTypeOf(emailVerified: boolean, kycStatus: string): AccountType {
  if (!emailVerified) {
    return 'market_data_only';
  }
  return kycStatus === 'approved' ? 'live_trader' : 'demo_trader';
}

const KEY_ROWS = ['qwertyuiopasdfghjklzxcvbnm', 'qwertzuiopasdfghjklyxcvbnm', 'azertyuiopqsdfghjklmwxcvbn']
  .flatMap((row) => [row, `${row}1234567890`, `1234567890${row}`])
  .concat(['abcdefghijklmnopqrstuvwxyz0123456789', '01234567890123456789', '98765432109876543210']);
