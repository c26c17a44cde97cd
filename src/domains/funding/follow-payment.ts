/**
 * What an event of a payment provider means for a deposit, from values alone. Events come late, twice and
 * out of order: what is true already is ignored, what needs an earlier event waits for it, and what
 * contradicts the book is kept for a person.
 */
import type { Amount } from '../../kernel/amount.ts';
import type { DepositStatus } from './rules.ts';

export type PaymentFacts = {
  readonly type: string;
  readonly provider: string;
  readonly payment:
    | {
        readonly amount: Amount;
        readonly currency: string;
        readonly method: string;
        /** How much of it has gone back by now; all of it unless said. */
        readonly takenBack?: Amount | undefined;
        /** The provider's own name for a dispute, and how much of the payment it is about; all of it unless said. */
        readonly disputeReference?: string | undefined;
        readonly disputed?: Amount | undefined;
      }
    | undefined;
  readonly deposit:
    | {
        readonly status: DepositStatus;
        readonly amount: Amount;
        readonly asset: string;
        readonly method: string;
        readonly takenBack: Amount;
        readonly provider: string;
        readonly providerEventId: string | null;
      }
    | undefined;
  readonly payer: 'customer' | 'other' | 'unnamed';
  readonly accepts: boolean;
  /** The provider's own name for the payment is another deposit's already, or this deposit bears another one. */
  readonly isOfAnother: boolean;
  /** Money for the deposit lies among the unallocated receipts. */
  readonly hasReceipt: boolean;
  /** What of it people sent back from a bank: the provider tells of other money. */
  readonly repaid: Amount;
  /** An earlier event of the same payment waits for a person already. */
  readonly held: boolean;
  /** What other events say of the dispute that this one names. */
  readonly dispute: {
    /** How much of the payment it is said to be about; nothing where it is not open. */
    readonly disputed: Amount;
    /** It ended no earlier than this event happened. */
    readonly isEnded: boolean;
  };
};

export type PaymentStep =
  | { readonly kind: 'begin' | 'credit' | 'fail' }
  /** All that has gone back, this time and before: what came late or again changes nothing. */
  | { readonly kind: 'refunded' | 'charged_back'; readonly total: Amount }
  /** What may be called back is held until its dispute ends. */
  | { readonly kind: 'dispute'; readonly reason: typeof DISPUTED }
  | { readonly kind: 'end_dispute'; readonly reason: 'dispute_won' | 'dispute_lost' }
  /** The money is there; whether the customer may have it, a person decides. */
  | { readonly kind: 'hold'; readonly reason: string }
  | { readonly kind: 'keep'; readonly reason: string }
  | { readonly kind: 'ignore'; readonly reason: string };

/** Waits for an earlier event of the same deposit, and is looked at again after each. */
export const OUT_OF_ORDER = 'out_of_order';

/** Why the money of a payment waits for a person. */
export const HELD = ['third_party_payer', 'payer_unnamed', 'not_accepted'] as const;

/** Why a payment fits no deposit: its money lies with the provider, and people find whose it is. */
export const UNFITTING = [
  'unknown_deposit',
  'other_provider',
  'amount_differs',
  'method_differs',
  'payment_of_another_deposit',
  'contradicts',
  'credited_otherwise',
] as const;

/** Why an event waits that opened a dispute: until the provider, or two people, say how it ended. */
export const DISPUTED = 'disputed';

/** What tells of a dispute. */
export const DISPUTES = ['payment.dispute_opened', 'payment.dispute_won', 'payment.dispute_lost'] as const;

/** What is about money that was credited: that it went back, or may. */
export const AFTER_CREDIT = ['payment.refunded', 'payment.charged_back', ...DISPUTES] as const;

const keep = (reason: string): PaymentStep => ({ kind: 'keep', reason });
const ALREADY: PaymentStep = { kind: 'ignore', reason: 'already_so' };

/** What becomes of an event. */
export function followPayment(facts: PaymentFacts): PaymentStep {
  const { type, payment, deposit } = facts;
  if (!(type in MOVES)) {
    return keep('unknown_type');
  }
  if (payment === undefined) {
    return keep('unreadable');
  }
  if (deposit === undefined) {
    return keep('unknown_deposit');
  }
  if (deposit.provider !== 'manual' && deposit.provider !== facts.provider) {
    return keep('other_provider');
  }
  if (deposit.asset !== payment.currency || deposit.amount !== payment.amount) {
    return keep('amount_differs');
  }
  // How long it can be called back depends on how it was paid, so that nobody may announce another way.
  if (deposit.method !== payment.method) {
    return keep('method_differs');
  }
  return MOVES[type as keyof typeof MOVES](facts, deposit);
}

type Deposit = NonNullable<PaymentFacts['deposit']>;

