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
  /** How many units; exactly one of `quantity` and `notional` is set. */
  readonly quantity: bigint | null;
  /** How much of the quote asset a market order may turn over, before fees. */
  readonly notional: bigint | null;
  /** The worst price a market order may trade at; `null` trades at any. */
  readonly priceCap: bigint | null;
  readonly postOnly: boolean;
  /** Time priority: within a price the lower goes first, whatever order commands arrive in. */
  readonly bookSeq: bigint;
};

export type CancelOrder = {
  readonly type: 'cancel';
  readonly orderId: string;
  readonly reason: CancelRequestReason;
};

/** Why somebody outside the engine takes an order out of the book. */
export type CancelRequestReason = 'requested' | 'expired' | 'restricted';

export type EngineCommand = NewOrder | CancelOrder | { readonly type: 'halt' } | { readonly type: 'resume' };
