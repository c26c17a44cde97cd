/**
 * Whose money a credit on the firm's bank account is, from values alone. Only what fits in every respect
 * is credited without a person; everything else becomes work, with the first thing that did not fit as its
 * reason.
 */
import type { Amount } from '../../kernel/amount.ts';
import type { DepositStatus } from './rules.ts';

export type ReceiptReason =
  | 'reversal'
  | 'returned_payout'
  | 'no_reference'
  | 'unknown_reference'
  | 'currency_differs'
  | 'amount_differs'
  | 'deposit_closed'
  | 'own_deposit'
  | 'payer_unnamed'
  | 'third_party_payer'
  | 'not_accepted';

/** What is known of one line and of the deposit its reference names. */
export type LineFacts = {
  readonly line: {
    readonly amount: Amount;
    readonly asset: string;
    readonly reversal: boolean;
    readonly paymentReference: string | null;
  };
  readonly deposit:
    | {
        readonly amount: Amount;
        readonly asset: string;
        readonly status: DepositStatus;
        readonly statementLineId: string | null;
        readonly providerEventId: string | null;
        /** The provider paid it over with others, in one line that named none. */
        readonly isPaidOver: boolean;
      }
    | undefined;
  /** The bank cites a payout that the line brings back: it is no deposit's, whichever it names. */
  readonly returnsPayout: boolean;
  readonly payer: 'customer' | 'other' | 'unnamed';
  /** The customer's gate and account take money in. */
  readonly accepts: boolean;
  /** Whoever imported the file or confirmed it announced the deposit. */
  readonly own: boolean;
};

export type LineOutcome =
  /** Credits the deposit. */
  | { readonly kind: 'credit' }
  /** The money a person had vouched for: nothing moves any more. */
  | { readonly kind: 'confirm' }
  /** A provider pays over what it had vouched for. */
  | { readonly kind: 'settle' }
  | { readonly kind: 'receipt'; readonly reason: ReceiptReason };

/** What becomes of a credit line. */
export function matchLine({ line, deposit, returnsPayout, payer, accepts, own }: LineFacts): LineOutcome {
  const receipt = (reason: ReceiptReason): LineOutcome => ({ kind: 'receipt', reason });
  if (line.reversal) {
    return receipt('reversal');
  }
  if (deposit === undefined) {
    return receipt(line.paymentReference === null ? 'no_reference' : 'unknown_reference');
  }
  if (deposit.asset !== line.asset) {
    return receipt('currency_differs');
  }
  if (returnsPayout) {
    return receipt('returned_payout');
  }
  if (deposit.amount !== line.amount) {
    return receipt('amount_differs');
  }
  if (deposit.status === 'cleared' && deposit.statementLineId === null && !deposit.isPaidOver) {
    return { kind: deposit.providerEventId === null ? 'confirm' : 'settle' };
  }
  if (deposit.status !== 'pending' && deposit.status !== 'processing') {
    return receipt('deposit_closed');
  }
  if (own) {
    return receipt('own_deposit');
  }
  if (payer !== 'customer') {
    return receipt(payer === 'other' ? 'third_party_payer' : 'payer_unnamed');
  }
  return accepts ? { kind: 'credit' } : receipt('not_accepted');
}
