/**
 * Decides a batch in arrival order: two orders of one account in one batch see each other, in funds,
 * in open orders, in keys. Nothing is read or written here.
 */
import { formatAmount, ZERO } from '../../../kernel/amount.ts';
import { DomainError } from '../../../kernel/error.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { type Account, accountAllows } from '../../accounts/index.ts';
import { type Gate, gateRefusal } from '../../identity/index.ts';
import { walletKey } from '../../ledger/index.ts';
import type { MarketState, PricedInstrument } from '../../markets/index.ts';
import type { NearLimit, NewRiskAlert } from '../../risk/index.ts';
import { refuseTrading } from '../errors.ts';
import { waitsForPrice } from '../held-orders.ts';
import { decideOrder, moveOf, type Situation, type Verdict } from '../rules.ts';
import {
  batchKeyOf,
  type Candidate,
  clientKeyOf,
  type EarlierOrders,
  keyOf,
  reservationAssetOf,
  type Standing,
} from './accept-reads.ts';
import { alertsFor, countOrder, riskOf } from './accept-risk.ts';
import type { Book } from './desk.ts';
import { freed, replacedBy } from './replacements.ts';
import type { OrderRow, Placed, Ticket } from './ticket.ts';

/** What one caller gets: an order, or a refusal that stores nothing. */
export type Outcome =
  | { readonly ticket: Ticket; readonly placed: Placed }
  | { readonly ticket: Ticket; readonly error: Error };

/** The batch split into what is answered already and what the rules must decide. */
export type Sorted = { readonly candidates: readonly Candidate[]; readonly outcomes: Outcome[] };

/** @errors (per order) not_found, idempotency_key_reused, client_order_id_reused, unknown_symbol */
export function sortTickets(
  tickets: readonly Ticket[],
  accounts: ReadonlyMap<Id, Account>,
  instruments: ReadonlyMap<string, PricedInstrument>,
  earlier: EarlierOrders,
): Sorted {
  const outcomes: Outcome[] = [];
  const candidates: Candidate[] = [];
  for (const ticket of tickets) {
    const account = accounts.get(ticket.order.accountId);
    const instrument = instruments.get(ticket.order.symbol);
    if (account === undefined || account.userId !== ticket.userId) {
      outcomes.push({ ticket, error: refuse('not_found') });
      continue;
    }
    const known = earlierAnswer(ticket, earlier);
    if (known !== undefined) {
      outcomes.push(known);
    } else if (instrument === undefined) {
      outcomes.push({ ticket, error: refuseTrading('unknown_symbol') });
    } else {
      candidates.push({ ticket, account, instrument });
    }
  }
  return { candidates, outcomes };
}

/** The answer a key or client order id already has; undefined where the order is new. */
function earlierAnswer(ticket: Ticket, earlier: EarlierOrders): Outcome | undefined {
  const { accountId, clientOrderId } = ticket.order;
  const batch = earlier.batchOf.get(batchKeyOf(accountId, ticket.idempotencyKey));
  if (batch !== undefined && batch !== ticket.batchHash) {
    return { ticket, error: refuse('idempotency_key_reused') };
  }
  const byKey = earlier.byKey.get(keyOf(accountId, ticket.idempotencyKey, ticket.idempotencyIndex));
  if (byKey !== undefined) {
    return sameRequest(byKey, ticket)
      ? { ticket, placed: { order: byKey, replayed: true } }
      : { ticket, error: refuse('idempotency_key_reused') };
  }
  const named =
    clientOrderId === null ? undefined : earlier.byClientOrderId.get(clientKeyOf(accountId, clientOrderId));
  if (named === undefined) {
    return undefined;
  }
  return sameRequest(named, ticket)
    ? { ticket, placed: { order: named, replayed: true } }
    : { ticket, error: refuseTrading('client_order_id_reused') };
}

function sameRequest(order: OrderRow, ticket: Ticket): boolean {
  return Buffer.from(order.requestHash).equals(Buffer.from(ticket.requestHash));
}

