/** Orders of the model and what is said of them. */
import type { NewOrder, Side, Trigger } from '../../domains/trading/engine/command.ts';
import type { CancelReason, EngineEvent } from '../../domains/trading/engine/event.ts';

export type ModelResting = { order: NewOrder; left: bigint };
export type ModelHeld = {
  order: NewOrder;
  trigger: Trigger;
  quantity: bigint | null;
  mark: bigint | null;
  heldSeq: bigint;
};
export type ModelWaiting = { orderId: string; parentId: string; quantity: bigint };
export type ModelParent = { orderId: string; quantity: bigint | null; traded: bigint };
export type ModelGroup = { members: string[]; coming: Map<string, bigint> };

export type Model = {
  lot: bigint;
  halted: boolean;
  reference: bigint | null;
  lastHeldSeq: bigint;
  resting: ModelResting[];
  held: ModelHeld[];
  waiting: ModelWaiting[];
  parents: ModelParent[];
  groups: ModelGroup[];
  /** Those that ended before they entered. */
  over: string[];
};

/** One side's resting orders in the order they trade: best price, then lowest number. */
export function queueOf(model: Model, side: Side): ModelResting[] {
  const sign = side === 'buy' ? -1 : 1;
  return model.resting
    .filter(({ order }) => order.side === side)
    .sort((left, right) =>
      priceOf(left) === priceOf(right)
        ? compare(left.order.bookSeq, right.order.bookSeq)
        : sign * compare(priceOf(left), priceOf(right)),
    );
}

/** The print of a trade between a maker and whoever took it. */
export function printOf(
  order: NewOrder,
  maker: ModelResting,
  quantity: bigint,
  left: bigint | null,
): EngineEvent {
  return {
    type: 'trade',
    price: priceOf(maker),
    quantity,
    takerSide: order.side,
    makerOrderId: maker.order.orderId,
    makerAccountId: maker.order.accountId,
    makerPersonId: maker.order.personId,
    makerRemaining: maker.left,
    takerOrderId: order.orderId,
    takerAccountId: order.accountId,
    takerPersonId: order.personId,
    takerRemaining: left,
  };
}

/** The end of an order that did not trade whole. */
export function cancelled(orderId: string, reason: CancelReason, remaining: bigint | null): EngineEvent {
  return { type: 'cancelled', orderId, reason, remaining };
}

/** The limit an order rests at. */
export function priceOf({ order }: ModelResting): bigint {
  return order.price ?? 0n;
}

/** All that orders have left. */
export function sum(orders: ModelResting[]): bigint {
  return orders.reduce((total, { left }) => total + left, 0n);
}

/** The smaller of two. */
export function least(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

/** How much, whatever its sign. */
export function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** As a sort wants it. */
export function compare(left: bigint, right: bigint): number {
  return left === right ? 0 : left < right ? -1 : 1;
}
