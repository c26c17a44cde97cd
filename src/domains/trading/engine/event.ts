/**
 * What an engine answers. A `new` that is not a replay yields its trades and then exactly one of
 * `resting`, `done`, `cancelled` and `rejected`; an order that rests ends later in exactly one `done`
 * or `cancelled`. Amounts are scaled bigints at 8 decimals.
 */
import type { CancelRequestReason, Side } from './command.ts';

export type EngineEvent =
  | OrderResting
  | OrderTraded
  | OrderDone
  | OrderCancelled
  | OrderRejected
  | CancelMissed
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
  /** `null` for an order sized by notional. */
  readonly takerRemaining: bigint | null;
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
  /** What will not trade any more; `null` for an order sized by notional. */
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
  /** A notional buys less than one lot at the best price. */
  | 'notional_too_small'
  | 'post_only_would_cross';

/** Never entered the book: trading is halted, or the instruction contradicts itself. */
export type OrderRejected = {
  readonly type: 'rejected';
  readonly orderId: string;
  readonly reason: 'halted' | 'invalid_instruction';
};

/** The order to cancel is not in the book: it has ended, or was never admitted. */
export type CancelMissed = {
  readonly type: 'cancel_missed';
  readonly orderId: string;
};

export type PhaseChanged = { readonly type: 'halted' } | { readonly type: 'resumed' };
