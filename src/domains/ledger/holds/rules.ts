/**
 * What may be done by hand with reserved funds. Pure. It does not decide who asks, nor whether the customer's
 * gate lets money out: the verbs do.
 */
import { type Amount, amountOf, scaleOf } from '../../../kernel/amount.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { HouseRole } from '../chart.ts';
import type { JournalKind } from '../journal-kinds.ts';

/** What people and their systems may reserve for; the other reasons belong to verbs of their own. */
export const HAND_REASONS = ['payment', 'authorization', 'refund', 'escrow', 'other'] as const;

export type HandReason = (typeof HAND_REASONS)[number];

/** Where in the house captured funds may go. All are client money: the firm gets its own by the fee sweep. */
export const CAPTURE_ROLES = [
  'client_money_bank',
  'custody',
  'clearing',
  'fees_earned',
  'suspense',
] as const satisfies readonly HouseRole[];

export type CaptureRole = (typeof CAPTURE_ROLES)[number];

/** A wallet of the house that is there already, or the account of another customer. */
export type CaptureDestination =
  | { readonly house: { readonly role: CaptureRole; readonly reference: string } }
  | { readonly accountId: string };

const KINDS: Readonly<Record<CaptureRole, JournalKind>> = {
  client_money_bank: 'withdrawal',
  custody: 'withdrawal',
  clearing: 'withdrawal',
  fees_earned: 'fee',
  suspense: 'adjustment',
};

/** The kind of journal that takes funds to a destination. */
export function captureKind(destination: CaptureDestination): JournalKind {
  return 'house' in destination ? KINDS[destination.house.role] : 'transfer';
}

/** Money lies at banks, units with custodians. */
export function roleSuits(role: CaptureRole, assetKind: string): boolean {
  switch (role) {
    case 'client_money_bank':
      return assetKind === 'fiat';
    case 'custody':
      return assetKind !== 'fiat';
    default:
      return true;
  }
}

type HoldState = {
  readonly byHand: boolean;
  readonly status: 'active' | 'released' | 'captured' | 'expired';
  readonly remaining: Amount;
  readonly expiresAt: Instant | null;
};

export type EndRefusal = 'hold_not_by_hand' | 'hold_expired' | 'hold_not_active';

/** Why a hold can be neither captured nor released by hand; null where it can. */
export function endRefusal(hold: HoldState, now: Instant): EndRefusal | null {
  if (!hold.byHand) {
    return 'hold_not_by_hand';
  }
  if (
    hold.status === 'expired' ||
    (hold.status === 'active' && hold.expiresAt !== null && hold.expiresAt <= now)
  ) {
    return 'hold_expired';
  }
  return hold.status === 'active' ? null : 'hold_not_active';
}

/** Why an amount cannot be captured; null where it can. */
export function captureRefusal(
  hold: HoldState,
  now: Instant,
  amount: Amount,
): EndRefusal | 'hold_remainder_exceeded' | null {
  return endRefusal(hold, now) ?? (amountOf(hold.remaining - amount) < 0n ? 'hold_remainder_exceeded' : null);
}

/** An asset cannot move in smaller parts than it has. */
export function fitsScale(amount: Amount, scale: number): boolean {
  return scaleOf(amount) <= scale;
}