const MOVES = {
  'payment.processing': (_facts: PaymentFacts, { status }: Deposit): PaymentStep =>
    status === 'pending' ? { kind: 'begin' } : ALREADY,
  'payment.cleared': cleared,
  'payment.failed': (_facts: PaymentFacts, { status }: Deposit): PaymentStep => {
    if (status === 'failed') {
      return ALREADY;
    }
    return isOpen(status) ? { kind: 'fail' } : keep('contradicts');
  },
  'payment.refunded': (facts: PaymentFacts, deposit: Deposit) => takenBack(facts, deposit, 'refunded'),
  'payment.charged_back': (facts: PaymentFacts, deposit: Deposit) =>
    takenBack(facts, deposit, 'charged_back'),
  'payment.dispute_opened': disputeOpened,
  'payment.dispute_won': disputeWon,
  'payment.dispute_lost': disputeLost,
} as const;

function cleared(facts: PaymentFacts, { status, providerEventId }: Deposit): PaymentStep {
  if (status === 'failed') {
    return keep('contradicts');
  }
  // One payment credits one deposit, whatever reference its events name. A second one of a reference repeats nothing.
  if (facts.isOfAnother) {
    return keep('payment_of_another_deposit');
  }
  if (!isOpen(status)) {
    // Credited by a line or by hand: nobody knows yet whether this is that money, or a second payment.
    return providerEventId === null ? keep('credited_otherwise') : ALREADY;
  }
  if (facts.hasReceipt) {
    return keep('deposit_has_receipt');
  }
  const reason = heldFor(facts);
  if (reason === undefined) {
    return { kind: 'credit' };
  }
  return facts.held ? ALREADY : { kind: 'hold', reason };
}

function heldFor({ payer, accepts }: PaymentFacts): (typeof HELD)[number] | undefined {
  if (payer !== 'customer') {
    return payer === 'other' ? 'third_party_payer' : 'payer_unnamed';
  }
  return accepts ? undefined : 'not_accepted';
}

/** Totals and not parts, so that any order and repetition of them ends where the largest does. */
function takenBack(
  { payment, isOfAnother, repaid }: PaymentFacts,
  deposit: Deposit,
  to: 'refunded' | 'charged_back',
): PaymentStep {
  const { status, amount } = deposit;
  if (isOfAnother) {
    return keep('payment_of_another_deposit');
  }
  const total = payment?.takenBack ?? amount;
  if (total <= 0n || total > amount) {
    return keep('amount_differs');
  }
  const early = unlessCredited(deposit);
  if (early !== undefined) {
    return early;
  }
  if (repaid > 0n) {
    // Its total is of what went back there: past what people did not send from a bank, the payer has some of it twice.
    return total <= deposit.takenBack - repaid ? ALREADY : keep('contradicts');
  }
  if (total > deposit.takenBack) {
    return { kind: to, total };
  }
  return total < amount || status === to ? ALREADY : keep('contradicts');
}

/**
 * One that ended before it was told of holds nothing, and neither does what has gone back. Told of again it holds what it
 * is about beyond what was said, and all of it where it was opened again since it ended.
 */
function disputeOpened(facts: PaymentFacts, deposit: Deposit): PaymentStep {
  const { payment, dispute, isOfAnother } = facts;
  if (payment?.disputeReference === undefined) {
    return keep('unreadable');
  }
  if (isOfAnother) {
    return keep('payment_of_another_deposit');
  }
  const disputed = payment.disputed ?? deposit.amount;
  if (disputed <= 0n || disputed > deposit.amount) {
    return keep('amount_differs');
  }
  if (dispute.isEnded || disputed <= dispute.disputed) {
    return ALREADY;
  }
  return (
    unlessCredited(deposit) ??
    (deposit.takenBack === deposit.amount ? ALREADY : { kind: 'dispute', reason: DISPUTED })
  );
}

/** Of a payment whose money is nowhere in the books yet it waits: ignored, it would not end what is opened there then. */
function disputeWon({ payment, dispute, isOfAnother }: PaymentFacts, deposit: Deposit): PaymentStep {
  if (payment?.disputeReference === undefined) {
    return keep('unreadable');
  }
  if (isOfAnother) {
    return keep('payment_of_another_deposit');
  }
  return (
    unlessCredited(deposit) ??
    (dispute.disputed > 0n ? { kind: 'end_dispute', reason: 'dispute_won' } : ALREADY)
  );
}

/** Only what the provider's own word credited is disputed with it. */
function unlessCredited({ status, providerEventId }: Deposit): PaymentStep | undefined {
  if (isOpen(status)) {
    return keep(OUT_OF_ORDER);
  }
  return status === 'failed' || providerEventId === null ? keep('contradicts') : undefined;
}

/** It says how much has gone back by now, since a dispute may be of a part. */
function disputeLost(facts: PaymentFacts, deposit: Deposit): PaymentStep {
  if (facts.payment?.disputeReference === undefined || facts.payment.takenBack === undefined) {
    return keep('unreadable');
  }
  const step = takenBack(facts, deposit, 'charged_back');
  return step === ALREADY && facts.dispute.disputed > 0n
    ? { kind: 'end_dispute', reason: 'dispute_lost' }
    : step;
}

function isOpen(status: DepositStatus): boolean {
  return status === 'pending' || status === 'processing';
}
