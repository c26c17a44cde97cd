import type { z } from '@hono/zod-openapi';
import { amountOf, ONE, parseAmount } from '../../kernel/amount.ts';
import type { NewOrder as WireOrder } from './api.ts';
import { picksLeft } from './named-lots.ts';
import type { BoundOrder } from './order-groups.ts';
import type { NewOrder, OrderRow } from './pipeline/ticket.ts';

/** The instruction a request means: what it leaves out is said. */
function instructionOf(body: z.output<typeof WireOrder>): NewOrder {
  return {
    accountId: body.accountId,
    symbol: body.symbol,
    side: body.side,
    type: body.type,
    timeInForce: body.timeInForce ?? (body.type === 'market' ? 'ioc' : 'gtc'),
    quantity: body.quantity ?? null,
    notional: body.notional ?? null,
    limitPrice: body.limitPrice ?? null,
    stopPrice: body.stopPrice ?? null,
    trailAmount: body.trailAmount ?? null,
    trailPercent: body.trailPercent ?? null,
    leverage: body.leverage ?? ONE,
    postOnly: body.postOnly,
    reduceOnly: body.reduceOnly,
    expiresAt: body.expiresAt ?? null,
    clientOrderId: body.clientOrderId ?? null,
    lots: body.lots ?? null,
  };
}

/** The same with what the order is bound to. */
export function boundOrderOf(body: z.output<typeof WireOrder>): BoundOrder {
  const { takeProfit, stopLoss, ocoGroup } = body;
  return { order: instructionOf(body), bonds: { takeProfit, stopLoss, ocoGroup } };
}

/** What an order asks for, of what has not traded yet, as a new instruction that bears no name. */
export function instructionAgain(order: OrderRow): NewOrder {
  const isTriggered = order.triggeredAt !== null;
  const left =
    order.quantity === null ? null : amountOf(order.quantity - order.filledQuantity - order.reducedQuantity);
  return {
    accountId: order.accountId,
    symbol: order.symbol,
    side: order.side,
    // What was triggered is a limit order by now.
    type: isTriggered ? 'limit' : order.type,
    timeInForce: order.timeInForce,
    quantity: left,
    // What became units stays units.
    notional: left === null ? order.notional : null,
    limitPrice: order.limitPrice,
    stopPrice: isTriggered ? null : order.stopPrice,
    trailAmount: order.trailAmount,
    trailPercent: order.trailPercent === null ? null : parseAmount(order.trailPercent),
    leverage: parseAmount(order.leverage),
    postOnly: order.postOnly,
    reduceOnly: order.reduceOnly,
    expiresAt: order.timeInForce === 'gtd' ? order.expiresAt : null,
    clientOrderId: null,
    lots: picksLeft(order, order.filledQuantity, left ?? 0n),
  };
}
