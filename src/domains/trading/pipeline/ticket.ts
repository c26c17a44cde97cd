import type { InferSelectModel } from 'drizzle-orm';
import type { Amount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { orders } from '../schema.ts';

export type OrderRow = InferSelectModel<typeof orders>;

/** A validated instruction. */
export type NewOrder = {
  readonly accountId: Id;
  readonly symbol: string;
  readonly side: 'buy' | 'sell';
  readonly type: 'market' | 'limit';
  readonly timeInForce: 'day' | 'gtc' | 'ioc' | 'fok';
  readonly quantity: Amount | null;
  readonly notional: Amount | null;
  readonly limitPrice: Amount | null;
  readonly postOnly: boolean;
  readonly clientOrderId: string | null;
};

/** The order as it was first accepted or rejected. */
export type Placed = { readonly order: OrderRow; readonly replayed: boolean };

/** One caller waiting for its order. */
export type Ticket = {
  readonly ctx: Ctx;
  readonly userId: Id;
  readonly order: NewOrder;
  /** Binds key and client order id to what was asked. */
  readonly requestHash: Uint8Array;
  readonly idempotencyKey: string;
  readonly idempotencyIndex: number;
};
