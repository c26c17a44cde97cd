/**
 * What limits, breakers and suitability say of a batch: read once, decided in arrival order. Orders that
 * the batch accepts count for those behind them.
 */

import { type Amount, ONE, ZERO } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { together } from '../../../platform/db/transact.ts';
import { type RiskProfile, riskProfilesOf } from '../../identity/index.ts';
import { walletKey } from '../../ledger/index.ts';
import {
  isTripped,
  limitRefusal,
  type NearLimit,
  type NewRiskAlert,
  nearLimitAlert,
  type RiskSnapshot,
  type RiskState,
  type RiskSubject,
  readRisk,
  readTripped,
  type Tripped,
} from '../../risk/index.ts';
import { principalOf } from '../reservation.ts';
import type { Situation } from '../rules.ts';
import type { Member } from './accept-groups.ts';
import type { Candidate } from './accept-reads.ts';
import type { Named } from './known-names.ts';
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
 * as held, never as neither. The caller holds the locks of breakers and of the people's risk.
 */
export async function readBatchRisk(tx: Tx, ctx: Ctx, named: readonly Named[]): Promise<BatchRisk> {
  const leveraged = named.filter(({ ticket }) => ticket.order.leverage > ONE);
  const [tripped, snapshot, profiles] = await together(
    readTripped(tx),
    readRisk(tx, ctx, named.map(subjectOf)),
    leveraged.length === 0
      ? Promise.resolve(new Map())
      : riskProfilesOf(
          tx,
          leveraged.map(({ account }) => account.userId),
        ),
  );
  return { snapshot, tripped, profiles };
}

/** The wallets whose holdings are positions of those who place the orders. */
export function heldBy({ snapshot }: BatchRisk, named: readonly Named[]) {
  const spot = named.filter(({ instrument }) => instrument.kind === 'spot');
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

/** What of an order counts. */
type Counted = Pick<
  OrderRow,
  'instrumentId' | 'side' | 'quantity' | 'notional' | 'limitPrice' | 'stopPrice'
> &
  Pick<OrderRow, 'filledQuantity' | 'reducedQuantity' | 'filledAmount' | 'priceCap'>;

/** Counts an order for those behind it, or out where it goes. */
export function countOrder(
  { snapshot }: BatchRisk,
  candidate: Candidate,
  order: Counted,
  orders: 1 | -1,
): void {
  const open = {
    quantity: order.quantity === null ? null : order.quantity - order.filledQuantity - order.reducedQuantity,
    notional: order.notional === null ? null : order.notional - order.filledAmount,
  };
  const value = principalOf(open, order.limitPrice ?? order.priceCap ?? order.stopPrice ?? 0n);
  snapshot.count({ ...subjectOf(candidate), instrumentId: order.instrumentId }, order.side, value, orders);
}

/** Counts one order of a group for the others that are decided with it, or out: none of them has a row yet. */
export function countAsked(
  risk: BatchRisk,
  { candidate }: Member,
  priceCap: Amount | null,
  orders: 1 | -1,
): void {
  const { order } = candidate.ticket;
  const instrumentId = candidate.instrument.id;
  const fresh = { filledQuantity: ZERO, reducedQuantity: ZERO, filledAmount: ZERO, instrumentId };
  countOrder(risk, candidate, { ...order, ...fresh, priceCap }, orders);
}

/** What the firm is told of the limits that accepted orders near. */
export function alertsFor(candidate: Candidate, near: readonly NearLimit[]): NewRiskAlert[] {
  return near.map((limit) => nearLimitAlert(subjectOf(candidate), limit));
}

function subjectOf({ account, instrument }: Pick<Named, 'account' | 'instrument'>): RiskSubject {
  return {
    accountId: account.id,
    userId: account.userId,
    book: account.type,
    instrumentId: instrument.id,
    asset: instrument.baseAsset,
    currency: instrument.quoteAsset,
  };
}
