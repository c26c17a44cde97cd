/**
 * Decisions of funding, from values alone: which state may follow which, which method and which
 * payee suit an asset, who must look at a withdrawal, what the limits leave. Nothing here reads or
 * writes; a decision is only as good as the lock under which its values were read.
 */
import { type Amount, scaleOf, ZERO } from '../../kernel/amount.ts';
import type { Destination } from './destination.ts';
import type { depositStatus, fundingMethod, withdrawalStatus } from './schema.ts';
import { REQUIRED_LIMIT_WINDOW_HOURS, REVIEW_ABOVE, WITHDRAWAL_FEES } from './settings.ts';

export type DepositStatus = (typeof depositStatus.enumValues)[number];
export type WithdrawalStatus = (typeof withdrawalStatus.enumValues)[number];
export type FundingMethod = (typeof fundingMethod.enumValues)[number];

/** What funding asks of an asset. */
export type FundedAsset = {
  readonly code: string;
  readonly kind: string;
  readonly scale: number;
  readonly chain: string | null;
};

const DEPOSIT_MOVES: Readonly<Record<DepositStatus, readonly DepositStatus[]>> = {
  pending: ['cleared', 'failed'],
  processing: ['cleared', 'failed'],
  cleared: [],
  failed: [],
  refunded: [],
  charged_back: [],
};

const WITHDRAWAL_MOVES: Readonly<Record<WithdrawalStatus, readonly WithdrawalStatus[]>> = {
  pending: ['approved', 'rejected', 'cancelled'],
  under_review: ['approved', 'rejected', 'cancelled'],
  approved: ['processing', 'cancelled'],
  processing: ['completed', 'failed'],
  unknown: [],
  completed: [],
  rejected: [],
  cancelled: [],
  failed: [],
};

/** Withdrawals whose money is still reserved and not yet gone. */
export const OPEN_WITHDRAWAL_STATUSES = [
  'pending',
  'under_review',
  'approved',
  'processing',
  'unknown',
] as const satisfies readonly WithdrawalStatus[];

/** Withdrawals that used none of a limit in the end. */
export const VOID_WITHDRAWAL_STATUSES = [
  'rejected',
  'cancelled',
  'failed',
] as const satisfies readonly WithdrawalStatus[];

/** Whether the table of states lets a deposit move so. */
export function depositMayBecome(from: DepositStatus, to: DepositStatus): boolean {
  return DEPOSIT_MOVES[from].includes(to);
}

/** Whether the table of states lets a withdrawal move so. */
export function withdrawalMayBecome(from: WithdrawalStatus, to: WithdrawalStatus): boolean {
  return WITHDRAWAL_MOVES[from].includes(to);
}

/** Coins arrive over their chain, money over a bank or wallet; `other` suits whatever staff clears. */
export function methodSuits(method: FundingMethod, asset: FundedAsset): boolean {
  if (method === 'other') {
    return true;
  }
  return method === 'crypto' ? asset.kind === 'crypto' : asset.kind === 'fiat';
}

/** Money goes to banks and phones, coins to addresses of their own chain; securities do not leave yet. */
export function payeeSuits(destination: Destination, asset: FundedAsset): boolean {
  switch (destination.kind) {
    case 'bank':
    case 'mobile_money':
      return asset.kind === 'fiat';
    case 'crypto_wallet':
      return asset.kind === 'crypto' && asset.chain === destination.chain;
  }
}

/** An asset cannot move in smaller parts than it has. */
export function fitsAsset(amount: Amount, asset: FundedAsset): boolean {
  return scaleOf(amount) <= asset.scale;
}

/** The published fee. @units the withdrawn asset */
export function withdrawalFee(asset: string): Amount {
  return WITHDRAWAL_FEES.get(asset) ?? ZERO;
}

export type Review = { readonly status: 'pending' | 'under_review'; readonly quorum: 1 | 2 };

/** How many people look at a withdrawal. The words are one set for ordinary and for AML reasons. */
export function reviewOf(asset: string, amount: Amount): Review {
  const published = REVIEW_ABOVE.get(asset);
  return published !== undefined && amount <= published
    ? { status: 'pending', quorum: 1 }
    : { status: 'under_review', quorum: 2 };
}

/** One rolling limit and what earlier withdrawals used of it. */
export type LimitUse = { readonly windowHours: number; readonly maximum: Amount; readonly used: Amount };

/** Whether the limits leave room; null means yes. No row for the required window refuses (I9). */
export function limitRefusal(
  limits: readonly LimitUse[],
  amount: Amount,
): 'limit_missing' | 'limit_exceeded' | null {
  if (!limits.some((limit) => limit.windowHours === REQUIRED_LIMIT_WINDOW_HOURS)) {
    return 'limit_missing';
  }
  return limits.some((limit) => limit.used + amount > limit.maximum) ? 'limit_exceeded' : null;
}
