import type { InferSelectModel } from 'drizzle-orm';
import type { Amount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { LotPick } from '../../ledger/index.ts';
import type { OrderType } from '../held-orders.ts';
import type { orders } from '../schema.ts';

export type OrderRow = InferSelectModel<typeof orders>;

/** A validated instruction. */
export type NewOrder = {
  readonly accountId: Id;
  readonly symbol: string;
  readonly side: 'buy' | 'sell';
  readonly type: OrderType;
  readonly timeInForce: 'day' | 'gtc' | 'ioc' | 'fok' | 'gtd';
  readonly quantity: Amount | null;
  readonly notional: Amount | null;
  readonly limitPrice: Amount | null;
  readonly stopPrice: Amount | null;
  readonly trailAmount: Amount | null;
  /** @units per cent */
  readonly trailPercent: Amount | null;
  /** How many times its margin the order is worth; one without margin. */
  readonly leverage: Amount;
  readonly postOnly: boolean;
  readonly reduceOnly: boolean;
  /** When a gtd order ends. */
  readonly expiresAt: Instant | null;
  readonly clientOrderId: string | null;
  /** The lots a sale names, in the order they go. */
  readonly lots: readonly LotPick[] | null;
};

/** The order as it was first accepted or rejected. */
export type Placed = {
  readonly order: OrderRow;
  /** The other orders of its group, in the same state. */
  readonly bound: readonly OrderRow[];
  readonly replayed: boolean;
};

/** An order that stands or falls with the one of its ticket. */
export type Companion = {
  readonly role: 'take_profit' | 'stop_loss' | 'oco';
  readonly order: NewOrder;
  readonly requestHash: Uint8Array;
  /** Its place in the batch; null for an exit, which bears no key of its own. */
  readonly idempotencyIndex: number | null;
};

/** The open order that an instruction takes the place of, if it is accepted. */
export type Replacing = {
  readonly orderId: Id;
  readonly instrumentId: Id;
  readonly book: OrderRow['book'];
  /** Of an order that others depend on, which stay as they are. */
  readonly groupId: Id | null;
  /** What its owner knows to have traded; where more has, nothing is replaced. */
  readonly filledQuantity: Amount | null;
  /** As it was when the instruction was made of it; where it is not any more, nothing is replaced. */
  readonly isTriggered: boolean;
  readonly reducedQuantity: Amount;
};

/** One caller waiting for its order. */
export type Ticket = {
  readonly ctx: Ctx;
  readonly userId: Id;
  readonly order: NewOrder;
  /** Binds key and client order id to what was asked. */
  readonly requestHash: Uint8Array;
  readonly idempotencyKey: string;
  /** The place in a batch; 0 alone. */
  readonly idempotencyIndex: number;
  /** Binds the key of a batch to all that was asked in it; null alone. */
  readonly batchHash: string | null;
  readonly replaces: Replacing | null;
  /** The exits of an entry, or the other order of a pair; none of most. */
  readonly companions: readonly Companion[];
  /** Set where the firm orders it instead of its owner. */
  readonly origin?: OrderRow['origin'];
};
