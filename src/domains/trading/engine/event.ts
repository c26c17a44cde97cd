/**
 * What an engine answers. A `new` that is not a replay yields its trades and then exactly one of
 * `resting`, `done`, `cancelled` and `rejected`; an order that rests ends later in exactly one `done`
 * or `cancelled`. A `hold` yields one of `held`, `triggered` and `rejected`; an order that is held or
 * waits ends there in one `triggered`, `released` or `cancelled`, and enters the book only by a command
 * of its own. Amounts are scaled bigints at 8 decimals.
 */
import type { CancelRequestReason, Side } from './command.ts';

export type EngineEvent =
  | OrderResting
  | OrderTraded
  | OrderDone
  | OrderCancelled
  | OrderRejected
  | CancelMissed
  | OrderHeld
  | OrderTriggered
  | OrderReleased
  | OrderReduced
  | TrailMarked
  | OrderRouted
  | OrderExecuted
  | OrderRecalled
  | PhaseChanged;

export type OrderResting = {
  readonly type: 'resting';
  readonly orderId: string;
  readonly remaining: bigint;
};

export type OrderTraded = {
  readonly type: 'trade';
  /** The maker's price. */
  readonly price: bigint;
  readonly quantity: bigint;
  readonly takerSide: Side;
  readonly makerOrderId: string;
  readonly makerAccountId: string;
  readonly makerPersonId: string;
  readonly makerRemaining: bigint;
  readonly takerOrderId: string;
  readonly takerAccountId: string;
  readonly takerPersonId: string;
  /** `null` for an order that only a notional bounds. */
  readonly takerRemaining: bigint | null;
};

/** To be sent to the venue that executes what is in this book. */
export type OrderRouted = {
  readonly type: 'routed';
  readonly orderId: string;
  readonly accountId: string;
  readonly personId: string;
  readonly side: Side;
};

/** A venue executed a part of it: a trade of which only one side is here. */
export type OrderExecuted = {
  readonly type: 'executed';
  readonly orderId: string;
  readonly price: bigint;
  readonly quantity: bigint;
  readonly liquidity: 'maker' | 'taker';
  /** `null` for an order that only a notional bounds. */
  readonly remaining: bigint | null;
  readonly reportId: string;
};

/** The venue is to be asked for it back; what it executes before it answers is executed. */
export type OrderRecalled = {
  readonly type: 'recalled';
  readonly orderId: string;
  readonly reason: CancelRequestReason | 'group';
};

/** Traded as far as it goes: nothing left, or of a notional too little for one more lot. */
export type OrderDone = {
  readonly type: 'done';
  readonly orderId: string;
};

export type OrderCancelled = {
  readonly type: 'cancelled';
  readonly orderId: string;
  readonly reason: CancelReason;
  /** What will not trade any more; `null` for an order that only a notional bounds. */
  readonly remaining: bigint | null;
};

export type CancelReason =
  | CancelRequestReason
  /** An immediate-or-cancel limit order met no more orders within its limit. */
  | 'ioc_remainder'
  /** A fill-or-kill order could not trade whole. */
  | 'fok_unfillable'
  /** The next order in line is the same person's. */
  | 'self_match'
  /** A market order ran out of orders to trade with. */
  | 'no_liquidity'
  /** A market order met only prices worse than its cap. */
  | 'price_cap'
  /** A notional is less than one lot at the best price. */
  | 'notional_too_small'
  /** A sale by notional has sold all units it reserves, for less than that. */
  | 'reserved_units_sold'
  | 'post_only_would_cross'
  /** Another order of its group traded in its place, or was triggered. */
  | 'group'
  /** The order it waited for ended without a trade that would have set it free. */
  | 'parent_ended'
  /** The venue would not have it, took it out, never received it, or is known by people not to have it any more. */
  | 'venue_rejected'
  | 'venue_cancelled'
  | 'venue_never_received'
  | 'venue_resolved';

/** Never entered the book: it cannot rest while trading is halted, or it contradicts itself. */
export type OrderRejected = {
  readonly type: 'rejected';
  readonly orderId: string;
  readonly reason: 'halted' | 'invalid_instruction' | 'no_reference_price';
};

/** Waits for its trigger. */
export type OrderHeld = {
  readonly type: 'held';
  readonly orderId: string;
  /** Where a trailing order begins, to be kept; `null` where there is nothing to keep. */
  readonly trail: { readonly heldSeq: bigint; readonly mark: bigint } | null;
};

/** Its trigger was reached: it has left the engine and comes back by a command of its own. */
export type OrderTriggered = {
  readonly type: 'triggered';
  readonly orderId: string;
  /** The reference price that reached it. */
  readonly price: bigint;
  /** The best price a trailing order had seen. */
  readonly mark: bigint | null;
};

/** Its parent has traded and ended: it has left the engine and comes back by a command of its own. */
export type OrderReleased = {
  readonly type: 'released';
  readonly orderId: string;
  readonly quantity: bigint;
};

/** Less of it is open than before although nothing traded. */
export type OrderReduced = {
  readonly type: 'reduced';
  readonly orderId: string;
  readonly remaining: bigint;
};

/** The trailing orders of a side that were held from this one on have seen this price as their best. */
export type TrailMarked = {
  readonly type: 'marked';
  readonly side: Side;
  readonly fromHeldSeq: bigint;
  readonly mark: bigint;
};

/** The order to cancel is not in the book: it has ended, or was never admitted. */
export type CancelMissed = {
  readonly type: 'cancel_missed';
  readonly orderId: string;
};

export type PhaseChanged = { readonly type: 'halted' } | { readonly type: 'resumed' };
