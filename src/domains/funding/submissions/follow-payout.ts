/**
 * What a provider's word means for a payout that it carries, from values alone. Words come late, twice and out of
 * order: what is true already is ignored, and what cannot be true moves nothing and is a person's to look at.
 */
import type { PayoutNews } from '../providers/payout-word.ts';
import type { WithdrawalStatus } from '../rules.ts';

type PayoutFacts = {
  readonly state: PayoutNews['state'];
  /** It tells of the payout's own amount and currency. */
  readonly fits: boolean;
  /** The provider carries this payout; and it was told of it, or was asked about it by us. */
  readonly isTheirs: boolean;
  readonly isTold: boolean;
  readonly status: WithdrawalStatus;
  /** The payout is no longer what was approved. */
  readonly isChanged: boolean;
  /** A statement that counts shows a debit of it; one that nobody confirmed yet names it. */
  readonly isDebited: boolean;
  readonly isNamed: boolean;
  /** It said before that it paid it, whatever else was wrong with that; or another ever said that it has or paid it. */
  readonly hasSaidPaid: boolean;
};

export type PayoutStep =
  | { readonly kind: 'accept' | 'complete' | 'fail' }
  | { readonly kind: 'ignore'; readonly reason: string }
  /** Kept for a person. `doubt`: whatever the payout was, nobody knows now. `alarm`: somebody is called. */
  | { readonly kind: 'keep'; readonly reason: string; readonly doubt: boolean; readonly alarm: boolean };

const ALREADY: PayoutStep = { kind: 'ignore', reason: 'already_so' };

/** What becomes of a word. */
export function followPayout(facts: PayoutFacts): PayoutStep {
  const { state, status } = facts;
  if (!facts.isTheirs) {
    return { kind: 'keep', reason: 'other_provider', doubt: false, alarm: true };
  }
  if (!facts.isTold) {
    return { kind: 'keep', reason: 'payout_not_submitted', doubt: false, alarm: true };
  }
  const isOpen = status === 'processing' || status === 'unknown';
  if (!facts.fits) {
    return { kind: 'keep', reason: 'amount_differs', doubt: isOpen, alarm: true };
  }
  if (!isOpen) {
    return ofSettled(state, status);
  }
  if (state === 'accepted') {
    return { kind: 'accept' };
  }
  if (facts.isChanged) {
    return { kind: 'keep', reason: 'payout_changed', doubt: true, alarm: true };
  }
  if (state === 'paid') {
    return { kind: 'complete' };
  }
  if (facts.isDebited || facts.hasSaidPaid) {
    return { kind: 'keep', reason: 'contradicts', doubt: true, alarm: true };
  }
  return facts.isNamed
    ? { kind: 'keep', reason: 'statement_waits', doubt: false, alarm: false }
    : { kind: 'fail' };
}

/** Of one that was paid an earlier step says nothing new; of one that was set free it may say that it is paid. */
function ofSettled(state: PayoutNews['state'], status: WithdrawalStatus): PayoutStep {
  const agrees = status === 'completed' ? state !== 'rejected' : state === 'rejected';
  return agrees ? ALREADY : { kind: 'keep', reason: 'contradicts', doubt: false, alarm: true };
}
