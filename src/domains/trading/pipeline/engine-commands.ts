import { type Amount, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { HoldOrder, NewOrder, Trigger } from '../engine/command.ts';
import { triggersOn, waitsForPrice } from '../held-orders.ts';
import { openOn } from '../notional.ts';
import type { OrderRow } from './ticket.ts';

/** A trailing order's percentage, of 8 decimals, in millionths. */
const UNITS_PER_MICRO = 100n;

/** What the engine is told of an open order: of what waits for its price, to hold it. */
export function commandOf(
  order: OrderRow,
  bookSeq: bigint,
  mark: Amount | null = null,
): NewOrder | HoldOrder {
  const command = newOrderCommand(order, bookSeq);
  return waitsForPrice(order.type) && order.triggeredAt === null
    ? { type: 'hold', order: command, trigger: triggerOf(order, mark) }
    : command;
}

/** What an order is in the book; of a partly filled one, what it has left. */
function newOrderCommand(order: OrderRow, bookSeq: bigint): NewOrder {
  return {
    type: 'new',
    orderId: order.id,
    accountId: order.accountId,
    personId: order.userId,
    side: order.side,
    orderType: order.limitPrice === null ? 'market' : 'limit',
    timeInForce: order.timeInForce,
    price: order.limitPrice,
    ...openOn(order),
    priceCap: order.limitPrice === null ? (order.triggeredCap ?? order.priceCap) : null,
    postOnly: order.postOnly,
    bookSeq,
  };
}

/** A trailing order that was held before goes on from the best price it has seen. */
function triggerOf(order: OrderRow, mark: Amount | null): Trigger {
  if (order.type !== 'trailing_stop') {
    const price = present(order.stopPrice, 'an order that waits for a price names it');
    return { kind: 'at', direction: triggersOn(order), price };
  }
  const percent = order.trailPercent === null ? null : parseAmount(order.trailPercent);
  return {
    kind: 'trail',
    amount: order.trailAmount,
    percentMicro: percent === null ? null : percent / UNITS_PER_MICRO,
    standing: order.heldSeq === null || mark === null ? null : { heldSeq: order.heldSeq, mark },
  };
}

/** The engine tells apart only who takes an order out; the order keeps its own words. */
export function engineReason(reason: string | null): 'requested' | 'expired' | 'restricted' {
  return reason === 'expired' || reason === 'restricted' ? reason : 'requested';
}