export type Decided = {
  readonly candidate: Candidate;
  readonly order: OrderRow;
  /** The book that numbered it. */
  readonly book: Book | undefined;
  /** Whose place it takes if it is accepted. */
  readonly replaced: OrderRow | null;
  /** The limit that refused it: for staff, who may see whose it is. */
  readonly limitId: Id | null;
};

type Decisions = {
  readonly decided: readonly Decided[];
  readonly outcomes: readonly Outcome[];
  /** What the firm should look at. */
  readonly alerts: readonly NewRiskAlert[];
};

/** Decides the candidates one after another; `bookOf` names the book that numbers accepted orders. */
export function decideBatch(
  candidates: readonly Candidate[],
  standing: Standing,
  earlier: EarlierOrders,
  now: Instant,
  bookOf: (candidate: Candidate) => Book | undefined,
): Decisions {
  const available = new Map<Id, bigint>();
  const alerts: NewRiskAlert[] = [];
  const gone = new Set<Id>();
  const decided: Decided[] = [];
  const outcomes: Outcome[] = [];
  for (const candidate of candidates) {
    const { ticket, account } = candidate;
    const known = earlierAnswer(ticket, earlier);
    if (known !== undefined) {
      outcomes.push(known);
      continue;
    }
    const replaced = replacedBy(ticket, standing.replaced, gone);
    if (replaced instanceof DomainError) {
      outcomes.push({ ticket, error: replaced });
      continue;
    }
    const wallet = fundingWallet(candidate, standing);
    const left =
      replaced === null || wallet === undefined
        ? available
        : freed(available, replaced, availableIn(wallet, available));
    const { risk } = standing;
    if (replaced !== null) {
      countOrder(risk, candidate, replaced, -1);
    }
    const near: NearLimit[] = [];
    const verdict = decideOrder(ticket.order, situationOf(candidate, standing, left, near, now));
    const accepted = verdict.accepted && wallet !== undefined;
    if (accepted) {
      available.set(wallet.id, availableIn(wallet, left) - verdict.reservation);
      alerts.push(...alertsFor(candidate, near));
      if (replaced !== null) {
        gone.add(replaced.id);
      }
    } else if (replaced !== null) {
      countOrder(risk, candidate, replaced, 1);
    }
    const book = bookOf(candidate);
    const order = orderRow(
      candidate,
      verdict,
      wallet?.id ?? null,
      now,
      book,
      openMarket(candidate, standing, now),
    );
    earlier.byKey.set(keyOf(account.id, ticket.idempotencyKey, ticket.idempotencyIndex), order);
    earlier.batchOf.set(batchKeyOf(account.id, ticket.idempotencyKey), ticket.batchHash);
    if (order.clientOrderId !== null) {
      earlier.byClientOrderId.set(clientKeyOf(account.id, order.clientOrderId), order);
    }
    if (accepted) {
      countOrder(risk, candidate, order, 1);
    }
    decided.push({ candidate, order, book, replaced, limitId: verdict.accepted ? null : verdict.limitId });
    outcomes.push({ ticket, placed: { order, replayed: false } });
  }
  return { decided, outcomes, alerts };
}

/** What the first event of an order keeps, so that its first answer can be given again. */
export function firstEventData(order: OrderRow, batchHash: string | null) {
  return {
    ...(batchHash === null ? {} : { batchHash }),
    ...(order.replacesId === null ? {} : { replacesId: order.replacesId }),
    status: order.status,
    reservation: formatAmount(order.reservation),
    ...(order.rejectionReason === null ? {} : { reason: order.rejectionReason }),
  };
}

type FundingWallet = {
  readonly id: Id;
  readonly status: string;
  readonly total: bigint;
  readonly reserved: bigint;
};

function fundingWallet(candidate: Candidate, standing: Standing): FundingWallet | undefined {
  const asset = reservationAssetOf(candidate.ticket.order.side, candidate.instrument);
  return standing.wallets.get(walletKey({ accountId: candidate.account.id, asset }));
}

function availableIn(wallet: FundingWallet, available: ReadonlyMap<Id, bigint>): bigint {
  return available.get(wallet.id) ?? wallet.total - wallet.reserved;
}

