/**
 * What an engine is told. Every field is always there (absent is `null`), so that commands share one
 * shape; amounts are scaled bigints at 8 decimals, already checked against tick, lot and limits.
 */

export type Side = 'buy' | 'sell';

export type EngineOrderType = 'limit' | 'market';

export type EngineTimeInForce = 'day' | 'gtc' | 'ioc' | 'fok' | 'gtd';

export type NewOrder = {
  readonly type: 'new';
  readonly orderId: string;
  readonly accountId: string;
  /** The user behind the account: nobody trades with themselves, through whichever accounts. */
  readonly personId: string;
  readonly side: Side;
  readonly orderType: EngineOrderType;
  readonly timeInForce: EngineTimeInForce;
  /** A limit order's limit; `null` for a market order. */
  readonly price: bigint | null;
  /** How many units it may trade; `null` for a market order that only `notional` bounds. */
  readonly quantity: bigint | null;
  /**
   * How much of the quote asset a market order may turn over, before fees; `null` for any other. A sale that has a
   * `quantity` as well trades no more than either: those are the units it reserves.
   */
  readonly notional: bigint | null;
  /** The worst price a market order may trade at; `null` trades at any. */
  readonly priceCap: bigint | null;
  readonly postOnly: boolean;
  /** Time priority: within a price the lower goes first, whatever order commands arrive in. */
  readonly bookSeq: bigint;
};

/**
 * What a held order waits for: a fixed price that the reference price reaches from one side, or a
 * distance that it falls back from the best price seen since the order was held.
 */
export type Trigger = PriceTrigger | TrailTrigger;

export type PriceTrigger = {
  readonly kind: 'at';
  /** From which side the reference price comes: `rises` triggers at or above, `falls` at or below. */
  readonly direction: 'rises' | 'falls';
  readonly price: bigint;
};

export type TrailTrigger = {
  readonly kind: 'trail';
  /** The distance in the quote asset; exactly one of `amount` and `percentMicro` is set. */
  readonly amount: bigint | null;
  /** The distance in millionths of a per cent of the mark. */
  readonly percentMicro: bigint | null;
  /** Where it stood before a restart; `null` begins at the reference price of now. */
  readonly standing: { readonly heldSeq: bigint; readonly mark: bigint } | null;
};

/** An order that enters the book only once its trigger is reached, as `order` says. */
export type HoldOrder = {
  readonly type: 'hold';
  readonly order: NewOrder;
  readonly trigger: Trigger;
};

/** An order that is set free by the end of another one, its parent. */
export type WaitOrder = {
  readonly type: 'wait';
  readonly orderId: string;
  readonly quantity: bigint;
  readonly parentId: string;
  /** All the parent is to trade, and what of it has traded already; `null` when sized by notional. */
  readonly parentQuantity: bigint | null;
  readonly parentTraded: bigint;
};

/** Orders of which only as much trades as one of them asks for: one cancels the others. */
export type GroupOrders = {
  readonly type: 'group';
  readonly groupId: string;
  /** Sized by quantity; they enter in this order. */
  readonly members: readonly (NewOrder | HoldOrder)[];
  /**
   * The others. What stands in the book already is bound where it stands; the rest enters by commands of their own, with
   * what those before have left of it, and not at all where one of them has ended it.
   */
  readonly seats: readonly Seat[];
};

/** An order of a group, and what of it is open until it enters. */
export type Seat = { readonly orderId: string; readonly quantity: bigint };

export type CancelOrder = {
  readonly type: 'cancel';
  readonly orderId: string;
  readonly reason: CancelRequestReason;
};

/** Why somebody outside the engine takes an order out of the book. */
export type CancelRequestReason = 'requested' | 'expired' | 'restricted';

/** The instrument's price from outside the book; it moves triggers and trails and trades nothing. */
export type MarkPrice = { readonly type: 'mark'; readonly price: bigint };

/** An order that is with a venue already, as it stands there. */
export type AwayAgain = {
  readonly type: 'restore';
  readonly order: NewOrder;
  /** What of it the venue has executed. */
  readonly executed: bigint;
  /** How the venue says it ended, where executions it counts are still to come. */
  readonly ends: { readonly executed: bigint; readonly reason: VenueEnd } | null;
  /** Why it was asked back. */
  readonly recalled: CancelRequestReason | 'group' | null;
};

/** A venue executed a part of an order. */
export type VenueExecuted = {
  readonly type: 'executed';
  readonly orderId: string;
  readonly price: bigint;
  readonly quantity: bigint;
  readonly liquidity: 'maker' | 'taker';
  /** The report that says so. */
  readonly reportId: string;
};

/** A venue has an order no longer; `executed` is what it says to have executed of it, `null` where it does not. */
export type VenueReturned = {
  readonly type: 'returned';
  readonly orderId: string;
  readonly reason: VenueEnd;
  readonly executed: bigint | null;
};

/** Why an order ends at a venue. */
export type VenueEnd =
  | 'filled'
  | 'ioc_remainder'
  | 'fok_unfillable'
  | 'no_liquidity'
  | 'price_cap'
  | 'notional_too_small'
  | 'reserved_units_sold'
  | 'post_only_would_cross'
  | 'venue_rejected'
  | 'venue_cancelled'
  | 'venue_never_received'
  | 'venue_resolved';

export type EngineCommand =
  | AwayAgain
  | VenueExecuted
  | VenueReturned
  | NewOrder
  | CancelOrder
  | HoldOrder
  | WaitOrder
  | GroupOrders
  | MarkPrice
  | { readonly type: 'halt' }
  | { readonly type: 'resume' };
