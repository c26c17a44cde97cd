/**
 * Decides a batch in arrival order: two orders of one account in one batch see each other, in funds,
 * in open orders, in keys. Nothing is read or written here.
 */
import { type Amount, formatAmount, ZERO } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
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
import { exitRefusal, liquidationRefusal } from '../margin/excuse-liquidations.ts';
import { lotsHold, storedPicks } from '../named-lots.ts';
import { standardOf } from '../positions/closing-bound.ts';
import { onlyReduces } from '../positions/contract-orders.ts';
import { moveOf, type Situation, type Verdict } from '../rules.ts';
import { executionOf } from '../venues/venues.ts';
import { bindRows, decideMembers, isExit, type Member, membersOf } from './accept-groups.ts';
import {
  batchKeyOf,
  type Candidate,
  clientKeyOf,
  type EarlierOrders,
  keyOf,
  reservationAssetOf,
  type Standing,
} from './accept-reads.ts';
import { alertsFor, countAsked, countOrder, riskOf } from './accept-risk.ts';
import type { Book } from './desk.ts';
import { isWaiting } from './group-reservations.ts';
import { bindLeg, decideLeg, type Leg, takeLeg } from './replace-leg.ts';
import { freed, placeOf } from './replacements.ts';
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
export function earlierAnswer(ticket: Ticket, earlier: EarlierOrders): Outcome | undefined {
  if (earlier.batchOf.size === 0 && earlier.byClientOrderId.size === 0) {
    return undefined;
  }
  const { accountId, clientOrderId } = ticket.order;
  const batch = earlier.batchOf.get(batchKeyOf(accountId, ticket.idempotencyKey));
  if (batch !== undefined && batch !== ticket.batchHash) {
    return { ticket, error: refuse('idempotency_key_reused') };
  }
  const byKey = earlier.byKey.get(keyOf(accountId, ticket.idempotencyKey, ticket.idempotencyIndex));
  if (byKey !== undefined) {
    return answeredAgain(ticket, byKey, earlier) ?? { ticket, error: refuse('idempotency_key_reused') };
  }
  const named =
    clientOrderId === null ? undefined : earlier.byClientOrderId.get(clientKeyOf(accountId, clientOrderId));
  if (named !== undefined) {
    return answeredAgain(ticket, named, earlier) ?? nameTaken(ticket);
  }
  const isTaken = ticket.companions.some(
    ({ order }) =>
      order.clientOrderId !== null &&
      earlier.byClientOrderId.has(clientKeyOf(accountId, order.clientOrderId)),
  );
  return isTaken ? nameTaken(ticket) : undefined;
}

function nameTaken(ticket: Ticket): Outcome {
  return { ticket, error: refuseTrading('client_order_id_reused') };
}

/** The first answer to the same request, of a group all of it; undefined where another was asked for. */
function answeredAgain(ticket: Ticket, order: OrderRow, { groups }: EarlierOrders): Outcome | undefined {
  const members = order.groupId === null ? [] : (groups.get(order.groupId) ?? []);
  // What took the place of one since belongs to a later answer.
  const bound = members.filter(({ id, replacesId }) => id !== order.id && replacesId === null);
  const isSame =
    sameRequest(order, ticket) &&
    ticket.companions.every((companion) => bound.some((other) => sameRequest(other, companion)));
  return isSame ? { ticket, placed: { order, bound, replayed: true } } : undefined;
}

function sameRequest(order: OrderRow, asked: Pick<Ticket, 'requestHash'>): boolean {
  return Buffer.from(order.requestHash).equals(Buffer.from(asked.requestHash));
}

export type Decided = {
  readonly candidate: Candidate;
  readonly order: OrderRow;
  /** The book that numbered it. */
  readonly book: Book | undefined;
  /** Whose place it takes if it is accepted. */
  readonly replaced: OrderRow | null;
  /** Whether that one belongs to a group, whose other orders stay. */
  readonly inGroup: boolean;
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
    const { ticket } = candidate;
    const known = earlierAnswer(ticket, earlier);
    if (known !== undefined) {
      outcomes.push(known);
      continue;
    }
    const place = placeOf(ticket, standing, gone);
    if (place instanceof DomainError) {
      outcomes.push({ ticket, error: place });
      continue;
    }
    const { replaced, leg } = place;
    const wallet = fundingWallet(candidate, standing);
    const left =
      wallet === undefined
        ? available
        : freed(available, place, candidate.instrument, availableIn(wallet, available));
    if (replaced !== null) {
      countIn(standing, candidate, replaced, -1);
    }
    const members = membersOf(candidate);
    const near: NearLimit[] = [];
    const { verdicts, beside } = verdictsOn(members, leg, standing, left, near, now);
    const accepted = verdicts.every((verdict) => verdict.accepted) && wallet !== undefined;
    if (accepted) {
      available.set(wallet.id, availableIn(wallet, left) - reservedBy(verdicts) - (beside ?? 0n));
      alerts.push(...alertsFor(candidate, near));
      if (replaced !== null) {
        gone.add(replaced.id);
      }
    } else if (replaced !== null) {
      countIn(standing, candidate, replaced, 1);
    }
    const book = bookOf(candidate);
    const rows = rowsOf(members, leg, verdicts, standing, now, book);
    if (accepted && leg !== null) {
      takeLeg(standing.groups, leg, present(rows[0], 'a ticket has an order'), beside);
    }
    remember(earlier, ticket, rows);
    for (const order of accepted ? rows : []) {
      countIn(standing, candidate, order, 1);
    }
    decided.push(
      ...rows.map((order, index) => ({
        candidate,
        order,
        book,
        replaced: index === 0 ? replaced : null,
        inGroup: leg !== null,
        limitId: limitOf(verdicts[index]),
      })),
    );
    outcomes.push({ ticket, placed: placedOf(rows) });
  }
  return { decided, outcomes, alerts };
}