function situationOf(
  candidate: Candidate,
  standing: Standing,
  available: ReadonlyMap<Id, bigint>,
  near: NearLimit[],
  now: Instant,
): Situation {
  const { account, instrument } = candidate;
  const wallet = fundingWallet(candidate, standing);
  return {
    gate: gateOf(account, standing.gates.get(account.userId), candidate.ticket.order.side),
    now,
    accountTrades: accountAllows(account.status, 'trade'),
    ...riskOf(standing.risk, standing.measures, candidate, near),
    terms: instrument,
    marketOpen: openMarket(candidate, standing, now) !== null,
    last: instrument.last,
    priceStale: instrument.priceStale,
    funds: wallet === undefined ? null : { status: wallet.status, available: availableIn(wallet, available) },
  };
}

/** Paper accounts obey no KYC gate, but a suspended person trades nowhere. */
function gateOf(account: Account, gate: Gate | undefined, side: 'buy' | 'sell'): Situation['gate'] {
  if (account.type === 'live') {
    return gateRefusal(gate, moveOf(side));
  }
  const active = gate !== undefined && gate.userStatus !== 'suspended' && gate.userStatus !== 'closed';
  return active ? null : 'account_restricted';
}

function orderRow(
  candidate: Candidate,
  verdict: Verdict,
  walletId: Id | null,
  now: Instant,
  book: Book | undefined,
  market: MarketState | null,
): OrderRow {
  const { ticket, account, instrument } = candidate;
  const { order } = ticket;
  const numbered = verdict.accepted && book !== undefined;
  const bookSeq = numbered ? book.nextSeq : null;
  if (numbered) {
    book.nextSeq += 1n;
  }
  return {
    id: newId(),
    userId: account.userId,
    accountId: account.id,
    book: account.type,
    instrumentId: instrument.id,
    symbol: instrument.symbol,
    side: order.side,
    type: order.type,
    timeInForce: order.timeInForce,
    quantity: order.quantity,
    notional: order.notional,
    limitPrice: order.limitPrice,
    stopPrice: order.stopPrice,
    trailAmount: order.trailAmount,
    trailPercent: order.trailPercent === null ? null : formatAmount(order.trailPercent),
    leverage: '1',
    postOnly: order.postOnly,
    reduceOnly: order.reduceOnly,
    clientOrderId: order.clientOrderId,
    groupId: null,
    replacesId: ticket.replaces?.orderId ?? null,
    expiresAt: order.timeInForce === 'day' ? (market?.dayOrdersEndAt ?? null) : order.expiresAt,
    idempotencyKey: ticket.idempotencyKey,
    idempotencyIndex: ticket.idempotencyIndex,
    requestHash: ticket.requestHash,
    status: verdict.accepted ? (numbered ? statusAtFirst(order.type) : 'pending') : 'rejected',
    rejectionReason: verdict.accepted ? null : verdict.reason,
    priceCap: verdict.accepted ? verdict.priceCap : null,
    reservationAsset: reservationAssetOf(order.side, instrument),
    reservation: verdict.accepted ? verdict.reservation : ZERO,
    walletId,
    filledQuantity: ZERO,
    reducedQuantity: ZERO,
    filledAmount: ZERO,
    fees: ZERO,
    bookSeq,
    heldSeq: null,
    highWaterMark: null,
    triggerPrice: null,
    triggeredAt: null,
    cancelRequestedAt: null,
    cancelReason: null,
    version: 1,
    placedAt: now,
    closedAt: verdict.accepted ? null : now,
  };
}

/** What a numbered order is before anything has happened to it. */
export function statusAtFirst(type: OrderRow['type']): 'held' | 'open' {
  return waitsForPrice(type) ? 'held' : 'open';
}

/** The state of the candidate's exchange while it is open; null while it is closed, or not known. */
function openMarket({ instrument }: Candidate, { markets }: Standing, now: Instant): MarketState | null {
  const state = markets.get(instrument.exchange);
  return state?.open && now < state.until ? state : null;
}
