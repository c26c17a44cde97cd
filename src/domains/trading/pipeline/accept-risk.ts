/**
 * What limits, breakers and suitability say of a batch: read once, decided in arrival order. Orders that
 * the batch accepts count for those behind them.
 */

import { ONE } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { together } from '../../../platform/db/transact.ts';
import { riskProfilesOf } from '../../identity/index.ts';
import { walletKey } from '../../ledger/index.ts';
import {
  holdBreakers,
  isTripped,
  limitRefusal,
  lockRisk,
  type NearLimit,
  type NewRiskAlert,
  nearLimitAlert,
  type RiskSnapshot,
  type RiskState,
  type RiskSubject,
  readRisk,
  type Tripped,
} from '../../risk/index.ts';
import { principalOf } from '../reservation.ts';
import type { RiskProfile, Situation } from '../rules.ts';
import type { Candidate } from './accept-reads.ts';
import type { OrderRow } from './ticket.ts';

/** Wallets by name, locked or not: what they hold counts as a position. */
type Holdings = ReadonlyMap<string, { readonly total: bigint }>;

export type BatchRisk = {
  readonly snapshot: RiskSnapshot;
  readonly tripped: Tripped;
  readonly profiles: ReadonlyMap<Id, RiskProfile | null>;
};

/** What the rules ask of risk for one candidate. */
export type CandidateRisk = Pick<Situation, 'breakerTripped' | 'riskProfile' | 'limits'>;

/**
 * Reads what a batch is measured by. Before the wallets: what is filled meanwhile then counts as open and
 * as held, never as neither.
 * @effects locks the breakers against being tripped, and the people against other batches
 */
export async function readBatchRisk(tx: Tx, ctx: Ctx, candidates: readonly Candidate[]): Promise<BatchRisk> {
  const people = candidates.map(({ account }) => account.userId);
  const [tripped] = await together(holdBreakers(tx), lockRisk(tx, people));
  const leveraged = candidates.filter(({ ticket }) => ticket.order.leverage > ONE);
  return {
    snapshot: await readRisk(tx, ctx, candidates.map(subjectOf)),
    tripped,
    profiles:
      leveraged.length === 0
        ? new Map()
        : await riskProfilesOf(
            tx,
            leveraged.map(({ account }) => account.userId),
          ),
  };
}

/** The wallets whose holdings are positions of the candidates. */
export function heldBy({ snapshot }: BatchRisk, candidates: readonly Candidate[]) {
  const spot = candidates.filter(({ instrument }) => instrument.kind === 'spot');
  return spot.flatMap(({ account, instrument }) => {
    const { ownAccounts } = snapshot.subjectOf(subjectOf({ account, instrument }));
    return ownAccounts.map((accountId) => ({ accountId, asset: instrument.baseAsset }));
  });
}

/** What the limits are measured by, with what the wallets hold. */
export function measuredBy({ snapshot }: BatchRisk, holdings: Holdings): RiskState {
  return snapshot.measuredBy(
    (accountId, asset) => holdings.get(walletKey({ accountId, asset }))?.total ?? 0n,
  );
}

/** What risk says of one candidate; limits that it nears are added to `near`. */
export function riskOf(
  { snapshot, tripped, profiles }: BatchRisk,
  state: RiskState,
  candidate: Candidate,
  near: NearLimit[],
): CandidateRisk {
  const { account, instrument } = candidate;
  return {
    breakerTripped: isTripped(tripped, instrument.id),
    riskProfile: profiles.get(account.userId) ?? null,
    limits: (wanted) => limitRefusal(state, snapshot.subjectOf(subjectOf(candidate)), wanted, near),
  };
}

/** Counts an order for those behind it, or out where it goes. */
export function countOrder(
  { snapshot }: BatchRisk,
  candidate: Candidate,
  order: OrderRow,
  orders: 1 | -1,
): void {
  const open = {
    quantity: order.quantity === null ? null : order.quantity - order.filledQuantity,
    notional: order.notional === null ? null : order.notional - order.filledAmount,
  };
  const value = principalOf(open, order.limitPrice ?? order.priceCap ?? order.stopPrice ?? 0n);
  snapshot.count({ ...subjectOf(candidate), instrumentId: order.instrumentId }, order.side, value, orders);
}

/** What the firm is told of the limits that accepted orders near. */
export function alertsFor(candidate: Candidate, near: readonly NearLimit[]): NewRiskAlert[] {
  return near.map((limit) => nearLimitAlert(subjectOf(candidate), limit));
}

function subjectOf({ account, instrument }: Pick<Candidate, 'account' | 'instrument'>): RiskSubject {
  return {
    accountId: account.id,
    userId: account.userId,
    book: account.type,
    instrumentId: instrument.id,
    asset: instrument.baseAsset,
    currency: instrument.quoteAsset,
  };
}
