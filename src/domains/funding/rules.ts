/**
 * Decisions of funding, from values alone: which state may follow which, which method and which
 * payee suit an asset, who must look at a withdrawal, what the limits leave. Nothing here reads or
 * writes; a decision is only as good as the lock under which its values were read.
 */
import { AMOUNT_DECIMALS, type Amount, amountOf, MAX_AMOUNT, scaleOf, ZERO } from '../../kernel/amount.ts';
import { bpsOf, roundToStep } from '../../kernel/rounding.ts';
import { exceedOne } from '../../kernel/shares.ts';
import type { Instant } from '../../kernel/time.ts';
import { REVIEW_ABOVE, votesForAll } from '../ledger/index.ts';
import type { Destination } from './destination.ts';
import type { beneficiaries, depositStatus, fundingMethod, withdrawalStatus } from './schema.ts';
import { LEVELS_OF_TWO, LIMIT_WINDOW_HOURS } from './settings.ts';

export type DepositStatus = (typeof depositStatus.enumValues)[number];
export type WithdrawalStatus = (typeof withdrawalStatus.enumValues)[number];
type Beneficiary = typeof beneficiaries.$inferSelect;
export type FundingMethod = (typeof fundingMethod.enumValues)[number];

/** What funding asks of an asset. */
export type FundedAsset = {
  readonly code: string;
  readonly kind: string;
  readonly scale: number;
  readonly chain: string | null;
};

const DEPOSIT_MOVES: Readonly<Record<DepositStatus, readonly DepositStatus[]>> = {
  pending: ['processing', 'cleared', 'failed'],
  processing: ['cleared', 'failed'],
  cleared: ['refunded', 'charged_back'],
  failed: [],
  refunded: [],
  charged_back: [],
};

