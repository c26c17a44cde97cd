/**
 * From what the engine did to what must be written: trades, fills with fees, the new state of every
 * order touched, and journals. Pure. Money rules that live here: a fee rounds up, and never takes
 * more than the order reserved for it; what an order reserves after a trade is what the rest of it
 * needs, and the difference is set free at once.
 */
import { type Amount, amountOf, ONE } from '../../../kernel/amount.ts';
import { assert, present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { bpsOf, divideRounded } from '../../../kernel/rounding.ts';
import type { CancelRequestReason } from '../engine/command.ts';
import type {
  CancelReason,
  EngineEvent,
  OrderExecuted,
  OrderTraded,
  OrderTriggered,
} from '../engine/event.ts';
import { chargedBps, type FeeTier } from '../fees/rules.ts';
import { waitsForPrice } from '../held-orders.ts';
import { capOnceTriggered, principalOf, reservedFor } from '../reservation.ts';
import { emptyVenuePlan, planVenueStep, type VenuePlan, type VenueTold } from '../venues/venue-plan.ts';
import { type BookName, bookKey } from './desk.ts';
import type { OrderRow } from './ticket.ts';
import { beginTrail, type MarkChanges, raiseMarks } from './trail-marks.ts';

export type SettleTerms = {
  readonly instrumentId: Id;
  readonly book: OrderRow['book'];
  readonly symbol: string;
  readonly baseAsset: string;
  readonly quoteAsset: string;
  readonly makerFeeBps: number;
  readonly takerFeeBps: number;
  /** The fee tier of a person today, which may lower the fees above. */
  readonly tierOf: (userId: Id) => FeeTier | null;
  /** Who executes the orders of the book; null where it matches them itself. */
  readonly venue: string | null;
  /** No units move: what orders reserve is margin (positions/plan-contracts.ts). */
  readonly isContract: boolean;
  readonly collarBps: number;
  readonly tick: Amount;
  /** The next place in time, for what comes back into the book. */
  readonly nextSeq: () => bigint;
};

export type PlannedTrade = {
  readonly id: Id;
  readonly instrumentId: Id;
  readonly symbol: string;
  readonly book: OrderRow['book'];
  readonly price: Amount;
  readonly quantity: Amount;
  readonly amount: Amount;
  readonly takerSide: 'buy' | 'sell';
  /** Of a trade with a venue one side is missing: the house stands there. */
  readonly buy: PlannedFill | null;
  readonly sell: PlannedFill | null;
  readonly venue: TradedAt | null;
  /** The firm itself stands on the side that is missing: it took over what a liquidation found nobody for. */
  readonly takenOver?: true;
};

/** Who `trades.venue` says stood on the other side where the firm itself did. */
export const FIRM_AS_VENUE = 'firm';

/** Where a trade happened that is not of our own book, and by which report we know. */
export type TradedAt = { readonly name: string; readonly reportId: Id };

export type PlannedFill = {
  readonly id: Id;
  readonly order: OrderRow;
  readonly fee: Amount;
  readonly feeBps: number;
  /** The instrument's own fee, and the tier that may have lowered it. */
  readonly listedFeeBps: number;
  readonly feeTierId: Id | null;
  readonly liquidity: 'maker' | 'taker';
  /** How much of its order had traded before it. */
  readonly filledBefore: bigint;
  /** What its order reserves no more because of it. */
  readonly released: bigint;
};

/** An order's state while a batch is planned; `row` is what the database holds. */
export type PlannedOrder = {
  readonly row: OrderRow;
  reservation: bigint;
  filledQuantity: bigint;
  filledAmount: bigint;
  fees: bigint;
  reducedQuantity: bigint;
  status: OrderRow['status'];
  cancelReason: string | null;
  /** Where a trailing order began. */
  trail: { readonly heldSeq: bigint; readonly mark: bigint } | null;
  triggered: { readonly price: Amount; readonly mark: bigint | null; readonly cap: Amount | null } | null;
  /** Its place in time where it was triggered or set free: it is told to the engine anew. */
  comesBackAt: bigint | null;
  /** The order that takes its place. */
  replacedById: Id | null;
};

/** What the engine tells, and how orders end that never reach it. */
export type BookEvent =
  | EngineEvent
  | {
      readonly type: 'ended';
      readonly orderId: Id;
      readonly reason: CancelRequestReason | 'settlement_failed';
    }
  | VenueTold;

export type Plan = {
  readonly trades: PlannedTrade[];
  /** Every order that changed, by id. */
  readonly orders: Map<Id, PlannedOrder>;
  readonly marks: MarkChanges;
  /** Books that stopped or went on matching. */
  readonly phases: Map<string, BookName & { readonly phase: 'halted' | 'continuous' }>;
  readonly venues: VenuePlan;
};

/** A settlement of nothing, to which `planEvents` adds. */
export function emptyPlan(): Plan {
  return { trades: [], orders: new Map(), marks: new Map(), phases: new Map(), venues: emptyVenuePlan() };
}

/** The orders an event list touches, to be loaded before planning. */
export function ordersIn(events: readonly BookEvent[]): Set<Id> {
  const ids = new Set<Id>();
  for (const event of events) {
    if (event.type === 'trade') {
      ids.add(event.makerOrderId).add(event.takerOrderId);
    } else if ('orderId' in event && isMoving(event)) {
      ids.add(event.orderId);
    }
  }
  return ids;
}

/** True for what the database must hear of; an order that came to rest, or is held, is there already. */
export function isMoving(event: BookEvent): boolean {
  return (
    event.type !== 'resting' &&
    event.type !== 'cancel_missed' &&
    (event.type !== 'held' || event.trail !== null)
  );
}

/**
 * Adds one book's events to the plan.
 * @units every event's order is in `rows`, as the database holds it now
 */
export function planEvents(
  plan: Plan,
  events: readonly BookEvent[],
  terms: SettleTerms,
  rows: ReadonlyMap<Id, OrderRow>,
): void {
  for (const event of events) {
    switch (event.type) {
      case 'trade':
        plan.trades.push(planTrade(plan, event, terms, rows));
        break;
      case 'executed':
        plan.trades.push(planExecution(plan, event, terms, rows));
        break;
      case 'routed':
      case 'recalled':
      case 'reported':
      case 'resolved':
      case 'never_received':
        planVenueStep(plan.venues, event, terms, rows);
        break;
      case 'done':
        close(planned(plan, event.orderId, rows), 'filled', null);
        break;
      case 'cancelled':
      case 'ended':
        cancel(planned(plan, event.orderId, rows), event.reason);
        break;
      case 'rejected':
        close(planned(plan, event.orderId, rows), 'cancelled', event.reason);
        break;
      case 'triggered':
        trigger(planned(plan, event.orderId, rows), event, terms);
        break;
      case 'released':
        comeBack(planned(plan, event.orderId, rows), terms);
        break;
      case 'reduced':
        reduce(planned(plan, event.orderId, rows), event.remaining, terms);
        break;
      case 'held':
        if (event.trail !== null) {
          const order = planned(plan, event.orderId, rows);
          order.trail = event.trail;
          beginTrail(plan.marks, terms, order.row.side, event.trail.heldSeq, event.trail.mark);
        }
        break;
      case 'marked':
        raiseMarks(plan.marks, terms, event.side, event.fromHeldSeq, event.mark);
        break;
      case 'halted':
      case 'resumed': {
        const phase = event.type === 'halted' ? 'halted' : 'continuous';
        plan.phases.set(bookKey(terms), { instrumentId: terms.instrumentId, book: terms.book, phase });
        break;
      }
      case 'resting':
      case 'cancel_missed':
        break;
    }
  }
}

/** An order as the plan has it so far; `rows` says how it stands in the database. */
export function planned(plan: Plan, orderId: Id, rows: ReadonlyMap<Id, OrderRow>): PlannedOrder {
  const known = plan.orders.get(orderId);
  if (known !== undefined) {
    return known;
  }
  const row = present(rows.get(orderId), 'the engine trades orders that the database holds');
  assert(row.closedAt === null, 'the engine trades open orders');
  const { reservation, filledQuantity, filledAmount, fees, reducedQuantity, status, cancelReason } = row;
  const order: PlannedOrder = {
    row,
    reservation,
    filledQuantity,
    filledAmount,
    fees,
    reducedQuantity,
    status,
    cancelReason,
    trail: null,
    triggered: null,
    comesBackAt: null,
    replacedById: null,
  };
  plan.orders.set(orderId, order);
  return order;
}

function planTrade(
  plan: Plan,
  event: OrderTraded,
  terms: SettleTerms,
  rows: ReadonlyMap<Id, OrderRow>,
): PlannedTrade {
  const maker = planned(plan, event.makerOrderId, rows);
  const taker = planned(plan, event.takerOrderId, rows);
  const product = event.price * event.quantity;
  assert(product % ONE === 0n, 'price times quantity is exact (I15)');
  const amount = amountOf(product / ONE);
  const makerFill = fill(maker, event, amount, 'maker', terms);
  const takerFill = fill(taker, event, amount, 'taker', terms);
  return {
    id: newId(),
    instrumentId: terms.instrumentId,
    symbol: terms.symbol,
    book: maker.row.book,
    price: amountOf(event.price),
    quantity: amountOf(event.quantity),
    amount,
    takerSide: event.takerSide,
    buy: event.takerSide === 'buy' ? takerFill : makerFill,
    sell: event.takerSide === 'buy' ? makerFill : takerFill,
    venue: null,
  };
}

/** The sides of a trade that are customers': two of our own book, one of a venue. */
export function fillsOf({ buy, sell }: Pick<PlannedTrade, 'buy' | 'sell'>): readonly PlannedFill[] {
  return [buy, sell].filter((side) => side !== null);
}

/** What a venue executed: the customer's side of it, against the house. */
function planExecution(
  plan: Plan,
  event: OrderExecuted,
  terms: SettleTerms,
  rows: ReadonlyMap<Id, OrderRow>,
): PlannedTrade {
  const venue = { name: present(terms.venue, 'only a venue executes by itself'), reportId: event.reportId };
  return { ...planOneSided(plan, event, terms, rows), venue };
}

/** Adds to a plan that the firm itself trades all of an order, whose rules are those of our own books. */
export function planTakeover(
  plan: Plan,
  order: OrderRow & { readonly quantity: Amount },
  price: Amount,
  terms: SettleTerms,
): void {
  const rows = new Map([[order.id, order]]);
  const event = { orderId: order.id, price, quantity: order.quantity, liquidity: 'taker' } as const;
  plan.trades.push({ ...planOneSided(plan, event, terms, rows), takenOver: true });
  close(planned(plan, order.id, rows), 'filled', null);
}

/** Ends an order in a plan because another takes its place. */
export function planReplaced(plan: Plan, order: OrderRow, replacedById: Id): void {
  const replaced = planned(plan, order.id, new Map([[order.id, order]]));
  replaced.replacedById = replacedById;
  close(replaced, 'replaced', null);
}

function planOneSided(
  plan: Plan,
  event: Pick<OrderExecuted, 'orderId' | 'price' | 'quantity' | 'liquidity'>,
  terms: SettleTerms,
  rows: ReadonlyMap<Id, OrderRow>,
): PlannedTrade {
  const order = planned(plan, event.orderId, rows);
  const { price, quantity, liquidity } = event;
  const product = price * quantity;
  assert(product % ONE === 0n, 'price times quantity is exact (I15)');
  const amount = amountOf(product / ONE);
  const side = fill(order, event, amount, liquidity, terms);
  const { side: way, book } = order.row;
  const other = way === 'buy' ? 'sell' : 'buy';
  return {
    id: newId(),
    instrumentId: terms.instrumentId,
    symbol: terms.symbol,
    book,
    price: amountOf(price),
    quantity: amountOf(quantity),
    amount,
    takerSide: liquidity === 'taker' ? way : other,
    buy: way === 'buy' ? side : null,
    sell: way === 'sell' ? side : null,
    venue: null,
  };
}

function fill(
  order: PlannedOrder,
  event: Pick<OrderTraded, 'quantity'>,
  amount: Amount,
  liquidity: 'maker' | 'taker',
  terms: SettleTerms,
): PlannedFill {
  const { row } = order;
  const tier = terms.tierOf(row.userId);
  const feeBps = chargedBps(terms, tier, liquidity);
  const listedFeeBps = chargedBps(terms, null, liquidity);
  const open = {
    quantity: row.quantity === null ? null : openOf(order, row.quantity) - event.quantity,
    notional: row.notional === null ? null : row.notional - order.filledAmount - amount,
  };
  const exact = bpsOf(amount, BigInt(feeBps), 'up');
  const reserved = order.reservation;
  let fee = exact;
  if (terms.isContract) {
    order.reservation = shareOf(order, row.quantity === null ? open.notional : open.quantity);
  } else if (row.side === 'sell') {
    order.reservation -= event.quantity;
  } else {
    const worst = worstPriceOf(row);
    const left = order.reservation - amount;
    // Each fee rounds up, the reservation only once: the last unit is the house's to give.
    const affordable = left - principalOf(open, worst);
    fee = amountOf(exact < affordable ? exact : affordable);
    const needed = reservedFor('buy', open, worst, worstBps(terms));
    const rest = left - fee;
    order.reservation = rest < needed ? rest : needed;
  }
  assert(fee >= 0n && order.reservation >= 0n, 'a trade costs no more than the order reserved');
  const filledBefore = order.filledQuantity;
  order.filledQuantity += event.quantity;
  order.filledAmount += amount;
  order.fees += fee;
  order.status = 'partially_filled';
  return {
    id: newId(),
    order: row,
    fee,
    feeBps,
    listedFeeBps,
    feeTierId: tier?.id ?? null,
    liquidity,
    filledBefore,
    released: reserved - order.reservation,
  };
}

/** What a contract order reserves once only `open` of it is: its share, so that what traded has all that was for it. */
function shareOf(order: PlannedOrder, open: bigint | null): bigint {
  const { row } = order;
  const before =
    row.quantity === null ? (row.notional ?? 0n) - order.filledAmount : openOf(order, row.quantity);
  return before <= 0n ? 0n : divideRounded(order.reservation * (open ?? 0n), before, 'down');
}

function openOf({ filledQuantity, reducedQuantity }: PlannedOrder, quantity: bigint): bigint {
  return quantity - filledQuantity - reducedQuantity;
}

function trigger(order: PlannedOrder, event: OrderTriggered, terms: SettleTerms): void {
  const price = amountOf(event.price);
  order.triggered = { price, mark: event.mark, cap: capOnceTriggered(order.row, price, terms) };
  comeBack(order, terms);
  order.status = 'open';
}

/** Behind all that were accepted before it was triggered or set free. */
function comeBack(order: PlannedOrder, terms: SettleTerms): void {
  order.status = waitsForPrice(order.row.type) ? 'held' : 'open';
  order.comesBackAt = terms.nextSeq();
}

/** Less is open, so less is reserved; what was asked for stays on record. */
function reduce(order: PlannedOrder, remaining: bigint, terms: SettleTerms): void {
  const { row } = order;
  const open = openOf(order, present(row.quantity, 'an order in a group is sized by quantity'));
  assert(remaining >= 0n && remaining <= open, 'what is open only falls');
  if (terms.isContract) {
    order.reservation = divideRounded(order.reservation * remaining, open, 'down');
    order.reducedQuantity += open - remaining;
    return;
  }
  order.reducedQuantity += open - remaining;
  const needed =
    row.side === 'sell'
      ? remaining
      : reservedFor('buy', { quantity: remaining, notional: null }, worstPriceOf(row), worstBps(terms));
  order.reservation = order.reservation < needed ? order.reservation : needed;
}

/** What an order of units has to reserve for what is open of it. */
export function needOf(order: PlannedOrder, terms: Rates): bigint {
  const { row } = order;
  const quantity = openOf(order, present(row.quantity, 'an order in a group is sized by quantity'));
  return reservedFor(row.side, { quantity, notional: null }, worstPriceOf(row), worstBps(terms));
}

/** True for an order that has ended in the plan. */
export function isClosed({ status }: PlannedOrder): boolean {
  return status !== 'open' && status !== 'partially_filled' && status !== 'pending' && status !== 'held';
}

type Rates = Pick<SettleTerms, 'makerFeeBps' | 'takerFeeBps'>;

function worstPriceOf(row: OrderRow): bigint {
  return present(row.limitPrice ?? row.priceCap, 'an order has a limit or a cap');
}

function worstBps(terms: Rates): number {
  return Math.max(terms.makerFeeBps, terms.takerFeeBps);
}

function cancel(order: PlannedOrder, reason: CancelReason | 'settlement_failed'): void {
  // The engine knows only that somebody asked; the request knows who.
  const known = reason === 'requested' ? (order.cancelReason ?? reason) : reason;
  close(order, reason === 'expired' ? 'expired' : 'cancelled', known);
}

function close(order: PlannedOrder, status: OrderRow['status'], reason: string | null): void {
  order.status = status;
  // What was filled first was not cancelled: that somebody asked stays with it.
  order.cancelReason = status === 'filled' ? null : (reason ?? order.cancelReason);
  order.reservation = 0n;
}
