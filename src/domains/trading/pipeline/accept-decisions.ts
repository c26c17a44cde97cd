/**
 * Decides a batch in arrival order: two orders of one account in one batch see each other, in funds,
 * in open orders, in keys. Nothing is read or written here.
 */
import { formatAmount, ONE, ZERO } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, type Instant, parseInstant } from '../../../kernel/time.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { type Account, accountAllows } from '../../accounts/index.ts';
import { type Gate, gateRefusal } from '../../identity/index.ts';
import { walletKey } from '../../ledger/index.ts';
import type { PricedInstrument } from '../../markets/index.ts';
import { bindingLimit, limitRefusal } from '../../risk/index.ts';
import { refuseTrading } from '../errors.ts';
import { decideOrder, mayRest, moveOf, type Situation, type Verdict } from '../rules.ts';
import {
  type Candidate,
  clientKeyOf,
  type EarlierOrders,
  keyOf,
  reservationAssetOf,
  type Standing,
} from './accept-reads.ts';
import type { Book } from './desk.ts';
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
};

/** Decides the candidates one after another; `bookOf` names the book that numbers accepted orders. */
export function decideBatch(
  candidates: readonly Candidate[],
  standing: Standing,
  earlier: EarlierOrders,
  now: Instant,
  bookOf: (candidate: Candidate) => Book | undefined,
): { readonly decided: readonly Decided[]; readonly outcomes: readonly Outcome[] } {
  const available = new Map<Id, bigint>();
  const openOrders = new Map(standing.openOrders);
  const decided: Decided[] = [];
  const outcomes: Outcome[] = [];
  for (const candidate of candidates) {
    const { ticket, account } = candidate;
    const known = earlierAnswer(ticket, earlier);
    if (known !== undefined) {
      outcomes.push(known);
      continue;
    }
    const verdict = decideOrder(ticket.order, situationOf(candidate, standing, available, openOrders));
    const wallet = fundingWallet(candidate, standing);
    if (verdict.accepted && wallet !== undefined) {
      available.set(wallet.id, availableIn(wallet, available) - verdict.reservation);
      if (mayRest(ticket.order)) {
        openOrders.set(account.id, (openOrders.get(account.id) ?? 0) + 1);
      }
    }
    const book = bookOf(candidate);
    const order = orderRow(candidate, verdict, wallet?.id ?? null, now, book);
    earlier.byKey.set(keyOf(account.id, ticket.idempotencyKey, ticket.idempotencyIndex), order);
    if (order.clientOrderId !== null) {
      earlier.byClientOrderId.set(clientKeyOf(account.id, order.clientOrderId), order);
    }
    decided.push({ candidate, order, book });
    outcomes.push({ ticket, placed: { order, replayed: false } });
  }
  return { decided, outcomes };
}

/** What the first event of an order keeps, so that its first answer can be given again. */
export function firstEventData(order: OrderRow) {
  return {
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
  openOrders: ReadonlyMap<Id, number>,
): Situation {
  const { account, instrument } = candidate;
  const wallet = fundingWallet(candidate, standing);
  const subject = {
    accountId: account.id,
    userId: account.userId,
    instrumentId: instrument.id,
    asset: instrument.baseAsset,
    currency: instrument.quoteAsset,
  };
  return {
    gate: gateOf(account, standing.gates.get(account.userId), candidate.ticket.order.side),
    accountTrades: accountAllows(account.status, 'trade'),
    terms: instrument,
    last: instrument.last,
    valueRefusal: (value) => limitRefusal(bindingLimit(standing.limits, 'max_order_value', subject), value),
    openOrdersRefusal: (count) =>
      limitRefusal(bindingLimit(standing.limits, 'max_open_orders', subject), BigInt(count) * ONE),
    openOrders: openOrders.get(account.id) ?? 0,
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
    stopPrice: null,
    trailAmount: null,
    trailPercent: null,
    leverage: '1',
    postOnly: order.postOnly,
    reduceOnly: false,
    clientOrderId: order.clientOrderId,
    groupId: null,
    replacesId: null,
    expiresAt: order.timeInForce === 'day' ? endOfDay(now) : null,
    idempotencyKey: ticket.idempotencyKey,
    idempotencyIndex: ticket.idempotencyIndex,
    requestHash: ticket.requestHash,
    status: verdict.accepted ? (numbered ? 'open' : 'pending') : 'rejected',
    rejectionReason: verdict.accepted ? null : verdict.reason,
    priceCap: verdict.accepted ? verdict.priceCap : null,
    reservationAsset: reservationAssetOf(order.side, instrument),
    reservation: verdict.accepted ? verdict.reservation : ZERO,
    walletId,
    filledQuantity: ZERO,
    filledAmount: ZERO,
    fees: ZERO,
    bookSeq,
    cancelRequestedAt: null,
    cancelReason: null,
    version: 1,
    placedAt: now,
    closedAt: verdict.accepted ? null : now,
  };
}

const DAY_MS = 86_400_000;

/** A day ends at midnight UTC until exchanges keep sessions. */
function endOfDay(now: Instant): Instant {
  return addMs(parseInstant(`${now.slice(0, 10)}T00:00:00Z`), DAY_MS);
}
