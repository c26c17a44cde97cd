import { assert } from '../../../kernel/assert.ts';
import type { NewOrder } from '../engine/command.ts';
import type { OrderRow } from './ticket.ts';

/** What the engine is told of an open order; of a partly filled one, what it has left. */
export function newOrderCommand(order: OrderRow, bookSeq: bigint): NewOrder {
  assert(order.type === 'market' || order.type === 'limit', 'the engine knows market and limit orders');
  return {
    type: 'new',
    orderId: order.id,
    accountId: order.accountId,
    personId: order.userId,
    side: order.side,
    orderType: order.type,
    timeInForce: order.timeInForce,
    price: order.limitPrice,
    quantity: order.quantity === null ? null : order.quantity - order.filledQuantity,
    notional: order.notional === null ? null : order.notional - order.filledAmount,
    priceCap: order.type === 'market' ? order.priceCap : null,
    postOnly: order.postOnly,
    bookSeq,
  };
}