/** Counts an order for those behind it, or out where it goes; an exit that waits asks for nothing of a position yet. */
function countIn({ risk, contracts }: Standing, candidate: Candidate, order: OrderRow, orders: 1 | -1): void {
  countOrder(risk, candidate, order, orders);
  if (!isWaiting(order)) {
    contracts.count(order, orders);
  }
}

function verdictsOn(
  members: readonly [Member, ...Member[]],
  leg: Leg | null,
  standing: Standing,
  left: ReadonlyMap<Id, bigint>,
  near: NearLimit[],
  now: Instant,
): { readonly verdicts: readonly Verdict[]; readonly beside: Amount | null } {
  if (leg === null) {
    const verdicts = decideMembers(
      members,
      (member) => situationOf(member.candidate, standing, left, isExit(member.role) ? [] : near, now),
      (member, priceCap, orders) => countAsked(standing.risk, member, priceCap, orders),
    );
    return { verdicts, beside: null };
  }
  const [{ candidate }] = members;
  const wallet = fundingWallet(candidate, standing);
  const situation = situationOf(candidate, standing, left, isWaiting(leg.replaced) ? [] : near, now);
  const funds = wallet === undefined ? 0n : availableIn(wallet, left);
  const { verdict, beside } = decideLeg(candidate.ticket.order, leg, situation, funds);
  return { verdicts: [verdict], beside };
}

/** The rows of a ticket's orders; an exit has no place in the book before it is set free. */
function rowsOf(
  members: readonly Member[],
  leg: Leg | null,
  verdicts: readonly Verdict[],
  standing: Standing,
  now: Instant,
  book: Book | undefined,
): readonly OrderRow[] {
  const rows = members.map(({ candidate, role }, index) => {
    const verdict = present(verdicts[index], 'each member has its verdict');
    const { account, instrument, ticket } = candidate;
    const asset = reservationAssetOf(ticket.order.side, instrument);
    const wallet = standing.found.get(walletKey({ accountId: account.id, asset }));
    const market = takingMarket(candidate, standing, now);
    const waits = leg === null ? isExit(role) : isWaiting(leg.replaced);
    return orderRow(candidate, verdict, wallet?.id ?? null, now, waits ? undefined : book, market);
  });
  return leg === null ? bindRows(members, rows) : rows.map((row) => bindLeg(row, leg));
}

/** What is decided now is known to the tickets behind it. */
function remember(earlier: EarlierOrders, ticket: Ticket, rows: readonly OrderRow[]): void {
  const { accountId } = ticket.order;
  earlier.batchOf.set(batchKeyOf(accountId, ticket.idempotencyKey), ticket.batchHash);
  for (const row of rows) {
    if (row.idempotencyKey !== null) {
      earlier.byKey.set(keyOf(accountId, row.idempotencyKey, row.idempotencyIndex ?? 0), row);
    }
    if (row.clientOrderId !== null) {
      earlier.byClientOrderId.set(clientKeyOf(accountId, row.clientOrderId), row);
    }
    if (row.groupId !== null) {
      const others = (earlier.groups.get(row.groupId) ?? []).filter(({ id }) => id !== row.id);
      earlier.groups.set(row.groupId, [...others, row]);
    }
  }
}

function placedOf([order, ...bound]: readonly OrderRow[]): Placed {
  return { order: present(order, 'a ticket has an order'), bound, replayed: false };
}

function limitOf(verdict: Verdict | undefined): Id | null {
  return verdict === undefined || verdict.accepted ? null : (verdict.limit?.limitId ?? null);
}

/** What the customer is told of a limit: its kind, and neither whose it is nor how much. */
function exceededIn(verdict: Verdict): OrderRow['exceededLimit'] {
  const isExceeded = !verdict.accepted && verdict.reason === 'limit_exceeded';
  return isExceeded ? (verdict.limit?.type ?? null) : null;
}

function reservedBy(verdicts: readonly Verdict[]): bigint {
  return verdicts.reduce((sum, verdict) => sum + (verdict.accepted ? verdict.reservation : 0n), 0n);
}

type FundingWallet = {
  readonly id: Id;
  readonly status: string;
  readonly total: bigint;
  readonly reserved: bigint;
  readonly unsettled: bigint;
  readonly marginUnknown: boolean;
};

