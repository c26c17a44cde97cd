/**
 * Orders that somebody else executes. A book whose orders go to a venue matches nothing itself: what enters it is
 * routed and stays `away` until the venue has no more of it. While the book is halted it waits here. Only
 * state and arithmetic, like the rest of the engine; who sends, and what a venue may say, stands in `venues/`.
 */
import { ONE } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { divideRounded } from '../../../kernel/rounding.ts';
import type {
  AwayAgain,
  CancelRequestReason,
  HoldOrder,
  NewOrder,
  VenueEnd,
  VenueExecuted,
  VenueReturned,
} from './command.ts';
import type { EngineEvent } from './event.ts';

export type AwayOrder = {
  readonly order: NewOrder;
  /** What it has left; one of the two is set or both, as in the order. */
  remaining: bigint | null;
  notional: bigint | null;
  /** What the venue has executed of it, ever. */
  executed: bigint;
  /** Whether it was routed; otherwise it waits for the book to go on. */
  routed: boolean;
  /** Why it was asked back. */
  recalled: CancelRequestReason | 'group' | null;
  /** How the venue says it ended, while executions it counts are still to come. */
  ends: { readonly executed: bigint; readonly reason: VenueEnd } | null;
};

export type Away = Map<string, AwayOrder>;

/** Routes an order, or keeps it until the book goes on. */
export function sendAway(away: Away, order: NewOrder, halted: boolean, events: EngineEvent[]): void {
  if (away.has(order.orderId)) {
    return;
  }
  away.set(order.orderId, { ...asSent(order, 0n), routed: !halted });
  if (!halted) {
    route(order, events);
  }
}

/** Puts an order back that is with its venue. */
export function restoreAway(away: Away, { order, executed, ends, recalled }: AwayAgain): void {
  if (!away.has(order.orderId)) {
    away.set(order.orderId, { ...asSent(order, executed), ends, recalled });
  }
}

/** Routes what waited for the book to go on, the oldest first. */
export function sendWaiting(away: Away, events: EngineEvent[]): void {
  const waiting = [...away.values()].filter(({ routed }) => !routed);
  for (const order of waiting.sort((one, other) => (one.order.bookSeq < other.order.bookSeq ? -1 : 1))) {
    order.routed = true;
    route(order.order, events);
  }
}

/**
 * Asks for an order back, once: it stays until the venue has answered.
 * @shape false where there is nothing to ask for
 */
export function recall(
  away: Away,
  orderId: string,
  reason: CancelRequestReason | 'group',
  events: EngineEvent[],
): boolean {
  const order = away.get(orderId);
  if (order === undefined || !order.routed || order.recalled !== null) {
    return false;
  }
  order.recalled = reason;
  events.push({ type: 'recalled', orderId, reason });
  return true;
}

/** Takes what a venue executed off an order. @units the caller has checked that it is open to that amount */
export function execute(away: Away, command: VenueExecuted, events: EngineEvent[]): void {
  const { orderId, price, quantity, liquidity, reportId } = command;
  const order = present(away.get(orderId), 'what a venue executed is away');
  order.executed += quantity;
  if (order.remaining !== null) {
    order.remaining -= quantity;
  }
  if (order.notional !== null) {
    order.notional -= divideRounded(price * quantity, ONE, 'up');
  }
  events.push({
    type: 'executed',
    orderId,
    price,
    quantity,
    liquidity,
    remaining: order.remaining,
    reportId,
  });
  // Of one that a notional bounds too the venue says how it ended.
  if (order.remaining === 0n && order.notional === null) {
    away.delete(orderId);
    events.push({ type: 'done', orderId });
  } else if (order.ends !== null) {
    conclude(away, order, order.ends, events);
  }
}

/** Ends an order that its venue has no more of, once every execution that the venue counts is here. */
export function comeBack(away: Away, command: VenueReturned, events: EngineEvent[]): void {
  const order = away.get(command.orderId);
  if (order !== undefined) {
    conclude(away, order, { reason: command.reason, executed: command.executed ?? order.executed }, events);
  }
}

/** A limit order of a group is held here until its price is reached, so that only one member is ever away. */
export function heldAtLimit(order: NewOrder): HoldOrder | null {
  const { price } = order;
  return order.orderType === 'limit' && price !== null
    ? {
        type: 'hold',
        order,
        trigger: { kind: 'at', direction: order.side === 'buy' ? 'falls' : 'rises', price },
      }
    : null;
}

function route({ orderId, accountId, personId, side }: NewOrder, events: EngineEvent[]): void {
  events.push({ type: 'routed', orderId, accountId, personId, side });
}

function asSent(order: NewOrder, executed: bigint): AwayOrder {
  const { quantity: remaining, notional } = order;
  return { order, remaining, notional, executed, routed: true, recalled: null, ends: null };
}

function conclude(
  away: Away,
  order: AwayOrder,
  ends: { readonly executed: bigint; readonly reason: VenueEnd },
  events: EngineEvent[],
): void {
  if (order.executed < ends.executed) {
    order.ends = ends;
    return;
  }
  const { orderId } = order.order;
  away.delete(orderId);
  if (ends.reason === 'filled') {
    events.push({ type: 'done', orderId });
  } else {
    const isGiven = ends.reason === 'venue_cancelled' || ends.reason === 'venue_never_received';
    const reason = isGiven ? (order.recalled ?? ends.reason) : ends.reason;
    events.push({ type: 'cancelled', orderId, reason, remaining: order.remaining });
  }
}
