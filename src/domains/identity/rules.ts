/**
 * Decisions of identity. Pure: no clock, no database, no hashing. What it does not decide: who may
 * call an operation (declared on the route) and what money may do (gates.ts).
 */
import type { PersonName } from './profile.ts';

export const MIN_PASSWORD_LENGTH = 12;
export const MAX_PASSWORD_LENGTH = 128;

/** Failures in a row that are more than a typing error, so that their owner is told. */
export const TELLING_FAILURES = 3;

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
  /** The password, or a passkey in its stead. */
  readonly firstFactorRight: boolean;
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
 * two is said to someone who neither knows it nor holds a passkey.
 */
export function loginOutcome(facts: LoginFacts): LoginOutcome {
  if (facts.locked) {
    return 'blocked';
  }
  if (!facts.firstFactorRight || facts.secondFactor === 'wrong') {
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

/**
 * Whether the counter of a passkey tells of a copy: it must rise with every use, unless the authenticator
 * keeps none and always says zero.
 * @source WebAuthn Level 3, section 6.1.1
 */
export function counterWentBack(known: number, answered: number): boolean {
  return (known > 0 || answered > 0) && answered <= known;
}

/** One spelling per mailbox, so that a blind index finds it. */
export function normaliseEmail(email: string): string {
  return email.trim().normalize('NFKC').toLowerCase();
}

/** One spelling per password, whatever the keyboard composed. @source NIST SP 800-63B 5.1.1.2 */
export function normalisePassword(password: string): string {
  return password.normalize('NFKC');
}

/** Whether a password has the characters it needs, counted as people do and once it has its one spelling. */
export function isLongEnough(password: string): boolean {
  return [...normalisePassword(password)].length >= MIN_PASSWORD_LENGTH;
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

/** Mildest first; each forbids all that those before it forbid. */
const RESTRICTIONS = ['none', 'no_out', 'reduce_only', 'frozen'] as const;

/** The restriction a gate obeys where several causes stand; `none` without any. */
export function strictestOf(standing: readonly (typeof RESTRICTIONS)[number][]) {
  const places = standing.map((restriction) => RESTRICTIONS.indexOf(restriction));
  return RESTRICTIONS[Math.max(0, ...places)] ?? 'frozen';
}