function fundingWallet(candidate: Candidate, standing: Standing): FundingWallet | undefined {
  const asset = reservationAssetOf(candidate.ticket.order.side, candidate.instrument);
  return standing.wallets.get(walletKey({ accountId: candidate.account.id, asset }));
}

function availableIn(wallet: FundingWallet, available: ReadonlyMap<Id, bigint>): bigint {
  return available.get(wallet.id) ?? wallet.total - wallet.reserved;
}

/** What has not settled yet pays for units, which settle no sooner then, and opens no position. */
function spendableIn(wallet: FundingWallet, available: ReadonlyMap<Id, bigint>, isContract: boolean): bigint {
  const left = availableIn(wallet, available);
  if (!isContract) {
    return left;
  }
  return left > wallet.unsettled ? left - wallet.unsettled : 0n;
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
  const contract = standing.contracts.standingOf(candidate);
  const execution = executionOf(standing, account.type, instrument.execution);
  const market = takingMarket(candidate, standing, now);
  return {
    gate: gateOf(candidate, standing.gates.get(account.userId), moveWanted(candidate, contract)),
    now,
    accountTrades: accountAllows(account.status, 'trade'),
    ...riskOf(standing.risk, standing.measures, candidate, near),
    terms: instrument,
    executedBy: execution === null || execution === 'internal' ? execution : 'venue',
    market:
      market === null ? 'closed' : market.open ? 'open' : execution === 'internal' ? 'pre_open' : 'closed',
    last: instrument.last,
    priceStale: instrument.priceStale,
    priceVouched: instrument.priceVouched,
    standard: standardOf(instrument),
    lotsAvailable: lotsAvailable(candidate, standing),
    contract,
    collateral: wallet === undefined ? 0n : availableIn(wallet, available) + (contract?.held ?? 0n),
    entryPrice: null,
    companionRefused: false,
    closing: (candidate.ticket.origin ?? 'customer') !== 'customer',
    liquidating: candidate.ticket.origin === 'liquidation',
    liquidationOpen: standing.contracts.liquidationMet(candidate),
    funds:
      wallet === undefined
        ? null
        : {
            status: wallet.status,
            available: spendableIn(wallet, available, contract !== null),
            // What a contract reserves stays behind the positions.
            isUnknown: wallet.marginUnknown && contract === null,
          },
  };
}

/** Of a contract either side may lessen what is open, or add to it. */
function moveWanted({ ticket }: Candidate, contract: Situation['contract']): 'trade' | 'reduce' {
  if (contract === null) {
    return moveOf(ticket.order.side);
  }
  return onlyReduces(ticket.order, contract) ? 'reduce' : 'trade';
}

function lotsAvailable({ ticket, account, instrument }: Candidate, { lots }: Standing): boolean {
  const { order } = ticket;
  const held = { accountId: account.id, asset: instrument.baseAsset };
  return order.lots === null || (instrument.kind === 'spot' && lotsHold(order.lots, lots, held));
}

/** Paper accounts obey no KYC gate, but a suspended person trades nowhere. */
function gateOf(
  { account, ticket }: Candidate,
  gate: Gate | undefined,
  move: 'trade' | 'reduce',
): Situation['gate'] {
  if (account.type === 'live') {
    switch (ticket.origin ?? 'customer') {
      case 'liquidation':
        return liquidationRefusal(gate);
      case 'position_exit':
        return exitRefusal(gate);
      case 'customer':
        return gateRefusal(gate, move);
    }
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
    quantity: verdict.accepted ? verdict.quantity : order.quantity,
    notional: order.notional,
    limitPrice: order.limitPrice,
    stopPrice: order.stopPrice,
    trailAmount: order.trailAmount,
    trailPercent: order.trailPercent === null ? null : formatAmount(order.trailPercent),
    leverage: formatAmount(order.leverage),
    postOnly: order.postOnly,
    reduceOnly: order.reduceOnly,
    origin: ticket.origin ?? 'customer',
    lots: storedPicks(order.lots),
    clientOrderId: order.clientOrderId,
    groupId: null,
    groupRole: null,
    parentId: null,
    replacesId: ticket.replaces?.orderId ?? null,
    expiresAt: order.timeInForce === 'day' ? (market?.dayOrdersEndAt ?? null) : order.expiresAt,
    idempotencyKey: ticket.idempotencyKey,
    idempotencyIndex: ticket.idempotencyIndex,
    requestHash: ticket.requestHash,
    status: verdict.accepted ? (numbered ? statusAtFirst(order.type) : 'pending') : 'rejected',
    rejectionReason: verdict.accepted ? null : verdict.reason,
    exceededLimit: exceededIn(verdict),
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
    triggeredCap: null,
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

/** The state of the candidate's exchange while it takes orders, if only for its opening; else, or not known, null. */
function takingMarket({ instrument }: Candidate, { markets }: Standing, now: Instant): MarketState | null {
  const state = markets.get(instrument.exchange);
  return (state?.open || state?.preOpen) && now < state.until ? state : null;
}