const WITHDRAWAL_MOVES: Readonly<Record<WithdrawalStatus, readonly WithdrawalStatus[]>> = {
  pending: ['approved', 'rejected', 'cancelled', 'under_review'],
  under_review: ['approved', 'rejected', 'cancelled'],
  approved: ['processing', 'cancelled', 'under_review'],
  // `approved` again where its file was given up.
  processing: ['completed', 'failed', 'unknown', 'approved'],
  unknown: ['completed', 'failed'],
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

/**
 * Why a payee cannot be paid now; null where it can. What the customer was told of it is the reason until that day has
 * come; whatever holds it behind that is a review, and is said in the words of any review (no tipping off).
 */
export function payeeRefusal(
  payee: Pick<Beneficiary, 'status' | 'usableFrom' | 'payableFrom'>,
  now: Instant,
): 'beneficiary_not_usable' | 'under_review' | null {
  if (payee.status === 'removed' || payee.usableFrom > now) {
    return 'beneficiary_not_usable';
  }
  const isHeld = payee.status !== 'active' || (payee.payableFrom !== null && payee.payableFrom > now);
  return isHeld ? 'under_review' : null;
}

/** An asset cannot move in smaller parts than it has. */
export function fitsAsset(amount: Amount, asset: FundedAsset): boolean {
  return scaleOf(amount) <= asset.scale;
}

/** How a destination is paid; limits and fees are set for each way. */
export function methodOf(destination: Destination): FundingMethod {
  switch (destination.kind) {
    case 'bank':
      return 'bank_transfer';
    case 'crypto_wallet':
      return 'crypto';
    case 'mobile_money':
      return destination.method;
  }
}

export type FeeRate = {
  readonly fixed: Amount;
  readonly rateBps: number;
  readonly minimum?: Amount;
  readonly maximum?: Amount | null;
};

/**
 * The fee of a rate: its share rounded up to what the asset can be divided into, and the fixed part,
 * together held between minimum and maximum.
 * @units the moved asset; bps of the amount
 * @errors RangeError beyond numeric(20,8)
 */
export function feeOf(amount: Amount, rate: FeeRate, scale: number): Amount {
  const step = amountOf(10n ** BigInt(AMOUNT_DECIMALS - scale));
  const share = roundToStep(bpsOf(amount, BigInt(rate.rateBps), 'up'), step, 'up');
  const asked = rate.fixed + share;
  const least = rate.minimum ?? ZERO;
  const most = rate.maximum ?? MAX_AMOUNT;
  return amountOf(asked < least ? least : asked > most ? most : asked);
}

/** The fee schedules there are: one for each level a customer can be verified at. */
export const FEE_TIERS = ['basic', 'standard', 'enhanced'] as const;

export type FeeTier = (typeof FEE_TIERS)[number];

/** The schedule a customer is on: the one named after their KYC level. */
export function tierOf(kycLevel: string): string {
  return kycLevel;
}

/** What a withdrawal reserves, amount and fee; undefined beyond what an amount can hold. */
export function reservedFor(amount: Amount, fee: Amount): Amount | undefined {
  const total = amount + fee;
  return total > MAX_AMOUNT ? undefined : amountOf(total);
}

export type Review = {
  readonly status: 'pending' | 'under_review';
  readonly quorum: 1 | 2;
  /** One of the two must be the MLRO. */
  readonly mlro: boolean;
};

/** What is known of a customer that asks for more eyes. */
export type PayoutRisk = {
  readonly kycLevel: string;
  /** How the customer is rated; null for who never was. */
  readonly rating: string | null;
  readonly everMatched: boolean;
  /** The same payee, amount and asset wait already, and the customer said that this one is meant. */
  readonly isRepeated?: boolean;
  /** What monitoring found asks for people, whatever the amount. */
  readonly isHeld?: boolean;
};

/** Ratings that leave small payouts to one person. Of any other, and of who was never rated, two look at each. */
const RATINGS_OF_ONE: readonly (string | null)[] = ['low', 'medium'];

/**
 * How many people look at a withdrawal: by all that is asked for, by how well the customer is known and how they are
 * rated, by whether it repeats another, and by whether a screening ever found something or monitoring holds it. The
 * words are one set for ordinary and for AML reasons.
 * An asset nothing is published for has the most people look at it each time, and makes the others no larger.
 * @shape asked: of each asset within the window, this withdrawal counted
 */
export function reviewOf(asset: string, asked: ReadonlyMap<string, bigint>, risk: PayoutRisk): Review {
  const counted = [...asked].filter(([code]) => code === asset || REVIEW_ABOVE.has(code));
  const { quorum, mlro } = votesForAll(new Map(counted));
  const byRisk = reviewOfRisk(risk);
  return eyes(quorum === 2 || byRisk.quorum === 2, mlro || byRisk.mlro);
}

/** How many people look at a withdrawal of any amount, for what is known of its customer. */
export function reviewOfRisk(risk: PayoutRisk): Review {
  const isOfTwo =
    LEVELS_OF_TWO.includes(risk.kycLevel) ||
    !RATINGS_OF_ONE.includes(risk.rating) ||
    risk.isRepeated === true;
  return eyes(isOfTwo, risk.everMatched || risk.isHeld === true);
}

function eyes(isOfTwo: boolean, mlro: boolean): Review {
  return isOfTwo || mlro
    ? { status: 'under_review', quorum: 2, mlro }
    : { status: 'pending', quorum: 1, mlro: false };
}

/** One rolling limit and what earlier withdrawals used of it. */
export type LimitUse = {
  readonly asset: string;
  readonly windowHours: number;
  readonly maximum: Amount;
  readonly used: Amount;
};

/**
 * Whether the limits of a level and method leave room; null means yes. No row of the asset for one of the windows
 * refuses (I9). The assets share each window: what was used of one is, as a share of its limit, gone of them all. A limit
 * of nothing bars its own asset and counts for no other.
 */
export function limitRefusal(
  limits: readonly LimitUse[],
  asset: string,
  amount: Amount,
): 'limit_missing' | 'limit_exceeded' | null {
  const own = limits.filter((limit) => limit.asset === asset);
  if (!LIMIT_WINDOW_HOURS.every((hours) => own.some((limit) => limit.windowHours === hours))) {
    return 'limit_missing';
  }
  const isBeyond = LIMIT_WINDOW_HOURS.some((hours) =>
    exceedOne(
      limits
        .filter((limit) => limit.windowHours === hours)
        .filter((limit) => limit.asset === asset || limit.maximum > 0n)
        .map((limit) => ({
          part: limit.asset === asset ? limit.used + amount : limit.used,
          whole: limit.maximum,
        })),
    ),
  );
  return isBeyond ? 'limit_exceeded' : null;
}
